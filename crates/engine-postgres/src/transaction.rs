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
const OF_TRANSACTION: &[&str] = &[TIMEOUT, ISOLATION];
const TIMEOUT: &str = "statement_timeout";
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
    /// How long a statement may run.
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
    let statement_timeout = settings.get(TIMEOUT).and_then(|text| duration(text));
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
    Opening { begin, sql, params, role, search_path, statement_timeout }
}

fn settings(
    catalog: &Catalog,
    session: &Session,
    settable: &HashSet<String>,
    routine: Option<&Routine>,
) -> BTreeMap<String, String> {
    let role = &session.caller.role;
    let mut settings = BTreeMap::from([("timezone".to_owned(), "UTC".to_owned())]);
    let of_role = catalog
        .role_settings
        .iter()
        .filter(|(of, ..)| of.is_empty() || **of == **role)
        .map(|(_, name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| settable.contains(name) || is_custom(name));
    settings.extend(of_role);
    if let Some(limit) = session.statement_timeout {
        // The stricter of the two holds.
        let of_role = settings.get(TIMEOUT).and_then(|text| duration(text));
        if of_role.is_none_or(|of_role| of_role > limit) {
            settings.insert(TIMEOUT.to_owned(), limit.as_millis().to_string());
        }
    }
    let given = session.settings.iter();
    settings.extend(given.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())));
    if let Some(routine) = routine {
        let hoisted = routine
            .settings
            .iter()
            .filter(|(name, _)| OF_TRANSACTION.contains(&name.to_ascii_lowercase().as_str()));
        settings.extend(hoisted.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    }
    match session.caller.enforcement {
        Enforcement::Rules { .. } => settings.insert("role".to_owned(), role.to_string()),
        // Our own work has the rights of the login.
        Enforcement::Nothing => settings.remove("role"),
    };
    settings
}

/// A length of time as PostgreSQL reads it, in milliseconds where no unit is given; `None` for no
/// limit.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    Some(match unit.trim() {
        "" | "ms" => Duration::from_millis(number),
        "us" => Duration::from_micros(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3_600)?),
        "d" => Duration::from_secs(number.checked_mul(86_400)?),
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(duration("3s"), Some(Duration::from_secs(3)));
        assert_eq!(duration("250"), Some(Duration::from_millis(250)));
        assert_eq!(duration("2 min"), Some(Duration::from_secs(120)));
        assert_eq!(duration("0"), None);
        assert_eq!(duration("soon"), None);
    }
}
