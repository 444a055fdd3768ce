//! `select`: columns, aggregates and embeds.

use backstay_model::Result;

use super::Cursor;
use super::name::{ident, json_path, name};
use crate::settings::Limits;
use crate::{
    Aggregate, AggregateFunction, Column, CountRows, Embed, Field, Join, Node, SelectItem,
};

/// Reads the whole parameter; empty gives no items.
pub(crate) fn select(text: &str, limits: &Limits) -> Result<Vec<SelectItem>> {
    let cursor = &mut Cursor::new("select parameter", text, limits);
    let items = items(cursor, 0)?;
    cursor.expect_end("\",\", \"->\", \"::\", \"(\" or end of input")?;
    Ok(items)
}

/// The items up to the end or a closing parenthesis; `depth` embeds are open.
fn items(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<SelectItem>> {
    cursor.skip_blanks();
    if matches!(cursor.peek(), None | Some(')')) {
        return Ok(Vec::new());
    }
    cursor.comma_list(|cursor| item(cursor, depth))
}

fn item(cursor: &mut Cursor<'_>, depth: usize) -> Result<SelectItem> {
    if cursor.eat("*") {
        return Ok(SelectItem::All);
    }
    if cursor.eat("...") {
        cursor.skip_blanks();
        let target = name(cursor)?;
        return embed(cursor, EmbedStart { spread: true, alias: None, target }, depth);
    }
    let mut unquoted = cursor.peek() != Some('"');
    let mut word = name(cursor)?;
    cursor.skip_blanks();
    let mut alias = None;
    if cursor.peek() == Some(':') && cursor.peek_second() != Some(':') {
        cursor.bump();
        cursor.skip_blanks();
        unquoted = cursor.peek() != Some('"');
        alias = Some(std::mem::replace(&mut word, name(cursor)?));
        cursor.skip_blanks();
    }
    match cursor.peek() {
        Some('(') if unquoted && word == "count" && empty_parentheses(cursor) => {
            Ok(SelectItem::Count(CountRows { alias, cast: cast(cursor)? }))
        }
        Some('(' | '!') => embed(cursor, EmbedStart { spread: false, alias, target: word }, depth),
        _ => Ok(SelectItem::Column(column(cursor, alias, word)?)),
    }
}

/// Takes `()` if it stands here.
fn empty_parentheses(cursor: &mut Cursor<'_>) -> bool {
    let start = cursor.position();
    if cursor.eat("(") {
        cursor.skip_blanks();
        if cursor.eat(")") {
            return true;
        }
    }
    cursor.return_to(start);
    false
}

/// What follows the name of a column: path, cast, aggregate.
fn column(cursor: &mut Cursor<'_>, alias: Option<String>, name: String) -> Result<Column> {
    let path = json_path(cursor)?;
    let cast_before = cast(cursor)?;
    let aggregate = if cursor.eat(".") {
        let function = aggregate_function(cursor)?;
        Some(Aggregate { function, cast: cast(cursor)? })
    } else {
        None
    };
    Ok(Column { alias, field: Field { name, path }, cast: cast_before, aggregate })
}

fn aggregate_function(cursor: &mut Cursor<'_>) -> Result<AggregateFunction> {
    let start = cursor.position();
    let function = match cursor.take_while(|c| c.is_ascii_alphabetic()) {
        "sum" => AggregateFunction::Sum,
        "avg" => AggregateFunction::Avg,
        "count" => AggregateFunction::Count,
        "max" => AggregateFunction::Max,
        "min" => AggregateFunction::Min,
        _ => {
            cursor.return_to(start);
            return Err(cursor.fail("sum(), avg(), count(), max() or min()"));
        }
    };
    if !empty_parentheses(cursor) {
        return Err(cursor.fail("\"()\""));
    }
    Ok(function)
}

fn cast(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if cursor.eat("::") { ident(cursor).map(Some) } else { Ok(None) }
}

/// What stands before the parameters and parentheses of an embed.
struct EmbedStart {
    spread: bool,
    alias: Option<String>,
    target: String,
}

fn embed(cursor: &mut Cursor<'_>, start: EmbedStart, depth: usize) -> Result<SelectItem> {
    let limits = cursor.limits();
    cursor.embeds += 1;
    if cursor.embeds > limits.embeds {
        return Err(cursor.over_limit("more embeds", limits.embeds, "limits.embeds"));
    }
    if depth >= limits.embed_depth {
        let limit = limits.embed_depth;
        return Err(cursor.over_limit("embeds nested deeper", limit, "limits.embed_depth"));
    }
    let (join, hint) = parameters(cursor)?;
    cursor.expect("(")?;
    let select = items(cursor, depth + 1)?;
    cursor.skip_blanks();
    if !cursor.eat(")") {
        return Err(cursor.fail("\",\", \"->\", \"::\", \"(\" or \")\""));
    }
    let EmbedStart { spread, alias, target } = start;
    let node = Node { select, ..Node::default() };
    let join = join.unwrap_or_default();
    Ok(SelectItem::Embed(Box::new(Embed { spread, alias, target, hint, join, node })))
}

/// `{"!" param}`: at most one join kind and one hint, in any order.
fn parameters(cursor: &mut Cursor<'_>) -> Result<(Option<Join>, Option<String>)> {
    let (mut join, mut hint) = (None, None);
    loop {
        cursor.skip_blanks();
        let start = cursor.position();
        if !cursor.eat("!") {
            return Ok((join, hint));
        }
        let unquoted = cursor.peek() != Some('"');
        let word = name(cursor)?;
        let kind = match word.as_str() {
            "inner" if unquoted => Some(Join::Inner),
            "left" if unquoted => Some(Join::Left),
            _ => None,
        };
        let twice = if kind.is_some() { join.is_some() } else { hint.is_some() };
        if twice {
            cursor.return_to(start);
            return Err(cursor.fail("\"(\""));
        }
        match kind {
            Some(kind) => join = Some(kind),
            None => hint = Some(word),
        }
    }
}
