//! What a function may ask of the request that it runs in.

pub mod fixed;

use backstay_model::{Result, TypeSource};

pub use fixed::FixedEnvironment;

/// The session as PostgreSQL's functions see it. Everything is fixed for the length of a
/// transaction but what `set_config` changes.
pub trait Environment {
    /// User-defined types (enum labels, domains, composites).
    fn types(&self) -> &dyn TypeSource;
    /// Start of the transaction: microseconds since 2000-01-01 UTC (`now()`).
    fn now_micros(&self) -> i64;
    /// The clock at this moment, same unit (`clock_timestamp()`).
    fn clock_micros(&self) -> i64;
    /// The session's time zone.
    fn time_zone(&self) -> &jiff::tz::TimeZone;
    /// The effective role (`current_user`).
    fn role(&self) -> &str;
    /// A run-time setting as `current_setting` shows it; `None` if it was never set.
    fn setting(&self, name: &str) -> Option<String>;
    /// `set_config(name, value, local)`.
    ///
    /// # Errors
    /// `25006` or `42501` where the session refuses.
    fn set_setting(&self, name: &str, value: &str, local: bool) -> Result<()>;
    /// The name, as `regclass` prints it, of the relation that `name` finds; `None` if there is none.
    fn relation(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
    /// The function that a signature (`f(uuid)`) or a name alone finds, as PostgreSQL prints it; `None`
    /// if there is none, or several of the name.
    fn routine(&self, signature: &str) -> Option<String> {
        let _ = signature;
        None
    }
    /// `nextval`, `currval`, `setval` on the sequence with this name; the host owns sequences. The
    /// empty name with [`SequenceAction::Current`] asks for `lastval()`.
    ///
    /// # Errors
    /// `42P01` unknown sequence, `25006` in a read-only transaction, `55000` `currval` before `nextval`.
    fn sequence(&self, name: &str, action: SequenceAction) -> Result<i64>;
}

/// What is done to a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceAction {
    /// `nextval(name)`.
    Next,
    /// `currval(name)`.
    Current,
    /// `setval(name, value, is_called)`.
    Set {
        /// The new last value.
        value: i64,
        /// Does the next `nextval` go one further?
        called: bool,
    },
}
