//! Running lowered queries.

use backstay_catalog::Catalog;
use backstay_executor::{Scope, Store};
use backstay_expr::{Body, Expr, Query, visit_expr};
use backstay_model::{Error, Result, Type, Value};
use backstay_sql::{Form, LowerOptions, Lowered, Parameter, lower};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Row};

use crate::connection::Connection;
use crate::evaluate::evaluate;
use crate::frame::Frame;
use crate::{failure, rows, stored};

/// A query that was lowered once and may run many times.
#[derive(Debug)]
pub(crate) struct Program {
    /// The tree, for the rare second lowering.
    pub(crate) query: Query,
    /// Its text.
    pub(crate) lowered: Lowered,
    /// Types of the outputs, domains resolved.
    pub(crate) types: Vec<Type>,
    /// Positions of the parameters that are another value for each parent row.
    of_parent: Vec<usize>,
}

impl Program {
    /// Lowers the query.
    ///
    /// # Errors
    /// As [`lower`].
    pub(crate) fn new(catalog: &Catalog, query: &Query) -> Result<Self> {
        let lowered = lower(catalog, query, &LowerOptions::default())?;
        let types = lowered.columns.iter().map(|ty| ty.base(catalog)).collect();
        let of_parent = lowered.params.iter().enumerate();
        let of_parent =
            of_parent.filter(|(_, param)| varies(&param.expr)).map(|(at, _)| at).collect();
        Ok(Self { query: query.clone(), lowered, types, of_parent })
    }

    /// Are the first rows of the relation also the first ones of the answer?
    pub(crate) fn is_plain(&self) -> bool {
        match &self.query.body {
            Body::Select(select) => select.filter.is_none() && select.group.is_empty(),
            Body::Values(_) => true,
            Body::SetOperation { .. } => false,
        }
    }

    /// Runs it; `each` gets every row and says whether to go on.
    ///
    /// # Errors
    /// As the query, a parameter that a row asks for, or `each` raises.
    pub(crate) fn run(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        store: &dyn Store,
        each: &mut dyn FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        run(&self.query, &self.lowered, (connection, scope, store), each)
    }
}

/// Does the value depend on more than the request?
fn varies(expr: &Expr) -> bool {
    let mut varies = false;
    visit_expr(expr, &mut |node| {
        let row =
            matches!(node, Expr::ParentKey { .. } | Expr::Column { .. } | Expr::WholeRow { .. });
        varies = varies || row;
    });
    varies
}

/// A query that runs for one parent row after another: it stays prepared, and what is the same for
/// all of them stays bound.
pub(crate) struct Repeated<'r> {
    program: &'r Program,
    connection: &'r Connection,
    statement: Option<CachedStatement<'r>>,
}

impl<'r> Repeated<'r> {
    /// A query that has not run yet.
    pub(crate) fn new(program: &'r Program, connection: &'r Connection) -> Self {
        Self { program, connection, statement: None }
    }

    /// Runs it for the parent whose keys are in `scope`, as [`Program::run`].
    ///
    /// # Errors
    /// As [`Program::run`].
    pub(crate) fn run(
        &mut self,
        scope: &Scope<'_>,
        store: &dyn Store,
        each: &mut dyn FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let Program { query, lowered, of_parent, .. } = self.program;
        let mut params = lowered.params.iter().enumerate();
        let failing = if let Some(statement) = &mut self.statement {
            let varying = of_parent.iter().filter_map(|at| Some((*at, lowered.params.get(*at)?)));
            bind(statement, varying, scope, store)?
        } else {
            self.connection.ensure(&lowered.functions)?;
            let statement = self.statement.insert(self.connection.prepare(&lowered.sql)?);
            bind(statement, &mut params, scope, store)?
        };
        match &mut self.statement {
            Some(statement) if failing.is_empty() => {
                let frame = Frame::new(scope, store, &[]);
                frame.enter(|| step(statement, &frame, each))
            }
            _ => {
                self.statement = None;
                run(query, lowered, (self.connection, scope, store), each)
            }
        }
    }
}

type Surroundings<'a> = (&'a Connection, &'a Scope<'a>, &'a dyn Store);

