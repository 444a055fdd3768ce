//! The query string: decoding, and sorting its parameters by what they are.

use backstay_model::Result;
use indexmap::IndexMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::grammar::{filter, logic, name, order, select};
use crate::settings::Limits;
use crate::{Argument, ArgumentValue, Condition, Filter, Literal, SelectItem, errors};

/// The parameters of a call, read but not yet put where they belong in the select tree.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) select: Option<Vec<SelectItem>>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) on_conflict: Option<Vec<String>>,
    pub(crate) conditions: Vec<(Vec<String>, Condition)>,
    pub(crate) orders: Vec<(Vec<String>, Vec<order::Term>)>,
    pub(crate) limits: Vec<(Vec<String>, i64)>,
    pub(crate) offsets: Vec<(Vec<String>, i64)>,
    /// The `Range` header: first row and, if given, last row.
    pub(crate) range: Option<(u64, Option<u64>)>,
    /// Only where parameters may be arguments.
    pub(crate) arguments: Gathered,
}

/// What a parameter can be if it is not reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Free {
    /// A filter.
    Filters,
    /// A filter if it reads like one, else an argument of the function.
    ArgumentsOrFilters,
}

/// Names and values, decoded, in order. Parameters without `=` are left out.
pub(crate) fn decode(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (decode_part(key), decode_part(value))).collect()
}

fn decode_part(text: &str) -> String {
    if !text.contains(['+', '%']) {
        return text.to_owned();
    }
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
}

/// What a URL leaves as it is, in the canonical form of `Content-Location` and `Location`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes all but letters, digits and `-_.~`.
pub(crate) fn encode_part(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The path and query under which a read would be found again: parameters sorted by name.
pub(crate) fn content_location(relation: &str, pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = pairs.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut location = format!("/{}", encode_part(relation));
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        location.push(if index == 0 { '?' } else { '&' });
        location.push_str(&encode_part(key));
        location.push('=');
        location.push_str(&encode_part(value));
    }
    location
}

/// Reads all parameters.
pub(crate) fn parameters(
    pairs: &[(String, String)],
    free: Free,
    limits: &Limits,
) -> Result<Parameters> {
    let mut found = Parameters::default();
    if pairs.len() > limits.list_elements {
        let details = format!(
            "more parameters than the limit of {} (setting `limits.list_elements`)",
            limits.list_elements
        );
        return Err(errors::syntax("query string", "", 1, details));
    }
    for (key, value) in pairs {
        match key.as_str() {
            "select" if found.select.is_none() => {
                found.select = Some(select::select(value, limits)?);
            }
            "columns" if found.columns.is_none() => {
                found.columns = Some(name::names("columns parameter", value, limits)?);
            }
            "on_conflict" if found.on_conflict.is_none() => {
                let names = name::names("on_conflict parameter", value, limits)?;
                found.on_conflict = Some(names);
            }
            "select" | "columns" | "on_conflict" => {}
            _ => parameter(&mut found, (key, value), free, limits)?,
        }
    }
    Ok(found)
}

/// Reads a parameter that is reserved by its last segment, or free.
fn parameter(
    found: &mut Parameters,
    (key, value): (&str, &str),
    free: Free,
    limits: &Limits,
) -> Result<()> {
    // The test looks at the raw key: quotes around a segment make it an ordinary name.
    match key.rsplit('.').next().unwrap_or_default() {
        "and" | "or" => found.conditions.push(logic::logic(key, value, limits)?),
        "order" => {
            let (path, _) = name::embed_path("tree path", key, limits)?;
            found.orders.push((path, order::order(value, limits)?));
        }
        "limit" => {
            let (path, _) = name::embed_path("tree path", key, limits)?;
            found.limits.extend(integer(value).map(|number| (path, number)));
        }
        "offset" => {
            let (path, _) = name::embed_path("tree path", key, limits)?;
            found.offsets.extend(integer(value).map(|number| (path, number)));
        }
        _ => match filter::filter(value, limits) {
            Err(_) if free == Free::ArgumentsOrFilters => {
                found.arguments.push(key, value);
            }
            Err(error) => return Err(error),
            Ok((negated, operation)) => {
                let (path, field) = name::tree_path(key, limits)?;
                let condition = Condition::Filter(Filter { field, negated, operation });
                found.conditions.push((path, condition));
            }
        },
    }
    Ok(())
}

/// An integer, or nothing; numbers beyond 64 bits count as the greatest or least.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let bound = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(bound))
}

/// Reads a `Range` header; what is not of the form `digits-[digits]` is ignored.
pub(crate) fn range_header(text: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = text.trim().split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let first = number(first)?;
    if last.is_empty() { Some((first, None)) } else { Some((first, Some(number(last)?))) }
}

/// Literals gathered by name, in the order in which the names first came.
#[derive(Debug, Default)]
pub(crate) struct Gathered(IndexMap<String, Vec<String>>);

impl Gathered {
    pub(crate) fn push(&mut self, name: &str, text: &str) {
        let text = text.to_owned();
        match self.0.get_mut(name) {
            Some(texts) => texts.push(text),
            None => {
                self.0.insert(name.to_owned(), vec![text]);
            }
        }
    }

    pub(crate) fn into_arguments(self) -> Vec<Argument> {
        let texts = self.0.into_iter();
        texts
            .map(|(name, texts)| Argument {
                name,
                value: ArgumentValue::Texts(Literal::list(texts)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn decoding_follows_forms_and_keeps_order() {
        assert_eq!(
            decode("b=1&a=x%20y+z&novalue&c=a=b&%22n.p%22=eq.%C3%A9&bad=%FF"),
            [
                pair("b", "1"),
                pair("a", "x y z"),
                pair("c", "a=b"),
                pair("\"n.p\"", "eq.é"),
                pair("bad", "\u{fffd}")
            ]
        );
    }

    #[test]
    fn the_canonical_location_is_sorted_and_encoded() {
        let pairs = decode("select=*&a=eq.1");
        assert_eq!(content_location("unit price", &pairs), "/unit%20price?a=eq.1&select=%2A");
        assert_eq!(content_location("products", &[]), "/products");
    }

    #[test]
    fn range_headers_of_other_forms_are_ignored() {
        assert_eq!(range_header("0-24"), Some((0, Some(24))));
        assert_eq!(range_header("25-"), Some((25, None)));
        for text in ["bytes=0-4", "-5", "a-b", "5", "0-x", ""] {
            assert_eq!(range_header(text), None, "{text}");
        }
    }

    #[test]
    fn limits_that_are_no_integers_are_ignored() {
        assert_eq!(integer("10"), Some(10));
        assert_eq!(integer("-3"), Some(-3));
        assert_eq!(integer("99999999999999999999"), Some(i64::MAX));
        for text in ["", "-", "ten", "1.5", "1e3", "5;"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }
}
