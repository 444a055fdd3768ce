//! `sum` and `avg`.

use backstay_model::{Error, Interval, Numeric, Result, Type, Value};
use num_bigint::BigInt;

use crate::functions::arithmetic::{fit, temporal};
use crate::functions::numeric;
use crate::{Aggregator, Call, Environment, Table};

pub(super) fn register(table: &mut Table) {
    for signature in ["sum(smallint) bigint", "sum(integer) bigint", "sum(money) money"] {
        table.aggregate(signature).aggregator(|| Box::new(Integers::default()));
    }
    table.aggregate("sum(bigint) numeric").total().aggregator(|| Box::new(Integers::default()));
    for signature in ["avg(smallint) numeric", "avg(integer) numeric", "avg(bigint) numeric"] {
        table
            .aggregate(signature)
            .total()
            .aggregator(|| Box::new(Integers { average: true, ..Integers::default() }));
    }
    table.aggregate("sum(numeric) numeric").aggregator(|| Box::new(Decimals::default()));
    table
        .aggregate("avg(numeric) numeric")
        .aggregator(|| Box::new(Decimals { average: true, ..Decimals::default() }));
    for signature in ["sum(real) real", "sum(double precision) double precision"] {
        table.aggregate(signature).aggregator(|| Box::new(Floats::default()));
    }
    for signature in ["avg(real) double precision", "avg(double precision) double precision"] {
        table
            .aggregate(signature)
            .aggregator(|| Box::new(Floats { average: true, ..Floats::default() }));
    }
    table.aggregate("sum(interval) interval").aggregator(|| Box::new(Intervals::default()));
    table
        .aggregate("avg(interval) interval")
        .aggregator(|| Box::new(Intervals { average: true, ..Intervals::default() }));
}

/// Exact: an `i128` cannot overflow before 2^64 rows.
#[derive(Default)]
struct Integers {
    count: i64,
    sum: i128,
    average: bool,
}

impl Aggregator for Integers {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        self.count += 1;
        self.sum += i128::from(call.int(0)?);
        Ok(())
    }

    fn finish(&mut self, _: &dyn Environment, result: &Type) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        if *result != Type::Numeric {
            return fit(result, i64::try_from(self.sum).ok());
        }
        let sum = Numeric::new(BigInt::from(self.sum), 0);
        if !self.average {
            return Ok(Value::Numeric(sum));
        }
        numeric::divide(&sum, &Numeric::from(self.count)).map(Value::Numeric)
    }
}

#[derive(Default)]
struct Decimals {
    count: i64,
    sum: Option<Numeric>,
    average: bool,
}

impl Aggregator for Decimals {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let number = call.numeric(0)?;
        self.count += 1;
        self.sum = Some(match &self.sum {
            Some(sum) => numeric::add(sum, number)?,
            None => number.clone(),
        });
        Ok(())
    }

    fn finish(&mut self, _: &dyn Environment, _: &Type) -> Result<Value> {
        let Some(sum) = &self.sum else { return Ok(Value::Null) };
        if !self.average {
            return Ok(Value::Numeric(sum.clone()));
        }
        numeric::divide(sum, &Numeric::from(self.count)).map(Value::Numeric)
    }
}

#[derive(Default)]
struct Floats {
    count: u64,
    sum: f64,
    average: bool,
}

impl Aggregator for Floats {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let number = call.float(0)?;
        let infinite = self.sum.is_infinite() || number.is_infinite();
        let mut sum = self.sum + number;
        if *call.result == Type::Float4 && !self.average {
            #[expect(clippy::cast_possible_truncation, reason = "rounding to single precision")]
            let single = sum as f32;
            sum = f64::from(single);
        }
        if sum.is_infinite() && !infinite {
            return Err(Error::new("22003", "value out of range: overflow"));
        }
        self.count += 1;
        self.sum = sum;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "as PostgreSQL divides")]
    fn finish(&mut self, _: &dyn Environment, _: &Type) -> Result<Value> {
        Ok(match self.count {
            0 => Value::Null,
            count if self.average => Value::Float(self.sum / count as f64),
            _ => Value::Float(self.sum),
        })
    }
}

#[derive(Default)]
struct Intervals {
    count: u64,
    sum: Interval,
    average: bool,
}

impl Aggregator for Intervals {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        self.count += 1;
        self.sum = temporal::add_intervals(self.sum, call.interval(0)?)?;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "as PostgreSQL divides")]
    fn finish(&mut self, _: &dyn Environment, _: &Type) -> Result<Value> {
        Ok(match self.count {
            0 => Value::Null,
            count if self.average => Value::Interval(temporal::divide(self.sum, count as f64)?),
            _ => Value::Interval(self.sum),
        })
    }
}
