//! Functions and operators on ranges.

use std::cmp::Ordering;

use backstay_model::{Error, Range, RangeKind, Result, Type, Value};

use crate::compare::compare;
use crate::io::nested::range::{empty, make};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    constructors(table);
    parts(table);
    relations(table);
    combinations(table);
}

fn constructors(table: &mut Table) {
    for signature in [
        "int4range(integer, integer) int4range",
        "int4range(integer, integer, text) int4range",
        "int8range(bigint, bigint) int8range",
        "int8range(bigint, bigint, text) int8range",
        "numrange(numeric, numeric) numrange",
        "numrange(numeric, numeric, text) numrange",
        "daterange(date, date) daterange",
        "daterange(date, date, text) daterange",
        "tsrange(timestamp, timestamp) tsrange",
        "tsrange(timestamp, timestamp, text) tsrange",
        "tstzrange(timestamptz, timestamptz) tstzrange",
        "tstzrange(timestamptz, timestamptz, text) tstzrange",
    ] {
        table.function(signature).takes_nulls().scalar(construct);
    }
}

fn kind_of(ty: &Type) -> Result<RangeKind> {
    match ty {
        Type::Range(kind) => Ok(*kind),
        _ => Err(Error::internal("a range function without a range type")),
    }
}

fn construct(call: &Call<'_>) -> Result<Value> {
    let flags = match call.args.get(2) {
        None => "[)",
        Some(Value::Text(flags)) => flags,
        Some(_) => {
            return Err(Error::new("22000", "range constructor flags argument must not be null"));
        }
    };
    let (lower_inclusive, upper_inclusive) = match flags {
        "[)" => (true, false),
        "[]" => (true, true),
        "()" => (false, false),
        "(]" => (false, true),
        _ => {
            return Err(Error::new("42601", "invalid range bound flags")
                .with_hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."));
        }
    };
    let bound = |index| call.arg(index).map(|bound| (!bound.is_null()).then(|| bound.clone()));
    let range = Range {
        empty: false,
        lower: bound(0)?,
        upper: bound(1)?,
        lower_inclusive,
        upper_inclusive,
    };
    made(make(kind_of(call.result)?, range)?)
}

fn made(range: Range) -> Result<Value> {
    Ok(Value::Range(Box::new(range)))
}

fn range<'a>(call: &Call<'a>, index: usize) -> Result<&'a Range> {
    match call.args.get(index) {
        Some(Value::Range(range)) => Ok(range),
        _ => Err(Error::internal("an argument that is no range")),
    }
}

fn parts(table: &mut Table) {
    table
        .function("lower(anyrange) anyelement")
        .total()
        .scalar(|call| Ok(range(call, 0)?.lower.clone().unwrap_or(Value::Null)));
    table
        .function("upper(anyrange) anyelement")
        .total()
        .scalar(|call| Ok(range(call, 0)?.upper.clone().unwrap_or(Value::Null)));
    table
        .function("isempty(anyrange) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(range(call, 0)?.empty)));
    table
        .function("lower_inc(anyrange) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(range(call, 0)?.lower_inclusive)));
    table
        .function("upper_inc(anyrange) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(range(call, 0)?.upper_inclusive)));
    table.function("lower_inf(anyrange) boolean").total().scalar(|call| {
        let range = range(call, 0)?;
        Ok(Value::Bool(!range.empty && range.lower.is_none()))
    });
    table.function("upper_inf(anyrange) boolean").total().scalar(|call| {
        let range = range(call, 0)?;
        Ok(Value::Bool(!range.empty && range.upper.is_none()))
    });
}

/// One end of a range, comparable with the ends of others.
struct End<'a> {
    value: Option<&'a Value>,
    inclusive: bool,
    is_lower: bool,
}

fn lower(range: &Range) -> End<'_> {
    End { value: range.lower.as_ref(), inclusive: range.lower_inclusive, is_lower: true }
}

fn upper(range: &Range) -> End<'_> {
    End { value: range.upper.as_ref(), inclusive: range.upper_inclusive, is_lower: false }
}

