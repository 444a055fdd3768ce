//! The closed list of what is left to SQLite because it is proven equal to PostgreSQL's.
//!
//! Beside the constructs that the renderer spells out itself (comparisons under the right
//! collation, `IS` tests, AND/OR/NOT, CASE, COALESCE, EXISTS, IN, row equality, joins, grouping,
//! DISTINCT, set operations, LIMIT, common table expressions, windows), these are all.

use std::sync::Arc;

use backstay_scalar::{Function, Kind};

/// The built-in aggregate of SQLite that computes this one, if any.
pub fn aggregate(function: &Function) -> Option<&'static str> {
    if function.kind != Kind::Aggregate || function.schema != "pg_catalog" {
        return None;
    }
    match function.name {
        "count" => Some("count"),
        "min" => Some("min"),
        "max" => Some("max"),
        _ => None,
    }
}

/// The built-in window function of SQLite that computes this one, if any.
pub fn window(function: &Function) -> Option<&'static str> {
    if function.kind == Kind::Aggregate {
        return aggregate(function);
    }
    const NAMES: &[&str] = &[
        "row_number",
        "rank",
        "dense_rank",
        "percent_rank",
        "cume_dist",
        "ntile",
        "lag",
        "lead",
        "first_value",
        "last_value",
        "nth_value",
    ];
    NAMES.iter().find(|name| **name == function.name).copied()
}

/// Does the result depend on the connection or the moment, so that it must be computed where it
/// stands?
pub(crate) fn is_volatile(function: &Arc<Function>) -> bool {
    function.volatility == backstay_scalar::Volatility::Volatile
}
