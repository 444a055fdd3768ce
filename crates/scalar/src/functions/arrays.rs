//! Functions and operators on arrays.

use backstay_model::{Array, Error, Result, Type, Value};

use super::text::count;
use crate::compare::compare;
use crate::io::nested::array::{DIMENSIONS_MAX, too_many_dimensions};
use crate::{Call, Table};

/// Limit: elements of an array that a function makes.
const ELEMENTS_MAX: usize = 16 * 1024 * 1024;

pub(super) fn register(table: &mut Table) {
    sizes(table);
    growing(table);
    searching(table);
    sets(table);
    subscripts(table);
}

/// The element type of the first array argument.
fn element_type<'a>(call: &Call<'a>) -> Result<&'a Type> {
    call.arg_types
        .iter()
        .find_map(Type::element)
        .ok_or_else(|| Error::internal("an array function without an array"))
}

/// Equality of elements where null equals null.
fn same(element: &Type, a: &Value, b: &Value) -> bool {
    match (a.is_null(), b.is_null()) {
        (true, true) => true,
        (false, false) => compare(element, a, b).is_eq(),
        _ => false,
    }
}

fn sizes(table: &mut Table) {
    table.function("array_length(anyarray, integer) integer").total().scalar(dimension);
    table.function("array_upper(anyarray, integer) integer").total().scalar(dimension);
    table
        .function("array_lower(anyarray, integer) integer")
        .total()
        .scalar(|call| Ok(if dimension(call)?.is_null() { Value::Null } else { Value::Int(1) }));
    table
        .function("cardinality(anyarray) integer")
        .total()
        .scalar(|call| count(call.array(0)?.elements.len()));
    table.function("array_ndims(anyarray) integer").total().scalar(|call| {
        let dims = call.array(0)?.dims.len();
        if dims == 0 { Ok(Value::Null) } else { count(dims) }
    });
    table.function("array_dims(anyarray) text").total().scalar(|call| {
        let dims = &call.array(0)?.dims;
        if dims.is_empty() {
            return Ok(Value::Null);
        }
        Ok(Value::Text(dims.iter().map(|length| format!("[1:{length}]")).collect()))
    });
}

/// The length of a dimension counted from 1; null if there is none.
fn dimension(call: &Call<'_>) -> Result<Value> {
    let array = call.array(0)?;
    let index = usize::try_from(call.int(1)?).ok().and_then(|number| number.checked_sub(1));
    match index.and_then(|index| array.dims.get(index)) {
        Some(length) => count(*length),
        None => Ok(Value::Null),
    }
}

fn growing(table: &mut Table) {
    for signature in [
        "array_append(anycompatiblearray, anycompatible) anycompatiblearray",
        "||(anycompatiblearray, anycompatible) anycompatiblearray",
    ] {
        operator_or_function(table, signature)
            .takes_nulls()
            .scalar(|call| push(call.arg(0)?, call.arg(1)?, false));
    }
    for signature in [
        "array_prepend(anycompatible, anycompatiblearray) anycompatiblearray",
        "||(anycompatible, anycompatiblearray) anycompatiblearray",
    ] {
        operator_or_function(table, signature)
            .takes_nulls()
            .scalar(|call| push(call.arg(1)?, call.arg(0)?, true));
    }
    for signature in [
        "array_cat(anycompatiblearray, anycompatiblearray) anycompatiblearray",
        "||(anycompatiblearray, anycompatiblearray) anycompatiblearray",
    ] {
        operator_or_function(table, signature).takes_nulls().scalar(|call| {
            match (call.arg(0)?, call.arg(1)?) {
                (Value::Null, other) | (other, Value::Null) => Ok(other.clone()),
                _ => concat(call.array(0)?, call.array(1)?).map(Value::Array),
            }
        });
    }
    table.function("array_fill(anyelement, integer[]) anyarray").takes_nulls().scalar(array_fill);
    table
        .function("array_fill(anyelement, integer[], integer[]) anyarray")
        .takes_nulls()
        .scalar(array_fill);
    table.function("trim_array(anyarray, integer) anyarray").scalar(|call| {
        let array = call.array(0)?;
        let length = array.dims.first().copied().unwrap_or(0);
        let cut = usize::try_from(call.int(1)?).ok().filter(|cut| *cut <= length);
        let cut = cut.ok_or_else(|| {
            Error::new(
                "2202E",
                format!("number of elements to trim must be between 0 and {length}"),
            )
        })?;
        Ok(Value::Array(slice_of(array, &[(1, i64::try_from(length - cut).unwrap_or(0))])))
    });
}

