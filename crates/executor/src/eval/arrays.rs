//! Array constructors.

use backstay_expr::Expr;
use backstay_model::{Array, Error, Result, Type, Value};

use super::Evaluator;

impl Evaluator<'_> {
    pub(super) fn array(&self, elements: &[Expr], ty: &Type) -> Result<Value> {
        let values = self.values(elements)?;
        let one_dimension = ty.element().is_some_and(|element| element.element().is_none());
        let of_arrays = elements.iter().any(|element| self.base(&element.ty()).element().is_some());
        if one_dimension && of_arrays {
            return stacked(values);
        }
        Ok(Value::Array(Array::from_elements(values)))
    }
}

/// Arrays of one shape become an array with one more dimension.
pub(super) fn stacked(values: Vec<Value>) -> Result<Value> {
    let mismatch = || {
        Error::new(
            "2202E",
            "multidimensional arrays must have array expressions with matching dimensions",
        )
    };
    let count = values.len();
    let mut dims: Option<Vec<usize>> = None;
    let mut elements = Vec::new();
    for value in values {
        let array = match value {
            Value::Array(array) => array,
            Value::Null => Array::default(),
            _ => return Err(mismatch()),
        };
        if dims.as_ref().is_some_and(|dims| *dims != array.dims) {
            return Err(mismatch());
        }
        dims = Some(array.dims);
        elements.extend(array.elements);
    }
    let inner = dims.unwrap_or_default();
    if inner.is_empty() {
        return Ok(Value::Array(Array::default()));
    }
    let dims = std::iter::once(count).chain(inner).collect();
    Ok(Value::Array(Array { dims, elements }))
}
