//! The body of a call: rows to write, or arguments of a function.

use std::collections::HashSet;

use backstay_model::Result;

use super::Call;
use crate::payload::{nests_deeper, too_deep};
use crate::query;
use crate::settings::Limits;
use crate::{Argument, ArgumentValue, BodyKind, Literal, Payload, RawBody, errors};

/// What a `Content-Type` says about a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Form,
    Text,
    Xml,
    Bytes,
}

fn format(call: &Call<'_>) -> Result<Format> {
    let Some(text) = call.header("content-type") else { return Ok(Format::Json) };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Ok(match essence.as_str() {
        "application/json" | "" => Format::Json,
        "text/csv" => Format::Csv,
        "application/x-www-form-urlencoded" => Format::Form,
        "text/plain" => Format::Text,
        "text/xml" => Format::Xml,
        "application/octet-stream" => Format::Bytes,
        _ => return Err(not_acceptable(text)),
    })
}

fn not_acceptable(text: &str) -> backstay_model::Error {
    errors::invalid_body(format!("Content-Type not acceptable: {}", text.trim()))
}

/// The rows of a write.
pub(super) fn rows(
    call: &mut Call<'_>,
    columns: Option<&[String]>,
    limits: &Limits,
) -> Result<Payload> {
    match format(call)? {
        Format::Json => Payload::from_json(take_body(call), columns, limits),
        Format::Csv => Payload::from_csv(&take_body(call), columns, limits),
        Format::Form => Payload::from_form(&form_fields(call), columns),
        Format::Text | Format::Xml | Format::Bytes => {
            Err(not_acceptable(call.header("content-type").unwrap_or_default()))
        }
    }
}

fn take_body(call: &mut Call<'_>) -> Vec<u8> {
    std::mem::take(&mut call.body).into_owned()
}

fn form_fields(call: &Call<'_>) -> Vec<(String, String)> {
    query::decode(&String::from_utf8_lossy(&call.body))
}

/// The arguments of a function call, and the body itself for an unnamed parameter.
pub(super) fn arguments(
    call: &mut Call<'_>,
    columns: Option<&[String]>,
    limits: &Limits,
) -> Result<(Vec<Argument>, RawBody)> {
    let format = format(call)?;
    let kind = match format {
        Format::Json => BodyKind::Json,
        Format::Text => BodyKind::Text,
        Format::Xml => BodyKind::Xml,
        Format::Bytes => BodyKind::Bytes,
        Format::Csv | Format::Form => BodyKind::Fields,
    };
    let text_only = matches!(kind, BodyKind::Text | BodyKind::Xml | BodyKind::Fields);
    if text_only && std::str::from_utf8(&call.body).is_err() {
        return Err(errors::invalid_body("The body is not valid UTF-8"));
    }
    let arguments = match format {
        Format::Json => {
            let (arguments, text) = json_arguments(take_body(call), columns, limits)?;
            call.body = text.into_bytes().into();
            arguments
        }
        Format::Csv => payload_arguments(&Payload::from_csv(&call.body, columns, limits)?),
        Format::Form => {
            let wanted: Option<HashSet<&String>> = columns.map(|names| names.iter().collect());
            let mut gathered = query::Gathered::default();
            for (name, value) in form_fields(call) {
                if wanted.as_ref().is_none_or(|wanted| wanted.contains(&name)) {
                    gathered.push(&name, &value);
                }
            }
            gathered.into_arguments()
        }
        Format::Text | Format::Xml | Format::Bytes => Vec::new(),
    };
    Ok((arguments, RawBody { kind, bytes: Literal::bytes(take_body(call)) }))
}

/// Arguments from JSON: of an object, or of the first object of an array. A body of another kind
/// has no arguments, but may be the value of an unnamed parameter. Gives the body back as well.
fn json_arguments(
    body: Vec<u8>,
    columns: Option<&[String]>,
    limits: &Limits,
) -> Result<(Vec<Argument>, String)> {
    let mut text = String::from_utf8(body).map_err(|_| errors::invalid_json())?;
    if text.trim_ascii().is_empty() {
        "{}".clone_into(&mut text);
    }
    let found = match Payload::find(&text, columns, limits) {
        Ok(payload) => payload,
        Err(error) if columns.is_none() && error == errors::keys_differ() => Payload::default(),
        Err(error) => return Err(error),
    };
    // The payload's cells are bounded; a body that is no object may go to a function as a whole.
    if nests_deeper(&text, limits.json_depth) {
        return Err(too_deep(limits.json_depth));
    }
    let payload = found.with_text(text);
    Ok((payload_arguments(&payload), payload.into_text()))
}

/// The first row as arguments; a column that was named but not given is null.
fn payload_arguments(payload: &Payload) -> Vec<Argument> {
    if payload.row_count() == 0 {
        return Vec::new();
    }
    let named = payload.columns().iter().enumerate();
    named
        .map(|(column, name)| {
            let json = payload.cell(0, column).unwrap_or("null").to_owned();
            Argument { name: name.clone(), value: ArgumentValue::Json(json.into()) }
        })
        .collect()
}
