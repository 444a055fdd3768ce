//! Values and rows of fragments, and of texts that `EXECUTE` runs.

use std::sync::Arc;

use backstay_expr::Statement;
use backstay_model::{Error, Result, Type, Value};
use backstay_pgsql::plpgsql::{Cursor, Declared, FragmentId, Rows};

use super::Interpreter;
use super::bound::{Bound, What, not_one_statement};
use super::frame::Shape;
use crate::{Row, Scope, Store, eval, write};

/// Limit: rows that a body holds in memory at once.
pub(super) const ROWS_MAX: usize = 2_000_000;

/// A text that `EXECUTE` runs, with its parameters and what they are.
struct Text {
    text: String,
    values: Vec<Value>,
    types: Vec<(Type, Vec<(String, Type)>)>,
}

/// What a statement gave.
pub(super) struct Given {
    pub(super) rows: Vec<Row>,
    pub(super) shape: Arc<Shape>,
    /// Rows given or written.
    pub(super) count: u64,
    /// It wrote.
    pub(super) wrote: bool,
    /// It is a statement of the schema or session.
    pub(super) other: bool,
}

impl Interpreter<'_> {
    /// The value of an expression, with what it is.
    pub(super) fn value(&self, id: FragmentId) -> Result<(Value, Arc<Shape>)> {
        let mut found = None;
        self.world.with(&mut |scope, store| {
            let bound = self.compiled.bound(id, &self.frame, scope.catalog)?;
            let scope = self.scope(scope, &self.frame.values);
            found = Some(value_of(&bound, &scope, store)?);
            Ok(())
        })?;
        found.ok_or_else(|| Error::internal("an expression without a value"))
    }

    /// Is the condition true?
    pub(super) fn is_true(&self, id: FragmentId) -> Result<bool> {
        let (value, shape) = self.value(id)?;
        let value = self.converted(value, &shape, &(Type::Bool, None))?;
        Ok(value.as_bool() == Some(true))
    }

    fn scope<'s>(&self, scope: &Scope<'s>, values: &'s [Value]) -> Scope<'s> {
        Scope { params: &[], parent_keys: &[], arguments: values, rows: &[], ..*scope }
    }

    /// Runs a statement; `most` rows are enough.
    pub(super) fn statement(&self, id: FragmentId, most: usize) -> Result<Given> {
        let mut given = None;
        let mut other = None;
        self.world.with(&mut |scope, store| {
            let bound = self.compiled.bound(id, &self.frame, scope.catalog)?;
            if let What::Other(raw) = &bound.what {
                other = Some(raw.clone());
                return Ok(());
            }
            let scope = self.scope(scope, &self.frame.values);
            given = Some(run(&bound, (&scope, store), most)?);
            Ok(())
        })?;
        if let Some(raw) = other {
            self.world.other(&raw).map_err(without_place)?;
            return Ok(Given::other());
        }
        given.ok_or_else(|| Error::internal("a statement that did not run"))
    }

    /// Runs the text of an `EXECUTE`.
    pub(super) fn dynamic(
        &self,
        (text, using): (FragmentId, &[FragmentId]),
        most: usize,
    ) -> Result<Given> {
        let Text { text, values, types } = self.dynamic_text(text, using)?;
        let mut last = None;
        // Each statement is bound after those before it have run.
        let mut at = 0;
        loop {
            let mut other = None;
            let mut done = false;
            self.world.with(&mut |scope, store| {
                let mut all = self.compiled.dynamic(scope.catalog, &text, types.clone())?;
                if at >= all.len() {
                    done = true;
                    return Ok(());
                }
                let bound = all.swap_remove(at);
                if let What::Other(raw) = bound.what {
                    other = Some(raw);
                    return Ok(());
                }
                let scope = self.scope(scope, &values);
                last = Some(run(&bound, (&scope, store), most)?);
                Ok(())
            })?;
            if done {
                return Ok(last.unwrap_or_else(Given::other));
            }
            if let Some(raw) = other {
                self.world.other(&raw).map_err(without_place)?;
                last = Some(Given::other());
            }
            at += 1;
        }
    }

    fn dynamic_text(&self, text: FragmentId, using: &[FragmentId]) -> Result<Text> {
        let (value, shape) = self.value(text)?;
        let value = self.converted(value, &shape, &(Type::Text, None))?;
        let Value::Text(text) = value else {
            let message = "query string argument of EXECUTE is null";
            return Err(Error::new("22004", message));
        };
        let (mut values, mut types) = (Vec::new(), Vec::new());
        for id in using {
            let (value, shape) = self.value(*id)?;
            values.push(value);
            types.push((shape.ty.clone(), shape.fields.clone()));
        }
        Ok(Text { text, values, types })
    }

    /// All rows of a source, read before the first of them is used.
    pub(super) fn all_rows(&mut self, rows: &Rows) -> Result<Given> {
        match rows {
            Rows::Query(id) => self.statement(*id, ROWS_MAX),
            Rows::Dynamic(text, using) => self.dynamic((*text, using), ROWS_MAX),
            Rows::Cursor(slot, arguments) => {
                let Declared::Cursor(Some(cursor)) = &self.compiled.program.variables[*slot].ty
                else {
                    return Err(Error::internal("a loop over a cursor without a query"));
                };
                let cursor = Arc::clone(cursor);
                self.bound_rows(&cursor, arguments)
            }
        }
    }

    /// The rows of a bound cursor's query, with its arguments set.
    pub(super) fn bound_rows(&mut self, cursor: &Cursor, given: &[FragmentId]) -> Result<Given> {
        if cursor.arguments.len() != given.len() {
            return Err(Error::new("42601", "cursor arguments do not fit its declaration"));
        }
        for (slot, id) in cursor.arguments.iter().zip(given) {
            let (value, shape) = self.value(*id)?;
            let target = backstay_pgsql::plpgsql::Target::Variable(*slot, Vec::new());
            self.assign(&target, value, &shape)?;
        }
        self.statement(cursor.query, ROWS_MAX)
    }
}

