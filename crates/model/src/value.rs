//! What a column, a parameter or an expression holds at run time.

use serde::{Deserialize, Serialize};

use crate::Numeric;

/// A value. Its meaning comes from the [`crate::Type`] beside it.
///
/// Dates and times count from PostgreSQL's epoch, 2000-01-01; the least and the greatest number
/// are `-infinity` and `infinity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// SQL's null, of any type.
    Null,
    /// `boolean`.
    Bool(bool),
    /// `smallint`, `integer`, `bigint`, `oid`; `money` in cents.
    Int(i64),
    /// `real` (already rounded to single precision) and `double precision`.
    Float(f64),
    /// `numeric`.
    Numeric(Numeric),
    /// Text types (`char(n)` without its trailing blanks), and types kept in their canonical text
    /// form: `inet`, `cidr`, `macaddr`, `bit`, `varbit`, `point`, `xml`, `tsvector`, `tsquery`,
    /// `regclass`, `vector`, and everything of [`crate::Type::Other`].
    Text(String),
    /// `bytea`.
    Bytes(Vec<u8>),
    /// `uuid`.
    Uuid([u8; 16]),
    /// `date`: days.
    Date(i32),
    /// `time`: microseconds since midnight, up to 24:00 inclusive.
    Time(i64),
    /// `time with time zone`.
    TimeTz {
        /// Local microseconds since midnight.
        micros: i64,
        /// Seconds **west** of UTC, as PostgreSQL stores it.
        zone: i32,
    },
    /// `timestamp` (no zone) and `timestamp with time zone` (UTC): microseconds.
    Timestamp(i64),
    /// `interval`.
    Interval(Interval),
    /// `json`: the text as given.
    Json(String),
    /// `jsonb`: PostgreSQL's canonical text (`{"a": 1, "bb": [1, 2]}`).
    Jsonb(String),
    /// An enum's stored code ([`crate::EnumType`]).
    Enum(i64),
    /// Any array.
    Array(Array),
    /// Any range.
    Range(Box<Range>),
    /// A composite value or row.
    Record(Vec<Value>),
}

impl Value {
    /// Is it SQL's null?
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The text of a text or JSON value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Json(text) | Self::Jsonb(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer value.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// The truth of a boolean; `None` for null and for other kinds.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }
}

/// PostgreSQL's interval: three parts that never carry over by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

/// An array in row-major order. Lower bounds are always 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Array {
    /// Length of each dimension; empty for the empty array.
    pub dims: Vec<usize>,
    /// All elements; `Value::Null` allowed.
    pub elements: Vec<Value>,
}

impl Array {
    /// A one-dimensional array (no dimension when empty).
    pub fn from_elements(elements: Vec<Value>) -> Self {
        let dims = if elements.is_empty() { Vec::new() } else { vec![elements.len()] };
        Self { dims, elements }
    }
}

/// A range in canonical form: discrete ranges are `[lower,upper)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// `empty`; then the rest is without meaning.
    pub empty: bool,
    /// Lower bound, `None` for unbounded.
    pub lower: Option<Value>,
    /// Upper bound, `None` for unbounded.
    pub upper: Option<Value>,
    /// Does the range hold its lower bound?
    pub lower_inclusive: bool,
    /// Does the range hold its upper bound?
    pub upper_inclusive: bool,
}
