//! `auth.failed_attempts`: wrong passwords and codes, counted for each thing that is guessed at.

use std::time::Duration;

use backstay_model::Result;
use backstay_records::{Sql, Tx};
use uuid::Uuid;

use crate::values::{Columns, args, now};

const GET: Sql =
    Sql("PREPARE attempts_get (text) AS SELECT failures, since FROM auth.failed_attempts \
     WHERE subject = $1");
const ADD: Sql = Sql("PREPARE attempts_add (text, timestamptz, timestamptz) AS \
     INSERT INTO auth.failed_attempts (subject, failures, since) VALUES ($1, 1, $2) \
     ON CONFLICT (subject) DO UPDATE SET \
     failures = CASE WHEN failed_attempts.since <= $3 THEN 1 ELSE failed_attempts.failures + 1 END, \
     since = CASE WHEN failed_attempts.since <= $3 THEN $2 ELSE failed_attempts.since END");
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

/// Counts a failure; a count that is older than the period begins anew.
pub(crate) fn add(tx: &mut Tx<'_>, subject: &str, period: Duration) -> Result<()> {
    let period = jiff::SignedDuration::try_from(period).unwrap_or(jiff::SignedDuration::MAX);
    let begin = now().saturating_sub(period).unwrap_or(jiff::Timestamp::MIN);
    tx.run(ADD, args![subject, now(), begin]).map(|_| ())
}

/// Does what a guess does, where there is nothing to guess at: time must not tell.
pub(crate) fn pretend(tx: &mut Tx<'_>, period: Duration) -> Result<()> {
    let subject = nobody();
    count(tx, &subject, period)?;
    add(tx, &subject, period)
}

/// Writes about as much as keeping a code does, where there is nothing to keep: time must not tell.
pub(crate) fn pretend_code(tx: &mut Tx<'_>) -> Result<()> {
    for _ in 0..2 {
        pretend(tx, Duration::ZERO)?;
        clear(tx, &nobody())?;
    }
    Ok(())
}

/// Writes about as much as a new account takes beyond the code for it.
pub(crate) fn pretend_account(tx: &mut Tx<'_>) -> Result<()> {
    pretend(tx, Duration::ZERO)?;
    clear(tx, &nobody())
}

/// One of a few subjects that are nobody's, by chance: enough that callers seldom wait for each
/// other. Were it chosen by the address, one that is asked for often would get slower.
fn nobody() -> String {
    format!("nobody:{}", Uuid::new_v4().as_bytes()[0])
}

/// Forgets the failures.
pub(crate) fn clear(tx: &mut Tx<'_>, subject: &str) -> Result<()> {
    tx.run(DELETE, args![subject]).map(|_| ())
}
