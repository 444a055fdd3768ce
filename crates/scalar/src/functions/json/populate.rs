//! From JSON objects to rows of a type that the call names.

use backstay_model::{Error, Result, Type, Value};

use super::misuse;
use crate::io::json::scan::{self, Kind};
use crate::{Call, Table, io};

pub(super) fn register(table: &mut Table) {
    for signature in [
        "json_populate_record(anyelement, json) anyelement",
        "jsonb_populate_record(anyelement, jsonb) anyelement",
    ] {
        table.function(signature).stable().takes_nulls().scalar(record);
    }
    for signature in [
        "json_populate_recordset(anyelement, json) anyelement",
        "jsonb_populate_recordset(anyelement, jsonb) anyelement",
    ] {
        table.set_returning(signature).stable().takes_nulls().set(records);
    }
    // What `json_to_record(set)` reads each column of its definition list with: the third argument
    // only says the type.
    for signature in [
        "json_member_as(json, text, anyelement) anyelement",
        "json_member_as(jsonb, text, anyelement) anyelement",
    ] {
        table.function(signature).stable().takes_nulls().scalar(member);
    }
}

fn record(call: &Call<'_>) -> Result<Value> {
    let base = call.arg(0)?;
    match call.arg(1)? {
        Value::Null => Ok(base.clone()),
        _ => Ok(Value::Record(populated(call, scan::trim(call.text(1)?))?)),
    }
}

fn records(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    if call.arg(1)?.is_null() {
        return Ok(Vec::new());
    }
    let text = scan::trim(call.text(1)?);
    match scan::kind(text) {
        Kind::Array => scan::elements(text)
            .map(|item| match scan::kind(item) {
                Kind::Object => populated(call, item),
                _ => Err(misuse("argument of json_populate_recordset must be an array of objects")),
            })
            .collect(),
        Kind::Object => Err(misuse("cannot call json_populate_recordset on an object")),
        _ => Err(misuse("cannot call json_populate_recordset on a scalar")),
    }
}

/// The fields of the object; those it lacks come from the first argument.
fn populated(call: &Call<'_>, text: &str) -> Result<Vec<Value>> {
    let Type::Composite(id) = call.result.base(call.env.types()) else {
        return Err(Error::new(
            "42804",
            "first argument of json_populate_record must be a row type",
        ));
    };
    if scan::kind(text) != Kind::Object {
        let found = if scan::kind(text) == Kind::Array { "an array" } else { "a scalar" };
        return Err(misuse(format!("cannot call populate_composite on {found}")));
    }
    let fields = call
        .env
        .types()
        .fields(id)
        .ok_or_else(|| Error::internal("a composite type without fields"))?;
    let base = match call.arg(0)? {
        Value::Record(base) => base.as_slice(),
        _ => &[],
    };
    fields
        .iter()
        .enumerate()
        .map(|(at, (name, ty, modifier))| match scan::last_member(text, name) {
            Some(member) => io::from_json(call.env, ty, *modifier, member),
            None => Ok(base.get(at).cloned().unwrap_or(Value::Null)),
        })
        .collect()
}

fn member(call: &Call<'_>) -> Result<Value> {
    if call.arg(0)?.is_null() {
        return Ok(Value::Null);
    }
    let text = scan::trim(call.text(0)?);
    if scan::kind(text) != Kind::Object {
        return Err(misuse("argument of json_to_recordset must be an array of objects"));
    }
    match scan::last_member(text, call.text(1)?) {
        Some(member) => io::from_json(call.env, call.result, None, member),
        None => Ok(Value::Null),
    }
}
