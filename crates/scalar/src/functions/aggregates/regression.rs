//! Covariance, correlation and linear regression of pairs `(y, x)`.

use backstay_model::{Result, Type, Value};

use crate::{Aggregator, Call, Environment, Table};

/// One measure of the pairs.
macro_rules! measure {
    ($table:ident, $signature:literal, $measure:expr) => {
        $table.aggregate($signature).aggregator(|| Pairs::boxed($measure));
    };
}

pub(super) fn register(table: &mut Table) {
    table
        .aggregate("regr_count(double precision, double precision) bigint")
        .aggregator(|| Pairs::boxed(|_| None));
    measure!(table, "regr_sxx(double precision, double precision) double precision", |p| Some(
        p.sxx
    ));
    measure!(table, "regr_syy(double precision, double precision) double precision", |p| Some(
        p.syy
    ));
    measure!(table, "regr_sxy(double precision, double precision) double precision", |p| Some(
        p.sxy
    ));
    measure!(table, "regr_avgx(double precision, double precision) double precision", |p| Some(
        p.sx / p.count
    ));
    measure!(table, "regr_avgy(double precision, double precision) double precision", |p| Some(
        p.sy / p.count
    ));
    measure!(table, "regr_slope(double precision, double precision) double precision", slope);
    measure!(table, "regr_intercept(double precision, double precision) double precision", |p| {
        slope(p).map(|slope| (p.sy - p.sx * slope) / p.count)
    });
    measure!(table, "regr_r2(double precision, double precision) double precision", determination);
    measure!(table, "corr(double precision, double precision) double precision", correlation);
    measure!(table, "covar_pop(double precision, double precision) double precision", |p| Some(
        p.sxy / p.count
    ));
    measure!(table, "covar_samp(double precision, double precision) double precision", |p| (p
        .count
        >= 2.0)
        .then(|| p.sxy / (p.count - 1.0)));
}

type Measure = fn(&Pairs) -> Option<f64>;

/// Sums of pairs and of their distances from the mean.
struct Pairs {
    measure: Measure,
    count: f64,
    sx: f64,
    sy: f64,
    sxx: f64,
    syy: f64,
    sxy: f64,
}

impl Pairs {
    fn boxed(measure: Measure) -> Box<dyn Aggregator> {
        Box::new(Self { measure, count: 0.0, sx: 0.0, sy: 0.0, sxx: 0.0, syy: 0.0, sxy: 0.0 })
    }
}

fn slope(p: &Pairs) -> Option<f64> {
    (p.sxx != 0.0).then(|| p.sxy / p.sxx)
}

fn correlation(p: &Pairs) -> Option<f64> {
    (p.sxx != 0.0 && p.syy != 0.0).then(|| p.sxy / (p.sxx * p.syy).sqrt())
}

fn determination(p: &Pairs) -> Option<f64> {
    if p.sxx == 0.0 {
        None
    } else if p.syy == 0.0 {
        Some(1.0)
    } else {
        Some(p.sxy * p.sxy / (p.sxx * p.syy))
    }
}

impl Aggregator for Pairs {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let (y, x) = (call.float(0)?, call.float(1)?);
        self.count += 1.0;
        self.sx += x;
        self.sy += y;
        if self.count > 1.0 {
            let dx = x * self.count - self.sx;
            let dy = y * self.count - self.sy;
            let scale = 1.0 / (self.count * (self.count - 1.0));
            self.sxx += dx * dx * scale;
            self.syy += dy * dy * scale;
            self.sxy += dx * dy * scale;
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a count")]
    fn finish(&mut self, _: &dyn Environment, result: &Type) -> Result<Value> {
        if *result == Type::Int8 {
            return Ok(Value::Int(self.count as i64));
        }
        if self.count < 1.0 {
            return Ok(Value::Null);
        }
        Ok((self.measure)(self).map_or(Value::Null, Value::Float))
    }
}
