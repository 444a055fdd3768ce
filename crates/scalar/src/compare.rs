//! PostgreSQL's order and equality of values.

use std::cmp::Ordering;
use std::net::IpAddr;

use backstay_model::{Array, Interval, Range, RangeKind, Type, Value};

use crate::io::datetime::civil::{DAY, SECOND};

/// Orders two values of one type that are not null, as its default btree operator class does
/// (`NaN` greatest, `interval` by its estimated length, `jsonb` object > array > boolean > number >
/// string > null, arrays element-wise, `citext` without case, text bytewise). Nulls inside arrays
/// and rows are greatest.
pub fn compare(ty: &Type, left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b))
        | (Value::Enum(a), Value::Enum(b))
        | (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => compare_floats(*a, *b),
        (Value::Numeric(a), Value::Numeric(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => compare_texts(ty, a, b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::TimeTz { micros: a, zone: za }, Value::TimeTz { micros: b, zone: zb }) => {
            let utc = |micros: i64, zone: i32| micros + i64::from(zone) * SECOND;
            utc(*a, *za).cmp(&utc(*b, *zb)).then(za.cmp(zb))
        }
        (Value::Interval(a), Value::Interval(b)) => span(*a).cmp(&span(*b)),
        (Value::Jsonb(a), Value::Jsonb(b)) => crate::io::json::compare_text(a, b),
        (Value::Json(a), Value::Json(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            compare_arrays(ty.element().unwrap_or(&Type::Unknown), a, b)
        }
        (Value::Range(a), Value::Range(b)) => {
            let subtype = if let Type::Range(kind) = ty { *kind } else { RangeKind::Num }.subtype();
            compare_ranges(&subtype, a, b)
        }
        (Value::Record(a), Value::Record(b)) => compare_lists(&Type::Unknown, a, b),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        // Values of one type are of one kind; anything else has no order.
        _ => Ordering::Equal,
    }
}

/// `NaN` equals itself and is the greatest; zeros are equal.
pub fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The estimated length of an interval in microseconds: a month has 30 days.
pub fn span(interval: Interval) -> i128 {
    let days = i128::from(interval.months) * 30 + i128::from(interval.days);
    days * i128::from(DAY) + i128::from(interval.micros)
}

/// Orders texts without case, as `citext` does.
pub fn compare_citext(a: &str, b: &str) -> Ordering {
    a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase))
}

fn compare_texts(ty: &Type, a: &str, b: &str) -> Ordering {
    match ty {
        Type::Citext => compare_citext(a, b),
        Type::Inet | Type::Cidr => compare_addresses(a, b),
        Type::Vector => compare_vectors(a, b),
        _ => a.as_bytes().cmp(b.as_bytes()),
    }
}

/// Orders addresses: version 4 first, then the common bits of the networks, then the shorter mask,
/// then the whole address.
pub fn compare_addresses(a: &str, b: &str) -> Ordering {
    let (Some((a_bits, a_mask, a_width)), Some((b_bits, b_mask, b_width))) =
        (address(a), address(b))
    else {
        return a.cmp(b);
    };
    let network = |bits: u128, mask: u32| {
        if mask == 0 { 0 } else { bits >> (a_width - mask) }
    };
    a_width.cmp(&b_width).then_with(|| {
        let common = a_mask.min(b_mask);
        network(a_bits, common)
            .cmp(&network(b_bits, common))
            .then(a_mask.cmp(&b_mask))
            .then(a_bits.cmp(&b_bits))
    })
}

/// Bits, mask length and width of an address.
fn address(text: &str) -> Option<(u128, u32, u32)> {
    let (host, mask) = match text.split_once('/') {
        Some((host, mask)) => (host, Some(mask)),
        None => (text, None),
    };
    let (bits, width) = match host.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let mask = match mask {
        Some(mask) => mask.parse::<u32>().ok().filter(|mask| *mask <= width)?,
        None => width,
    };
    Some((bits, mask, width))
}

fn compare_vectors(a: &str, b: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<f64> {
        let inner = text.trim_matches(['[', ']']);
        inner.split(',').filter_map(|number| number.trim().parse().ok()).collect()
    };
    let (a, b) = (numbers(a), numbers(b));
    a.iter()
        .zip(&b)
        .map(|(a, b)| compare_floats(*a, *b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn compare_arrays(element: &Type, a: &Array, b: &Array) -> Ordering {
    compare_lists(element, &a.elements, &b.elements)
        .then_with(|| a.dims.len().cmp(&b.dims.len()))
        .then_with(|| a.dims.cmp(&b.dims))
}

fn compare_lists(element: &Type, a: &[Value], b: &[Value]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| compare(element, a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Orders ranges: empty first, then by lower bound, then by upper bound.
fn compare_ranges(subtype: &Type, a: &Range, b: &Range) -> Ordering {
    if a.empty || b.empty {
        return b.empty.cmp(&a.empty);
    }
    compare_lower(subtype, a, b).then_with(|| compare_upper(subtype, a, b))
}

/// Orders the lower bounds of two ranges that are not empty.
pub fn compare_lower(subtype: &Type, a: &Range, b: &Range) -> Ordering {
    match (&a.lower, &b.lower) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(x), Some(y)) => {
            compare(subtype, x, y).then_with(|| b.lower_inclusive.cmp(&a.lower_inclusive))
        }
    }
}

/// Orders the upper bounds of two ranges that are not empty.
pub fn compare_upper(subtype: &Type, a: &Range, b: &Range) -> Ordering {
    match (&a.upper, &b.upper) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(x), Some(y)) => {
            compare(subtype, x, y).then_with(|| a.upper_inclusive.cmp(&b.upper_inclusive))
        }
    }
}

#[cfg(test)]
mod tests;
