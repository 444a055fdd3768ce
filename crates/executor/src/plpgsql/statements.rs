//! Statements that lead to the next one.

use std::sync::Arc;

use backstay_model::{Error, Result, Type, Value};
use backstay_pgsql::plpgsql::{FragmentId, Into, Rows, Stmt};

use super::Interpreter;
use super::frame::Shape;
use super::rows::{Given, ROWS_MAX};

/// All rows of a statement whose rows are thrown away.
const ALL: usize = usize::MAX;

impl Interpreter<'_> {
    pub(super) fn plain(&mut self, statement: &Stmt) -> Result<()> {
        match statement {
            Stmt::Assign(target, value) => {
                let (value, shape) = self.value(*value).map_err(of_assignment)?;
                self.assign(target, value, &shape)
            }
            Stmt::ReturnNext(value) => self.return_next(*value),
            Stmt::ReturnQuery(rows) => self.return_query(rows),
            Stmt::Raise(raise) => self.raise(raise),
            Stmt::Assert(condition, message) => self.assert(*condition, *message),
            Stmt::Sql(id, into) => {
                let given = self.statement(*id, most(into.as_ref()))?;
                self.finish(given, into.as_ref())
            }
            Stmt::Perform(id) => {
                let given = self.statement(*id, ALL)?;
                self.row_count = given.count;
                self.set_found(given.count > 0);
                Ok(())
            }
            Stmt::Execute { text, using, into } => self.execute_text((*text, using), into.as_ref()),
            Stmt::Diagnostics(items) => self.diagnostics(items),
            Stmt::Open(slot, source) => self.open(*slot, source),
            Stmt::Fetch { cursor, direction, into } => {
                self.fetch(*cursor, direction, into.as_ref())
            }
            Stmt::Close(slot) => self.close(*slot),
            Stmt::Nothing => Ok(()),
            Stmt::EndTransaction => Err(Error::new("2D000", "invalid transaction termination")),
            Stmt::Block(_)
            | Stmt::If(..)
            | Stmt::Case { .. }
            | Stmt::Loop(..)
            | Stmt::While(..)
            | Stmt::ForInteger { .. }
            | Stmt::ForRows { .. }
            | Stmt::ForEach { .. }
            | Stmt::Exit { .. }
            | Stmt::Return(_) => Err(Error::internal("a statement that leads elsewhere")),
        }
    }

    /// What follows an SQL statement: `INTO`, `FOUND`, the count of rows.
    fn finish(&mut self, given: Given, into: Option<&Into>) -> Result<()> {
        if given.other {
            return Ok(());
        }
        let Some(into) = into else {
            if !given.wrote {
                return Err(Error::new("42601", "query has no destination for result data")
                    .with_hint(
                        "If you want to discard the results of a SELECT, use PERFORM instead.",
                    ));
            }
            if !given.shape.fields.is_empty() {
                return Err(Error::new("42601", "query has no destination for result data"));
            }
            self.row_count = given.count;
            self.set_found(given.count > 0);
            return Ok(());
        };
        self.into(given, into).map_err(|error| {
            if error.code == "P0003" {
                let hint = "Make sure the query returns a single row, or use LIMIT 1.";
                return error.with_hint(hint);
            }
            error
        })
    }

    fn into(&mut self, given: Given, into: &Into) -> Result<()> {
        if given.shape.fields.is_empty() {
            return Err(Error::new("42601", "INTO used with a command that cannot return data"));
        }
        let count = given.rows.len();
        if count > 1 && (into.strict || given.wrote) {
            return Err(Error::new("P0003", "query returned more than one row"));
        }
        if count == 0 && into.strict {
            return Err(Error::new("P0002", "query returned no rows"));
        }
        let first = given.rows.into_iter().next();
        self.row_count = u64::from(first.is_some());
        self.set_found(first.is_some());
        self.assign_row(&into.target, first, &given.shape)
    }

    fn execute_text(
        &mut self,
        text: (FragmentId, &[FragmentId]),
        into: Option<&Into>,
    ) -> Result<()> {
        let given = self.dynamic(text, most(into))?;
        // `EXECUTE` counts rows and leaves FOUND alone.
        let found = self.frame.values[self.compiled.program.found].clone();
        match into {
            Some(into) if !given.other => self.into(given, into)?,
            _ => self.row_count = given.count,
        }
        self.frame.values[self.compiled.program.found] = found;
        Ok(())
    }

    fn assert(&mut self, condition: FragmentId, message: Option<FragmentId>) -> Result<()> {
        if self.is_true(condition)? {
            return Ok(());
        }
        let said = match message {
            Some(id) => {
                let (value, shape) = self.value(id)?;
                self.text(value, &shape)?
            }
            None => None,
        };
        let message = said.unwrap_or_else(|| "assertion failed".to_owned());
        Err(Error::new("P0004", message))
    }

    /// The text form of a value; `None` for null.
    pub(super) fn text(&self, value: Value, shape: &Shape) -> Result<Option<String>> {
        if value.is_null() {
            return Ok(None);
        }
        let mut text = None;
        self.world.with(&mut |scope, _| {
            text = Some(backstay_scalar::io::output(
                scope.env,
                &shape.ty.base(scope.env.types()),
                &value,
            )?);
            Ok(())
        })?;
        Ok(text)
    }

    /// `RETURN`.
    pub(super) fn set_result(&mut self, value: Option<FragmentId>) -> Result<()> {
        let Some(id) = value else { return Ok(()) };
        let (value, shape) = self.value(id)?;
        let returns = self.routine.map(|routine| routine.returns.ty.clone());
        self.result = Some(match returns {
            Some(Type::Trigger) => self.trigger_row(value, &shape)?,
            Some(Type::Record) | None => value,
            Some(Type::Composite(_)) if !value.is_null() && !matches!(value, Value::Record(_)) => {
                return Err(Error::new(
                    "42804",
                    "cannot return non-composite value from function returning composite type",
                ));
            }
            Some(ty) => self.converted(value, &shape, &(ty, None))?,
        });
        Ok(())
    }

    /// The row that a trigger function returns, as one of the table.
    fn trigger_row(&self, value: Value, shape: &Arc<Shape>) -> Result<Value> {
        let slots = self.compiled.program.trigger;
        let table = slots.and_then(|slots| self.frame.shapes[slots.new].clone());
        match (&value, table) {
            (Value::Null, _) => Ok(Value::Null),
            (Value::Record(row), Some(table)) => {
                if row.len() == table.fields.len() {
                    return self.converted(value, shape, &(table.ty.clone(), None));
                }
                Ok(value)
            }
            (Value::Record(_), None) => Ok(Value::Null),
            _ => Err(Error::new(
                "42804",
                "cannot return non-composite value from function returning composite type",
            )),
        }
    }

    fn return_next(&mut self, value: Option<FragmentId>) -> Result<()> {
        let Some(routine) = self.routine else { return Ok(()) };
        let row = match value {
            None => match self.out_row(routine) {
                Value::Record(row) => row,
                one => vec![one],
            },
            Some(id) => {
                let (value, shape) = self.value(id)?;
                let ty = routine.returns.ty.clone();
                let value = match ty {
                    Type::Record => value,
                    ty => self.converted(value, &shape, &(ty, None))?,
                };
                match value {
                    Value::Record(row) => row,
                    Value::Null if matches!(routine.returns.ty, Type::Composite(_)) => {
                        vec![Value::Null; self.result_types()?.len()]
                    }
                    one => vec![one],
                }
            }
        };
        self.rows.push(row);
        self.check_rows()
    }

    fn check_rows(&self) -> Result<()> {
        if self.rows.len() <= ROWS_MAX {
            return Ok(());
        }
        Err(Error::new("54000", "a function gives too many rows"))
    }

    /// Names and types of the columns that the function gives.
    fn result_types(&self) -> Result<Vec<(String, Type)>> {
        let Some(routine) = self.routine else { return Ok(Vec::new()) };
        if !routine.returns.columns.is_empty() {
            return Ok(routine.returns.columns.clone());
        }
        let mut fields = None;
        self.world.with(&mut |scope, _| {
            let known = super::frame::fields_of(scope.catalog, &routine.returns.ty);
            fields =
                known.map(|fields| fields.into_iter().map(|(name, ty, _)| (name, ty)).collect());
            Ok(())
        })?;
        Ok(fields.unwrap_or_else(|| vec![(routine.name.clone(), routine.returns.ty.clone())]))
    }

    fn return_query(&mut self, rows: &Rows) -> Result<()> {
        let given = self.all_rows(rows)?;
        if given.other {
            return Err(Error::new("42601", "cannot open multi-query plan as cursor"));
        }
        let open = self.routine.is_some_and(|routine| {
            routine.returns.ty == Type::Record && routine.returns.columns.is_empty()
        });
        if !open {
            self.check_structure(&given.shape)?;
        }
        self.row_count = given.rows.len() as u64;
        self.set_found(self.row_count > 0);
        self.rows.extend(given.rows);
        self.check_rows()
    }

    /// The columns must be of the declared types, without a cast.
    fn check_structure(&self, shape: &Shape) -> Result<()> {
        let wanted = self.result_types()?;
        let fail = |details: String| {
            Err(Error::new("42804", "structure of query does not match function result type")
                .with_details(details))
        };
        if shape.fields.len() != wanted.len() {
            return fail(format!(
                "Number of returned columns ({}) does not match expected column count ({}).",
                shape.fields.len(),
                wanted.len()
            ));
        }
        for (at, ((_, have), (_, want))) in (1..).zip(shape.fields.iter().zip(&wanted)) {
            if have != want {
                let mut names = (String::new(), String::new());
                self.world.with(&mut |scope, _| {
                    let types = scope.env.types();
                    names = (have.name(types), want.name(types));
                    Ok(())
                })?;
                let (have, want) = names;
                return fail(format!(
                    "Returned type {have} does not match expected type {want} in column {at}."
                ));
            }
        }
        Ok(())
    }
}

/// What an assignment says of a query that is no value.
fn of_assignment(error: Error) -> Error {
    match error.message.strip_prefix("query returned ") {
        Some(rest) if error.code == "42601" => {
            Error { message: format!("assignment source returned {rest}"), ..error }
        }
        _ => error,
    }
}

/// How many rows decide what `INTO` does.
fn most(into: Option<&Into>) -> usize {
    match into {
        Some(into) if into.strict => 2,
        Some(_) => 1,
        None => ALL,
    }
}
