//! The settings of a `supabase/config.toml`, as far as they mean something here.

use std::collections::BTreeMap;
use std::path::Path;

use miette::{IntoDiagnostic, WrapErr};

/// The key of `config.toml` and ours.
const KEYS: &[(&str, &str)] = &[
    ("project_id", "project_id"),
    ("api.port", "server.port"),
    ("api.schemas", "api.schemas"),
    ("api.extra_search_path", "api.extra_search_path"),
    ("api.max_rows", "api.max_rows"),
    ("auth.site_url", "auth.site_url"),
    ("db.seed.sql_paths", "db.seed"),
];

/// The port on which Supabase's command line serves.
const PORT: i64 = 54321;

/// Reads the file into a table of our own names. Tables of services that this version does not have
/// are noted, not refused: files of all ages are around.
pub(super) fn read(
    path: &Path,
    variables: &BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> miette::Result<toml::Table> {
    let text = std::fs::read_to_string(path)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {}", path.display()))?;
    let mut theirs: toml::Table =
        toml::from_str(&text).map_err(|error| super::located(path, &text, &error))?;
    for value in theirs.iter_mut().map(|(_, value)| value) {
        replace_variables(value, variables);
    }
    let mut ours: toml::Table =
        toml::from_str(&format!("server.port = {PORT}\napi.require_rls = false\n"))
            .into_diagnostic()?;
    for (their, our) in KEYS {
        if let Some(value) = get(&theirs, their) {
            put(&mut ours, our, value.clone());
        }
    }
    if let Some(toml::Value::Boolean(false)) = get(&theirs, "db.seed.enabled") {
        put(&mut ours, "db.seed", toml::Value::Array(Vec::new()));
    }
    let unused: Vec<&str> = theirs
        .keys()
        .map(String::as_str)
        .filter(|key| !["project_id", "api", "db", "auth"].contains(key))
        .collect();
    if !unused.is_empty() {
        notes.push(format!("not used from {}: {}", path.display(), unused.join(", ")));
    }
    Ok(ours)
}

/// `env(NAME)` is replaced where the variable is set.
fn replace_variables(value: &mut toml::Value, variables: &BTreeMap<String, String>) {
    match value {
        toml::Value::String(text) => {
            let name = text.strip_prefix("env(").and_then(|rest| rest.strip_suffix(')'));
            if let Some(known) = name.and_then(|name| variables.get(name)) {
                *text = known.clone();
            }
        }
        toml::Value::Array(items) => {
            for item in items {
                replace_variables(item, variables);
            }
        }
        toml::Value::Table(table) => {
            for (_, item) in table.iter_mut() {
                replace_variables(item, variables);
            }
        }
        _ => {}
    }
}

fn get<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    let mut steps = path.split('.');
    let first = table.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

fn put(table: &mut toml::Table, path: &str, value: toml::Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table
                .entry(section.to_owned())
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
