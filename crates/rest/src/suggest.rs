//! "Did you mean": the name most like one that does not exist.

/// How alike a relation's name must be to be suggested.
pub const RELATION_SCORE_MIN: f64 = 0.75;
/// How alike the names of functions, parameter lists and relationships must be to be suggested.
pub const LOOSE_SCORE_MIN: f64 = 0.33;

/// Limit: names longer than this are not compared; the comparison is quadratic.
const COMPARED_CHARS_MAX: usize = 256;

/// The candidate most like `name`, if it is alike by at least `score_min` (1 is equal but for
/// letter case). Of equals the first in alphabetical order.
pub fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    score_min: f64,
) -> Option<&'a str> {
    if name.len() > COMPARED_CHARS_MAX {
        return None;
    }
    let wanted = name.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates.into_iter().filter(|c| c.len() <= COMPARED_CHARS_MAX) {
        let score = strsim::normalized_levenshtein(&wanted, &candidate.to_lowercase());
        let better = match best {
            None => score >= score_min,
            Some((top, chosen)) => score > top || (score == top && candidate < chosen),
        };
        if better {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["products", "brands", "orders"];
        assert_eq!(nearest("prodcts", names, RELATION_SCORE_MIN), Some("products"));
        assert_eq!(nearest("BRANDS", names, RELATION_SCORE_MIN), Some("brands"));
    }

    #[test]
    fn a_name_unlike_all_gives_no_suggestion() {
        assert_eq!(nearest("invoices", ["products", "brands"], RELATION_SCORE_MIN), None);
        assert_eq!(nearest("x", [], LOOSE_SCORE_MIN), None);
    }
}
