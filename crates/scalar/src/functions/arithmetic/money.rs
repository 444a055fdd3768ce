//! `money`: cents.

use backstay_model::{Error, Result, Value};

use crate::functions::numeric::division_by_zero;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table.operator("+(money, money) money").scalar(|c| cents(c.int(0)?.checked_add(c.int(1)?)));
    table.operator("-(money, money) money").scalar(|c| cents(c.int(0)?.checked_sub(c.int(1)?)));
    for signature in [
        "*(money, smallint) money",
        "*(money, integer) money",
        "*(money, bigint) money",
        "*(smallint, money) money",
        "*(integer, money) money",
        "*(bigint, money) money",
    ] {
        table.operator(signature).scalar(|c| cents(c.int(0)?.checked_mul(c.int(1)?)));
    }
    for signature in
        ["/(money, smallint) money", "/(money, integer) money", "/(money, bigint) money"]
    {
        table.operator(signature).scalar(|c| {
            if c.int(1)? == 0 {
                return Err(division_by_zero());
            }
            cents(c.int(0)?.checked_div(c.int(1)?))
        });
    }
    for signature in ["*(money, double precision) money", "*(money, real) money"] {
        table.operator(signature).scalar(|c| rounded(as_float(c, 0)? * c.float(1)?));
    }
    for signature in ["*(double precision, money) money", "*(real, money) money"] {
        table.operator(signature).scalar(|c| rounded(c.float(0)? * as_float(c, 1)?));
    }
    for signature in ["/(money, double precision) money", "/(money, real) money"] {
        table.operator(signature).scalar(|c| {
            if c.float(1)? == 0.0 {
                return Err(division_by_zero());
            }
            rounded(as_float(c, 0)? / c.float(1)?)
        });
    }
    table.operator("/(money, money) double precision").scalar(|c| {
        if c.int(1)? == 0 {
            return Err(division_by_zero());
        }
        Ok(Value::Float(as_float(c, 0)? / as_float(c, 1)?))
    });
}

fn out_of_range() -> Error {
    Error::new("22003", "money out of range")
}

fn cents(number: Option<i64>) -> Result<Value> {
    number.map(Value::Int).ok_or_else(out_of_range)
}

#[expect(clippy::cast_precision_loss, reason = "as PostgreSQL computes it")]
fn as_float(call: &Call<'_>, index: usize) -> Result<f64> {
    Ok(call.int(index)? as f64)
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn rounded(number: f64) -> Result<Value> {
    let rounded = number.round_ties_even();
    if rounded.abs() < 9.2e18 { Ok(Value::Int(rounded as i64)) } else { Err(out_of_range()) }
}
