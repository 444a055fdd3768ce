//! Aggregates that keep one value: counts, extremes, truths, bits.

use backstay_model::{Result, Type, Value};

use crate::compare::compare;
use crate::{Aggregator, Call, Environment, Table};

pub(super) fn register(table: &mut Table) {
    table.aggregate("count() bigint").total().aggregator(|| Box::new(Count(0)));
    table.aggregate("count(\"any\") bigint").total().aggregator(|| Box::new(Count(0)));
    for signature in [
        "min(smallint) smallint",
        "min(integer) integer",
        "min(bigint) bigint",
        "min(oid) oid",
        "min(real) real",
        "min(double precision) double precision",
        "min(numeric) numeric",
        "min(money) money",
        "min(text) text",
        "min(character) character",
        "min(citext) citext",
        "min(date) date",
        "min(time) time",
        "min(timetz) timetz",
        "min(timestamp) timestamp",
        "min(timestamptz) timestamptz",
        "min(interval) interval",
        "min(inet) inet",
        "min(anyarray) anyarray",
        "min(anyenum) anyenum",
    ] {
        table.aggregate(signature).total().aggregator(|| Fold::boxed(least));
    }
    for signature in [
        "max(smallint) smallint",
        "max(integer) integer",
        "max(bigint) bigint",
        "max(oid) oid",
        "max(real) real",
        "max(double precision) double precision",
        "max(numeric) numeric",
        "max(money) money",
        "max(text) text",
        "max(character) character",
        "max(citext) citext",
        "max(date) date",
        "max(time) time",
        "max(timetz) timetz",
        "max(timestamp) timestamp",
        "max(timestamptz) timestamptz",
        "max(interval) interval",
        "max(inet) inet",
        "max(anyarray) anyarray",
        "max(anyenum) anyenum",
    ] {
        table.aggregate(signature).total().aggregator(|| Fold::boxed(greatest));
    }
    for signature in ["bool_and(boolean) boolean", "every(boolean) boolean"] {
        table.aggregate(signature).total().aggregator(|| {
            Fold::boxed(|_, a, b| {
                Some(Value::Bool(a.as_bool() == Some(true) && b.as_bool() == Some(true)))
            })
        });
    }
    table.aggregate("bool_or(boolean) boolean").total().aggregator(|| {
        Fold::boxed(|_, a, b| {
            Some(Value::Bool(a.as_bool() == Some(true) || b.as_bool() == Some(true)))
        })
    });
    register_bits(table);
}

fn register_bits(table: &mut Table) {
    for signature in
        ["bit_and(smallint) smallint", "bit_and(integer) integer", "bit_and(bigint) bigint"]
    {
        table
            .aggregate(signature)
            .total()
            .aggregator(|| Fold::boxed(|_, a, b| Some(Value::Int(number(a) & number(b)))));
    }
    for signature in
        ["bit_or(smallint) smallint", "bit_or(integer) integer", "bit_or(bigint) bigint"]
    {
        table
            .aggregate(signature)
            .total()
            .aggregator(|| Fold::boxed(|_, a, b| Some(Value::Int(number(a) | number(b)))));
    }
    for signature in
        ["bit_xor(smallint) smallint", "bit_xor(integer) integer", "bit_xor(bigint) bigint"]
    {
        table
            .aggregate(signature)
            .total()
            .aggregator(|| Fold::boxed(|_, a, b| Some(Value::Int(number(a) ^ number(b)))));
    }
}

fn number(value: &Value) -> i64 {
    value.as_int().unwrap_or(0)
}

struct Count(i64);

impl Aggregator for Count {
    fn step(&mut self, _: &Call<'_>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn finish(&mut self, _: &dyn Environment, _: &Type) -> Result<Value> {
        Ok(Value::Int(self.0))
    }
}

/// The next state, or `None` where it stays.
type Combine = fn(&Type, &Value, &Value) -> Option<Value>;

/// The first value, then each next one combined with it; null for no rows.
struct Fold {
    state: Option<Value>,
    combine: Combine,
}

impl Fold {
    fn boxed(combine: Combine) -> Box<dyn Aggregator> {
        Box::new(Self { state: None, combine })
    }
}

impl Aggregator for Fold {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let value = call.arg(0)?;
        let ty = call.arg_types.first().unwrap_or(&Type::Unknown);
        match &mut self.state {
            Some(state) => {
                if let Some(next) = (self.combine)(ty, state, value) {
                    *state = next;
                }
            }
            None => self.state = Some(value.clone()),
        }
        Ok(())
    }

    fn finish(&mut self, _: &dyn Environment, _: &Type) -> Result<Value> {
        Ok(self.state.clone().unwrap_or(Value::Null))
    }
}

fn least(ty: &Type, a: &Value, b: &Value) -> Option<Value> {
    compare(ty, b, a).is_lt().then(|| b.clone())
}

fn greatest(ty: &Type, a: &Value, b: &Value) -> Option<Value> {
    compare(ty, b, a).is_gt().then(|| b.clone())
}
