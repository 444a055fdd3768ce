//! What a function sees of the session: the owner's role and its own settings, where it has them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use backstay_catalog::Routine;
use backstay_model::{Result, TypeSource};
use backstay_scalar::Environment;
use backstay_scalar::environment::SequenceAction;

/// The caller's environment with the changes that the function's declaration makes.
pub(super) struct Surroundings<'a> {
    outer: &'a dyn Environment,
    role: Option<&'a str>,
    settings: RefCell<BTreeMap<String, String>>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn of(routine: &'a Routine, outer: &'a dyn Environment) -> Self {
        let settings = routine
            .settings
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect();
        Self {
            outer,
            role: routine.security_definer.then_some(routine.owner.as_str()),
            settings: RefCell::new(settings),
        }
    }

    /// The role that the body runs as.
    pub(super) fn role_inside(&self) -> &str {
        self.role.unwrap_or_else(|| self.outer.role())
    }
}

impl Environment for Surroundings<'_> {
    fn types(&self) -> &dyn TypeSource {
        self.outer.types()
    }

    fn now_micros(&self) -> i64 {
        self.outer.now_micros()
    }

    fn clock_micros(&self) -> i64 {
        self.outer.clock_micros()
    }

    fn time_zone(&self) -> &jiff::tz::TimeZone {
        self.outer.time_zone()
    }

    fn role(&self) -> &str {
        self.role_inside()
    }

    fn setting(&self, name: &str) -> Option<String> {
        let own = self.settings.borrow().get(&name.to_ascii_lowercase()).cloned();
        own.or_else(|| self.outer.setting(name))
    }

    fn set_setting(&self, name: &str, value: &str, local: bool) -> Result<()> {
        // A setting that the declaration fixes is put back when the function returns.
        if let Some(own) = self.settings.borrow_mut().get_mut(&name.to_ascii_lowercase()) {
            value.clone_into(own);
            return Ok(());
        }
        self.outer.set_setting(name, value, local)
    }

    fn relation(&self, name: &str) -> Option<String> {
        self.outer.relation(name)
    }

    fn routine(&self, signature: &str) -> Option<String> {
        self.outer.routine(signature)
    }

    fn sequence(&self, name: &str, action: SequenceAction) -> Result<i64> {
        self.outer.sequence(name, action)
    }
}
