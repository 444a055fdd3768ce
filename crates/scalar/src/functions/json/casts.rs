//! Casts from and to `jsonb`.

use backstay_model::{Numeric, Result, Type, Value};

use super::{misuse, to_canonical};
use crate::io::json::scan::{self, Kind};
use crate::{Call, CastContext, Table, io};

pub(super) fn register(table: &mut Table) {
    table.cast(CastContext::Assignment, "::(json) jsonb").scalar(to_canonical);
    table
        .cast(CastContext::Assignment, "::(jsonb) json")
        .total()
        .scalar(|call| Ok(Value::Json(call.text(0)?.to_owned())));
    table.cast(CastContext::Explicit, "::(jsonb) boolean").scalar(|call| {
        let text = call.text(0)?;
        match scan::kind(text) {
            Kind::Bool => Ok(Value::Bool(text == "true")),
            kind => Err(cannot(kind, "boolean")),
        }
    });
    for signature in [
        "::(jsonb) smallint",
        "::(jsonb) integer",
        "::(jsonb) bigint",
        "::(jsonb) real",
        "::(jsonb) double precision",
        "::(jsonb) numeric",
    ] {
        table.cast(CastContext::Explicit, signature).scalar(number);
    }
}

fn cannot(kind: Kind, target: &str) -> backstay_model::Error {
    let kind = match kind {
        Kind::Number => "numeric",
        kind => kind.name(),
    };
    misuse(format!("cannot cast jsonb {kind} to type {target}"))
}

/// Numbers are `numeric` inside, so whole targets round half away from zero.
fn number(call: &Call<'_>) -> Result<Value> {
    let text = call.text(0)?;
    let target = call.result;
    let name = target.builtin_name();
    if scan::kind(text) != Kind::Number {
        return Err(cannot(scan::kind(text), name));
    }
    let out_of_range = || backstay_model::Error::new("22003", format!("{name} out of range"));
    let parsed: Numeric = text.parse().map_err(|_| out_of_range())?;
    let whole = |least: i64, greatest: i64| {
        let number = parsed.to_i64_rounded().filter(|n| (least..=greatest).contains(n));
        number.map(Value::Int).ok_or_else(out_of_range)
    };
    match target {
        Type::Int2 => whole(i16::MIN.into(), i16::MAX.into()),
        Type::Int4 => whole(i32::MIN.into(), i32::MAX.into()),
        Type::Int8 => whole(i64::MIN, i64::MAX),
        Type::Numeric => Ok(Value::Numeric(parsed)),
        _ => io::input(call.env, target, None, text),
    }
}
