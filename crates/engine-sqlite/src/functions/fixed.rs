//! Functions that the renderer itself relies on.

use backstay_model::Error;
use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::{Value as Owned, ValueRef};
use rusqlite::{Connection, Result};

use super::flags;
use crate::frame::compute;
use crate::rows;

/// Registers them.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    connection.create_scalar_function(c"pg_raise", 1, flags(false), |context| {
        let index = context.get::<i64>(0)?;
        compute(|frame| -> backstay_model::Result<Owned> {
            let known = frame
                .failing
                .iter()
                .find(|(position, _)| i64::try_from(*position) == Ok(index))
                .map(|(_, error)| error.clone());
            Err(known.unwrap_or_else(|| Error::internal("an error without a cause")))
        })
    })?;
    connection.create_scalar_function(c"pg_limit", 1, flags(false), |context| {
        count(context, -1, ("2201W", "LIMIT must not be negative"))
    })?;
    connection.create_scalar_function(c"pg_offset", 1, flags(false), |context| {
        count(context, 0, ("2201X", "OFFSET must not be negative"))
    })?;
    connection.create_aggregate_function(c"pg_single", 1, flags(false), Single)?;
    connection.create_aggregate_function(c"pg_pack", -1, flags(false), Pack)
}

/// The number of rows that a limit means; null is no limit.
fn count(context: &Context<'_>, null: i64, negative: (&'static str, &'static str)) -> Result<i64> {
    let given = context.get::<Option<i64>>(0)?;
    compute(|_| match given {
        None => Ok(null),
        Some(number) if number < 0 => Err(Error::new(negative.0, negative.1)),
        Some(number) => Ok(number),
    })
}

/// The one value of a scalar sub-select.
struct Single;

impl Aggregate<Option<Owned>, Owned> for Single {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Owned>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, held: &mut Option<Owned>) -> Result<()> {
        if held.is_some() {
            return compute(|_| {
                Err(Error::new(
                    "21000",
                    "more than one row returned by a subquery used as an expression",
                ))
            });
        }
        *held = Some(context.get_raw(0).try_into()?);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, held: Option<Option<Owned>>) -> Result<Owned> {
        Ok(held.flatten().unwrap_or(Owned::Null))
    }
}

/// Rows as one value, for `pg_rows`.
struct Pack;

impl Aggregate<Vec<u8>, Option<Vec<u8>>> for Pack {
    fn init(&self, context: &mut Context<'_>) -> Result<Vec<u8>> {
        Ok(rows::begin(context.len()))
    }

    fn step(&self, context: &mut Context<'_>, packed: &mut Vec<u8>) -> Result<()> {
        for index in 0..context.len() {
            rows::push(packed, raw(context, index));
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, packed: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        Ok(packed)
    }
}

fn raw<'c>(context: &'c Context<'_>, index: usize) -> ValueRef<'c> {
    context.get_raw(index)
}
