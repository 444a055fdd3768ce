//! `->`, `->>`, `#>`, `#>>` and their functions.

use backstay_model::{Result, Value};

use super::{part, part_text, path};
use crate::io::json::scan::{self, Kind};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    members(table);
    paths(table);
}

fn members(table: &mut Table) {
    for signature in ["->(json, text) json", "->(jsonb, text) jsonb"] {
        table.operator(signature).total().scalar(|call| Ok(as_part(call, member(call)?)));
    }
    for signature in ["->(json, integer) json", "->(jsonb, integer) jsonb"] {
        table.operator(signature).total().scalar(|call| Ok(as_part(call, element(call)?)));
    }
    table.operator("->>(jsonb, text) text").total().scalar(|call| as_text(member(call)?));
    table.operator("->>(jsonb, integer) text").total().scalar(|call| as_text(element(call)?));
    // Text of the `json` type may hold `\u0000`, which no text can.
    table.operator("->>(json, text) text").scalar(|call| as_text(member(call)?));
    table.operator("->>(json, integer) text").scalar(|call| as_text(element(call)?));
    for (signature, run) in [
        ("json_object_field(json, text) json", part_of_member as fn(&Call<'_>) -> Result<Value>),
        ("jsonb_object_field(jsonb, text) jsonb", part_of_member),
        ("json_object_field_text(json, text) text", text_of_member),
        ("jsonb_object_field_text(jsonb, text) text", text_of_member),
    ] {
        table.function(signature).scalar(run);
    }
}

fn part_of_member(call: &Call<'_>) -> Result<Value> {
    Ok(as_part(call, member(call)?))
}

fn text_of_member(call: &Call<'_>) -> Result<Value> {
    as_text(member(call)?)
}

fn as_part(call: &Call<'_>, found: Option<&str>) -> Value {
    match (found, call.args.first()) {
        (Some(found), Some(whole)) => part(whole, found),
        _ => Value::Null,
    }
}

fn as_text(found: Option<&str>) -> Result<Value> {
    found.map_or(Ok(Value::Null), part_text)
}

/// The member of a `json` or `jsonb` argument.
fn member_of<'a>(whole: &'a Value, text: &'a str, name: &str) -> Option<&'a str> {
    match whole {
        Value::Json(_) => scan::last_member(text, name),
        _ => scan::member(text, name),
    }
}

fn member<'a>(call: &Call<'a>) -> Result<Option<&'a str>> {
    let Some(whole) = call.args.first() else { return Ok(None) };
    let name = call.text(1)?;
    Ok(whole.as_str().and_then(|text| member_of(whole, text, name)))
}

fn element<'a>(call: &Call<'a>) -> Result<Option<&'a str>> {
    let index = call.int(1)?;
    Ok(match call.args.first() {
        // A scalar `jsonb` is stored as an array of one.
        Some(Value::Jsonb(text)) if scan::kind(text).is_scalar() => {
            matches!(index, 0 | -1).then_some(text)
        }
        whole => whole.and_then(Value::as_str).and_then(|text| scan::element(text, index)),
    })
}

fn paths(table: &mut Table) {
    for signature in ["#>(json, text[]) json", "#>(jsonb, text[]) jsonb"] {
        table
            .operator(signature)
            .total()
            .scalar(|call| Ok(as_part(call, follow(call, &path(call, 1)?))));
    }
    table
        .operator("#>>(jsonb, text[]) text")
        .total()
        .scalar(|call| as_text(follow(call, &path(call, 1)?)));
    table.operator("#>>(json, text[]) text").scalar(|call| as_text(follow(call, &path(call, 1)?)));
    for signature in [
        "json_extract_path(json, variadic text) json",
        "jsonb_extract_path(jsonb, variadic text) jsonb",
        // What a subscript means: `column['a'][0]`.
        "jsonb_subscript(jsonb, variadic text) jsonb",
    ] {
        table
            .function(signature)
            .total()
            .scalar(|call| Ok(as_part(call, follow(call, &spread(call)))));
    }
    for signature in [
        "json_extract_path_text(json, variadic text) text",
        "jsonb_extract_path_text(jsonb, variadic text) text",
    ] {
        table.function(signature).scalar(|call| as_text(follow(call, &spread(call))));
    }
}

/// A path in the arguments themselves.
fn spread<'a>(call: &Call<'a>) -> Vec<Option<&'a str>> {
    call.args.iter().skip(1).map(Value::as_str).collect()
}

fn follow<'a>(call: &Call<'a>, path: &[Option<&str>]) -> Option<&'a str> {
    let whole = call.args.first()?;
    let mut text = whole.as_str()?;
    if path.iter().any(Option::is_none) {
        return None;
    }
    for step in path.iter().flatten() {
        text = match scan::kind(text) {
            Kind::Object => member_of(whole, text, step)?,
            Kind::Array => scan::element(text, step.trim_start().parse::<i32>().ok()?.into())?,
            _ => return None,
        };
    }
    Some(text)
}
