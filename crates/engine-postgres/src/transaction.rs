//! How a request's transaction begins: its mode, the caller's role, and the settings it runs under
//! (rest.md 2.4, 18.5), all of which end with it.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use backstay_catalog::{Catalog, Routine};
use backstay_engine::Session;
use backstay_policy::Enforcement;

use crate::render::Argument;

/// Settings of a function that hold for the whole transaction of its call.
const OF_TRANSACTION: &[&str] = &["statement_timeout", ISOLATION];
const ISOLATION: &str = "default_transaction_isolation";

/// The beginning of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    /// `BEGIN …`.
    pub(crate) begin: String,
    /// Sets every setting; its text depends on their number only.
    pub(crate) sql: String,
    /// Names and values in turn.
    pub(crate) params: Vec<Argument>,
    /// The role.
    pub(crate) role: String,
    /// Where unqualified names are found.
    pub(crate) search_path: String,
    /// How long a statement may run, if the session says so.
    pub(crate) statement_timeout: Option<Duration>,
}

/// The beginning of a session's transaction. `settable`: the settings that any user may change;
/// `routine`: the function that is called.
pub(crate) fn opening(
    catalog: &Catalog,
    session: &Session,
    settable: &HashSet<String>,
    routine: Option<&Routine>,
    read_only: bool,
) -> Opening {
    let mut settings = settings(catalog, session, settable, routine);
    let mut begin = "BEGIN".to_owned();
    if let Some(level) = settings.remove(ISOLATION).and_then(|level| isolation(&level)) {
        begin.push_str(" ISOLATION LEVEL ");
        begin.push_str(level);
    }
    if read_only {
        begin.push_str(" READ ONLY");
    }
    let mut sql = "SELECT ".to_owned();
    let mut params = Vec::with_capacity(settings.len() * 2);
    let (role, search_path) = (
        settings.get("role").cloned().unwrap_or_default(),
        settings.get("search_path").cloned().unwrap_or_default(),
    );
    for (name, value) in settings {
        if !params.is_empty() {
            sql.push_str(", ");
        }
        let at = params.len();
        // Writing to a string cannot fail.
        let _ = write!(sql, "pg_catalog.set_config(${}, ${}, TRUE)", at + 1, at + 2);
        params.extend(
            [name, value].map(|text| Argument { text: Some(text), typed_by_context: false }),
        );
    }
    Opening { begin, sql, params, role, search_path, statement_timeout: session.statement_timeout }
}

fn settings(
    catalog: &Catalog,
    session: &Session,
    settable: &HashSet<String>,
    routine: Option<&Routine>,
) -> BTreeMap<String, String> {
    let role = &session.caller.role;
    let mut settings = BTreeMap::from([("timezone".to_owned(), "UTC".to_owned())]);
    if let Some(timeout) = session.statement_timeout {
        settings.insert("statement_timeout".to_owned(), timeout.as_millis().to_string());
    }
    let of_role = catalog
        .role_settings
        .iter()
        .filter(|(of, ..)| of.is_empty() || of == role)
        .map(|(_, name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| settable.contains(name) || is_custom(name));
    settings.extend(of_role);
    let given = session.settings.iter();
    settings.extend(given.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    if let Some(routine) = routine {
        let hoisted = routine
            .settings
            .iter()
            .filter(|(name, _)| OF_TRANSACTION.contains(&name.to_ascii_lowercase().as_str()));
        settings.extend(hoisted.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    }
    match session.caller.enforcement {
        Enforcement::Rules { .. } => settings.insert("role".to_owned(), role.clone()),
        // Our own work has the rights of the login.
        Enforcement::Nothing => settings.remove("role"),
    };
    settings
}

/// A setting that an application made up; those for PostgREST itself are not for sessions.
fn is_custom(name: &str) -> bool {
    name.contains('.') && !name.starts_with("pgrst.")
}

fn isolation(level: &str) -> Option<&'static str> {
    match level.to_ascii_lowercase().as_str() {
        "serializable" => Some("SERIALIZABLE"),
        "repeatable read" => Some("REPEATABLE READ"),
        "read committed" => Some("READ COMMITTED"),
        _ => None,
    }
}
