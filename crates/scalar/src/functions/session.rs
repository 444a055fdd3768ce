//! Functions about the session: settings, roles, sequences, claims, storage paths.

mod claims;
mod locks;
mod storage;

use std::time::Duration;

use backstay_model::{Array, Error, Result, Type, Value, quote_identifier};

use super::text::text;
use crate::environment::SequenceAction;
use crate::{Call, CastContext, Table};

/// Limit: how long `pg_sleep` may hold a connection, in seconds.
const SLEEP_SECONDS_MAX: f64 = 10.0;
/// What `version()` and `server_version` say; clients read the number to choose their SQL.
const VERSION: &str = "15.8";

pub(super) fn register(table: &mut Table) {
    settings(table);
    roles(table);
    sequences(table);
    facts(table);
    claims::register(table);
    locks::register(table);
    storage::register(table);
}

fn unknown_setting(name: &str) -> Error {
    Error::new("42704", format!("unrecognized configuration parameter \"{name}\""))
}

/// A setting, or what the server itself answers for some names.
fn setting(call: &Call<'_>, name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    call.env.setting(&name).or_else(|| {
        Some(match name.as_str() {
            "server_version" => VERSION.to_owned(),
            "server_version_num" => "150008".to_owned(),
            "server_encoding" | "client_encoding" => "UTF8".to_owned(),
            "timezone" => call.env.time_zone().iana_name().unwrap_or("UTC").to_owned(),
            "role" => call.env.role().to_owned(),
            "standard_conforming_strings" | "integer_datetimes" => "on".to_owned(),
            "datestyle" => "ISO, MDY".to_owned(),
            "intervalstyle" => "postgres".to_owned(),
            "is_superuser" | "transaction_read_only" => "off".to_owned(),
            "transaction_isolation" => "serializable".to_owned(),
            "default_text_search_config" => "pg_catalog.english".to_owned(),
            "search_path" => "\"$user\", public".to_owned(),
            _ => return None,
        })
    })
}

fn settings(table: &mut Table) {
    table.function("current_setting(text) text").stable().scalar(|call| {
        let name = call.text(0)?;
        setting(call, name).map(Value::Text).ok_or_else(|| unknown_setting(name))
    });
    table.function("current_setting(text, boolean) text").stable().scalar(|call| {
        let name = call.text(0)?;
        match setting(call, name) {
            Some(value) => text(value),
            None if call.boolean(1)? => Ok(Value::Null),
            None => Err(unknown_setting(name)),
        }
    });
    table.function("set_config(text, text, boolean) text").takes_nulls().volatile().scalar(
        |call| {
            if call.arg(0)?.is_null() {
                return Err(Error::new("22004", "SET requires parameter name"));
            }
            // A null sets a custom parameter to nothing, which it then shows as the empty text.
            let value = if call.arg(1)?.is_null() { "" } else { call.text(1)? };
            let local = !call.arg(2)?.is_null() && call.boolean(2)?;
            call.env.set_setting(&call.text(0)?.to_ascii_lowercase(), value, local)?;
            text(value)
        },
    );
}

fn roles(table: &mut Table) {
    for signature in ["current_user() name", "current_role() name", "user() name"] {
        table.function(signature).stable().total().scalar(|call| text(call.env.role()));
    }
    table.function("session_user() name").stable().total().scalar(|call| {
        text(
            call.env.setting("session_authorization").unwrap_or_else(|| call.env.role().to_owned()),
        )
    });
    for signature in ["current_database() name", "current_catalog() name"] {
        table.function(signature).stable().total().scalar(|_| text("postgres"));
    }
    table
        .function("current_schema() name")
        .stable()
        .total()
        .scalar(|call| Ok(search_path(call).into_iter().next().map_or(Value::Null, Value::Text)));
    table.function("current_schemas(boolean) name[]").stable().total().scalar(|call| {
        let mut schemas = search_path(call);
        if call.boolean(0)? && !schemas.iter().any(|schema| schema == "pg_catalog") {
            schemas.insert(0, "pg_catalog".to_owned());
        }
        let schemas = schemas.into_iter().map(Value::Text).collect();
        Ok(Value::Array(Array::from_elements(schemas)))
    });
}

/// The schemas of the search path; `"$user"` has none.
fn search_path(call: &Call<'_>) -> Vec<String> {
    let path = setting(call, "search_path").unwrap_or_default();
    path.split(',')
        .map(|schema| schema.trim().trim_matches('"').to_owned())
        .filter(|schema| !schema.is_empty() && schema != "$user")
        .collect()
}

