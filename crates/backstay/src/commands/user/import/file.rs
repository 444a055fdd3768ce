//! Users from a file: CSV with a header line, or a JSON array of objects.

use std::path::Path;

use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde_json::{Map, Value, json};

use super::{Found, Row, id_text, object_of, put_hash, put_id};

pub(super) fn read(file: &Path) -> miette::Result<Found> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {shown}"))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        let objects: Vec<Map<String, Value>> = serde_json::from_str(text)
            .into_diagnostic()
            .wrap_err_with(|| format!("{shown} is no JSON array of objects"))?;
        let rows = (1..).zip(objects).map(|(number, object)| row(number, object)).collect();
        return Ok(Found { rows, ..Found::default() });
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().into_diagnostic()?.iter().map(|name| name.trim().to_owned()).collect();
    if !names.iter().any(|name| name == "email" || name == "phone") {
        return Err(miette!(
            help = "the first line must name the columns, one of them `email` or `phone`",
            "{shown} has no column `email`"
        ));
    }
    let mut rows = Vec::new();
    for (number, record) in (2..).zip(reader.records()) {
        let record = record.into_diagnostic().wrap_err_with(|| format!("{shown}, row {number}"))?;
        let object = names
            .iter()
            .zip(&record)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        rows.push(row(number, object));
    }
    Ok(Found { rows, ..Found::default() })
}

fn row(number: usize, object: Map<String, Value>) -> Row {
    let mut body = Map::new();
    let (mut user, mut app) = (Map::new(), Map::new());
    let mut confirmed = true;
    let former_id = object.get("id").and_then(id_text);
    for (name, value) in object {
        match name.as_str() {
            "email" | "phone" | "role" => {
                body.insert(name, value);
            }
            "password_hash" => match value {
                Value::String(hash) => put_hash(&mut body, hash),
                other => {
                    body.insert(name, other);
                }
            },
            "confirmed" => {
                confirmed = !matches!(value.as_str(), Some("false" | "0" | "no" | "f"))
                    && value != json!(false);
            }
            "id" => put_id(&mut body, &mut app, value),
            "user_metadata" => user.extend(object_of(value)),
            "app_metadata" => app.extend(object_of(value)),
            _ => {
                user.insert(name, value);
            }
        }
    }
    body.insert("email_confirm".to_owned(), json!(confirmed));
    body.insert("phone_confirm".to_owned(), json!(confirmed));
    body.insert("user_metadata".to_owned(), Value::Object(user));
    body.insert("app_metadata".to_owned(), Value::Object(app));
    Row { place: format!("row {number}"), body, former_id }
}
