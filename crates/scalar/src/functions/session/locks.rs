//! Advisory locks. One writer runs at a time, so every lock is free when it is asked for.

use backstay_model::{Result, Value};

use super::text;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    for signature in [
        "pg_advisory_lock(bigint) void",
        "pg_advisory_lock(integer, integer) void",
        "pg_advisory_lock_shared(bigint) void",
        "pg_advisory_lock_shared(integer, integer) void",
        "pg_advisory_xact_lock(bigint) void",
        "pg_advisory_xact_lock(integer, integer) void",
        "pg_advisory_xact_lock_shared(bigint) void",
        "pg_advisory_xact_lock_shared(integer, integer) void",
        "pg_advisory_unlock_all() void",
    ] {
        table.function(signature).volatile().scalar(|_| text(""));
    }
    let granted: fn(&Call<'_>) -> Result<Value> = |_| Ok(Value::Bool(true));
    for signature in [
        "pg_try_advisory_lock(bigint) boolean",
        "pg_try_advisory_lock(integer, integer) boolean",
        "pg_try_advisory_lock_shared(bigint) boolean",
        "pg_try_advisory_lock_shared(integer, integer) boolean",
        "pg_try_advisory_xact_lock(bigint) boolean",
        "pg_try_advisory_xact_lock(integer, integer) boolean",
        "pg_try_advisory_xact_lock_shared(bigint) boolean",
        "pg_try_advisory_xact_lock_shared(integer, integer) boolean",
        "pg_advisory_unlock(bigint) boolean",
        "pg_advisory_unlock(integer, integer) boolean",
        "pg_advisory_unlock_shared(bigint) boolean",
        "pg_advisory_unlock_shared(integer, integer) boolean",
    ] {
        table.function(signature).volatile().scalar(granted);
    }
}
