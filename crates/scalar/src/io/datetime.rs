//! Placeholder.

use backstay_model::{Error, Modifier, Result, Type, Value};

use crate::Environment;

pub(super) fn input(_env: &dyn Environment, _ty: &Type, text: &str) -> Result<Value> {
    Ok(Value::text(text))
}
pub(super) fn output(_env: &dyn Environment, _ty: &Type, _value: &Value) -> Result<String> {
    Err(Error::internal("not built"))
}
pub(super) fn apply_modifier(_modifier: Modifier, value: Value) -> Result<Value> {
    Ok(value)
}
