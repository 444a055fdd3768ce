//! `INSERT`.

use std::sync::Arc;

use backstay_catalog::{Identity, Relation};
use backstay_expr::{Body, Expr, Insert, Overriding, Query, Source};
use backstay_model::{Error, Result, Value};

use super::conflict::{Handling, Outcome};
use super::messages::{self, Shown};
use super::queue::Queue;
use super::update::is_default;
use super::{Cx, Written, checks, defaults, keys, rows};
use crate::{Row, RowId, RowSource};

/// A row as the source gives it, one for each of [`Insert::columns`]; `None` is the default.
type Cells = Vec<Option<Value>>;

/// A row that passed its tests and waits to be stored.
struct Prepared {
    row: Row,
    /// `RETURNING`, where the row cannot change any more.
    returning: Option<Vec<Value>>,
}

/// Runs an insert.
pub(super) fn insert(insert: &Insert, cx: Cx<'_>) -> Result<Written> {
    let relation = cx.table(insert.relation, "insert into")?;
    refuse_computed(&cx, relation, insert)?;
    let mut handling = Handling::of(&cx, insert, relation)?;
    cx.demand_writable("INSERT")?;
    let shown = Shown::to_writer(&cx, relation, insert.policy.binds, &insert.columns);
    let (prepared, failure) = prepare_all(&cx, insert, relation, &shown);
    let mut written = Written::default();
    let mut queue = Queue::default();
    for Prepared { row, returning } in prepared {
        let outcome = match &mut handling {
            Some(handling) => handling.place(&cx, &mut queue, &row)?,
            None => match rows::insert(&cx, &mut queue, relation, &row)? {
                Ok(id) => Outcome::Inserted(id),
                Err(conflicting) => {
                    return Err(messages::unique(&cx, relation, &conflicting, (&row, &shown))?);
                }
            },
        };
        let (id, row) = match outcome {
            Outcome::Inserted(id) => {
                written.inserted += 1;
                (id, row)
            }
            Outcome::Updated(id, row) => {
                written.updated += 1;
                (id, row)
            }
            Outcome::Skipped => continue,
        };
        written.ids.push(id);
        match returning {
            Some(values) => written.returning.push(values),
            None => written.returning.extend(returned(&cx, insert, relation, (&row, Some(id)))?),
        }
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    keys::settle(&cx, &mut queue)?;
    Ok(written)
}

/// The values of `RETURNING`, if there is one.
fn returned(
    cx: &Cx<'_>,
    insert: &Insert,
    relation: &Relation,
    (row, id): (&Row, Option<RowId>),
) -> Result<Option<Vec<Value>>> {
    if insert.returning.is_empty() {
        return Ok(None);
    }
    let sources = [(insert.rel, RowSource::Stored { relation, row, id })];
    cx.outputs(&insert.returning, &sources).map(Some)
}

/// Identity columns that are always generated, and generated columns, take no values.
fn refuse_computed(cx: &Cx<'_>, relation: &Relation, insert: &Insert) -> Result<()> {
    for (position, number) in insert.columns.iter().enumerate() {
        let Some(column) = relation.column_by_number(*number) else { continue };
        let always = column.identity == Some(Identity::Always) && insert.overriding.is_none();
        if (always || column.generated.is_some()) && gives_value(cx, &insert.source, position) {
            return Err(messages::given_on_insert(&column.name, column.identity.is_some()));
        }
    }
    Ok(())
}

/// Does any row give a value for this column?
fn gives_value(cx: &Cx<'_>, source: &Source, position: usize) -> bool {
    let given =
        |rows: &[Cells]| rows.iter().any(|row| row.get(position).is_some_and(Option::is_some));
    match source {
        Source::Defaults => false,
        Source::Values(rows) => {
            rows.iter().any(|row| row.get(position).is_some_and(|value| !is_default(value)))
        }
        Source::Query(_) => true,
        Source::Rows(rows) => given(rows),
        Source::Payload => given(cx.scope.payload),
    }
}

/// The rows up to the first that cannot be computed or fails its tests.
fn prepare_all(
    cx: &Cx<'_>,
    insert: &Insert,
    relation: &Arc<Relation>,
    shown: &Shown,
) -> (Vec<Prepared>, Option<Error>) {
    let (source, failure) = match &insert.source {
        Source::Query(query) => query_rows(cx, insert, query),
        Source::Defaults | Source::Values(_) | Source::Rows(_) | Source::Payload => {
            (Vec::new(), None)
        }
    };
    let mut prepared = Vec::new();
    let mut add = |cells: Result<Cells>| {
        let row = cells.and_then(|cells| prepare(cx, insert, relation, (cells, shown)))?;
        prepared.push(row);
        Ok(())
    };
    let outcome = match &insert.source {
        Source::Defaults => add(Ok(Vec::new())),
        Source::Values(rows) => rows.iter().try_for_each(|row| add(value_cells(cx, insert, row))),
        Source::Query(_) => source.into_iter().try_for_each(|row| add(Ok(row))),
        Source::Rows(rows) => rows.iter().try_for_each(|row| add(Ok(row.clone()))),
        Source::Payload => cx.scope.payload.iter().try_for_each(|row| add(Ok(row.clone()))),
    };
    (prepared, outcome.err().or(failure))
}

fn query_rows(cx: &Cx<'_>, insert: &Insert, query: &Query) -> (Vec<Cells>, Option<Error>) {
    let mut query = query.clone();
    query.with.splice(0..0, insert.with.iter().cloned());
    let mut rows = Vec::new();
    let outcome = cx.store.query(&query, &cx.scope, &mut |row| {
        rows.push(row.into_iter().map(Some).collect());
        Ok(true)
    });
    (rows, outcome.err())
}

fn value_cells(cx: &Cx<'_>, insert: &Insert, row: &[Expr]) -> Result<Cells> {
    row.iter()
        .map(|value| {
            if is_default(value) {
                Ok(None)
            } else if insert.with.is_empty() {
                cx.eval(value, &[]).map(Some)
            } else {
                cx.eval(&under(insert, value), &[]).map(Some)
            }
        })
        .collect()
}

/// The value as a sub-select that knows the statement's common table expressions.
fn under(insert: &Insert, value: &Expr) -> Expr {
    let query = Query {
        with: insert.with.clone(),
        body: Body::Values(vec![vec![value.clone()]]),
        order: Vec::new(),
        limit: None,
        offset: None,
    };
    Expr::Scalar { query: Box::new(query), ty: value.ty() }
}

fn prepare(
    cx: &Cx<'_>,
    insert: &Insert,
    relation: &Arc<Relation>,
    (mut cells, shown): (Cells, &Shown),
) -> Result<Prepared> {
    let mut row = Vec::with_capacity(relation.columns.len());
    for column in &relation.columns {
        let position = insert.columns.iter().position(|number| *number == column.number);
        let given = position.and_then(|position| cells.get_mut(position)).and_then(Option::take);
        let ignored = column.identity.is_some() && insert.overriding == Some(Overriding::User);
        row.push(match given {
            Some(value) if !ignored => value,
            _ => defaults::default_of(cx, column)?,
        });
    }
    defaults::complete(cx, relation, &mut row)?;
    let policies = &insert.policy.insert_checks;
    checks::row_security(cx, relation, policies, (insert.rel, &row, None))?;
    checks::constraints(cx, relation, &row, shown)?;
    let returning = match insert.conflict {
        None if !reads_row_id(insert) => returned(cx, insert, relation, (&row, None))?,
        _ => None,
    };
    Ok(Prepared { row, returning })
}

/// `RETURNING` may ask for the row id, which is known only once the row is stored.
fn reads_row_id(insert: &Insert) -> bool {
    let mut found = false;
    for output in &insert.returning {
        backstay_expr::visit_expr(&output.expr, &mut |expr| {
            found |= matches!(expr, Expr::Column { rel, column: 0, .. } if *rel == insert.rel);
        });
    }
    found
}
