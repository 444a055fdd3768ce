//! What printing a value may ask: the catalogue's types, and UTC.

use backstay_catalog::Catalog;
use backstay_model::{Error, Result, TypeSource};
use backstay_scalar::Environment;
use backstay_scalar::environment::SequenceAction;
use jiff::tz::TimeZone;

/// The text forms of values as parameters carry them: independent of the session, since every form
/// that depends on a setting (time zone, date style) is printed in full.
#[derive(Debug)]
pub(crate) struct Forms<'a> {
    pub(super) catalog: &'a Catalog,
    zone: TimeZone,
}

impl<'a> Forms<'a> {
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, zone: TimeZone::UTC }
    }
}

impl Environment for Forms<'_> {
    fn types(&self) -> &dyn TypeSource {
        self.catalog
    }
    fn now_micros(&self) -> i64 {
        0
    }
    fn clock_micros(&self) -> i64 {
        0
    }
    fn time_zone(&self) -> &TimeZone {
        &self.zone
    }
    fn role(&self) -> &str {
        ""
    }
    fn setting(&self, _name: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _name: &str, _value: &str, _local: bool) -> Result<()> {
        Err(Error::internal("a setting is set while a value is printed"))
    }
    fn sequence(&self, _name: &str, _action: SequenceAction) -> Result<i64> {
        Err(Error::internal("a sequence is used while a value is printed"))
    }
}
