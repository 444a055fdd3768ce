//! Fields of a request as expressions: columns, computed fields, paths into JSON.

use backstay_expr::Expr;
use backstay_model::{Result, Type, Value};
use backstay_rest::{Field, PathKey};
use backstay_scalar::CastContext;

use crate::builder::Builder;
use crate::source::Source;

impl Builder<'_> {
    /// The field's value as the answer shows it.
    ///
    /// # Errors
    /// `42703` no such column.
    pub(crate) fn field(&self, field: &Field, source: &Source<'_>) -> Result<Expr> {
        let mut value = self.column_or_computed(&field.name, source)?;
        if field.path.is_empty() {
            return Ok(value);
        }
        if !matches!(value.ty().base(self.catalog), Type::Json | Type::Jsonb) {
            value = self.shown(value, source)?;
            value = self.call("to_jsonb", vec![value])?;
        }
        for step in &field.path {
            let operator = if step.as_text { "->>" } else { "->" };
            let key = match &step.key {
                PathKey::Key(key) => Expr::constant(Value::text(key.as_str()), Type::Text),
                PathKey::Index(index) => {
                    self.resolver.literal(&Type::Int4, None, &index.to_string(), false)?
                }
            };
            value = self.resolver.binary(operator, value, key)?;
        }
        Ok(value)
    }

    /// The field's value as filters and orders compare it: JSON as `jsonb`.
    ///
    /// # Errors
    /// As [`Builder::field`].
    pub(crate) fn compared_field(&self, field: &Field, source: &Source<'_>) -> Result<Expr> {
        let value = self.field(field, source)?;
        if !field.path.is_empty() && value.ty() == Type::Json {
            return self.call("to_jsonb", vec![value]);
        }
        Ok(value)
    }

    /// A `char(n)` column with its blanks, which the stored form lacks; everything else as it is.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub(crate) fn shown(&self, value: Expr, source: &Source<'_>) -> Result<Expr> {
        let Some(length) = source.shown_length(&value) else { return Ok(value) };
        let text = self.resolver.coerce(value, &Type::Text, None, CastContext::Explicit)?;
        let length = Expr::constant(Value::Int(i64::from(length)), Type::Int4);
        self.call("rpad", vec![text, length])
    }

    fn column_or_computed(&self, name: &str, source: &Source<'_>) -> Result<Expr> {
        if let Some(column) = source.column(name) {
            return Ok(column);
        }
        self.computed(name, source).ok_or_else(|| source.no_column(name))
    }

    /// A function of the row's type with one value as its result.
    fn computed(&self, name: &str, source: &Source<'_>) -> Option<Expr> {
        let row = source.row()?;
        let ty = row.ty();
        let found = self.resolver.path().routines(self.catalog, None, name);
        let routine = found.into_iter().find(|routine| {
            let mut inputs = routine.inputs();
            let takes_row = inputs.next().is_some_and(|only| only.ty == ty);
            let scalar = !matches!(
                routine.returns.ty,
                Type::Composite(_) | Type::Record | Type::Void | Type::Trigger
            );
            takes_row && inputs.next().is_none() && !routine.returns.set && scalar
        })?;
        let ty = routine.returns.ty.clone();
        Some(Expr::UserCall { function: routine.id, args: vec![row], ty })
    }
}
