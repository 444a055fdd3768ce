//! `[not.]operator.value`: the tests of filters and of logic trees.

use backstay_model::Result;

use super::Cursor;
use super::name::ident;
use crate::settings::Limits;
use crate::{FullText, IsValue, Literal, Operation, Operator, Quantifier};

/// Where a test stands, which decides how its value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A parameter of its own: the value goes to the end, verbatim.
    Parameter,
    /// Inside a logic tree: the value ends at a comma or parenthesis unless quoted.
    Tree,
}

/// Reads the whole value of a filter parameter: is it negated, and the test.
pub(crate) fn filter(text: &str, limits: &Limits) -> Result<(bool, Operation)> {
    let cursor = &mut Cursor::new("filter", text, limits);
    let test = op_expr(cursor, Place::Parameter)?;
    cursor.expect_end("end of input")?;
    Ok(test)
}

/// `[not.]operation`.
pub(crate) fn op_expr(cursor: &mut Cursor<'_>, place: Place) -> Result<(bool, Operation)> {
    let negated = cursor.eat("not.");
    let expecting =
        if negated { "operator (eq, gt, ...)" } else { "\"not\" or operator (eq, gt, ...)" };
    Ok((negated, operation(cursor, place, expecting)?))
}

fn operation(cursor: &mut Cursor<'_>, place: Place, expecting: &str) -> Result<Operation> {
    let start = cursor.position();
    let word = cursor.take_while(|c| c.is_ascii_alphabetic());
    match word {
        "in" => {
            cursor.expect(".")?;
            let elements = list(cursor)?;
            if place == Place::Parameter {
                cursor.skip_blanks();
            }
            return Ok(if elements.is_empty() {
                Operation::InNothing
            } else {
                Operation::In(Literal::list(elements))
            });
        }
        "is" => {
            cursor.expect(".")?;
            return is_value(cursor).map(Operation::Is);
        }
        "isdistinct" => {
            cursor.expect(".")?;
            return Ok(Operation::IsDistinct(value(cursor, place).into()));
        }
        _ => {}
    }
    if let Some(kind) = full_text(word) {
        let config = if cursor.eat("(") {
            let config = ident(cursor)?;
            cursor.expect(")")?;
            Some(config)
        } else {
            None
        };
        cursor.expect(".")?;
        return Ok(Operation::FullText { kind, config, value: value(cursor, place).into() });
    }
    let Some((operator, takes_quantifier)) = operator(word) else {
        cursor.return_to(start);
        return Err(cursor.fail(expecting));
    };
    let quantifier = if takes_quantifier { quantifier(cursor) } else { None };
    cursor.expect(".")?;
    let mut value = value(cursor, place);
    if matches!(operator, Operator::Like | Operator::Ilike) {
        value = value.replace('*', "%");
    }
    Ok(Operation::Compare { operator, quantifier, value: value.into() })
}

/// The operator, and whether `(any)` and `(all)` may follow it.
fn operator(word: &str) -> Option<(Operator, bool)> {
    Some(match word {
        "eq" => (Operator::Eq, true),
        "gt" => (Operator::Gt, true),
        "gte" => (Operator::Gte, true),
        "lt" => (Operator::Lt, true),
        "lte" => (Operator::Lte, true),
        "like" => (Operator::Like, true),
        "ilike" => (Operator::Ilike, true),
        "match" => (Operator::Match, true),
        "imatch" => (Operator::Imatch, true),
        "neq" => (Operator::Neq, false),
        "cs" => (Operator::Contains, false),
        "cd" => (Operator::ContainedBy, false),
        "ov" => (Operator::Overlaps, false),
        "sl" => (Operator::StrictlyLeft, false),
        "sr" => (Operator::StrictlyRight, false),
        "nxr" => (Operator::NotRightOf, false),
        "nxl" => (Operator::NotLeftOf, false),
        "adj" => (Operator::Adjacent, false),
        _ => return None,
    })
}

fn full_text(word: &str) -> Option<FullText> {
    Some(match word {
        "fts" => FullText::Query,
        "plfts" => FullText::Plain,
        "phfts" => FullText::Phrase,
        "wfts" => FullText::Web,
        _ => return None,
    })
}

fn quantifier(cursor: &mut Cursor<'_>) -> Option<Quantifier> {
    if cursor.eat("(any)") {
        Some(Quantifier::Any)
    } else if cursor.eat("(all)") {
        Some(Quantifier::All)
    } else {
        None
    }
}

fn is_value(cursor: &mut Cursor<'_>) -> Result<IsValue> {
    let start = cursor.position();
    let word = cursor.take_while(|c| c.is_ascii_alphabetic() || c == '_').to_ascii_lowercase();
    Ok(match word.as_str() {
        "null" => IsValue::Null,
        "not_null" => IsValue::NotNull,
        "true" => IsValue::True,
        "false" => IsValue::False,
        "unknown" => IsValue::Unknown,
        _ => {
            cursor.return_to(start);
            return Err(cursor.fail("isVal: (null, not_null, true, false, unknown)"));
        }
    })
}

fn value(cursor: &mut Cursor<'_>, place: Place) -> String {
    match place {
        Place::Parameter => cursor.take_rest().to_owned(),
        Place::Tree => tree_value(cursor),
    }
}

/// Quoted, an array literal without inner braces, or raw up to a comma or closing parenthesis.
fn tree_value(cursor: &mut Cursor<'_>) -> String {
    if let Some(text) = quoted_element(cursor) {
        return text;
    }
    if let Some(inside) = cursor.rest().strip_prefix('{')
        && let Some(end) = inside.find(['{', '}'])
        && inside.get(end..).is_some_and(|rest| rest.starts_with('}'))
        && ends_element(inside.get(end + 1..).unwrap_or_default())
    {
        let array = cursor.rest().get(..end + 2).unwrap_or_default();
        cursor.eat(array);
        return array.to_owned();
    }
    cursor.take_while(|c| c != ',' && c != ')').to_owned()
}

/// `"(" element ("," element)* ")"`; a single empty element makes the empty list.
fn list(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    cursor.expect("(")?;
    cursor.skip_blanks();
    let mut elements = Vec::new();
    loop {
        let element = match quoted_element(cursor) {
            Some(text) => text,
            None => cursor.take_while(|c| c != ',' && c != ')').to_owned(),
        };
        elements.push(element);
        cursor.check_list(elements.len())?;
        if cursor.eat(")") {
            break;
        }
        if !cursor.eat(",") {
            return Err(cursor.fail("\",\" or \")\""));
        }
    }
    if let [only] = elements.as_slice()
        && only.is_empty()
    {
        elements.clear();
    }
    Ok(elements)
}

/// A quoted element, if one stands here and nothing follows its closing quote.
fn quoted_element(cursor: &mut Cursor<'_>) -> Option<String> {
    let start = cursor.position();
    if !cursor.eat("\"") {
        return None;
    }
    let mut text = String::new();
    loop {
        text.push_str(cursor.take_while(|c| c != '"' && c != '\\'));
        match cursor.bump() {
            Some('"') if ends_element(cursor.rest()) => return Some(text),
            Some('\\') => match cursor.bump() {
                Some(escaped) => text.push(escaped),
                None => break,
            },
            Some(_) | None => break,
        }
    }
    cursor.return_to(start);
    None
}

fn ends_element(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([',', ')'])
}
