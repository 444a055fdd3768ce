//! Queries as a whole: common table expressions, set operations, order, limit.

use std::cmp::Ordering;

use backstay_expr::walk::{Rewriter, walk_expr};
use backstay_expr::{Body, Cte, Expr, Query, SetOperator, SortKey};
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::compare::compare;

use super::MemoryStore;
use crate::{Row, Scope, eval};

/// Limit: rounds of a recursive common table expression.
const ROUNDS_MAX: usize = 10_000;

impl MemoryStore {
    /// All rows of the query.
    pub(super) fn answer(&self, query: &Query, scope: &Scope<'_>) -> Result<Vec<Row>> {
        let mut hidden = Vec::new();
        let outcome = query
            .with
            .iter()
            .try_for_each(|cte| {
                let rows = self.cte_rows(cte, scope)?;
                hidden.push((cte.id, self.ctes.borrow_mut().insert(cte.id, rows)));
                Ok(())
            })
            .and_then(|()| self.answer_under_ctes(query, scope));
        for (id, earlier) in hidden.into_iter().rev() {
            match earlier {
                Some(rows) => self.ctes.borrow_mut().insert(id, rows),
                None => self.ctes.borrow_mut().remove(&id),
            };
        }
        outcome
    }

    fn answer_under_ctes(&self, query: &Query, scope: &Scope<'_>) -> Result<Vec<Row>> {
        let mut rows = match &query.body {
            Body::Select(select) => self.select(select, &query.order, scope)?,
            Body::Values(rows) => {
                let rows: Vec<Row> = rows
                    .iter()
                    .map(|row| row.iter().map(|expr| eval(expr, scope, Some(self))).collect())
                    .collect::<Result<_>>()?;
                self.sort_outputs(rows, &query.order, scope)?
            }
            Body::SetOperation { op, all, left, right } => {
                let types: Vec<Type> = left.columns().into_iter().map(|(_, ty)| ty).collect();
                let types = bases(&types, scope);
                let left = self.answer(left, scope)?;
                let right = self.answer(right, scope)?;
                let rows = combined(*op, *all, &types, (left, right));
                self.sort_outputs(rows, &query.order, scope)?
            }
        };
        if let Some(offset) = self.count(query.offset.as_ref(), "OFFSET", scope)? {
            rows.drain(..offset.min(rows.len()));
        }
        if let Some(limit) = self.count(query.limit.as_ref(), "LIMIT", scope)? {
            rows.truncate(limit);
        }
        Ok(rows)
    }

    fn count(&self, expr: Option<&Expr>, what: &str, scope: &Scope<'_>) -> Result<Option<usize>> {
        let Some(expr) = expr else { return Ok(None) };
        let Value::Int(count) = eval(expr, scope, Some(self))? else { return Ok(None) };
        usize::try_from(count).map(Some).map_err(|_| {
            let code = if what == "LIMIT" { "2201W" } else { "2201X" };
            Error::new(code, format!("{what} must not be negative"))
        })
    }

    fn cte_rows(&self, cte: &Cte, scope: &Scope<'_>) -> Result<Vec<Row>> {
        let Body::SetOperation { op: SetOperator::Union, all, left, right } = &cte.query.body
        else {
            return self.answer(&cte.query, scope);
        };
        if !cte.recursive {
            return self.answer(&cte.query, scope);
        }
        let types: Vec<Type> = left.columns().into_iter().map(|(_, ty)| ty).collect();
        let types = bases(&types, scope);
        let mut result: Vec<Row> = Vec::new();
        let mut fresh = self.answer(left, scope)?;
        for _ in 0..ROUNDS_MAX {
            if !all {
                let known = std::mem::take(&mut fresh);
                for row in known {
                    if !holds(&types, &result, &row) && !holds(&types, &fresh, &row) {
                        fresh.push(row);
                    }
                }
            }
            if fresh.is_empty() {
                return Ok(result);
            }
            result.extend(fresh.iter().cloned());
            let earlier = self.ctes.borrow_mut().insert(cte.id, std::mem::take(&mut fresh));
            let next = self.answer(right, scope);
            match earlier {
                Some(rows) => self.ctes.borrow_mut().insert(cte.id, rows),
                None => self.ctes.borrow_mut().remove(&cte.id),
            };
            fresh = next?;
        }
        Err(Error::new("54001", "a recursive query does not come to an end"))
    }

