//! `order`: fields, and fields of embedded rows.

use backstay_model::Result;

use super::Cursor;
use super::name::{field, json_path, name};
use crate::settings::Limits;
use crate::{Field, NullsOrder};

/// A term before the embeds of its node are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// The embed whose field it is, if not the node's own.
    pub(crate) embed: Option<String>,
    pub(crate) field: Field,
    pub(crate) descending: bool,
    pub(crate) nulls: Option<NullsOrder>,
}

/// Reads the whole parameter.
pub(crate) fn order(text: &str, limits: &Limits) -> Result<Vec<Term>> {
    let cursor = &mut Cursor::new("order", text, limits);
    let terms = cursor.comma_list(term)?;
    cursor.expect_end("\",\" or end of input")?;
    Ok(terms)
}

fn term(cursor: &mut Cursor<'_>) -> Result<Term> {
    let first = name(cursor)?;
    cursor.skip_blanks();
    let (embed, field) = if cursor.eat("(") {
        cursor.skip_blanks();
        let inner = field(cursor)?;
        cursor.skip_blanks();
        cursor.expect(")")?;
        (Some(first), inner)
    } else {
        (None, Field { name: first, path: json_path(cursor)? })
    };
    let mut term = Term { embed, field, descending: false, nulls: None };
    let mut direction_allowed = true;
    while cursor.peek() == Some('.') {
        let start = cursor.position();
        cursor.bump();
        match cursor.take_while(|c| c.is_ascii_alphabetic()) {
            "asc" if direction_allowed => {}
            "desc" if direction_allowed => term.descending = true,
            "nullsfirst" if term.nulls.is_none() => term.nulls = Some(NullsOrder::First),
            "nullslast" if term.nulls.is_none() => term.nulls = Some(NullsOrder::Last),
            _ => {
                cursor.return_to(start + 1);
                let expecting = if direction_allowed {
                    "\"asc\", \"desc\", \"nullsfirst\" or \"nullslast\""
                } else {
                    "\"nullsfirst\" or \"nullslast\""
                };
                return Err(cursor.fail(expecting));
            }
        }
        direction_allowed = false;
        if term.nulls.is_some() {
            break;
        }
    }
    Ok(term)
}
