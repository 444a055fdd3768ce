//! The operators of `numeric`.

use backstay_model::Value;

use crate::Table;
use crate::functions::numeric::{self, transcendental};

pub(super) fn register(table: &mut Table) {
    table
        .operator("+(numeric, numeric) numeric")
        .scalar(|c| numeric::add(c.numeric(0)?, c.numeric(1)?).map(Value::Numeric));
    table
        .operator("-(numeric, numeric) numeric")
        .scalar(|c| numeric::subtract(c.numeric(0)?, c.numeric(1)?).map(Value::Numeric));
    table
        .operator("*(numeric, numeric) numeric")
        .scalar(|c| numeric::multiply(c.numeric(0)?, c.numeric(1)?).map(Value::Numeric));
    table
        .operator("/(numeric, numeric) numeric")
        .scalar(|c| numeric::divide(c.numeric(0)?, c.numeric(1)?).map(Value::Numeric));
    table
        .operator("%(numeric, numeric) numeric")
        .scalar(|c| numeric::remainder(c.numeric(0)?, c.numeric(1)?).map(Value::Numeric));
    table
        .operator("^(numeric, numeric) numeric")
        .scalar(|c| transcendental::power(c.numeric(0)?, c.numeric(1)?).map(Value::Numeric));
    table
        .operator("-(numeric) numeric")
        .total()
        .scalar(|c| Ok(Value::Numeric(numeric::negate(c.numeric(0)?))));
    table
        .operator("+(numeric) numeric")
        .total()
        .scalar(|c| Ok(Value::Numeric(c.numeric(0)?.clone())));
    table
        .operator("@(numeric) numeric")
        .total()
        .scalar(|c| Ok(Value::Numeric(numeric::absolute(c.numeric(0)?))));
}
