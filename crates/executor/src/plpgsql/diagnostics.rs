//! `GET DIAGNOSTICS`.

use backstay_model::{About, Details, Error, Result, Type, Value};
use backstay_pgsql::plpgsql::{Diagnostic, Target};

use super::Interpreter;
use super::frame::Shape;

impl Interpreter<'_> {
    pub(super) fn diagnostics(&mut self, items: &[(Target, Diagnostic)]) -> Result<()> {
        for (target, item) in items {
            let (value, ty) = match item {
                Diagnostic::RowCount => {
                    (Value::Int(i64::try_from(self.row_count).unwrap_or(i64::MAX)), Type::Int8)
                }
                Diagnostic::Context | Diagnostic::ErrorContext => {
                    (Value::Text(self.context()?), Type::Text)
                }
                item => (Value::Text(self.of_error(*item)?), Type::Text),
            };
            self.assign(target, value, &Shape { ty, fields: Vec::new() })?;
        }
        Ok(())
    }

    fn of_error(&self, item: Diagnostic) -> Result<String> {
        let error = self.handled.last().ok_or_else(|| {
            Error::new(
                "0Z002",
                "GET STACKED DIAGNOSTICS cannot be used outside an exception handler",
            )
        })?;
        let none = About::default();
        let about = error.about.as_deref().unwrap_or(&none);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Ok(match item {
            Diagnostic::ReturnedSqlstate => error.code.to_string(),
            Diagnostic::MessageText => error.message.clone(),
            Diagnostic::Detail => match &error.details {
                Some(Details::Text(text) | Details::Json(text)) => text.clone(),
                None => String::new(),
            },
            Diagnostic::Hint => text(&error.hint),
            Diagnostic::ColumnName => text(&about.column),
            Diagnostic::ConstraintName => text(&about.constraint),
            Diagnostic::DatatypeName => text(&about.datatype),
            Diagnostic::TableName => text(&about.table),
            Diagnostic::SchemaName => text(&about.schema),
            Diagnostic::RowCount | Diagnostic::Context | Diagnostic::ErrorContext => String::new(),
        })
    }

    /// Where the body is.
    fn context(&self) -> Result<String> {
        let Some(routine) = self.routine else {
            return Ok(format!("PL/pgSQL function inline_code_block line {}", self.line));
        };
        let mut types = Vec::new();
        self.world.with(&mut |scope, _| {
            let of = |ty: &Type| ty.name(scope.env.types());
            types = routine.inputs().map(|argument| of(&argument.ty)).collect();
            Ok(())
        })?;
        let (name, line) = (&routine.name, self.line);
        Ok(format!("PL/pgSQL function {name}({}) line {line} at GET DIAGNOSTICS", types.join(",")))
    }
}