/// PostgreSQL's `range_cmp_bounds`.
fn compare_ends(ty: &Type, a: &End<'_>, b: &End<'_>) -> Ordering {
    let (a_value, b_value) = match (a.value, b.value) {
        (None, None) => return b.is_lower.cmp(&a.is_lower),
        (None, Some(_)) => return if a.is_lower { Ordering::Less } else { Ordering::Greater },
        (Some(_), None) => return if b.is_lower { Ordering::Greater } else { Ordering::Less },
        (Some(a), Some(b)) => (a, b),
    };
    compare(ty, a_value, b_value).then_with(|| match (a.inclusive, b.inclusive) {
        (true, true) => Ordering::Equal,
        (false, false) if a.is_lower == b.is_lower => Ordering::Equal,
        (false, _) => {
            if a.is_lower {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (true, false) => {
            if b.is_lower {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    })
}

fn contains(ty: &Type, whole: &Range, part: &Range) -> bool {
    part.empty
        || !whole.empty
            && compare_ends(ty, &lower(whole), &lower(part)).is_le()
            && compare_ends(ty, &upper(whole), &upper(part)).is_ge()
}

fn contains_element(ty: &Type, range: &Range, element: &Value) -> bool {
    let above = range.lower.as_ref().is_none_or(|lower| {
        let order = compare(ty, lower, element);
        order.is_lt() || order.is_eq() && range.lower_inclusive
    });
    let below = range.upper.as_ref().is_none_or(|upper| {
        let order = compare(ty, upper, element);
        order.is_gt() || order.is_eq() && range.upper_inclusive
    });
    !range.empty && above && below
}

fn before(ty: &Type, a: &Range, b: &Range) -> bool {
    !a.empty && !b.empty && compare_ends(ty, &upper(a), &lower(b)).is_lt()
}

fn overlaps(ty: &Type, a: &Range, b: &Range) -> bool {
    !a.empty && !b.empty && !before(ty, a, b) && !before(ty, b, a)
}

/// Do they touch without a gap and without overlap?
fn adjacent(ty: &Type, a: &Range, b: &Range) -> bool {
    let meets = |a: &Range, b: &Range| match (&a.upper, &b.lower) {
        (Some(upper), Some(lower)) => {
            compare(ty, upper, lower).is_eq() && a.upper_inclusive != b.lower_inclusive
        }
        _ => false,
    };
    !a.empty && !b.empty && (meets(a, b) || meets(b, a))
}

/// Both arguments as ranges with the type of their bounds.
fn two<'a>(call: &Call<'a>) -> Result<(Type, &'a Range, &'a Range)> {
    let ty = call.arg_types.first().map(kind_of).transpose()?;
    let ty = ty.ok_or_else(|| Error::internal("a range function without arguments"))?.subtype();
    Ok((ty, range(call, 0)?, range(call, 1)?))
}

macro_rules! relation {
    ($table:expr, $($symbol:literal => |$ty:ident, $a:ident, $b:ident| $body:expr;)*) => {
        $($table.operator(concat!($symbol, "(anyrange, anyrange) boolean")).total().scalar(|call| {
            let ($ty, $a, $b) = two(call)?;
            Ok(Value::Bool($body))
        });)*
    };
}

fn relations(table: &mut Table) {
    relation! { table,
        "@>" => |ty, a, b| contains(&ty, a, b);
        "<@" => |ty, a, b| contains(&ty, b, a);
        "&&" => |ty, a, b| overlaps(&ty, a, b);
        "<<" => |ty, a, b| before(&ty, a, b);
        ">>" => |ty, a, b| before(&ty, b, a);
        "-|-" => |ty, a, b| adjacent(&ty, a, b);
        "&<" => |ty, a, b| {
            !a.empty && !b.empty && compare_ends(&ty, &upper(a), &upper(b)).is_le()
        };
        "&>" => |ty, a, b| {
            !a.empty && !b.empty && compare_ends(&ty, &lower(a), &lower(b)).is_ge()
        };
    }
    table.operator("@>(anyrange, anyelement) boolean").total().scalar(|call| {
        let ty = call.arg_types.first().map(kind_of).transpose()?.unwrap_or(RangeKind::Num);
        Ok(Value::Bool(contains_element(&ty.subtype(), range(call, 0)?, call.arg(1)?)))
    });
    table.operator("<@(anyelement, anyrange) boolean").total().scalar(|call| {
        let ty = call.arg_types.get(1).map(kind_of).transpose()?.unwrap_or(RangeKind::Num);
        Ok(Value::Bool(contains_element(&ty.subtype(), range(call, 1)?, call.arg(0)?)))
    });
}

fn combinations(table: &mut Table) {
    table.operator("+(anyrange, anyrange) anyrange").scalar(|call| {
        let (ty, a, b) = two(call)?;
        if !a.empty && !b.empty && !overlaps(&ty, a, b) && !adjacent(&ty, a, b) {
            return Err(Error::new("22000", "result of range union would not be contiguous"));
        }
        made(span(&ty, a, b))
    });
    table.function("range_merge(anyrange, anyrange) anyrange").total().scalar(|call| {
        let (ty, a, b) = two(call)?;
        made(span(&ty, a, b))
    });
    table.operator("*(anyrange, anyrange) anyrange").total().scalar(|call| {
        let (ty, a, b) = two(call)?;
        if !overlaps(&ty, a, b) {
            return made(empty());
        }
        let from = if compare_ends(&ty, &lower(a), &lower(b)).is_ge() { a } else { b };
        let to = if compare_ends(&ty, &upper(a), &upper(b)).is_le() { a } else { b };
        made(between(from, to))
    });
    table.operator("-(anyrange, anyrange) anyrange").scalar(|call| {
        let (ty, a, b) = two(call)?;
        minus(&ty, a, b).and_then(made)
    });
}

/// From the lower end of one to the upper end of the other.
fn between(from: &Range, to: &Range) -> Range {
    Range {
        empty: false,
        lower: from.lower.clone(),
        upper: to.upper.clone(),
        lower_inclusive: from.lower_inclusive,
        upper_inclusive: to.upper_inclusive,
    }
}

/// The smallest range that holds both.
fn span(ty: &Type, a: &Range, b: &Range) -> Range {
    if a.empty {
        return b.clone();
    }
    if b.empty {
        return a.clone();
    }
    let from = if compare_ends(ty, &lower(a), &lower(b)).is_le() { a } else { b };
    let to = if compare_ends(ty, &upper(a), &upper(b)).is_ge() { a } else { b };
    between(from, to)
}

fn minus(ty: &Type, a: &Range, b: &Range) -> Result<Range> {
    if !overlaps(ty, a, b) {
        return Ok(a.clone());
    }
    let keeps_start = compare_ends(ty, &lower(a), &lower(b)).is_lt();
    let keeps_end = compare_ends(ty, &upper(a), &upper(b)).is_gt();
    Ok(match (keeps_start, keeps_end) {
        (true, true) => {
            return Err(Error::new("22000", "result of range difference would not be contiguous"));
        }
        (false, false) => empty(),
        (true, false) => {
            Range { upper: b.lower.clone(), upper_inclusive: !b.lower_inclusive, ..a.clone() }
        }
        (false, true) => {
            Range { lower: b.upper.clone(), lower_inclusive: !b.upper_inclusive, ..a.clone() }
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn range_functions_answer_as_postgresql() {
        super::super::cases::check(include_str!("cases/ranges.txt"));
    }
}
