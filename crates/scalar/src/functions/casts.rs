//! The rows of `pg_cast` among the supported types. Casts through text form need none.

pub(crate) mod instants;
pub(crate) mod numbers;

use backstay_model::{Result, Type, Value};

use crate::CastContext::{Assignment, Explicit, Implicit};
use crate::{Call, CastContext, Table};

pub(super) fn register(table: &mut Table) {
    numbers::register(table);
    instants::register(table);
    register_texts(table);
    register_addresses(table);
    for (context, signature) in
        [(Implicit, "::(cidr) inet"), (Implicit, "::(bit) varbit"), (Implicit, "::(varbit) bit")]
    {
        table.cast(context, signature).total().scalar(same);
    }
}

/// `inet` as text always shows its mask, unlike its output.
fn register_addresses(table: &mut Table) {
    for signature in [
        "::(inet) text",
        "::(inet) varchar",
        "::(inet) char",
        "::(inet) citext",
        "::(cidr) text",
        "::(cidr) varchar",
        "::(cidr) char",
    ] {
        table.cast(Assignment, signature).total().scalar(|call| {
            let address = call.text(0)?;
            if address.contains('/') {
                return Ok(Value::text(address));
            }
            let width = if address.contains(':') { 128 } else { 32 };
            Ok(Value::text(format!("{address}/{width}")))
        });
    }
}

/// Text types hold one kind of value; only `name` is shorter, and `char` has no trailing blanks.
fn register_texts(table: &mut Table) {
    let rows: &[(CastContext, &'static str)] = &[
        (Implicit, "::(text) varchar"),
        (Implicit, "::(text) char"),
        (Implicit, "::(text) name"),
        (Implicit, "::(varchar) text"),
        (Implicit, "::(varchar) char"),
        (Implicit, "::(varchar) name"),
        (Implicit, "::(char) text"),
        (Implicit, "::(char) varchar"),
        (Implicit, "::(char) name"),
        (Implicit, "::(name) text"),
        (Assignment, "::(name) char"),
        (Assignment, "::(name) varchar"),
        (Implicit, "::(citext) text"),
        (Implicit, "::(citext) varchar"),
        (Assignment, "::(citext) char"),
        (Assignment, "::(text) citext"),
        (Assignment, "::(varchar) citext"),
        (Assignment, "::(char) citext"),
        (Assignment, "::(xml) text"),
        (Assignment, "::(xml) varchar"),
        (Assignment, "::(xml) char"),
    ];
    for (context, signature) in rows {
        table.cast(*context, signature).total().scalar(text);
    }
    for signature in
        ["::(boolean) text", "::(boolean) varchar", "::(boolean) char", "::(boolean) citext"]
    {
        table
            .cast(Assignment, signature)
            .total()
            .scalar(|call| Ok(Value::text(if call.boolean(0)? { "true" } else { "false" })));
    }
    table.cast(Explicit, "::(integer) boolean").total().scalar(|c| Ok(Value::Bool(c.int(0)? != 0)));
    table
        .cast(Explicit, "::(boolean) integer")
        .total()
        .scalar(|call| Ok(Value::Int(i64::from(call.boolean(0)?))));
}

fn same(call: &Call<'_>) -> Result<Value> {
    call.arg(0).cloned()
}

fn text(call: &Call<'_>) -> Result<Value> {
    let text = call.text(0)?;
    Ok(Value::text(match call.result {
        Type::Name => crate::io::plain::cut_name(text),
        Type::Char => text.trim_end_matches(' '),
        _ => text,
    }))
}
