//! Placeholder.

use backstay_model::{Error, Modifier, Result, Type, Value};

use crate::Environment;

pub(super) fn input(_ty: &Type, text: &str) -> Result<Value> {
    Ok(Value::text(text))
}
pub(super) fn output(_value: &Value) -> Result<String> {
    Err(Error::internal("not built"))
}
pub(super) fn populate(
    _env: &dyn Environment,
    _ty: &Type,
    _modifier: Option<Modifier>,
    text: &str,
) -> Result<Value> {
    Ok(Value::text(text))
}
pub(super) fn write(
    _env: &dyn Environment,
    _ty: &Type,
    _value: &Value,
    _out: &mut Vec<u8>,
) -> Result<()> {
    Ok(())
}