fn operator_or_function<'t>(
    table: &'t mut Table,
    signature: &'static str,
) -> crate::table::Row<'t> {
    if signature.starts_with(|c: char| c.is_ascii_alphabetic()) {
        table.function(signature)
    } else {
        table.operator(signature)
    }
}

fn push(array: &Value, element: &Value, front: bool) -> Result<Value> {
    let mut elements = match array {
        Value::Array(array) if array.dims.len() > 1 => {
            return Err(Error::new("22000", "argument must be empty or one-dimensional array"));
        }
        Value::Array(array) => array.elements.clone(),
        _ => Vec::new(),
    };
    let at = if front { 0 } else { elements.len() };
    elements.insert(at, element.clone());
    Ok(Value::Array(Array::from_elements(elements)))
}

/// Joins two arrays along the first dimension; one may be a row of the other.
fn concat(a: &Array, b: &Array) -> Result<Array> {
    if a.dims.is_empty() {
        return Ok(b.clone());
    }
    if b.dims.is_empty() {
        return Ok(a.clone());
    }
    let incompatible = |detail: String| {
        Error::new("2202E", "cannot concatenate incompatible arrays").with_details(detail)
    };
    let mut dims = if a.dims.len() >= b.dims.len() { a.dims.clone() } else { b.dims.clone() };
    let (rest_fits, detail) = match (a.dims.len(), b.dims.len()) {
        (x, y) if x == y => (
            a.dims[1..] == b.dims[1..],
            "Arrays with differing element dimensions are not compatible for concatenation."
                .to_owned(),
        ),
        (x, y) if x == y + 1 => (a.dims[1..] == b.dims[..], differing()),
        (x, y) if x + 1 == y => (a.dims[..] == b.dims[1..], differing()),
        (x, y) => (
            false,
            format!("Arrays of {x} and {y} dimensions are not compatible for concatenation."),
        ),
    };
    if !rest_fits {
        return Err(incompatible(detail));
    }
    dims[0] = match (a.dims.len(), b.dims.len()) {
        (x, y) if x == y => a.dims[0] + b.dims[0],
        (x, y) if x > y => a.dims[0] + 1,
        _ => b.dims[0] + 1,
    };
    let elements = a.elements.iter().chain(&b.elements).cloned().collect();
    Ok(Array { dims, elements })
}

fn differing() -> String {
    "Arrays with differing dimensions are not compatible for concatenation.".to_owned()
}

fn array_fill(call: &Call<'_>) -> Result<Value> {
    let null = || Error::new("22004", "dimension array or low bound array cannot be null");
    let lengths = match call.arg(1)? {
        Value::Array(lengths) => lengths,
        _ => return Err(null()),
    };
    match call.args.get(2) {
        None => {}
        Some(Value::Array(bounds)) if bounds.elements.iter().all(|b| *b == Value::Int(1)) => {}
        Some(Value::Array(_)) => {
            return Err(Error::unsupported("an array whose lower bound is not 1"));
        }
        Some(_) => return Err(null()),
    }
    if lengths.dims.len() > 1 {
        return Err(Error::new("2202E", "wrong number of array subscripts")
            .with_details("Dimension array must be one dimensional."));
    }
    if lengths.elements.len() > DIMENSIONS_MAX {
        return Err(too_many_dimensions(lengths.elements.len()));
    }
    let too_large = || Error::new("54000", "array size exceeds the maximum allowed");
    let mut dims = Vec::new();
    let mut total = 1usize;
    for length in &lengths.elements {
        let length = length
            .as_int()
            .ok_or_else(|| Error::new("22004", "dimension values cannot be null"))?;
        let length = usize::try_from(length).map_err(|_| too_large())?;
        total = total.checked_mul(length).filter(|n| *n <= ELEMENTS_MAX).ok_or_else(too_large)?;
        dims.push(length);
    }
    if dims.is_empty() || total == 0 {
        return Ok(Value::Array(Array::default()));
    }
    Ok(Value::Array(Array { dims, elements: vec![call.arg(0)?.clone(); total] }))
}

