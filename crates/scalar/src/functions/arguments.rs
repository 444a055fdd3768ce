//! Typed access to the arguments of a call.

use backstay_model::{Array, Error, Interval, Numeric, Result, Value};

use crate::Call;

/// The binder passes what the signature says; anything else is a mistake of ours, not the caller's.
fn mismatch(index: usize) -> Error {
    Error::internal(format!("argument {} has an unexpected type", index + 1))
}

macro_rules! accessor {
    ($(#[$doc:meta])* $name:ident, $result:ty, $pattern:pat => $value:expr) => {
        $(#[$doc])*
        pub(crate) fn $name(&self, index: usize) -> Result<$result> {
            match self.args.get(index) {
                Some($pattern) => Ok($value),
                _ => Err(mismatch(index)),
            }
        }
    };
}

impl Call<'_> {
    accessor!(
        /// A boolean argument.
        boolean, bool, Value::Bool(truth) => *truth
    );
    accessor!(
        /// An integer argument.
        int, i64, Value::Int(number) => *number
    );
    accessor!(
        /// A floating-point argument.
        float, f64, Value::Float(number) => *number
    );
    accessor!(
        /// A numeric argument.
        numeric, &Numeric, Value::Numeric(number) => number
    );
    accessor!(
        /// A text, json or jsonb argument.
        text, &str, Value::Text(text) | Value::Json(text) | Value::Jsonb(text) => text
    );
    accessor!(
        /// A bytea argument.
        bytes, &[u8], Value::Bytes(bytes) => bytes
    );
    accessor!(
        /// A date argument: days.
        date, i32, Value::Date(days) => *days
    );
    accessor!(
        /// A time argument: microseconds.
        time, i64, Value::Time(micros) => *micros
    );
    accessor!(
        /// A time with time zone: local microseconds, seconds west of UTC.
        time_tz, (i64, i32), Value::TimeTz { micros, zone } => (*micros, *zone)
    );
    accessor!(
        /// A timestamp argument of either kind: microseconds.
        timestamp, i64, Value::Timestamp(micros) => *micros
    );
    accessor!(
        /// An interval argument.
        interval, Interval, Value::Interval(interval) => *interval
    );
    accessor!(
        /// An array argument.
        array, &Array, Value::Array(array) => array
    );

    /// An argument of any kind.
    pub(crate) fn arg(&self, index: usize) -> Result<&Value> {
        self.args.get(index).ok_or_else(|| mismatch(index))
    }
}
