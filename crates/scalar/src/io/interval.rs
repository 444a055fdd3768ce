//! Placeholder.

use backstay_model::{Error, Result, Value};

pub(super) fn input(text: &str) -> Result<Value> {
    Ok(Value::text(text))
}
pub(super) fn output(_value: &Value) -> Result<String> {
    Err(Error::internal("not built"))
}