    /// Sorts rows whose sort keys refer to output columns.
    fn sort_outputs(
        &self,
        rows: Vec<Row>,
        order: &[SortKey],
        scope: &Scope<'_>,
    ) -> Result<Vec<Row>> {
        let mut keyed = rows
            .into_iter()
            .map(|row| {
                let keys = order
                    .iter()
                    .map(|key| eval(&over_outputs(&key.expr, &row), scope, Some(self)))
                    .collect::<Result<Vec<_>>>()?;
                Ok((keys, row))
            })
            .collect::<Result<Vec<_>>>()?;
        keyed.sort_by(|(a, _), (b, _)| by_keys(order, scope, a, b));
        Ok(keyed.into_iter().map(|(_, row)| row).collect())
    }
}

/// The expression with output columns replaced by their values.
pub(super) fn over_outputs(expr: &Expr, row: &[Value]) -> Expr {
    struct Outputs<'r>(&'r [Value]);
    impl Rewriter for Outputs<'_> {
        fn expr(&mut self, expr: &mut Expr) {
            if let Expr::OutputColumn { index, ty } = expr {
                let value = self.0.get(index.saturating_sub(1)).cloned().unwrap_or(Value::Null);
                *expr = Expr::constant(value, ty.clone());
            }
            walk_expr(self, expr);
        }
    }
    let mut expr = expr.clone();
    Outputs(row).expr(&mut expr);
    expr
}

/// The order of two rows by their sort keys' values.
pub(super) fn by_keys(order: &[SortKey], scope: &Scope<'_>, a: &[Value], b: &[Value]) -> Ordering {
    for (key, (a, b)) in order.iter().zip(a.iter().zip(b)) {
        let outcome = match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if key.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if key.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let outcome = compare(&key.expr.ty().base(scope.env.types()), a, b);
                if key.descending { outcome.reverse() } else { outcome }
            }
        };
        if outcome.is_ne() {
            return outcome;
        }
    }
    Ordering::Equal
}

/// The types under domains.
pub(super) fn bases(types: &[Type], scope: &Scope<'_>) -> Vec<Type> {
    types.iter().map(|ty| ty.base(scope.env.types())).collect()
}

/// Are the rows the same, nulls counting as equal?
pub(super) fn same(types: &[Type], a: &[Value], b: &[Value]) -> bool {
    types.iter().zip(a.iter().zip(b)).all(|(ty, (a, b))| match (a.is_null(), b.is_null()) {
        (true, true) => true,
        (false, false) => compare(ty, a, b).is_eq(),
        _ => false,
    })
}

/// Is the row among these?
pub(super) fn holds(types: &[Type], rows: &[Row], row: &Row) -> bool {
    rows.iter().any(|known| same(types, known, row))
}

/// Each row once, the first of its kind.
pub(super) fn without_repeats(types: &[Type], rows: Vec<Row>) -> Vec<Row> {
    let mut result: Vec<Row> = Vec::new();
    for row in rows {
        if !holds(types, &result, &row) {
            result.push(row);
        }
    }
    result
}

fn combined(
    op: SetOperator,
    all: bool,
    types: &[Type],
    (left, mut right): (Vec<Row>, Vec<Row>),
) -> Vec<Row> {
    // With `ALL` each row on the right answers for one on the left only.
    let mut take = |row: &Row| {
        let found = right.iter().position(|other| same(types, other, row));
        if let Some(position) = found.filter(|_| all) {
            right.remove(position);
        }
        found.is_some()
    };
    let rows: Vec<Row> = match op {
        SetOperator::Intersect => left.into_iter().filter(|row| take(row)).collect(),
        SetOperator::Except => left.into_iter().filter(|row| !take(row)).collect(),
        SetOperator::Union => left.into_iter().chain(right).collect(),
    };
    if all { rows } else { without_repeats(types, rows) }
}
