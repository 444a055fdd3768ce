//! `auth.failed_attempts`: wrong passwords and codes, counted for each thing that is guessed at.

use std::time::Duration;

use backstay_model::Result;
use backstay_records::{Sql, Tx};

use crate::values::{Columns, args, now};

const GET: Sql =
    Sql("PREPARE attempts_get (text) AS SELECT failures, since FROM auth.failed_attempts \
     WHERE subject = $1");
const ADD: Sql = Sql("PREPARE attempts_add (text, timestamptz) AS \
     INSERT INTO auth.failed_attempts (subject, failures, since) VALUES ($1, 1, $2) \
     ON CONFLICT (subject) DO UPDATE SET failures = failed_attempts.failures + 1");
const DELETE: Sql =
    Sql("PREPARE attempts_delete (text) AS DELETE FROM auth.failed_attempts WHERE subject = $1");

/// How often it failed within the period; an older count is forgotten.
pub(crate) fn count(tx: &mut Tx<'_>, subject: &str, period: Duration) -> Result<i64> {
    let Some(row) = tx.first(GET, args![subject])? else { return Ok(0) };
    let mut columns = Columns::of(row);
    let failures = columns.int();
    let age = columns.time().map(|since| now().duration_since(since).unsigned_abs());
    Ok(if age.is_some_and(|age| age < period) { failures } else { 0 })
}

/// Counts a failure.
pub(crate) fn add(tx: &mut Tx<'_>, subject: &str, period: Duration) -> Result<()> {
    if count(tx, subject, period)? == 0 {
        clear(tx, subject)?;
    }
    tx.run(ADD, args![subject, now()]).map(|_| ())
}

/// Forgets the failures.
pub(crate) fn clear(tx: &mut Tx<'_>, subject: &str) -> Result<()> {
    tx.run(DELETE, args![subject]).map(|_| ())
}
