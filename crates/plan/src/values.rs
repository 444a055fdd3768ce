//! The values of a plan: taken from a request's literals, for the request that the plan was built
//! for and for every later one of the same shape.

use backstay_model::{Array, Modifier, Result, Type, Value};
use backstay_rest::{Literal, Literals};
use backstay_scalar::{Environment, io};

use crate::plan::Cells;

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ValueSource {
    /// It is part of the shape.
    Fixed(Value),
    /// A literal, read as the type.
    Text(Literal, Type),
    /// A literal as it is, as a text.
    Verbatim(Literal),
    /// The elements of a list, each read as the type, as an array.
    Elements(Literal, Type),
    /// The last element of a list, read as the type.
    Last(Literal, Type),
    /// A JSON text, read as the type.
    Json(Literal, Type),
    /// The whole body, read as the type.
    Body(Literal, Type),
    /// The cell of the payload's first row in this column.
    Cell(usize, Type, Option<Modifier>),
}

impl ValueSource {
    /// The value in a request.
    ///
    /// # Errors
    /// `22P02`, `22007`, `22003`… for a literal that its type cannot read.
    pub(crate) fn value(&self, literals: &Literals, env: &dyn Environment) -> Result<Value> {
        let read = |ty: &Type, text: &str| io::input(env, ty, None, text);
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(literal, ty) => read(ty, literals.text(literal)),
            Self::Verbatim(literal) => Ok(Value::text(literals.text(literal))),
            Self::Elements(literal, ty) => {
                let elements = literals.list(literal).iter().map(|text| read(ty, text));
                let elements: Result<Vec<Value>> = elements.collect();
                Ok(Value::Array(Array::from_elements(elements?)))
            }
            Self::Last(literal, ty) => {
                read(ty, literals.list(literal).last().map_or("", String::as_str))
            }
            Self::Json(literal, ty) => io::from_json(env, ty, None, literals.text(literal)),
            Self::Body(literal, Type::Bytea) => Ok(Value::Bytes(literals.bytes(literal).to_vec())),
            Self::Body(literal, ty) => read(ty, &String::from_utf8_lossy(literals.bytes(literal))),
            Self::Cell(column, ty, modifier) => {
                let text = literals.payload.cell(0, *column).unwrap_or("null");
                io::from_json(env, ty, *modifier, text)
            }
        }
    }
}

/// The columns of the rows that a request brings, and what a missing key means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowSource {
    pub(crate) columns: Vec<(Type, Option<Modifier>)>,
    pub(crate) missing_default: bool,
}

impl RowSource {
    /// The rows of a request.
    ///
    /// # Errors
    /// As reading a value raises.
    pub(crate) fn rows(&self, literals: &Literals, env: &dyn Environment) -> Result<Vec<Cells>> {
        let mut rows = Vec::with_capacity(literals.payload.row_count());
        for cells in literals.payload.rows() {
            let mut row = Vec::with_capacity(self.columns.len());
            for (cell, (ty, modifier)) in cells.zip(&self.columns) {
                row.push(match cell {
                    Some(text) => Some(io::from_json(env, ty, *modifier, text)?),
                    None if self.missing_default => None,
                    None => Some(Value::Null),
                });
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

/// How the values of a plan are taken from the literals of a request of its shape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipe {
    pub(crate) params: Vec<ValueSource>,
    pub(crate) rows: Option<RowSource>,
}

impl Recipe {
    /// The parameters and rows of a request.
    ///
    /// # Errors
    /// As reading a value raises; the first is the one that building the plan anew would meet.
    pub fn values(
        &self,
        literals: &Literals,
        env: &dyn Environment,
    ) -> Result<(Vec<Value>, Vec<Cells>)> {
        let rows = match &self.rows {
            Some(source) => source.rows(literals, env)?,
            None => Vec::new(),
        };
        let params: Result<Vec<Value>> =
            self.params.iter().map(|source| source.value(literals, env)).collect();
        Ok((params?, rows))
    }
}
