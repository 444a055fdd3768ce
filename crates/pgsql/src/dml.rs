//! `INSERT`, `UPDATE` and `DELETE`.

mod conflict;
mod insert;
mod refresh;
mod truncate;

use std::sync::Arc;

use backstay_catalog::{Column, Relation};
use backstay_expr::{Assignment, Delete, Expr, Output, RelId, Update, WritePolicy};
use backstay_model::{Error, Result, Type};
use pg_query::protobuf::{DeleteStmt, RangeVar, ResTarget, ReturningClause, UpdateStmt};
use pg_query::{Node, NodeEnum};

use crate::Binder;
use crate::nodes::{Located, each, inner, location, required, unsupported};
use crate::scope::{Clause, Namespace};

impl Binder<'_> {
    pub(crate) fn update(&mut self, node: &UpdateStmt) -> Result<Update> {
        self.scoped(Clause::Update, |binder| {
            let with = match &node.with_clause {
                Some(with) => binder.with_clause(with)?,
                None => Vec::new(),
            };
            let (relation, rel) = binder.written_relation(node.relation.as_ref())?;
            let from = binder.bind_from(&node.from_clause)?;
            let set = binder.assignments(&node.target_list, &relation)?;
            let filter = binder.where_clause(node.where_clause.as_deref())?;
            let returning = binder.returning(node.returning_clause.as_ref())?;
            Ok(Update {
                with,
                relation: relation.id,
                rel,
                set,
                from,
                filter,
                returning,
                policy: WritePolicy::default(),
            })
        })
    }

    pub(crate) fn delete(&mut self, node: &DeleteStmt) -> Result<Delete> {
        self.scoped(Clause::Where, |binder| {
            let with = match &node.with_clause {
                Some(with) => binder.with_clause(with)?,
                None => Vec::new(),
            };
            let (relation, rel) = binder.written_relation(node.relation.as_ref())?;
            let using = binder.bind_from(&node.using_clause)?;
            let filter = binder.where_clause(node.where_clause.as_deref())?;
            let returning = binder.returning(node.returning_clause.as_ref())?;
            Ok(Delete {
                with,
                relation: relation.id,
                rel,
                using,
                filter,
                returning,
                policy: WritePolicy::default(),
            })
        })
    }

    /// The table that is written; its row becomes visible.
    fn written_relation(&mut self, range: Option<&RangeVar>) -> Result<(Arc<Relation>, RelId)> {
        let range = range.ok_or_else(|| Error::internal("a write without a table"))?;
        let relation = self.relation_named(range)?;
        let rel = self.fresh_rel();
        let alias = range.alias.as_ref().map(|alias| alias.aliasname.as_str());
        let table = self.relation_table(&relation, rel, alias);
        self.scope().names = Namespace::of(table);
        Ok((relation, rel))
    }

    fn where_clause(&mut self, node: Option<&Node>) -> Result<Option<Expr>> {
        if let Some(NodeEnum::CurrentOfExpr(_)) = inner(node) {
            return unsupported("WHERE CURRENT OF", -1);
        }
        self.optional_condition(node, Clause::Where)
    }

    /// `RETURNING` over what is visible.
    fn returning(&mut self, clause: Option<&ReturningClause>) -> Result<Vec<Output>> {
        let Some(clause) = clause else { return Ok(Vec::new()) };
        if !clause.options.is_empty() {
            return Err(Error::unsupported("RETURNING WITH"));
        }
        let outputs = self.within(Clause::Returning, |binder| binder.targets(&clause.exprs))?;
        outputs
            .into_iter()
            .map(|output| {
                let expr = self.resolver.decided(output.expr)?;
                Ok(Output { expr, ..output })
            })
            .collect()
    }

    /// `SET …` of an update or of the update branch of an insert.
    fn assignments(&mut self, targets: &[Node], relation: &Relation) -> Result<Vec<Assignment>> {
        let mut set: Vec<Assignment> = Vec::new();
        for node in each(targets) {
            let NodeEnum::ResTarget(target) = node else {
                return Err(Error::internal("an assignment of another kind"));
            };
            let column = target_column(relation, target)?;
            if set.iter().any(|known| known.column == column.number) {
                return Err(Error::new(
                    "42601",
                    format!("multiple assignments to same column \"{}\"", column.name),
                ))
                .at(target.location);
            }
            let value = required(target.val.as_deref())?;
            let value = self.within(Clause::Update, |binder| match value {
                NodeEnum::MultiAssignRef(multiple) => {
                    let index = usize::try_from(multiple.colno - 1)
                        .map_err(|_| Error::internal("a multiple assignment without a column"))?;
                    let source = required(multiple.source.as_deref())?;
                    let columns = usize::try_from(multiple.ncolumns).unwrap_or_default();
                    binder.nth_value(source, index, columns, column)
                }
                value => binder.column_value(value, column),
            })?;
            let is_default = matches!(value, Expr::Default { .. });
            if !is_default {
                column.check_updatable().at(target.location)?;
            }
            set.push(Assignment { column: column.number, value });
        }
        Ok(set)
    }

    fn nth_value(
        &mut self,
        source: &NodeEnum,
        index: usize,
        columns: usize,
        column: &Column,
    ) -> Result<Expr> {
        match source {
            NodeEnum::RowExpr(row) => {
                if row.args.len() != columns {
                    return Err(Error::new(
                        "42601",
                        "number of columns does not match number of values",
                    ))
                    .at(row.location);
                }
                let item = row.args.get(index);
                self.column_value(required(item)?, column)
            }
            other => {
                let value = self.nth_of_query(other, index)?;
                self.assign(value, &column.name, &column.ty, column.modifier)
            }
        }
    }

    /// A value or `DEFAULT` for the column.
    fn column_value(&mut self, node: &NodeEnum, column: &Column) -> Result<Expr> {
        if let NodeEnum::SetToDefault(_) = node {
            return Ok(Expr::Default { ty: column.ty.clone() });
        }
        let expr = match (node, &column.ty) {
            // An empty array constructor takes the column's type.
            (NodeEnum::AArrayExpr(array), Type::Array(_)) if array.elements.is_empty() => {
                Expr::Array { elements: Vec::new(), ty: column.ty.clone() }
            }
            _ => self.expr(node)?,
        };
        self.assign(expr, &column.name, &column.ty, column.modifier).at(location(node))
    }
}

/// The column that a target of an insert or update names.
fn target_column<'r>(relation: &'r Relation, target: &ResTarget) -> Result<&'r Column> {
    let column = relation.column(&target.name).ok_or_else(|| {
        Error::new(
            "42703",
            format!("column \"{}\" of relation \"{}\" does not exist", target.name, relation.name),
        )
    });
    let column = column.at(target.location)?;
    if !target.indirection.is_empty() {
        return unsupported("assignment to an element or a field of a column", target.location);
    }
    Ok(column)
}
