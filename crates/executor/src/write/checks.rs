//! Tests of one row: row security, not null, checks.

use backstay_catalog::{ROW, Relation};
use backstay_expr::{PolicyCheck, RelId};
use backstay_model::{Result, Value};

use super::Cx;
use super::messages::{self, Shown};
use crate::{RowId, RowSource};

/// The row must pass the policies; `rel` is what they call it.
pub(super) fn row_security(
    cx: &Cx<'_>,
    relation: &Relation,
    policies: &[PolicyCheck],
    (rel, row, id): (RelId, &[Value], Option<RowId>),
) -> Result<()> {
    let rows = [(rel, RowSource::Stored { relation, row, id })];
    for policy in policies {
        if cx.truth(&policy.expr, &rows)? != Some(true) {
            return Err(messages::row_security(relation, policy));
        }
    }
    Ok(())
}

/// The row must pass the not-null constraints, then the checks in name order.
pub(super) fn constraints(
    cx: &Cx<'_>,
    relation: &Relation,
    row: &[Value],
    shown: &Shown,
) -> Result<()> {
    for (column, value) in relation.columns.iter().zip(row) {
        if column.not_null && value.is_null() {
            return Err(messages::not_null(cx, relation, &column.name, (row, shown))?);
        }
    }
    let rows = [(ROW, RowSource::Stored { relation, row, id: None })];
    for check in &relation.checks {
        if cx.truth(&check.expr, &rows)? == Some(false) {
            return Err(messages::check(cx, relation, &check.name, (row, shown))?);
        }
    }
    Ok(())
}
