//! Documents: `to_tsvector` and functions on `tsvector`.

use backstay_model::{Array, Error, Result, Value};

use super::config::Config;
use super::tokens::tokens;
use super::{config, shown, vector};
use crate::functions::text::count;
use crate::io::json::scan::{self, Kind};
use crate::io::nested::tsvector::{POSITION_MAX, Position, TsVector, weight_of};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table.function("to_tsvector(text) tsvector").stable().total().scalar(of_text);
    table.function("to_tsvector(text, text) tsvector").scalar(of_text);
    for signature in ["to_tsvector(json) tsvector", "to_tsvector(jsonb) tsvector"] {
        table.function(signature).stable().scalar(of_json);
    }
    for signature in ["to_tsvector(text, json) tsvector", "to_tsvector(text, jsonb) tsvector"] {
        table.function(signature).scalar(of_json);
    }
    table
        .operator("||(tsvector, tsvector) tsvector")
        .total()
        .scalar(|call| shown(&concat(vector(call, 0)?, vector(call, 1)?)));
    table.function("strip(tsvector) tsvector").total().scalar(|call| {
        let mut vector = vector(call, 0)?;
        vector.lexemes.iter_mut().for_each(|(_, positions)| positions.clear());
        shown(&vector)
    });
    table
        .function("length(tsvector) integer")
        .total()
        .scalar(|call| count(vector(call, 0)?.lexemes.len()));
    for signature in
        ["setweight(tsvector, text) tsvector", "setweight(tsvector, text, text[]) tsvector"]
    {
        table.function(signature).scalar(set_weight);
    }
    table.function("ts_delete(tsvector, text) tsvector").total().scalar(|call| {
        let gone = call.text(1)?;
        let mut vector = vector(call, 0)?;
        vector.lexemes.retain(|(lexeme, _)| lexeme != gone);
        shown(&vector)
    });
    table.function("tsvector_to_array(tsvector) text[]").total().scalar(|call| {
        let lexemes = vector(call, 0)?.lexemes;
        let texts = lexemes.into_iter().map(|(lexeme, _)| Value::Text(lexeme)).collect();
        Ok(Value::Array(Array::from_elements(texts)))
    });
    table.function("array_to_tsvector(text[]) tsvector").scalar(|call| {
        let lexeme = |value: &Value| {
            let text = value
                .as_str()
                .ok_or_else(|| Error::new("22004", "lexeme array may not contain nulls"))?;
            if text.is_empty() {
                let message = "lexeme array may not contain empty strings";
                return Err(Error::new("2200F", message));
            }
            Ok((text.to_owned(), Vec::new()))
        };
        let lexemes = call.array(0)?.elements.iter().map(lexeme).collect::<Result<_>>()?;
        shown(&TsVector::from_lexemes(lexemes))
    });
}

/// Adds the lexemes of a text behind the position and answers the last position taken.
fn add(
    config: Config,
    text: &str,
    mut position: usize,
    lexemes: &mut Vec<(String, Vec<Position>)>,
) -> usize {
    for token in tokens(text) {
        position += 1;
        if let Some(lexeme) = config.lexeme(&token) {
            let at = u16::try_from(position).unwrap_or(u16::MAX).min(POSITION_MAX);
            lexemes.push((lexeme, vec![Position { at, weight: 0 }]));
        }
    }
    position
}

/// The document of a text.
pub(super) fn document(config: Config, text: &str) -> TsVector {
    let mut lexemes = Vec::new();
    add(config, text, 0, &mut lexemes);
    TsVector::from_lexemes(lexemes)
}

fn of_text(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call, 1)?;
    shown(&document(config, call.text(index)?))
}

fn of_json(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call, 1)?;
    let mut texts = Vec::new();
    strings(call.text(index)?, &mut texts)?;
    let mut lexemes = Vec::new();
    let mut position = 0;
    for text in texts {
        // A gap keeps phrases from reaching over the end of a string.
        position = add(config, &text, position, &mut lexemes) + 1;
    }
    shown(&TsVector::from_lexemes(lexemes))
}

/// All strings among the values, in order.
fn strings(text: &str, out: &mut Vec<String>) -> Result<()> {
    match scan::kind(text) {
        Kind::String => out.push(scan::unescape(scan::trim(text))?.into_owned()),
        Kind::Array => scan::elements(text).try_for_each(|item| strings(item, out))?,
        Kind::Object => scan::members(text).try_for_each(|(_, item)| strings(item, out))?,
        _ => {}
    }
    Ok(())
}

fn concat(a: TsVector, b: TsVector) -> TsVector {
    let last = a.lexemes.iter().flat_map(|(_, positions)| positions).map(|p| p.at).max();
    let last = last.unwrap_or(0);
    let mut lexemes = a.lexemes;
    for (lexeme, positions) in b.lexemes {
        let moved = |position: Position| Position {
            at: position.at.saturating_add(last).min(POSITION_MAX),
            ..position
        };
        lexemes.push((lexeme, positions.into_iter().map(moved).collect()));
    }
    TsVector::from_lexemes(lexemes)
}

fn set_weight(call: &Call<'_>) -> Result<Value> {
    let letter = call.text(1)?.chars().next();
    let weight = letter.and_then(weight_of).ok_or_else(|| {
        let code = letter.map_or(0, u32::from);
        Error::new("22023", format!("unrecognized weight: {code}"))
    })?;
    let chosen: Option<Vec<&str>> = match call.args.get(2) {
        Some(Value::Array(array)) => {
            Some(array.elements.iter().filter_map(Value::as_str).collect())
        }
        _ => None,
    };
    let mut vector = vector(call, 0)?;
    for (lexeme, positions) in &mut vector.lexemes {
        if chosen.as_ref().is_none_or(|chosen| chosen.contains(&lexeme.as_str())) {
            positions.iter_mut().for_each(|position| position.weight = weight);
        }
    }
    shown(&vector)
}
