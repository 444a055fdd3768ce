//! `backstay user import`: users of another system, with their password hashes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde_json::{Map, Value, json};

use super::administration::Administration;
use crate::log::say;

/// `backstay user import FILE`.
#[derive(Args)]
pub(super) struct Import {
    /// A CSV file with a header line, or a JSON array of objects. Columns: `email` or `phone`,
    /// `password_hash`, `id`, `confirmed`; every other one goes into the user's metadata.
    file: PathBuf,
    /// Look at every row and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A row, as it is sent.
struct Row {
    number: usize,
    body: Value,
}

impl Import {
    pub(super) async fn run(&self, admin: &Administration) -> miette::Result<ExitCode> {
        let rows = read(&self.file)?;
        let bar = ProgressBar::new(rows.len() as u64);
        let mut problems: Vec<String> = Vec::new();
        for Row { number, mut body } in rows {
            body["dry_run"] = json!(self.dry_run);
            if let Err(report) = admin.call("POST", "/admin/users", Some(&body)).await {
                let who = body["email"].as_str().or(body["phone"].as_str()).unwrap_or("?");
                problems.push(format!("row {number} ({who}): {report}"));
            }
            bar.inc(1);
        }
        let total = bar.length().unwrap_or(0);
        bar.finish_and_clear();
        for problem in &problems {
            say(problem);
        }
        let verb = if self.dry_run { "can be imported" } else { "imported" };
        say(&format!("{} of {total} {verb}", total - problems.len() as u64));
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn read(file: &Path) -> miette::Result<Vec<Row>> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {shown}"))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        let objects: Vec<Map<String, Value>> = serde_json::from_str(text)
            .into_diagnostic()
            .wrap_err_with(|| format!("{shown} is no JSON array of objects"))?;
        return Ok((1..).zip(objects).map(|(number, object)| row(number, object)).collect());
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
    Ok(rows)
}

fn row(number: usize, object: Map<String, Value>) -> Row {
    let mut body = Map::new();
    let (mut user, mut app) = (Map::new(), Map::new());
    let mut confirmed = true;
    for (name, value) in object {
        match name.as_str() {
            "email" | "phone" | "password_hash" | "role" => {
                body.insert(name, value);
            }
            // Hashes that say of an account that it has no password.
            "confirmed" => {
                confirmed = !matches!(value.as_str(), Some("false" | "0" | "no" | "f"))
                    && value != json!(false);
            }
            "id" if is_uuid_v4(&value) => {
                body.insert(name, value);
            }
            "id" => {
                app.insert("former_id".to_owned(), value);
            }
            "user_metadata" => user.extend(object_of(value)),
            "app_metadata" => app.extend(object_of(value)),
            _ => {
                user.insert(name, value);
            }
        }
    }
    let unusable = body
        .get("password_hash")
        .and_then(Value::as_str)
        .is_some_and(|hash| hash.is_empty() || hash.starts_with('!') || hash.starts_with('*'));
    if unusable {
        body.remove("password_hash");
    }
    body.insert("email_confirm".to_owned(), json!(confirmed));
    body.insert("phone_confirm".to_owned(), json!(confirmed));
    body.insert("user_metadata".to_owned(), Value::Object(user));
    body.insert("app_metadata".to_owned(), Value::Object(app));
    Row { number, body: Value::Object(body) }
}

fn is_uuid_v4(value: &Value) -> bool {
    let id = value.as_str().unwrap_or_default();
    id.len() == 36 && id.as_bytes().get(14) == Some(&b'4')
}

/// An object, or the text of one (in CSV).
fn object_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
        _ => Map::new(),
    }
}
