//! `INSERT`.

use std::sync::Arc;

use backstay_catalog::{Event, Relation, Timing};
use backstay_expr::{Body, Expr, Insert, Overriding, Query, Source};
use backstay_model::{Error, Result, Type, Value};

use super::conflict::{Handling, Outcome};
use super::messages::{self, Shown};
use super::queue::Queue;
use super::triggers::{self, Change};
use super::update::is_default;
use super::{Cx, Written, checks, defaults, instead, keys, rows};
use crate::{Row, RowId, RowSource};

/// A row as the source gives it, one for each of [`Insert::columns`]; `None` is the default.
pub(super) type Cells = Vec<Option<Value>>;

/// A row that passed its tests and waits to be stored.
struct Prepared {
    row: Row,
    /// `RETURNING`, where the row cannot change any more.
    returning: Option<Vec<Value>>,
}

/// An insert that is running.
struct Running<'a> {
    cx: Cx<'a>,
    insert: &'a Insert,
    relation: &'a Arc<Relation>,
    shown: Shown,
    handling: Option<Handling<'a>>,
    queue: Queue,
    written: Written,
}

/// Runs an insert.
pub(super) fn insert<'a>(insert: &'a Insert, cx: Cx<'a>) -> Result<Written> {
    if let Some(view) = instead::view_of(&cx, insert.relation, Event::Insert)? {
        cx.demand_writable("INSERT")?;
        return instead::insert(&cx, insert, view);
    }
    let relation = cx.table(insert.relation, "insert into")?;
    refuse_computed(&cx, relation, insert)?;
    let handling = Handling::of(&cx, insert, relation)?;
    cx.demand_writable("INSERT")?;
    let shown = Shown::to_writer(&cx, relation, insert.policy.binds, &insert.columns);
    let (queue, written) = (Queue::default(), Written::default());
    let mut running = Running { cx, insert, relation, shown, handling, queue, written };
    running.begin()?;
    // Rows see the table as it was before the statement. Where none of them looks at it, each is stored
    // as soon as it is prepared: many would take a lot of memory while they wait.
    let one_by_one =
        triggers::one_by_one(relation, Event::Insert) || looks_nowhere(insert, relation);
    let mut prepared = Vec::new();
    let outcome = each_row(&cx, insert, &mut |cells| {
        let Some(row) = prepare(&cx, insert, relation, (cells, &running.shown))? else {
            return Ok(());
        };
        if one_by_one {
            running.place(row)?;
        } else {
            prepared.push(row);
        }
        Ok(())
    });
    for row in prepared {
        running.place(row)?;
    }
    outcome?;
    running.finish()
}

impl Running<'_> {
    fn begin(&mut self) -> Result<()> {
        let (cx, relation) = (self.cx, self.relation);
        triggers::before_statement(&cx, &mut self.queue, relation, (Event::Insert, &[]))?;
        match self.handling.as_ref().and_then(Handling::sets) {
            Some(set) => {
                triggers::before_statement(&cx, &mut self.queue, relation, (Event::Update, &set))
            }
            None => Ok(()),
        }
    }

    fn place(&mut self, Prepared { row, returning }: Prepared) -> Result<()> {
        let (cx, relation) = (&self.cx, self.relation);
        let outcome = match &mut self.handling {
            Some(handling) => handling.place(cx, &mut self.queue, &row)?,
            None => match rows::insert(cx, &mut self.queue, relation, &row)? {
                Ok(id) => Outcome::Inserted(id),
                Err(conflicting) => {
                    let shown = (row.as_slice(), &self.shown);
                    return Err(messages::unique(cx, relation, &conflicting, shown)?);
                }
            },
        };
        let (id, row) = match outcome {
            Outcome::Inserted(id) => {
                self.written.inserted += 1;
                (id, row)
            }
            Outcome::Updated(id, row) => {
                self.written.updated += 1;
                (id, row)
            }
            Outcome::Skipped => return Ok(()),
        };
        self.written.ids.push(id);
        match returning {
            Some(values) => self.written.returning.push(values),
            None => {
                let values = returned(cx, self.insert, relation, (&row, Some(id)))?;
                self.written.returning.extend(values);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Written> {
        if let Some(set) = self.handling.as_ref().and_then(Handling::sets) {
            self.queue.end(self.relation, Event::Update, &set);
        }
        self.queue.end(self.relation, Event::Insert, &[]);
        keys::settle(&self.cx, &mut self.queue)?;
        Ok(self.written)
    }
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
        if gives_value(cx, &insert.source, position) {
            column.check_insertable(insert.overriding.is_some())?;
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

/// Calls `each` with every row of the source, in order.
pub(super) fn each_row(
    cx: &Cx<'_>,
    insert: &Insert,
    each: &mut dyn FnMut(Cells) -> Result<()>,
) -> Result<()> {
    match &insert.source {
        Source::Defaults => each(Vec::new()),
        Source::Values(rows) => rows.iter().try_for_each(|row| each(value_cells(cx, insert, row)?)),
        Source::Query(query) => {
            let (rows, failure) = query_rows(cx, insert, query);
            rows.into_iter().try_for_each(each)?;
            failure.map_or(Ok(()), Err)
        }
        Source::Rows(rows) => rows.iter().try_for_each(|row| each(row.clone())),
        Source::Payload => cx.scope.payload.iter().try_for_each(|row| each(row.clone())),
    }
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
) -> Result<Option<Prepared>> {
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
    let change = (Timing::Before, Change::insert());
    let Some(mut row) = triggers::for_row(cx, relation, change, row)? else { return Ok(None) };
    defaults::complete(cx, relation, &mut row)?;
    let policies = &insert.policy.insert_checks;
    checks::row_security(cx, relation, policies, (insert.rel, &row, None))?;
    checks::constraints(cx, relation, &row, shown)?;
    let returning = match insert.conflict {
        None if !reads_row_id(insert) => returned(cx, insert, relation, (&row, None))?,
        _ => None,
    };
    Ok(Some(Prepared { row, returning }))
}

/// Can no row of a long insert see another, before all are stored?
fn looks_nowhere(insert: &Insert, relation: &Relation) -> bool {
    match &insert.source {
        Source::Payload | Source::Rows(_) => {}
        Source::Defaults | Source::Values(_) | Source::Query(_) => return false,
    }
    let columns = relation.columns.iter();
    let made = columns.filter_map(|column| {
        column.default.as_ref().or(column.generated.as_ref().map(|generated| &generated.expr))
    });
    let tested = relation.checks.iter().map(|check| &check.expr);
    let allowed = insert.policy.insert_checks.iter().map(|check| &check.expr);
    let returned = insert.returning.iter().map(|output| &output.expr);
    !relation.columns.iter().any(|column| has_domain(&column.ty))
        && !made.chain(tested).chain(allowed).chain(returned).any(looks_elsewhere)
}

/// Domains may test values by functions.
fn has_domain(ty: &Type) -> bool {
    match ty {
        Type::Array(element) => has_domain(element),
        other => matches!(other, Type::Domain(_)),
    }
}

/// Does the expression read tables, or call what may?
fn looks_elsewhere(expr: &Expr) -> bool {
    let mut found = false;
    backstay_expr::visit_expr(expr, &mut |expr| {
        found |= matches!(
            expr,
            Expr::UserCall { .. }
                | Expr::Exists(_)
                | Expr::Scalar { .. }
                | Expr::ArrayQuery { .. }
                | Expr::AnyQuery { .. }
        );
    });
    found
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
