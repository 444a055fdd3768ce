//! An environment whose clock stands still: for tests and for constants that need no request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use backstay_model::types::NoTypes;
use backstay_model::{Error, Result, TypeSource};
use jiff::tz::TimeZone;

use super::{Environment, SequenceAction};

/// 2026-03-01 10:00:00 UTC in microseconds since 2000-01-01.
pub const FIXED_NOW_MICROS: i64 = 825_674_400_000_000;

/// A session with a fixed clock, a zone, settings, and no sequences.
pub struct FixedEnvironment {
    now_micros: i64,
    zone: TimeZone,
    role: String,
    settings: Mutex<HashMap<String, String>>,
    types: Box<dyn TypeSource + Send + Sync>,
}

impl Default for FixedEnvironment {
    fn default() -> Self {
        Self {
            now_micros: FIXED_NOW_MICROS,
            zone: TimeZone::UTC,
            role: "postgres".to_owned(),
            settings: Mutex::default(),
            types: Box::new(NoTypes),
        }
    }
}

impl FixedEnvironment {
    /// 2026-03-01 10:00:00 UTC, role `postgres`, zone UTC, no settings, no user-defined types.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another clock: microseconds since 2000-01-01 UTC.
    #[must_use]
    pub fn at(mut self, now_micros: i64) -> Self {
        self.now_micros = now_micros;
        self
    }

    /// The same in another zone.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// The same as another role.
    #[must_use]
    pub fn as_role(mut self, role: &str) -> Self {
        role.clone_into(&mut self.role);
        self
    }

    /// The same with user-defined types.
    #[must_use]
    pub fn with_types(mut self, types: Box<dyn TypeSource + Send + Sync>) -> Self {
        self.types = types;
        self
    }
}

impl Environment for FixedEnvironment {
    fn types(&self) -> &dyn TypeSource {
        self.types.as_ref()
    }

    fn now_micros(&self) -> i64 {
        self.now_micros
    }

    fn clock_micros(&self) -> i64 {
        self.now_micros
    }

    fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    fn role(&self) -> &str {
        &self.role
    }

    fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn set_setting(&self, name: &str, value: &str, _local: bool) -> Result<()> {
        self.settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    fn sequence(&self, name: &str, _action: SequenceAction) -> Result<i64> {
        Err(Error::new("42P01", format!("relation \"{name}\" does not exist")))
    }
}
