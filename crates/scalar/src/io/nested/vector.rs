//! pgvector's `vector`: `[1,2.5,3]` of single-precision numbers.

use backstay_model::{Error, Modifier, Result, Value};

use super::point::print_float4;

/// Limit: dimensions, as pgvector's.
const DIMENSIONS_MAX: usize = 16_000;

/// Reads a vector and gives its canonical text.
///
/// # Errors
/// `22P02` bad syntax, `22000` no element, `54000` too many, `22003` out of range.
pub fn parse(text: &str) -> Result<String> {
    elements(text).map(|elements| print(&elements))
}

/// The elements of a vector's text.
///
/// # Errors
/// As [`parse`].
pub fn elements(text: &str) -> Result<Vec<f32>> {
    let bad = || Error::invalid_input("vector", text);
    let trimmed = text.trim_matches(super::is_space);
    let Some(inner) = trimmed.strip_prefix('[') else {
        return Err(bad().with_details("Vector contents must start with \"[\"."));
    };
    let Some(inner) = inner.strip_suffix(']') else {
        return Err(bad());
    };
    if inner.trim().is_empty() {
        return Err(Error::new("22000", "vector must have at least 1 dimension"));
    }
    let mut out = Vec::new();
    for item in inner.split(',') {
        let item = item.trim_matches(super::is_space);
        if out.len() == DIMENSIONS_MAX {
            return Err(Error::new(
                "54000",
                format!("vector cannot have more than {DIMENSIONS_MAX} dimensions"),
            ));
        }
        let number: f32 = item.parse().map_err(|_| bad())?;
        if number.is_nan() {
            return Err(Error::new("22000", "NaN not allowed in vector"));
        }
        if number.is_infinite() {
            return Err(if item.contains(['i', 'I']) {
                Error::new("22000", "infinite value not allowed in vector")
            } else {
                Error::new("22003", format!("\"{item}\" is out of range for type vector"))
            });
        }
        out.push(number);
    }
    Ok(out)
}

/// The canonical text.
pub fn print(elements: &[f32]) -> String {
    let texts: Vec<String> = elements.iter().map(|number| print_float4(*number)).collect();
    format!("[{}]", texts.join(","))
}

/// Enforces the declared number of dimensions.
///
/// # Errors
/// `22000`.
pub fn apply_modifier(modifier: Modifier, value: Value) -> Result<Value> {
    if let (Modifier::Length(wanted), Value::Text(text)) = (modifier, &value) {
        let have = elements(text)?.len();
        if usize::try_from(wanted) != Ok(have) {
            return Err(Error::new("22000", format!("expected {wanted} dimensions, not {have}")));
        }
    }
    Ok(value)
}
