//! `backstay user import`: users of another system, with their password hashes.

mod accounts;
mod file;
mod firebase;
mod frameworks;
mod source;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde_json::{Map, Value, json};

use super::administration::Administration;
use crate::log::say;
use frameworks::Framework;

/// `backstay user import FILE`, `backstay user import --from FRAMEWORK SOURCE`.
#[derive(Args)]
pub(super) struct Import {
    /// A CSV file with a header line, or a JSON array of objects. Columns: `email` or `phone`,
    /// `password_hash`, `id`, `confirmed`; every other one goes into the user's metadata. With
    /// `--from`: the framework's database (`postgres://…`, or the path of a SQLite file), or
    /// Firebase's export file.
    source: String,
    /// Read the users of this framework.
    #[arg(long, value_enum)]
    from: Option<Framework>,
    /// The framework's table of users, where it has another name than usual.
    #[arg(long, requires = "from")]
    table: Option<String>,
    /// Firebase's password hash parameters: a file with what its console shows.
    #[arg(long, requires = "from")]
    hash_config: Option<PathBuf>,
    /// Devise's pepper: its name in `auth.password_peppers`.
    #[arg(long, requires = "from")]
    pepper: Option<String>,
    /// How Symfony's hashes without a marker were made, like
    /// `symfony-pbkdf2,alg=sha512,i=1000,l=40` or `symfony-digest,alg=sha512,i=5000`.
    #[arg(long, requires = "from")]
    hash: Option<String>,
    /// Count every address as confirmed, whatever the source says.
    #[arg(long)]
    all_confirmed: bool,
    /// Write old and new ids of the imported users into this CSV file.
    #[arg(long)]
    map: Option<PathBuf>,
    /// Look at every row and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A user who is to be made.
struct Row {
    /// Where they come from, for people: `row 7`.
    place: String,
    /// The call's body.
    body: Map<String, Value>,
    /// Their id in the other system.
    former_id: Option<String>,
}

/// What was read.
#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    /// Rows that are not taken, and why.
    skipped: Vec<String>,
    /// What the reader should know.
    notes: Vec<String>,
}

impl Import {
    pub(super) async fn run(&self, admin: &Administration) -> miette::Result<ExitCode> {
        let mut found = self.read().await?;
        if self.all_confirmed {
            for row in &mut found.rows {
                row.body.insert("email_confirm".to_owned(), json!(true));
                row.body.insert("phone_confirm".to_owned(), json!(true));
            }
        }
        let mut map = self.map.as_ref().map(|path| IdMap::create(path)).transpose()?;
        let bar = ProgressBar::new(found.rows.len() as u64);
        let mut problems: Vec<String> = Vec::new();
        let total = found.rows.len();
        for Row { place, mut body, former_id } in found.rows {
            body.insert("dry_run".to_owned(), json!(self.dry_run));
            let body = Value::Object(body);
            match admin.call("POST", "/admin/users", Some(&body)).await {
                Ok(made) => {
                    if let (Some(map), Some(id)) = (&mut map, &former_id) {
                        map.put(id, made["id"].as_str().unwrap_or_default())?;
                    }
                }
                Err(report) => {
                    let who = body["email"].as_str().or(body["phone"].as_str()).unwrap_or("?");
                    problems.push(format!("{place} ({who}): {report}"));
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        for line in found.skipped.iter().chain(&problems).chain(&found.notes) {
            say(line);
        }
        let verb = if self.dry_run { "can be imported" } else { "imported" };
        say(&format!("{} of {total} {verb}", total - problems.len()));
        if !found.skipped.is_empty() {
            say(&format!("{} left out", found.skipped.len()));
        }
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn read(&self) -> miette::Result<Found> {
        match self.from {
            None => file::read(self.source.as_ref()),
            Some(Framework::Firebase) => {
                firebase::read(self.source.as_ref(), self.hash_config.as_deref())
            }
            Some(framework) => frameworks::read(framework, self).await,
        }
    }
}

/// The file of old and new ids.
struct IdMap {
    file: std::io::BufWriter<std::fs::File>,
    shown: String,
}

impl IdMap {
    fn create(path: &std::path::Path) -> miette::Result<Self> {
        let shown = path.display().to_string();
        let file = std::fs::File::create(path)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write {shown}"))?;
        let mut made = Self { file: std::io::BufWriter::new(file), shown };
        made.put("former_id", "id")?;
        Ok(made)
    }

    fn put(&mut self, former: &str, id: &str) -> miette::Result<()> {
        let quoted = |text: &str| {
            if text.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.to_owned()
            }
        };
        writeln!(self.file, "{},{}", quoted(former), quoted(id))
            .and_then(|()| self.file.flush())
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write {}", self.shown))
    }
}

/// Keeps an id if it can be one here, and notes any other.
fn put_id(body: &mut Map<String, Value>, app: &mut Map<String, Value>, id: Value) {
    if is_uuid_v4(&id) {
        body.insert("id".to_owned(), id);
    } else {
        app.insert("former_id".to_owned(), id);
    }
}

fn is_uuid_v4(value: &Value) -> bool {
    let id = value.as_str().unwrap_or_default();
    id.len() == 36 && id.as_bytes().get(14) == Some(&b'4')
}

/// Puts the hash into the body, unless it says of an account that it has no password.
fn put_hash(body: &mut Map<String, Value>, hash: String) {
    if !hash.is_empty() && !hash.starts_with('!') && !hash.starts_with('*') {
        body.insert("password_hash".to_owned(), json!(hash));
    }
}

/// The text of an id, whatever its type.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// An object, or the text of one.
fn object_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
        _ => Map::new(),
    }
}

fn unreadable(shown: &str, what: &str) -> miette::Report {
    miette!(help = "docs/migrating-users.md shows what each needs", "{shown} {what}")
}
