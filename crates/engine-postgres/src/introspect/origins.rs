//! Where the columns of a view come from, from the tree of its rule.
//!
//! `pg_rewrite.ev_action` is a list of query trees in PostgreSQL's own notation:
//! `({QUERY … :targetList ({TARGETENTRY … :resno 1 … :resorigtbl 16385 :resorigcol 2 …} …) …})`.
//! For an output that is a column and nothing else, PostgreSQL notes the relation and the number.

/// For each output the relation's oid and attribute number that it shows unchanged.
pub(super) fn of_rule(tree: &str) -> Vec<Option<(u32, u16)>> {
    let mut found = Vec::new();
    for entry in targets(tree) {
        let number = |field: &str| entry.iter().find(|(name, _)| *name == field).map(|(_, v)| *v);
        let (Some(position), table, column) =
            (number(":resno"), number(":resorigtbl"), number(":resorigcol"))
        else {
            continue;
        };
        let junk = entry.contains(&(":resjunk", "true"));
        let Some(index) = position.parse::<usize>().ok().and_then(|at| at.checked_sub(1)) else {
            continue;
        };
        if junk || index > usize::from(u16::MAX) {
            continue;
        }
        if found.len() <= index {
            found.resize(index + 1, None);
        }
        let table = table.and_then(|text| text.parse().ok()).filter(|oid| *oid != 0);
        let column = column.and_then(|text| text.parse().ok()).filter(|number| *number != 0);
        found[index] = table.zip(column);
    }
    found
}

/// Depth of braces and parentheses at which the members of the query stand, and of its targets.
const QUERY: usize = 2;
const TARGET: usize = 4;

/// The plain members of each entry of the outermost target list.
fn targets(tree: &str) -> Vec<Vec<(&str, &str)>> {
    let mut entries = Vec::new();
    let mut depth = 0_usize;
    let mut list = false;
    let mut field = "";
    for word in words(tree) {
        match word {
            "{" | "(" => depth += 1,
            "}" | ")" => depth = depth.saturating_sub(1),
            _ if word.starts_with(':') => {
                if depth == QUERY {
                    list = word == ":targetList";
                }
                field = word;
                continue;
            }
            "TARGETENTRY" if list && depth == TARGET => entries.push(Vec::new()),
            _ if list && depth == TARGET && !field.is_empty() => {
                if let Some(entry) = entries.last_mut() {
                    entry.push((field, word));
                }
            }
            _ => {}
        }
        field = "";
    }
    entries
}

/// Words and brackets; a backslash takes the next character into the word.
fn words(tree: &str) -> impl Iterator<Item = &str> {
    let bytes = tree.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        let start = at;
        match bytes.get(at)? {
            b'{' | b'}' | b'(' | b')' => at += 1,
            _ => {
                while let Some(byte) = bytes.get(at) {
                    match byte {
                        b'\\' => at += 2,
                        b'{' | b'}' | b'(' | b')' => break,
                        byte if byte.is_ascii_whitespace() => break,
                        _ => at += 1,
                    }
                }
                at = at.min(bytes.len());
            }
        }
        tree.get(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_targets_count() {
        let tree = "({QUERY :commandType 1 :rtable ({RTE :subquery {QUERY :targetList \
            ({TARGETENTRY :resno 1 :resorigtbl 9 :resorigcol 9 :resjunk false}) :havingQual <>}}) \
            :targetList ({TARGETENTRY :expr {VAR :varno 1} :resno 1 :resname a\\ \\}b \
            :ressortgroupref 0 :resorigtbl 16385 :resorigcol 2 :resjunk false} \
            {TARGETENTRY :expr {CONST :constvalue 4 [ 1 0 0 0 ]} :resno 2 :resname two \
            :resorigtbl 0 :resorigcol 0 :resjunk false} {TARGETENTRY :expr {VAR :varno 1} \
            :resno 3 :resname <> :resorigtbl 5 :resorigcol 5 :resjunk true}) :override 0})";
        assert_eq!(of_rule(tree), [Some((16385, 2)), None]);
        assert_eq!(of_rule(""), []);
        assert_eq!(of_rule("({QUERY :targetList <>})"), []);
    }
}
