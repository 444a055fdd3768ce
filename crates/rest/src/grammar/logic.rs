//! `and` and `or` trees.

use backstay_model::Result;

use super::filter::{Place, op_expr};
use super::name::{embed_path, field};
use super::{Cursor, FIELD_NAME};
use crate::settings::Limits;
use crate::{Condition, Filter};

/// Reads a logic parameter: the path of the node that it belongs to, and the condition.
pub(crate) fn logic(key: &str, text: &str, limits: &Limits) -> Result<(Vec<String>, Condition)> {
    let (mut path, word) = embed_path("logic path", key, limits)?;
    let negated = path.last().is_some_and(|last| last == "not");
    if negated {
        path.pop();
    }
    // The original reads `not.or(…)` as one text and counts columns in that.
    let before = word.len() + if negated { "not.".len() } else { 0 };
    let cursor = &mut Cursor::new("logic tree", text, limits).shifted(before);
    let conditions = parenthesized(cursor, 1)?;
    cursor.expect_end("end of input")?;
    Ok((path, combine(&word, negated, conditions)))
}

fn combine(word: &str, negated: bool, conditions: Vec<Condition>) -> Condition {
    let tree = if word == "or" { Condition::Any(conditions) } else { Condition::All(conditions) };
    if negated { Condition::Not(Box::new(tree)) } else { tree }
}

/// `"(" node ("," node)* ")"`.
fn parenthesized(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<Condition>> {
    let limit = cursor.limits().logic_depth;
    if depth > limit {
        return Err(cursor.over_limit("logic trees nested deeper", limit, "limits.logic_depth"));
    }
    cursor.skip_blanks();
    cursor.expect("(")?;
    let conditions = cursor.comma_list(|cursor| node(cursor, depth))?;
    if !cursor.eat(")") {
        return Err(cursor.fail("\",\" or \")\""));
    }
    cursor.skip_blanks();
    Ok(conditions)
}

/// `field "." opexpr | ["not."] ("and" | "or") "(" … ")"`.
fn node(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition> {
    let start = cursor.position();
    let negated = cursor.eat("not.");
    let word = cursor.take_while(|c| c.is_ascii_alphabetic());
    cursor.skip_blanks();
    // Without the parenthesis `and`, `or` and `not` are columns.
    if matches!(word, "and" | "or") && cursor.peek() == Some('(') {
        let conditions = parenthesized(cursor, depth + 1)?;
        return Ok(combine(word, negated, conditions));
    }
    cursor.return_to(start);
    if matches!(cursor.peek(), None | Some(',' | ')')) {
        let operators = "negation operator (not) or logic operator (and, or)";
        return Err(cursor.fail(&format!("{FIELD_NAME}, {operators}")));
    }
    filter(cursor).map(Condition::Filter)
}

fn filter(cursor: &mut Cursor<'_>) -> Result<Filter> {
    let field = field(cursor)?;
    cursor.expect(".")?;
    let (negated, operation) = op_expr(cursor, Place::Tree)?;
    // Blanks may follow a list or a word; after anything else they belong to the value.
    let end = cursor.position();
    cursor.skip_blanks();
    if !matches!(cursor.peek(), None | Some(',' | ')')) {
        cursor.return_to(end);
        return Err(cursor.fail("\",\" or \")\""));
    }
    Ok(Filter { field, negated, operation })
}
