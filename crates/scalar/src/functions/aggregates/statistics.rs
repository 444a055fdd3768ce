//! Variances and standard deviations: exact for whole numbers and `numeric`, Youngs and Cramer's
//! method for floats.

use backstay_model::{Numeric, Result, Type, Value};

use crate::functions::numeric::{self, transcendental};
use crate::{Aggregator, Call, Environment, Table};

pub(super) fn register(table: &mut Table) {
    const POPULATION: Kind = Kind { sample: false, root: false };
    const SAMPLE: Kind = Kind { sample: true, root: false };
    const POPULATION_ROOT: Kind = Kind { sample: false, root: true };
    const SAMPLE_ROOT: Kind = Kind { sample: true, root: true };
    for signature in [
        "variance(smallint) numeric",
        "variance(integer) numeric",
        "variance(bigint) numeric",
        "variance(numeric) numeric",
        "var_samp(smallint) numeric",
        "var_samp(integer) numeric",
        "var_samp(bigint) numeric",
        "var_samp(numeric) numeric",
        "variance(real) double precision",
        "variance(double precision) double precision",
        "var_samp(real) double precision",
        "var_samp(double precision) double precision",
    ] {
        table.aggregate(signature).aggregator(|| Spread::boxed(SAMPLE));
    }
    for signature in [
        "var_pop(smallint) numeric",
        "var_pop(integer) numeric",
        "var_pop(bigint) numeric",
        "var_pop(numeric) numeric",
        "var_pop(real) double precision",
        "var_pop(double precision) double precision",
    ] {
        table.aggregate(signature).aggregator(|| Spread::boxed(POPULATION));
    }
    for signature in [
        "stddev(smallint) numeric",
        "stddev(integer) numeric",
        "stddev(bigint) numeric",
        "stddev(numeric) numeric",
        "stddev_samp(smallint) numeric",
        "stddev_samp(integer) numeric",
        "stddev_samp(bigint) numeric",
        "stddev_samp(numeric) numeric",
        "stddev(real) double precision",
        "stddev(double precision) double precision",
        "stddev_samp(real) double precision",
        "stddev_samp(double precision) double precision",
    ] {
        table.aggregate(signature).aggregator(|| Spread::boxed(SAMPLE_ROOT));
    }
    for signature in [
        "stddev_pop(smallint) numeric",
        "stddev_pop(integer) numeric",
        "stddev_pop(bigint) numeric",
        "stddev_pop(numeric) numeric",
        "stddev_pop(real) double precision",
        "stddev_pop(double precision) double precision",
    ] {
        table.aggregate(signature).aggregator(|| Spread::boxed(POPULATION_ROOT));
    }
}

/// Which measure.
#[derive(Clone, Copy)]
struct Kind {
    /// Divide by one less than the count.
    sample: bool,
    /// Standard deviation instead of variance.
    root: bool,
}

struct Spread {
    kind: Kind,
    count: i64,
    sum: Numeric,
    squares: Numeric,
    float_sum: f64,
    float_squares: f64,
}

impl Spread {
    fn boxed(kind: Kind) -> Box<dyn Aggregator> {
        Box::new(Self {
            kind,
            count: 0,
            sum: Numeric::from(0),
            squares: Numeric::from(0),
            float_sum: 0.0,
            float_squares: 0.0,
        })
    }

    fn take_exact(&mut self, number: &Numeric) -> Result<()> {
        self.sum = numeric::add(&self.sum, number)?;
        self.squares = numeric::add(&self.squares, &numeric::multiply(number, number)?)?;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "as PostgreSQL computes it")]
    fn take_float(&mut self, number: f64) {
        let count = self.count as f64;
        self.float_sum += number;
        if self.count > 1 {
            let distance = number * count - self.float_sum;
            self.float_squares += distance * distance / (count * (count - 1.0));
        } else if !number.is_finite() {
            self.float_squares = f64::NAN;
        }
    }

    fn exact(&self) -> Result<Numeric> {
        if matches!(self.sum, Numeric::Finite { .. }) {
            let count = Numeric::from(self.count);
            let squares = numeric::multiply(&count, &self.squares)?;
            let spread = numeric::subtract(&squares, &numeric::multiply(&self.sum, &self.sum)?)?;
            if spread.is_zero() || spread.is_negative() {
                return Ok(Numeric::from(0));
            }
            let rest = Numeric::from(if self.kind.sample { self.count - 1 } else { self.count });
            let variance = numeric::divide(&spread, &numeric::multiply(&count, &rest)?)?;
            return Ok(match &variance {
                Numeric::Finite { scale, .. } if self.kind.root => {
                    transcendental::sqrt_to(&variance, *scale)
                }
                _ => variance,
            });
        }
        Ok(Numeric::NaN)
    }

    #[expect(clippy::cast_precision_loss, reason = "as PostgreSQL computes it")]
    fn float(&self) -> f64 {
        let divisor = if self.kind.sample { self.count - 1 } else { self.count };
        let variance = self.float_squares / divisor as f64;
        if self.kind.root { variance.sqrt() } else { variance }
    }
}

impl Aggregator for Spread {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        self.count += 1;
        match call.arg(0)? {
            Value::Int(number) => self.take_exact(&Numeric::from(*number)),
            Value::Float(number) => {
                self.take_float(*number);
                Ok(())
            }
            _ => self.take_exact(call.numeric(0)?),
        }
    }

    fn finish(&mut self, _: &dyn Environment, result: &Type) -> Result<Value> {
        let enough = if self.kind.sample { 2 } else { 1 };
        if self.count < enough {
            return Ok(Value::Null);
        }
        if *result == Type::Numeric {
            self.exact().map(Value::Numeric)
        } else {
            Ok(Value::Float(self.float()))
        }
    }
}
