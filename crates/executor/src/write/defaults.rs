//! Default values and generated columns.

use backstay_catalog::{Column, ROW, Relation};
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::environment::SequenceAction;

use super::{Cx, set_column};
use crate::eval::domains;
use crate::{Row, RowSource};

/// The value of a column that is not given: the next number of its identity, its default, its
/// domain's default, or null.
pub(super) fn default_of(cx: &Cx<'_>, column: &Column) -> Result<Value> {
    if column.generated.is_some() {
        return Ok(Value::Null);
    }
    if column.identity.is_some() {
        let sequence = column.sequence.as_deref().ok_or_else(|| {
            Error::internal(format!("identity column \"{}\" without a sequence", column.name))
        })?;
        return cx.scope.env.sequence(sequence, SequenceAction::Next).map(Value::Int);
    }
    if let Some(default) = &column.default {
        return cx.eval(default, &[]);
    }
    domain_default(cx, &column.ty)
}

fn domain_default(cx: &Cx<'_>, ty: &Type) -> Result<Value> {
    let mut ty = ty;
    while let Type::Domain(id) = ty {
        let Some((_, domain)) = domains::domain(&cx.scope, *id) else { break };
        if let Some(default) = &domain.default {
            return cx.eval(default, &[]);
        }
        ty = &domain.base;
    }
    Ok(Value::Null)
}

/// Tests the domains of the columns and computes the generated columns.
pub(super) fn complete(cx: &Cx<'_>, relation: &Relation, row: &mut Row) -> Result<()> {
    for (column, value) in relation.columns.iter().zip(row.iter()) {
        if column.generated.is_none() {
            domains::check(&column.ty, value, &cx.scope, Some(cx.store))?;
        }
    }
    for column in &relation.columns {
        if let Some(generated) = &column.generated {
            let rows = [(ROW, RowSource::Stored { relation, row: row.as_slice(), id: None })];
            let value = cx.eval(&generated.expr, &rows)?;
            domains::check(&column.ty, &value, &cx.scope, Some(cx.store))?;
            set_column(relation, row, column.number, value);
        }
    }
    Ok(())
}
