//! pgvector: distances and arithmetic of `vector`, in its single precision.

use backstay_model::{Array, Error, Result, Type, Value};

use super::text::count;
use crate::io::nested::vector::{elements, print};
use crate::{Call, CastContext, Table};

pub(super) fn register(table: &mut Table) {
    distances(table);
    arithmetic(table);
    casts(table);
}

/// Both arguments, of equal length.
fn two(call: &Call<'_>) -> Result<(Vec<f32>, Vec<f32>)> {
    let (a, b) = (elements(call.text(0)?)?, elements(call.text(1)?)?);
    if a.len() == b.len() {
        return Ok((a, b));
    }
    Err(Error::new("22000", format!("different vector dimensions {} and {}", a.len(), b.len())))
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn l2(call: &Call<'_>) -> Result<Value> {
    let (a, b) = two(call)?;
    let sum: f32 = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum();
    Ok(Value::Float(f64::from(sum).sqrt()))
}

fn l1(call: &Call<'_>) -> Result<Value> {
    let (a, b) = two(call)?;
    let sum: f32 = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum();
    Ok(Value::Float(f64::from(sum)))
}

fn inner_product(call: &Call<'_>) -> Result<Value> {
    let (a, b) = two(call)?;
    Ok(Value::Float(f64::from(dot(&a, &b))))
}

fn negative_inner_product(call: &Call<'_>) -> Result<Value> {
    let (a, b) = two(call)?;
    Ok(Value::Float(-f64::from(dot(&a, &b))))
}

fn cosine(call: &Call<'_>) -> Result<Value> {
    let (a, b) = two(call)?;
    let lengths = (f64::from(dot(&a, &a)) * f64::from(dot(&b, &b))).sqrt();
    let distance = 1.0 - (f64::from(dot(&a, &b)) / lengths).clamp(-1.0, 1.0);
    // Columns hold no NaN, which the direction of a null vector would be.
    Ok(if distance.is_nan() { Value::Null } else { Value::Float(distance) })
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt()
}

type Run = fn(&Call<'_>) -> Result<Value>;

fn distances(table: &mut Table) {
    for (operator, function, run) in [
        (
            "<->(vector, vector) double precision",
            "l2_distance(vector, vector) double precision",
            l2 as Run,
        ),
        (
            "<=>(vector, vector) double precision",
            "cosine_distance(vector, vector) double precision",
            cosine,
        ),
        (
            "<+>(vector, vector) double precision",
            "l1_distance(vector, vector) double precision",
            l1,
        ),
    ] {
        table.operator(operator).scalar(run);
        table.function(function).scalar(run);
    }
    table.operator("<#>(vector, vector) double precision").scalar(negative_inner_product);
    table.function("inner_product(vector, vector) double precision").scalar(inner_product);
    table
        .function("vector_dims(vector) integer")
        .total()
        .scalar(|call| count(elements(call.text(0)?)?.len()));
    table
        .function("vector_norm(vector) double precision")
        .total()
        .scalar(|call| Ok(Value::Float(norm(&elements(call.text(0)?)?))));
    table.function("l2_normalize(vector) vector").total().scalar(|call| {
        let vector = elements(call.text(0)?)?;
        let length = norm(&vector);
        if length == 0.0 {
            return shown(vector);
        }
        shown(vector.into_iter().map(|x| single(f64::from(x) / length)).collect())
    });
}

#[expect(clippy::cast_possible_truncation, reason = "vectors hold singles")]
fn single(number: f64) -> f32 {
    number as f32
}

fn shown(vector: Vec<f32>) -> Result<Value> {
    if vector.iter().any(|x| !x.is_finite()) {
        return Err(Error::new("22003", "value out of range: overflow"));
    }
    Ok(Value::Text(print(&vector)))
}

fn arithmetic(table: &mut Table) {
    table.operator("+(vector, vector) vector").scalar(|call| {
        let (a, b) = two(call)?;
        shown(a.iter().zip(&b).map(|(a, b)| a + b).collect())
    });
    table.operator("-(vector, vector) vector").scalar(|call| {
        let (a, b) = two(call)?;
        shown(a.iter().zip(&b).map(|(a, b)| a - b).collect())
    });
    table.operator("*(vector, vector) vector").scalar(|call| {
        let (a, b) = two(call)?;
        shown(a.iter().zip(&b).map(|(a, b)| a * b).collect())
    });
}

fn casts(table: &mut Table) {
    for signature in [
        "::(integer[]) vector",
        "::(real[]) vector",
        "::(double precision[]) vector",
        "::(numeric[]) vector",
    ] {
        table.cast(CastContext::Assignment, signature).scalar(|call| {
            let array = call.array(0)?;
            if array.dims.len() > 1 {
                return Err(Error::new("22000", "array must be 1-D"));
            }
            let element = call.arg_types.first().and_then(Type::element).unwrap_or(&Type::Float8);
            let texts = array.elements.iter().map(|value| match value {
                Value::Null => Err(Error::new("22004", "array must not contain nulls")),
                _ => crate::io::output(call.env, element, value),
            });
            let texts = texts.collect::<Result<Vec<_>>>()?;
            crate::io::input(call.env, &Type::Vector, None, &format!("[{}]", texts.join(",")))
        });
    }
    table.cast(CastContext::Implicit, "::(vector) real[]").total().scalar(|call| {
        let floats = elements(call.text(0)?)?.into_iter();
        let floats = floats.map(|x| Value::Float(f64::from(x))).collect();
        Ok(Value::Array(Array::from_elements(floats)))
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn distances_are_those_of_pgvector() {
        super::super::cases::check(
            "<->(vector,vector) | [0,0] | [3,4] => 5\n\
             <#>(vector,vector) | [1,2] | [3,4] => -11\n\
             <=>(vector,vector) | [1,0] | [0,1] => 1\n\
             <=>(vector,vector) | [1,1] | [2,2] => 0\n\
             <+>(vector,vector) | [0,0] | [3,-4] => 7\n\
             <->(vector,vector) | [1] | [1,2] => ERROR 22000 different vector dimensions 1 and 2\n\
             +(vector,vector) | [1,2] | [0.5,1] => [1.5,3]\n\
             vector_dims(vector) | [1,2,3] => 3\n\
             vector_norm(vector) | [3,4] => 5\n\
             l2_normalize(vector) | [3,4] => [0.6,0.8]\n\
             ::(real[],vector) | {1,2.5} => [1,2.5]\n\
             ::(vector,real[]) | [1,2.5] => {1,2.5}",
        );
    }
}
