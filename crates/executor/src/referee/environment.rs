//! A session with a clock that stands still, over a catalogue, with working sequences.

use std::cell::RefCell;
use std::collections::HashMap;

use backstay_catalog::Catalog;
use backstay_model::{Error, Result, TypeSource};
use backstay_scalar::environment::SequenceAction;
use backstay_scalar::{Environment, FixedEnvironment};

/// [`FixedEnvironment`] with the types and sequences of a catalogue.
pub struct MemoryEnvironment {
    fixed: FixedEnvironment,
    catalog: Catalog,
    /// Last value, and whether it has been given out.
    sequences: RefCell<HashMap<(String, String), (i64, bool)>>,
}

impl MemoryEnvironment {
    /// A session of this role.
    pub fn new(catalog: &Catalog, role: &str) -> Self {
        let types = Box::new(catalog.clone());
        Self {
            fixed: FixedEnvironment::new().with_types(types).as_role(role),
            catalog: catalog.clone(),
            sequences: RefCell::default(),
        }
    }
}

impl Environment for MemoryEnvironment {
    fn types(&self) -> &dyn TypeSource {
        self.fixed.types()
    }

    fn now_micros(&self) -> i64 {
        self.fixed.now_micros()
    }

    fn clock_micros(&self) -> i64 {
        self.fixed.clock_micros()
    }

    fn time_zone(&self) -> &jiff::tz::TimeZone {
        self.fixed.time_zone()
    }

    fn role(&self) -> &str {
        self.fixed.role()
    }

    fn setting(&self, name: &str) -> Option<String> {
        self.fixed.setting(name)
    }

    fn set_setting(&self, name: &str, value: &str, local: bool) -> Result<()> {
        self.fixed.set_setting(name, value, local)
    }

    fn sequence(&self, name: &str, action: SequenceAction) -> Result<i64> {
        let (schema, bare) = name.split_once('.').unwrap_or(("public", name));
        let key = (schema.to_owned(), bare.to_owned());
        let sequence =
            self.catalog.sequences.get(&key).ok_or_else(|| {
                Error::new("42P01", format!("relation \"{name}\" does not exist"))
            })?;
        let mut sequences = self.sequences.borrow_mut();
        let known = sequences.get(&key).copied();
        let (value, called) = match (action, known) {
            (SequenceAction::Next, None) => (sequence.start, true),
            (SequenceAction::Next, Some((last, false))) => (last, true),
            (SequenceAction::Next, Some((last, true))) => (last + sequence.increment, true),
            (SequenceAction::Current, Some(state)) => state,
            (SequenceAction::Current, None) => {
                let message =
                    format!("currval of sequence \"{bare}\" is not yet defined in this session");
                return Err(Error::new("55000", message));
            }
            (SequenceAction::Set { value, called }, _) => (value, called),
        };
        if value > sequence.max {
            let message =
                format!("nextval: reached maximum value of sequence \"{bare}\" ({})", sequence.max);
            return Err(Error::new("2200H", message));
        }
        sequences.insert(key, (value, called));
        Ok(value)
    }
}
