//! `SIMILAR TO`: SQL's patterns rewritten as regular expressions.

use backstay_model::{Error, Result, Value};

use super::{Flags, compile};
use crate::functions::text::text;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table
        .function("similar_to_escape(text) text")
        .scalar(|call| rewrite(call.text(0)?, Some('\\')).and_then(text));
    table
        .function("similar_to_escape(text, text) text")
        .scalar(|call| rewrite(call.text(0)?, escape_character(call.text(1)?)?).and_then(text));
    // `substring(x from pattern for escape)` and its spelling with `similar`.
    table.function("substring(text, text, text) text").scalar(substring);
}

fn escape_character(escape: &str) -> Result<Option<char>> {
    let mut chars = escape.chars();
    match (chars.next(), chars.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::new("22025", "invalid escape string")
            .with_hint("Escape string must be empty or one character.")),
    }
}

fn substring(call: &Call<'_>) -> Result<Value> {
    let pattern = rewrite(call.text(1)?, escape_character(call.text(2)?)?)?;
    let regex = compile(&pattern, Flags::default())?;
    let found = regex.captures(call.text(0)?).and_then(|found| found.get(1).or(found.get(0)));
    Ok(found.map_or(Value::Null, |found| Value::text(found.as_str())))
}

fn rewrite(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::from("^(?:");
    let (mut after_escape, mut in_brackets) = (false, false);
    let mut separators = 0;
    for c in pattern.chars() {
        if after_escape {
            after_escape = false;
            if c == '"' && !in_brackets {
                out.push_str(match separators {
                    0 => "){1,1}?(",
                    1 => "){1,1}(?:",
                    _ => return Err(Error::new("2200C", "SQL regular expression may not contain more than two escape-double-quote separators")),
                });
                separators += 1;
            } else {
                out.push('\\');
                out.push(c);
            }
        } else if Some(c) == escape {
            after_escape = true;
        } else if in_brackets {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            in_brackets = c != ']';
        } else {
            match c {
                '[' => {
                    in_brackets = true;
                    out.push('[');
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                _ => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}
