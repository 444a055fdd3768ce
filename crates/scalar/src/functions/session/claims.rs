//! `auth.uid()`, `auth.role()`, `auth.email()`, `auth.jwt()`: what the caller's token says; and
//! `realtime.topic()`: which channel it is about.
//!
//! Total although a bad claim raises: claims are fixed for the request, so the error tells nothing
//! about stored rows.

use backstay_model::{Result, Type, Value};

use super::text;
use crate::io::json::scan;
use crate::{Call, Table, io};

pub(super) fn register(table: &mut Table) {
    table.function("auth.uid() uuid").stable().total().scalar(|call| match claim(call, "sub")? {
        Some(sub) => io::input(call.env, &Type::Uuid, None, &sub),
        None => Ok(Value::Null),
    });
    table
        .function("auth.role() text")
        .stable()
        .total()
        .scalar(|call| claim(call, "role")?.map_or(Ok(Value::Null), text));
    table
        .function("auth.email() text")
        .stable()
        .total()
        .scalar(|call| claim(call, "email")?.map_or(Ok(Value::Null), text));
    table.function("auth.jwt() jsonb").stable().total().scalar(|call| {
        let claims = ["request.jwt.claim", "request.jwt.claims"]
            .into_iter()
            .find_map(|name| filled(call, name));
        match claims {
            Some(claims) => io::json::canonicalize(&claims).map(Value::Jsonb),
            None => Ok(Value::Null),
        }
    });
    table
        .function("realtime.topic() text")
        .stable()
        .total()
        .scalar(|call| filled(call, "realtime.topic").map_or(Ok(Value::Null), text));
}

/// A setting that is not empty.
fn filled(call: &Call<'_>, name: &str) -> Option<String> {
    call.env.setting(name).filter(|value| !value.is_empty())
}

/// A claim: from its own setting, as older gateways pass it, or from the object of all claims.
fn claim(call: &Call<'_>, name: &str) -> Result<Option<String>> {
    if let Some(own) = filled(call, &format!("request.jwt.claim.{name}")) {
        return Ok(Some(own));
    }
    let Some(claims) = filled(call, "request.jwt.claims") else { return Ok(None) };
    io::json::validate(&claims)?;
    let value = scan::last_member(&claims, name).map(scan::as_text).transpose()?.flatten();
    Ok(value.map(|value| value.into_owned()).filter(|value| !value.is_empty()))
}
