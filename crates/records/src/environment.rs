//! The request as literals of a plan may see it: `now`, the time zone, user-defined types.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use backstay_catalog::Catalog;
use backstay_model::{Error, Result, TypeSource};
use backstay_scalar::Environment;
use backstay_scalar::environment::SequenceAction;
use jiff::tz::TimeZone;

/// Seconds from 1970 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_SECONDS: i64 = 946_684_800;

/// What is known while a request is planned. Nothing in it can write.
pub(crate) struct Planning {
    catalog: Arc<Catalog>,
    role: Arc<str>,
    zone: TimeZone,
    now_micros: i64,
}

impl Planning {
    pub(crate) fn new(catalog: &Arc<Catalog>, role: &Arc<str>, zone: TimeZone) -> Self {
        Self {
            catalog: Arc::clone(catalog),
            role: Arc::clone(role),
            zone,
            now_micros: clock_micros(),
        }
    }
}

fn clock_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX) - EPOCH_SECONDS * 1_000_000
}

impl Environment for Planning {
    fn types(&self) -> &dyn TypeSource {
        &*self.catalog
    }
    fn now_micros(&self) -> i64 {
        self.now_micros
    }
    fn clock_micros(&self) -> i64 {
        clock_micros()
    }
    fn time_zone(&self) -> &TimeZone {
        &self.zone
    }
    fn role(&self) -> &str {
        &self.role
    }
    fn setting(&self, _name: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _name: &str, _value: &str, _local: bool) -> Result<()> {
        Err(Error::internal("a setting is set while planning"))
    }
    fn sequence(&self, _name: &str, _action: SequenceAction) -> Result<i64> {
        Err(Error::internal("a sequence is used while planning"))
    }
}