fn one_dimensional(array: &Array, doing: &str) -> Result<()> {
    if array.dims.len() > 1 {
        return Err(Error::unsupported(format!("{doing} multidimensional arrays")));
    }
    Ok(())
}

fn searching(table: &mut Table) {
    table
        .function("array_remove(anycompatiblearray, anycompatible) anycompatiblearray")
        .takes_nulls()
        .scalar(|call| {
            if call.arg(0)?.is_null() {
                return Ok(Value::Null);
            }
            let (array, ty, gone) = (call.array(0)?, element_type(call)?, call.arg(1)?);
            one_dimensional(array, "removing elements from")?;
            let kept = array.elements.iter().filter(|element| !same(ty, element, gone));
            Ok(Value::Array(Array::from_elements(kept.cloned().collect())))
        });
    table
        .function(
            "array_replace(anycompatiblearray, anycompatible, anycompatible) anycompatiblearray",
        )
        .takes_nulls()
        .total()
        .scalar(|call| {
            if call.arg(0)?.is_null() {
                return Ok(Value::Null);
            }
            let (ty, from, to) = (element_type(call)?, call.arg(1)?, call.arg(2)?);
            let mut array = call.array(0)?.clone();
            for element in &mut array.elements {
                if same(ty, element, from) {
                    *element = to.clone();
                }
            }
            Ok(Value::Array(array))
        });
    for signature in [
        "array_position(anycompatiblearray, anycompatible) integer",
        "array_position(anycompatiblearray, anycompatible, integer) integer",
    ] {
        table.function(signature).takes_nulls().scalar(|call| {
            let start = match call.args.get(2) {
                None => 1,
                Some(Value::Int(start)) => *start,
                Some(_) => return Err(Error::new("22004", "initial position must not be null")),
            };
            let found = positions(call)?.into_iter().find(|position| *position >= start);
            Ok(found.map_or(Value::Null, Value::Int))
        });
    }
    table
        .function("array_positions(anycompatiblearray, anycompatible) integer[]")
        .takes_nulls()
        .scalar(|call| {
            if call.arg(0)?.is_null() {
                return Ok(Value::Null);
            }
            let found = positions(call)?.into_iter().map(Value::Int).collect();
            Ok(Value::Array(Array::from_elements(found)))
        });
}

fn positions(call: &Call<'_>) -> Result<Vec<i64>> {
    if call.arg(0)?.is_null() {
        return Ok(Vec::new());
    }
    let (array, ty, wanted) = (call.array(0)?, element_type(call)?, call.arg(1)?);
    one_dimensional(array, "searching for elements in")?;
    let found = (1..).zip(&array.elements).filter(|(_, element)| same(ty, element, wanted));
    Ok(found.map(|(position, _)| position).collect())
}

fn sets(table: &mut Table) {
    table
        .operator("@>(anyarray, anyarray) boolean")
        .total()
        .scalar(|call| contains(call, call.array(0)?, call.array(1)?));
    table
        .operator("<@(anyarray, anyarray) boolean")
        .total()
        .scalar(|call| contains(call, call.array(1)?, call.array(0)?));
    table.operator("&&(anyarray, anyarray) boolean").total().scalar(|call| {
        let ty = element_type(call)?;
        let wanted = Sorted::new(ty, call.array(1)?);
        let common = call.array(0)?.elements.iter().any(|element| wanted.holds(element));
        Ok(Value::Bool(common))
    });
}

fn contains(call: &Call<'_>, whole: &Array, part: &Array) -> Result<Value> {
    let whole = Sorted::new(element_type(call)?, whole);
    Ok(Value::Bool(part.elements.iter().all(|element| whole.holds(element))))
}

