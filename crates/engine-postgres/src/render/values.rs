//! Literals: parameters and constants.

use backstay_model::{Error, Result, Type, Value, quote_literal};
use backstay_plan::{Cells, Plan};
use backstay_scalar::io;

use super::environment::Forms;
use super::{Argument, Renderer, names};

impl Renderer<'_> {
    /// The n-th literal of the plan, as a parameter.
    pub(super) fn literal(&mut self, index: usize, ty: &Type) {
        let number = match self.numbers.get(&index) {
            Some(number) => *number,
            None => {
                let number = self.argument(Given::Literal(index, ty.clone()));
                self.numbers.insert(index, number);
                number
            }
        };
        self.parameter(number, ty);
    }

    /// A value that is part of the statement, as a parameter.
    pub(super) fn value(&mut self, ty: &Type, value: &Value) -> Result<()> {
        let text = text_form(self.forms, ty, value)?;
        let number = self.argument(Given::Text(text));
        self.parameter(number, ty);
        Ok(())
    }

    /// Takes the next parameter; answers its number.
    pub(super) fn argument(&mut self, given: Given) -> usize {
        self.arguments.push(given);
        self.arguments.len()
    }

    fn parameter(&mut self, number: usize, ty: &Type) {
        self.push(&format!("${number}"));
        if !is_open(ty) {
            let name = names::type_name(self.catalog(), ty);
            self.push(&format!("::{name}"));
        }
    }

    /// A constant of the shape (a key of a JSON path, the name of a text search configuration).
    pub(super) fn constant(&mut self, value: &Value, ty: &Type) -> Result<()> {
        if let (Value::Bool(truth), Type::Bool) = (value, ty) {
            self.push(if *truth { "TRUE" } else { "FALSE" });
            return Ok(());
        }
        match text_form(self.forms, ty, value)? {
            None => self.push("NULL"),
            Some(text) if text.contains('\0') => return Err(no_nul()),
            Some(text) => self.push(&quote_literal(&text)),
        }
        if *ty != Type::Unknown {
            let name = names::type_name(self.catalog(), ty);
            self.push(&format!("::{name}"));
        }
        Ok(())
    }
}

/// Where a parameter comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// It is part of the statement.
    Text(Option<String>),
    /// The n-th literal of the plan, of this type.
    Literal(usize, Type),
    /// The rows of the plan as a JSON array of objects `{"c1": …}`, columns of these types; `"d1": true`
    /// where a row leaves the column to its default.
    Rows(Vec<Type>),
}

/// The parameters of a statement for the values of a plan.
///
/// # Errors
/// `22021` for text that PostgreSQL cannot hold.
pub(super) fn arguments(forms: &Forms<'_>, given: &[Given], plan: &Plan) -> Result<Vec<Argument>> {
    let one = |given: &Given| {
        let (text, typed_by_context) = match given {
            Given::Text(text) => (text.clone(), false),
            Given::Literal(index, ty) => {
                let value = plan
                    .params
                    .get(*index)
                    .ok_or_else(|| Error::internal("a plan lacks one of its literals"))?;
                (text_form(forms, ty, value)?, is_open(ty))
            }
            Given::Rows(types) => (Some(rows_as_json(forms, &plan.rows, types)?), false),
        };
        if text.as_deref().is_some_and(|text| text.contains('\0')) {
            return Err(no_nul());
        }
        Ok(Argument { text, typed_by_context })
    };
    given.iter().map(one).collect()
}

fn text_form(forms: &Forms<'_>, ty: &Type, value: &Value) -> Result<Option<String>> {
    if value.is_null() { Ok(None) } else { io::output(forms, ty, value).map(Some) }
}

fn rows_as_json(forms: &Forms<'_>, rows: &[Cells], types: &[Type]) -> Result<String> {
    let mut json = vec![b'['];
    for (at, row) in rows.iter().enumerate() {
        json.extend_from_slice(if at > 0 { b",{" } else { b"{" });
        let mut first = true;
        for (index, (value, ty)) in row.iter().zip(types).enumerate() {
            // What is left out is null.
            if value.as_ref().is_some_and(Value::is_null) {
                continue;
            }
            if !std::mem::take(&mut first) {
                json.push(b',');
            }
            match value {
                Some(value) => {
                    json.extend_from_slice(format!("\"c{}\":", index + 1).as_bytes());
                    io::write_json(forms, ty, value, &mut json)?;
                }
                None => json.extend_from_slice(format!("\"d{}\":true", index + 1).as_bytes()),
            }
        }
        json.push(b'}');
    }
    json.push(b']');
    String::from_utf8(json).map_err(|_| Error::internal("a value was written as text that is none"))
}

/// Is the type decided where the value stands?
fn is_open(ty: &Type) -> bool {
    *ty.element().unwrap_or(ty) == Type::Unknown
}

fn no_nul() -> Error {
    Error::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00")
}