/// Runs a lowered query.
fn run(
    query: &Query,
    lowered: &Lowered,
    (connection, scope, store): Surroundings<'_>,
    each: &mut dyn FnMut(&Row<'_>) -> Result<bool>,
) -> Result<()> {
    connection.ensure(&lowered.functions)?;
    let mut statement = connection.prepare(&lowered.sql)?;
    let failing = bind(&mut statement, lowered.params.iter().enumerate(), scope, store)?;
    if failing.is_empty() {
        let frame = Frame::new(scope, store, &[]);
        return frame.enter(|| step(&mut statement, &frame, each));
    }
    // Some parameters raise: their errors count only if a row asks for them.
    drop(statement);
    let options = LowerOptions { failing: failing.iter().map(|(index, _)| *index).collect() };
    let again = lower(scope.catalog, query, &options)?;
    connection.ensure(&again.functions)?;
    let mut statement = connection.prepare(&again.sql)?;
    bind(&mut statement, again.params.iter().enumerate(), scope, store)?;
    let frame = Frame::new(scope, store, &failing);
    frame.enter(|| step(&mut statement, &frame, each))
}

fn step(
    statement: &mut CachedStatement<'_>,
    frame: &Frame<'_>,
    each: &mut dyn FnMut(&Row<'_>) -> Result<bool>,
) -> Result<()> {
    let mut rows = statement.raw_query();
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                if !each(row)? {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                return Err(frame.take_raised().unwrap_or_else(|| failure::translate(&error)));
            }
        }
    }
}

/// Binds parameters at their positions; answers those whose evaluation raised.
fn bind<'p>(
    statement: &mut CachedStatement<'_>,
    params: impl Iterator<Item = (usize, &'p Parameter)>,
    scope: &Scope<'_>,
    store: &dyn Store,
) -> Result<Vec<(usize, Error)>> {
    let mut failing = Vec::new();
    // A parameter that only stands where an error is raised is not in the text.
    let count = statement.parameter_count();
    for (index, param) in params {
        let bound = evaluate(&param.expr, scope, store).and_then(|value| {
            let form = bound_form(&param.form, value.as_ref())?;
            if index < count {
                statement
                    .raw_bind_parameter(index + 1, form)
                    .map_err(|error| failure::translate(&error))?;
            }
            Ok(())
        });
        if let Err(error) = bound {
            failing.push((index, error));
        }
    }
    Ok(failing)
}

fn bound_form<'v>(form: &Form, value: &'v Value) -> Result<ToSqlOutput<'v>> {
    match form {
        Form::Value(_) => stored::encode(value),
        Form::List(_) => packed_list(value),
        Form::LikeFrom => Ok(prefix(value).map_or(ToSqlOutput::Borrowed(ValueRef::Null), |text| {
            ToSqlOutput::Owned(rusqlite::types::Value::Text(text))
        })),
        Form::LikeTo => Ok(match prefix(value) {
            None => ToSqlOutput::Borrowed(ValueRef::Null),
            // Every blob is greater than every text.
            Some(text) => ToSqlOutput::Owned(match successor(&text) {
                Some(next) => rusqlite::types::Value::Text(next),
                None => rusqlite::types::Value::Blob(Vec::new()),
            }),
        }),
    }
}

/// The elements of an array as rows of one column; a null array is one null.
fn packed_list(value: &Value) -> Result<ToSqlOutput<'static>> {
    let mut packed = rows::begin(1);
    match value {
        Value::Array(array) => {
            for element in &array.elements {
                let stored = stored::encode_owned(element)?;
                rows::push(&mut packed, (&stored).into());
            }
        }
        _ => rows::push(&mut packed, ValueRef::Null),
    }
    Ok(ToSqlOutput::Owned(rusqlite::types::Value::Blob(packed)))
}

/// What every text that matches the pattern begins with; `None` for a null pattern.
fn prefix(pattern: &Value) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.as_str()?.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' | '_' => break,
            '\\' => match chars.next() {
                Some(escaped) => out.push(escaped),
                None => break,
            },
            _ => out.push(c),
        }
    }
    Some(out)
}

/// The least text that is greater than all that begin with this one, if there is one.
fn successor(text: &str) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}
