//! The collations under which stored texts order as PostgreSQL orders their types.
//!
//! Invariant: the order of a collation is a file format; a change needs a new [`VERSION`], at which
//! existing indexes are rebuilt.

use std::cmp::Ordering;

use backstay_model::types::NoTypes;
use backstay_model::{RangeKind, Type, Value};
use backstay_scalar::compare::compare;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::stored;

/// Stands in the catalogue beside the indexes that were built under it.
pub(crate) const VERSION: i64 = 1;

/// Registers every collation on a connection.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation(c"pg_numeric", numeric)?;
    connection.create_collation(c"pg_citext", backstay_scalar::compare::compare_citext)?;
    let integer_range = Type::Range(RangeKind::Int8);
    let numeric_range = Type::Range(stored::numeric_range());
    let typed = [
        (c"pg_interval", Type::Interval),
        (c"pg_jsonb", Type::Jsonb),
        (c"pg_inet", Type::Inet),
        (c"pg_vector", Type::Vector),
        (c"pg_record", Type::Record),
        (c"pg_array_numeric", Type::Numeric.array_of()),
        (c"pg_array_citext", Type::Citext.array_of()),
        (c"pg_array_interval", Type::Interval.array_of()),
        (c"pg_array_jsonb", Type::Jsonb.array_of()),
        (c"pg_array_float", Type::Float8.array_of()),
        (c"pg_array_boolean", Type::Bool.array_of()),
        (c"pg_array_bytea", Type::Bytea.array_of()),
        (c"pg_array_timetz", Type::TimeTz.array_of()),
        (c"pg_array_record", Type::Record.array_of()),
        (c"pg_array_integer", Type::Int8.array_of()),
        (c"pg_array_text", Type::Text.array_of()),
        (c"pg_array_other", Type::Text.array_of()),
        (c"pg_range_numeric", numeric_range),
        (c"pg_range_integer", integer_range),
    ];
    for (name, ty) in typed {
        connection.create_collation(name, move |a, b| by_value(&ty, a, b))?;
    }
    Ok(())
}

/// Equal texts are equal under every collation; others are compared as values.
fn by_value(ty: &Type, a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (value(ty, a), value(ty, b)) {
        (Some(left), Some(right)) => compare(ty, &left, &right),
        // Only a damaged file holds such texts; an order they need all the same.
        (left, right) => left.is_some().cmp(&right.is_some()).then_with(|| a.cmp(b)),
    }
}

fn value(ty: &Type, text: &str) -> Option<Value> {
    stored::decode(ty, ValueRef::Text(text.as_bytes()), &NoTypes).ok()
}

/// Plain decimals of one sign and shape are compared as digits; the rest as numbers.
fn numeric(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (digits(a), digits(b)) {
        (Some(left), Some(right)) => match (left.negative, right.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => left.magnitude(&right),
            (true, true) => right.magnitude(&left),
        },
        _ => by_value(&Type::Numeric, a, b),
    }
}

/// A finite decimal as its parts, without leading zeros before the point or trailing ones after.
struct Digits<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

fn digits(text: &str) -> Option<Digits<'_>> {
    let bytes = text.as_bytes();
    let (sign, bytes) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        _ => (false, bytes),
    };
    if !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let point = bytes.iter().position(|b| *b == b'.').unwrap_or(bytes.len());
    let (whole, rest) = bytes.split_at(point);
    let fraction = rest.get(1..).unwrap_or_default();
    let whole = &whole[whole.iter().take_while(|b| **b == b'0').count()..];
    let zeros = fraction.iter().rev().take_while(|b| **b == b'0').count();
    let fraction = &fraction[..fraction.len() - zeros];
    let negative = sign && !(whole.is_empty() && fraction.is_empty());
    Some(Digits { negative, whole, fraction })
}

impl Digits<'_> {
    fn magnitude(&self, other: &Self) -> Ordering {
        self.whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}