/// The elements in order, so that looking for many of them stays cheap. Nulls equal nothing.
struct Sorted<'a> {
    ty: &'a Type,
    elements: Vec<&'a Value>,
}

impl<'a> Sorted<'a> {
    fn new(ty: &'a Type, array: &'a Array) -> Self {
        let mut elements: Vec<&Value> =
            array.elements.iter().filter(|element| !element.is_null()).collect();
        elements.sort_by(|a, b| compare(ty, a, b));
        Self { ty, elements }
    }

    fn holds(&self, wanted: &Value) -> bool {
        !wanted.is_null()
            && self.elements.binary_search_by(|known| compare(self.ty, known, wanted)).is_ok()
    }
}

/// What `array[…]` means; the binder writes subscripts as these calls.
fn subscripts(table: &mut Table) {
    table.function("array_subscript(anyarray, variadic integer) anyelement").total().scalar(
        |call| {
            let array = call.array(0)?;
            if array.dims.len() != call.args.len() - 1 {
                return Ok(Value::Null);
            }
            let mut at = 0;
            for (index, length) in array.dims.iter().enumerate() {
                let subscript = usize::try_from(call.int(index + 1)?).unwrap_or(0);
                if subscript == 0 || subscript > *length {
                    return Ok(Value::Null);
                }
                at = at * length + subscript - 1;
            }
            Ok(array.elements.get(at).cloned().unwrap_or(Value::Null))
        },
    );
    // Pairs of lower and upper bound; an omitted bound is the least or the greatest integer.
    table.function("array_slice(anyarray, variadic integer) anyarray").total().scalar(|call| {
        let bounds: Vec<(i64, i64)> = (1..call.args.len())
            .step_by(2)
            .map(|index| Ok((call.int(index)?, call.int(index + 1)?)))
            .collect::<Result<_>>()?;
        Ok(Value::Array(slice_of(call.array(0)?, &bounds)))
    });
}

/// The part of an array within bounds; dimensions without bounds are whole.
fn slice_of(array: &Array, bounds: &[(i64, i64)]) -> Array {
    if bounds.len() > array.dims.len() {
        return Array::default();
    }
    let mut ranges = Vec::new();
    for (index, length) in array.dims.iter().enumerate() {
        let (lower, upper) = bounds.get(index).copied().unwrap_or((1, i64::MAX));
        let from = usize::try_from(lower.max(1) - 1).unwrap_or(usize::MAX);
        let to = usize::try_from(upper.max(0)).unwrap_or(usize::MAX).min(*length);
        if from >= to {
            return Array::default();
        }
        ranges.push(from..to);
    }
    let kept = array.elements.iter().enumerate().filter(|(at, _)| {
        let mut rest = *at;
        array.dims.iter().zip(&ranges).rev().all(|(length, range)| {
            let position = rest % length;
            rest /= length;
            range.contains(&position)
        })
    });
    Array {
        elements: kept.map(|(_, element)| element.clone()).collect(),
        dims: ranges.iter().map(std::ops::Range::len).collect(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn array_functions_answer_as_postgresql() {
        super::super::cases::check(include_str!("cases/arrays.txt"));
    }

    #[test]
    fn subscripts_and_slices_answer_as_postgresql() {
        super::super::cases::check(
            "array_subscript(anyarray,integer) | integer[]:{1,2,3} | 2 => 2\n\
             array_subscript(anyarray,integer) | integer[]:{1,2,3} | 0 => NULL\n\
             array_subscript(anyarray,integer) | integer[]:{{1,2},{3,4}} | 2 | 1 => 3\n\
             array_subscript(anyarray,integer) | integer[]:{{1,2},{3,4}} | 2 => NULL\n\
             array_slice(anyarray,integer) | integer[]:{1,2,3} | 2 | 2147483647 => {2,3}\n\
             array_slice(anyarray,integer) | integer[]:{{1,2},{3,4}} | 1 | 1 => {{1,2}}\n\
             array_slice(anyarray,integer) | integer[]:{1,2,3} | 5 | 6 => {}\n\
             array_slice(anyarray,integer) | integer[]:{{1,2},{3,4}} | 1 | 2 | 2 | 2 => {{2},{4}}",
        );
    }
}