impl Given {
    fn other() -> Self {
        let shape = Arc::new(Shape::record(Vec::new()));
        Self { rows: Vec::new(), shape, count: 0, wrote: false, other: true }
    }
}

fn value_of(bound: &Bound, scope: &Scope<'_>, store: &dyn Store) -> Result<(Value, Arc<Shape>)> {
    match &bound.what {
        What::Value(expr, _) => Ok((eval(expr, scope, Some(store))?, Arc::clone(&bound.shape))),
        What::Query(query) => {
            let columns = bound.shape.fields.len();
            if columns != 1 {
                return Err(Error::new("42601", format!("query returned {columns} columns")));
            }
            let mut value = None;
            store.query(query, scope, &mut |row| {
                if value.is_some() {
                    return Err(Error::new("21000", "query returned more than one row"));
                }
                value = row.into_iter().next();
                Ok(true)
            })?;
            let ty = bound.shape.fields[0].1.clone();
            let fields = super::frame::fields_of(scope.catalog, &ty).unwrap_or_default();
            let fields = fields.into_iter().map(|(name, ty, _)| (name, ty)).collect();
            Ok((value.unwrap_or(Value::Null), Arc::new(Shape { ty, fields })))
        }
        What::Write(_) | What::Other(_) | What::Nothing => Err(not_one_statement()),
    }
}

fn run(bound: &Bound, (scope, store): (&Scope<'_>, &dyn Store), most: usize) -> Result<Given> {
    let shape = Arc::clone(&bound.shape);
    let given =
        |rows: Vec<Row>, count, wrote, shape| Given { rows, shape, count, wrote, other: false };
    match &bound.what {
        What::Value(expr, name) => {
            let value = eval(expr, scope, Some(store))?;
            let shape = Shape::record(vec![(name.clone(), shape.ty.clone())]);
            Ok(given(vec![vec![value]], 1, false, Arc::new(shape)))
        }
        What::Query(query) => {
            let mut rows = Vec::new();
            store.query(query, scope, &mut |row| {
                if rows.len() >= ROWS_MAX {
                    return Err(Error::new("54000", "a query in a function gives too many rows"));
                }
                rows.push(row);
                Ok(rows.len() < most)
            })?;
            let count = rows.len() as u64;
            Ok(given(rows, count, false, shape))
        }
        What::Write(statement) => {
            let written = write::execute(statement, scope, store)?;
            let last = match statement {
                Statement::Sequence(sequence) => &sequence.last,
                statement => statement,
            };
            let count = match last {
                Statement::Query(_) => written.returning.len() as u64,
                _ => written.inserted + written.updated + written.deleted,
            };
            Ok(given(written.returning, count, true, shape))
        }
        What::Other(_) | What::Nothing => Ok(Given::other()),
    }
}

/// Places count from the start of a text that is not the script's.
fn without_place(error: Error) -> Error {
    Error { position: None, ..error }
}
