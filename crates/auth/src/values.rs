//! Between Rust's values and those of a statement.

use backstay_model::Value;
use backstay_records::Row;
use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

/// Seconds from 1970 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_SECONDS: i64 = 946_684_800;

/// JSON object of a user's metadata.
pub(crate) type Object = Map<String, serde_json::Value>;

/// Something that may be an argument of a statement.
pub(crate) trait Argument {
    fn value(self) -> Value;
}

impl Argument for &str {
    fn value(self) -> Value {
        Value::text(self)
    }
}
impl Argument for &String {
    fn value(self) -> Value {
        Value::text(self.clone())
    }
}
impl Argument for String {
    fn value(self) -> Value {
        Value::Text(self)
    }
}
impl Argument for Uuid {
    fn value(self) -> Value {
        Value::Uuid(self.into_bytes())
    }
}
impl Argument for bool {
    fn value(self) -> Value {
        Value::Bool(self)
    }
}
impl Argument for i64 {
    fn value(self) -> Value {
        Value::Int(self)
    }
}
impl Argument for Timestamp {
    fn value(self) -> Value {
        Value::Timestamp(self.as_microsecond() - EPOCH_SECONDS * 1_000_000)
    }
}
impl Argument for &Object {
    /// JSON travels as text; the statement casts it.
    fn value(self) -> Value {
        Value::Text(serde_json::Value::Object(self.clone()).to_string())
    }
}
impl<T: Argument> Argument for Option<T> {
    fn value(self) -> Value {
        self.map_or(Value::Null, Argument::value)
    }
}

/// The arguments of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::values::Argument::value($value)),*] };
}
pub(crate) use args;

/// Reads a row from left to right.
pub(crate) struct Columns {
    row: Row,
    next: usize,
}

impl Columns {
    pub(crate) fn of(row: Row) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn value(&mut self) -> Value {
        self.next += 1;
        self.row.take(self.next - 1)
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        match self.value() {
            Value::Text(text) | Value::Json(text) | Value::Jsonb(text) => Some(text),
            _ => None,
        }
    }

    /// Text, where null is as good as empty.
    pub(crate) fn string(&mut self) -> String {
        self.text().unwrap_or_default()
    }

    pub(crate) fn uuid(&mut self) -> Option<Uuid> {
        match self.value() {
            Value::Uuid(bytes) => Some(Uuid::from_bytes(bytes)),
            _ => None,
        }
    }

    /// An id that cannot be null.
    pub(crate) fn id(&mut self) -> Uuid {
        self.uuid().unwrap_or_default()
    }

    pub(crate) fn int(&mut self) -> i64 {
        self.value().as_int().unwrap_or(0)
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.value().as_bool().unwrap_or(false)
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        match self.value() {
            Value::Timestamp(micros) => {
                Timestamp::from_microsecond(micros.checked_add(EPOCH_SECONDS * 1_000_000)?).ok()
            }
            _ => None,
        }
    }

    pub(crate) fn object(&mut self) -> Object {
        let text = self.string();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// The time of now, in the precision of the database.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
