//! The canonical text of `jsonb`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use backstay_model::{Error, Numeric, Result};

use super::scan::{self, Kind};
use super::validate::{Escapes, validate};
use super::write::push_string;

/// PostgreSQL's order of keys in `jsonb`: by length in bytes, then by bytes.
pub(crate) fn key_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

/// Reads JSON text and gives it back as `jsonb` prints it.
///
/// # Errors
/// `22P02` no JSON, `22P05` a `\u0000`, `22003` a number beyond `numeric`, `54001` nested too deeply.
pub fn canonicalize(text: &str) -> Result<String> {
    validate(text, Escapes::Meaning)?;
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    value(scan::trim(text), &mut out)?;
    Ok(out)
}

fn value(text: &str, out: &mut String) -> Result<()> {
    match scan::kind(text) {
        Kind::Null | Kind::Bool => out.push_str(text),
        Kind::Number => number(text, out)?,
        Kind::String => push_string(&scan::unescape(text)?, out),
        Kind::Array => {
            out.push('[');
            for (index, element) in scan::elements(text).enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                value(element, out)?;
            }
            out.push(']');
        }
        Kind::Object => object(text, out)?,
    }
    Ok(())
}

fn number(text: &str, out: &mut String) -> Result<()> {
    let negative_zero = text.starts_with('-') && !text.bytes().any(|b| matches!(b, b'1'..=b'9'));
    let plain = !negative_zero && text.len() < 1_000 && !text.contains(['e', 'E']);
    if plain {
        out.push_str(text);
        return Ok(());
    }
    let parsed: Numeric =
        text.parse().map_err(|_| Error::new("22003", "value overflows numeric format"))?;
    out.push_str(&parsed.to_string());
    Ok(())
}

/// Members are written as they come; only if their keys were out of order is the text put
/// together again.
fn object(text: &str, out: &mut String) -> Result<()> {
    let start = out.len();
    let mut written: Vec<(Cow<'_, str>, Range<usize>)> = Vec::new();
    let mut sorted = true;
    out.push('{');
    for (raw, member) in scan::members(text) {
        let key = scan::unescape(raw)?;
        if let Some((last, _)) = written.last() {
            sorted &= key_order(last, &key) == Ordering::Less;
            out.push_str(", ");
        }
        let from = out.len();
        push_string(&key, out);
        out.push_str(": ");
        value(member, out)?;
        written.push((key, from..out.len()));
    }
    if !sorted {
        // The sort is stable, so that the last of equal keys is the last written.
        written.sort_by(|a, b| key_order(&a.0, &b.0));
        let unsorted = out.split_off(start);
        out.push('{');
        for (index, (key, range)) in written.iter().enumerate() {
            if written.get(index + 1).is_some_and(|(next, _)| next == key) {
                continue;
            }
            if out.len() > start + 1 {
                out.push_str(", ");
            }
            out.push_str(&unsorted[range.start - start..range.end - start]);
        }
    }
    out.push('}');
    Ok(())
}
