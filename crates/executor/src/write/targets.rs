//! Choosing the rows that an update or delete changes: a query over the relation, read into memory
//! before the first row is written.

use std::collections::HashSet;

use backstay_catalog::Relation;
use backstay_expr::walk::{Rewriter, walk_expr};
use backstay_expr::{Cte, Expr, From, Output, Query, RelId, RelationScan, Select};
use backstay_model::{Error, Type, Value};

use super::Cx;
use crate::RowId;

/// What the query of an update or delete is made of.
pub(super) struct Choice<'a> {
    pub(super) with: &'a [Cte],
    pub(super) relation: &'a Relation,
    pub(super) rel: RelId,
    pub(super) row_filter: Option<&'a Expr>,
    pub(super) from: &'a [From],
    pub(super) filter: Option<&'a Expr>,
    /// Computed over each chosen row.
    pub(super) values: Vec<Expr>,
    /// Needs columns of `from` after the write.
    pub(super) returning: &'a [Output],
}

/// A chosen row.
pub(super) struct Target {
    pub(super) id: RowId,
    /// As many as [`Choice::values`].
    pub(super) values: Vec<Value>,
    /// What `RETURNING` needs of the other relations.
    pub(super) carried: Vec<Value>,
}

/// The chosen rows in the order of the query, each once.
pub(super) struct Targets {
    pub(super) rows: Vec<Target>,
    /// What stopped the query after these rows.
    pub(super) failure: Option<Error>,
    /// `RETURNING`, where columns of other relations are read from [`Target::carried`].
    pub(super) returning: Vec<Output>,
}

/// The identity of [`Target::carried`] in the rewritten `RETURNING`. The binder counts from 1.
pub(super) const CARRIED: RelId = RelId(u32::MAX);

/// Runs the query.
pub(super) fn choose(cx: &Cx<'_>, choice: Choice<'_>) -> Targets {
    let mut carrier = Carrier { others: Vec::new(), carried: Vec::new() };
    choice.from.iter().for_each(|from| carrier.enter(from));
    let mut returning = choice.returning.to_vec();
    for output in &mut returning {
        carrier.expr(&mut output.expr);
    }
    let width = choice.values.len();
    let query = query_of(choice, carrier.carried);
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    let outcome = cx.store.query(&query, &cx.scope, &mut |row| {
        let mut values = row.into_iter();
        let Some(Value::Int(id)) = values.next() else {
            return Err(Error::internal("a row without its id"));
        };
        // A row that joins several rows is written once, with the first of them.
        if seen.insert(id) {
            let computed = values.by_ref().take(width).collect();
            rows.push(Target { id, values: computed, carried: values.collect() });
        }
        Ok(true)
    });
    Targets { rows, failure: outcome.err(), returning }
}

fn query_of(choice: Choice<'_>, carried: Vec<Expr>) -> Query {
    let scan = From::Relation(RelationScan {
        rel: choice.rel,
        relation: choice.relation.id,
        policy: choice.row_filter.cloned().map(Box::new),
    });
    let outputs = std::iter::once(Expr::column(choice.rel, 0, Type::Int8))
        .chain(choice.values)
        .chain(carried)
        .enumerate()
        .map(|(index, expr)| Output { name: format!("column{}", index + 1), expr })
        .collect();
    let mut select =
        Select::new(outputs, std::iter::once(scan).chain(choice.from.iter().cloned()).collect());
    select.filter = choice.filter.cloned();
    let mut query = Query::select(select);
    query.with = choice.with.to_vec();
    query
}

/// Replaces references to the other relations of the statement by columns of [`CARRIED`].
struct Carrier {
    others: Vec<RelId>,
    carried: Vec<Expr>,
}

impl Carrier {
    fn enter(&mut self, from: &From) {
        if let From::Join { left, right, .. } = from {
            self.enter(left);
            self.enter(right);
        }
        self.others.extend(from.rel());
    }
}

impl Rewriter for Carrier {
    fn expr(&mut self, expr: &mut Expr) {
        if let Expr::Column { rel, .. } | Expr::WholeRow { rel, .. } = expr
            && self.others.contains(rel)
        {
            let known = self.carried.iter().position(|known| known == expr);
            let index = known.unwrap_or_else(|| {
                self.carried.push(expr.clone());
                self.carried.len() - 1
            });
            let column = u16::try_from(index + 1).unwrap_or(u16::MAX);
            *expr = Expr::column(CARRIED, column, expr.ty());
            return;
        }
        walk_expr(self, expr);
    }
}