fn sequences(table: &mut Table) {
    fn next(call: &Call<'_>, action: SequenceAction) -> Result<Value> {
        call.env.sequence(call.text(0)?, action).map(Value::Int)
    }
    table
        .function("nextval(regclass) bigint")
        .volatile()
        .scalar(|call| next(call, SequenceAction::Next));
    table
        .function("currval(regclass) bigint")
        .volatile()
        .scalar(|call| next(call, SequenceAction::Current));
    table
        .function("lastval() bigint")
        .volatile()
        .scalar(|call| call.env.sequence("", SequenceAction::Current).map(Value::Int));
    table
        .function("setval(regclass, bigint) bigint")
        .volatile()
        .scalar(|call| next(call, SequenceAction::Set { value: call.int(1)?, called: true }));
    table.function("setval(regclass, bigint, boolean) bigint").volatile().scalar(|call| {
        next(call, SequenceAction::Set { value: call.int(1)?, called: call.boolean(2)? })
    });
    table
        .cast(CastContext::Implicit, "::(text) regclass")
        .stable()
        .scalar(|call| text(call.text(0)?));
    // The sequence of a serial or identity column has this name unless it was renamed.
    table.function("pg_get_serial_sequence(text, text) text").stable().scalar(|call| {
        let (relation, column) = (call.text(0)?, call.text(1)?);
        if call.env.relation(relation).is_none() {
            return Err(Error::new("42P01", format!("relation \"{relation}\" does not exist")));
        }
        let (schema, name) = relation.rsplit_once('.').unwrap_or(("public", relation));
        let sequence = quote_identifier(&format!("{}_{column}_seq", name.trim_matches('"')));
        let sequence = format!("{schema}.{sequence}");
        Ok(call.env.relation(&sequence).map_or(Value::Null, |_| Value::Text(sequence)))
    });
    table
        .function("to_regclass(text) regclass")
        .stable()
        .total()
        .scalar(|call| Ok(call.env.relation(call.text(0)?).map_or(Value::Null, Value::Text)));
    // What they find is its name here: there is no type of functions.
    for signature in ["to_regprocedure(text) text", "to_regproc(text) text"] {
        table
            .function(signature)
            .stable()
            .total()
            .scalar(|call| Ok(call.env.routine(call.text(0)?).map_or(Value::Null, Value::Text)));
    }
}

fn facts(table: &mut Table) {
    table
        .function("version() text")
        .stable()
        .total()
        .scalar(|_| text(format!("PostgreSQL {VERSION} (Backstay)")));
    table
        .function("pg_backend_pid() integer")
        .stable()
        .total()
        .scalar(|_| Ok(Value::Int(std::process::id().into())));
    // The start of the transaction tells transactions apart and grows, which is what callers want.
    for signature in ["txid_current() bigint", "txid_current_if_assigned() bigint"] {
        table
            .function(signature)
            .stable()
            .total()
            .scalar(|call| Ok(Value::Int(call.env.now_micros())));
    }
    table
        .function("pg_is_in_recovery() boolean")
        .volatile()
        .total()
        .scalar(|_| Ok(Value::Bool(false)));
    table.function("pg_sleep(double precision) void").volatile().scalar(|call| {
        let seconds = call.float(0)?.max(0.0);
        if !(0.0..=SLEEP_SECONDS_MAX).contains(&seconds) {
            return Err(Error::unsupported(format!(
                "pg_sleep for more than {SLEEP_SECONDS_MAX} seconds"
            )));
        }
        std::thread::sleep(Duration::from_secs_f64(seconds));
        text("")
    });
    table.function("pg_notify(text, text) void").takes_nulls().volatile().scalar(|_| text(""));
    // Regtype prints as the type's name; there is no type of types here.
    table.function("pg_typeof(\"any\") text").takes_nulls().stable().total().scalar(|call| {
        let ty = call.arg_types.first().unwrap_or(&Type::Unknown);
        text(ty.name(call.env.types()))
    });
    for signature in [
        "obj_description(oid) text",
        "obj_description(oid, name) text",
        "col_description(oid, integer) text",
        "shobj_description(oid, name) text",
    ] {
        table.function(signature).stable().total().scalar(|_| Ok(Value::Null));
    }
    table.function("pg_size_pretty(bigint) text").total().scalar(|call| {
        let mut size = call.int(0)?;
        let mut units = ["kB", "MB", "GB", "TB", "PB"].into_iter();
        let mut unit = "bytes";
        // Each unit goes on up to ten thousand of it, halves rounded away from zero.
        while size.unsigned_abs() >= 10 * 1024 {
            let Some(next) = units.next() else { break };
            unit = next;
            size = size / 1024 + size % 1024 / 512;
        }
        text(format!("{size} {unit}"))
    });
    table
        .function("num_nulls(variadic \"any\") integer")
        .takes_nulls()
        .total()
        .scalar(|call| super::text::count(call.args.iter().filter(|arg| arg.is_null()).count()));
    table
        .function("num_nonnulls(variadic \"any\") integer")
        .takes_nulls()
        .total()
        .scalar(|call| super::text::count(call.args.iter().filter(|arg| !arg.is_null()).count()));
}

#[cfg(test)]
mod tests;
