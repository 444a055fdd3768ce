//! CSV bodies: RFC 4180, with lines that end in `\n` or `\r\n`.

use std::borrow::Cow;

use backstay_model::Result;

use crate::errors;

/// The records of a text; empty lines are left out.
pub(super) fn records(text: &str) -> Result<Vec<Vec<Cow<'_, str>>>> {
    let mut rest = text;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let mut record = Vec::new();
        loop {
            let (field, after) = field(rest)?;
            record.push(field);
            rest = after;
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => break,
            }
        }
        rest = match rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\n', '\r'])) {
            Some(after) => after,
            None if rest.is_empty() => rest,
            None => return Err(malformed()),
        };
        let empty_line = matches!(record.as_slice(), [Cow::Borrowed("")]);
        if !empty_line {
            records.push(record);
        }
    }
    Ok(records)
}

/// One field and what follows it.
fn field(text: &str) -> Result<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '\n', '\r']).unwrap_or(text.len());
        let (field, rest) = text.split_at(end);
        if field.contains('"') {
            return Err(malformed());
        }
        return Ok((Cow::Borrowed(field), rest));
    };
    let mut content = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"').ok_or_else(malformed)?;
        content.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                content.push('"');
                rest = after;
            }
            None => return Ok((Cow::Owned(content), after)),
        }
    }
}

fn malformed() -> backstay_model::Error {
    errors::invalid_body("parse error (malformed CSV)")
}
