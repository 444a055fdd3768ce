//! `auth.failed_attempts`: wrong passwords and codes, counted for each thing that is guessed at.

use std::time::Duration;

use backstay_model::Result;
use backstay_records::{Sql, Tx};

use sha2::{Digest as _, Sha256};

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

/// Writes as much as a guess does, where there is nothing to guess at: time must not tell.
pub(crate) fn pretend(tx: &mut Tx<'_>, address: &str) -> Result<()> {
    let subject = pretended(address);
    count(tx, &subject, Duration::ZERO)?;
    tx.run(ADD, args![&subject, now()]).map(|_| ())
}

/// Writes about as much as keeping a code does, where there is nothing to keep: time must not tell.
pub(crate) fn pretend_code(tx: &mut Tx<'_>, address: &str) -> Result<()> {
    for _ in 0..2 {
        pretend(tx, address)?;
        clear(tx, &pretended(address))?;
    }
    Ok(())
}

/// One of a few subjects that are nobody's: enough that callers seldom wait for each other.
fn pretended(address: &str) -> String {
    format!("nobody:{}", Sha256::digest(address.as_bytes())[0])
}

/// Forgets the failures.
pub(crate) fn clear(tx: &mut Tx<'_>, subject: &str) -> Result<()> {
    tx.run(DELETE, args![subject]).map(|_| ())
}
