//! Literals: parameters and constants.

use backstay_model::{Error, Result, Type, Value, quote_literal};
use backstay_scalar::io;

use super::{Argument, Renderer, names};

impl Renderer<'_> {
    /// The n-th literal of the plan, as a parameter.
    pub(super) fn literal(&mut self, index: usize, ty: &Type) -> Result<()> {
        let number = match self.numbers.get(&index) {
            Some(number) => *number,
            None => {
                let value = self
                    .values
                    .get(index)
                    .ok_or_else(|| Error::internal("a plan lacks one of its literals"))?;
                let text = self.text_form(ty, value)?;
                let number = self.argument(text)?;
                if is_open(ty)
                    && let Some(argument) = self.arguments.last_mut()
                {
                    argument.typed_by_context = true;
                }
                self.numbers.insert(index, number);
                number
            }
        };
        self.parameter(number, ty);
        Ok(())
    }

    /// A value that no literal of the plan is, as a parameter.
    pub(super) fn value(&mut self, ty: &Type, value: &Value) -> Result<()> {
        let text = self.text_form(ty, value)?;
        let number = self.argument(text)?;
        self.parameter(number, ty);
        Ok(())
    }

    /// Takes a text form as the next parameter; answers its number.
    pub(super) fn argument(&mut self, text: Option<String>) -> Result<usize> {
        if text.as_deref().is_some_and(|text| text.contains('\0')) {
            return Err(no_nul());
        }
        self.arguments.push(Argument { text, typed_by_context: false });
        Ok(self.arguments.len())
    }

    fn parameter(&mut self, number: usize, ty: &Type) {
        self.push(&format!("${number}"));
        if !is_open(ty) {
            let name = names::type_name(self.catalog(), ty);
            self.push(&format!("::{name}"));
        }
    }

    fn text_form(&self, ty: &Type, value: &Value) -> Result<Option<String>> {
        if value.is_null() { Ok(None) } else { io::output(self.forms, ty, value).map(Some) }
    }

    /// A constant of the shape (a key of a JSON path, the name of a text search configuration).
    pub(super) fn constant(&mut self, value: &Value, ty: &Type) -> Result<()> {
        if let (Value::Bool(truth), Type::Bool) = (value, ty) {
            self.push(if *truth { "TRUE" } else { "FALSE" });
            return Ok(());
        }
        match self.text_form(ty, value)? {
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

/// Is the type decided where the value stands?
fn is_open(ty: &Type) -> bool {
    *ty.element().unwrap_or(ty) == Type::Unknown
}

fn no_nul() -> Error {
    Error::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00")
}
