//! The request as functions see it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use backstay_catalog::{Catalog, SearchPath};
use backstay_engine::{Session, Settings};
use backstay_model::types::display_name;
use backstay_model::{Error, Result, TypeSource};
use backstay_scalar::Environment;
use backstay_scalar::environment::SequenceAction;
use jiff::tz::TimeZone;

use crate::sequences::{SequenceKey, Sequences, unknown};

/// Seconds between 1970 and 2000.
const EPOCH_SECONDS: i64 = 946_684_800;

/// The environment of one transaction.
pub(crate) struct SessionEnvironment {
    catalog: Arc<Catalog>,
    sequences: Arc<Sequences>,
    now_micros: i64,
    zone: TimeZone,
    role: Arc<str>,
    read_only: bool,
    given: Arc<Settings>,
    changed: RefCell<BTreeMap<String, String>>,
    used: RefCell<BTreeMap<SequenceKey, i64>>,
    /// What `nextval` gave last.
    last: RefCell<Option<i64>>,
}

/// Microseconds since 2000-01-01 UTC.
fn clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX) - EPOCH_SECONDS * 1_000_000
}

impl SessionEnvironment {
    /// The environment for a session that begins now.
    pub(crate) fn new(
        catalog: &Arc<Catalog>,
        sequences: &Arc<Sequences>,
        session: &Session,
        read_only: bool,
    ) -> Self {
        let mut made = Self {
            catalog: Arc::clone(catalog),
            sequences: Arc::clone(sequences),
            now_micros: clock(),
            zone: TimeZone::UTC,
            role: session.caller.role.clone(),
            read_only,
            given: Arc::clone(&session.settings),
            changed: RefCell::default(),
            used: RefCell::default(),
            last: RefCell::default(),
        };
        if let Some(zone) = made.known("timezone").and_then(|name| TimeZone::get(&name).ok()) {
            made.zone = zone;
        }
        made
    }

    /// A setting that was changed, came with the session, or is the role's; by its lower-case name.
    fn known(&self, name: &str) -> Option<String> {
        if let Some(value) = self.changed.borrow().get(name) {
            return Some(value.clone());
        }
        if let Some(value) = self.given.get(name) {
            return Some(value.to_owned());
        }
        let of_role = self.catalog.role_settings.iter().rev().find(|(of, known, _)| {
            (of.is_empty() || **of == *self.role) && known.eq_ignore_ascii_case(name)
        });
        of_role.map(|(_, _, value)| value.clone())
    }

    /// Settings of the answer that functions made.
    pub(crate) fn response_settings(&self) -> Vec<(String, String)> {
        let changed = self.changed.borrow();
        ["response.headers", "response.status"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), changed.get(name)?.clone())))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    /// The settings of the session with what was changed, for one that goes on under another
    /// catalogue.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        let changed = self.changed.borrow();
        if changed.is_empty() {
            return Arc::clone(&self.given);
        }
        let mut settings = (*self.given).clone();
        for (name, value) in &*changed {
            settings.set(name.clone(), value.clone());
        }
        Arc::new(settings)
    }

    fn sequence_key(&self, name: &str) -> Result<SequenceKey> {
        let known = &self.catalog.sequences;
        let bare = |part: &str| part.trim_matches('"').to_owned();
        if let Some((schema, rest)) = name.split_once('.') {
            let key = (bare(schema), bare(rest));
            return if known.contains_key(&key) { Ok(key) } else { Err(unknown(name)) };
        }
        let path = self.setting("search_path").unwrap_or_default();
        let schemas = SearchPath::parse(&path).0.into_iter().chain(["public".to_owned()]);
        schemas
            .map(|schema| (schema, bare(name)))
            .find(|key| known.contains_key(key))
            .ok_or_else(|| unknown(name))
    }
}

/// What `current_setting` shows where nothing was set.
fn default_setting(name: &str) -> Option<&'static str> {
    Some(match name {
        "search_path" => "\"$user\", public, extensions",
        "timezone" => "UTC",
        "server_version" => "15.8",
        "server_version_num" => "150008",
        "server_encoding" | "client_encoding" => "UTF8",
        "datestyle" => "ISO, MDY",
        "intervalstyle" => "postgres",
        "standard_conforming_strings" => "on",
        "row_security" => "on",
        "transaction_isolation" | "default_transaction_isolation" => "serializable",
        "bytea_output" => "hex",
        "lc_collate" | "lc_ctype" => "C.UTF-8",
        _ => return None,
    })
}

impl Environment for SessionEnvironment {
    fn types(&self) -> &dyn TypeSource {
        self.catalog.as_ref()
    }

    fn now_micros(&self) -> i64 {
        self.now_micros
    }

    fn clock_micros(&self) -> i64 {
        clock()
    }

    fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    fn role(&self) -> &str {
        &self.role
    }

    fn setting(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "role" => Some(self.role.to_string()),
            "transaction_read_only" => Some(if self.read_only { "on" } else { "off" }.to_owned()),
            _ => self.known(&name).or_else(|| default_setting(&name).map(str::to_owned)),
        }
    }

    fn set_setting(&self, name: &str, value: &str, _local: bool) -> Result<()> {
        let name = name.to_ascii_lowercase();
        if matches!(name.as_str(), "role" | "session_authorization") && *value != *self.role {
            return Err(Error::new("42501", format!("permission denied to set role \"{value}\"")));
        }
        self.changed.borrow_mut().insert(name, value.to_owned());
        Ok(())
    }

    fn relation(&self, name: &str) -> Option<String> {
        let parts: Vec<String> =
            name.split('.').map(|part| part.trim_matches('"').to_owned()).collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [.., schema, name] => (Some(schema.as_str()), name),
            [] => return None,
        };
        let path = SearchPath::parse(&self.setting("search_path").unwrap_or_default());
        if let Some(found) = path.relation(&self.catalog, schema, name) {
            return Some(display_name(&found.schema, &found.name));
        }
        let mut schemas = schema.map_or(path.0, |schema| vec![schema.to_owned()]).into_iter();
        schemas
            .find(|schema| self.catalog.sequences.contains_key(&(schema.clone(), name.clone())))
            .map(|schema| display_name(&schema, name))
    }

    fn routine(&self, signature: &str) -> Option<String> {
        let path = SearchPath::parse(&self.setting("search_path").unwrap_or_default());
        backstay_pgsql::routine_named(&self.catalog, &path, signature)
    }

    fn sequence(&self, name: &str, action: SequenceAction) -> Result<i64> {
        if name.is_empty() {
            let last = *self.last.borrow();
            let missing = || Error::new("55000", "lastval is not yet defined in this session");
            return last.ok_or_else(missing);
        }
        let key = self.sequence_key(name)?;
        if action == SequenceAction::Current {
            return self.used.borrow().get(&key).copied().ok_or_else(|| {
                Error::new(
                    "55000",
                    format!("currval of sequence \"{}\" is not yet defined in this session", key.1),
                )
            });
        }
        if self.read_only {
            let verb = if action == SequenceAction::Next { "nextval()" } else { "setval()" };
            return Err(Error::new(
                "25006",
                format!("cannot execute {verb} in a read-only transaction"),
            ));
        }
        let number = self.sequences.act(&self.catalog, &key, action)?;
        self.used.borrow_mut().insert(key, number);
        if action == SequenceAction::Next {
            *self.last.borrow_mut() = Some(number);
        }
        Ok(number)
    }
}
