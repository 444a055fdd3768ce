//! `INSERT`.

use backstay_catalog::{Column, Relation};
use backstay_expr::{Expr, Insert, Overriding, Query, Source, WritePolicy};
use backstay_model::{Error, Result};
use pg_query::protobuf::{InsertStmt, OverridingKind, SelectStmt};
use pg_query::{Node, NodeEnum};

use super::target_column;
use crate::Binder;
use crate::nodes::{Located, each, inner, items, location};
use crate::scope::{Clause, Namespace};

impl Binder<'_> {
    pub(crate) fn insert(&mut self, node: &InsertStmt) -> Result<Insert> {
        self.scoped(Clause::Values, |binder| {
            let with = match &node.with_clause {
                Some(with) => binder.with_clause(with)?,
                None => Vec::new(),
            };
            let range = node
                .relation
                .as_ref()
                .ok_or_else(|| Error::internal("an insert without a table"))?;
            let relation = binder.relation_named(range)?;
            let overriding = match node.r#override() {
                OverridingKind::OverridingSystemValue => Some(Overriding::System),
                OverridingKind::OverridingUserValue => Some(Overriding::User),
                OverridingKind::OverridingNotSet | OverridingKind::Undefined => None,
            };
            let listed = listed_columns(&node.cols, &relation)?;
            let target = Target { relation: &relation, columns: listed, overriding };
            let (source, columns) = binder.source(node, &target)?;
            let (rel, excluded) = (binder.fresh_rel(), binder.fresh_rel());
            let alias = range.alias.as_ref().map(|alias| alias.aliasname.as_str());
            binder.scope().names = Namespace::of(binder.relation_table(&relation, rel, alias));
            let conflict = match node.on_conflict_clause.as_deref() {
                Some(clause) => Some(binder.conflict(clause, &relation, excluded)?),
                None => None,
            };
            let returning = binder.returning(node.returning_clause.as_ref())?;
            Ok(Insert {
                with,
                relation: relation.id,
                rel,
                excluded,
                columns,
                source,
                overriding,
                conflict,
                returning,
                policy: WritePolicy::default(),
            })
        })
    }

    fn source(&mut self, node: &InsertStmt, target: &Target<'_>) -> Result<(Source, Vec<u16>)> {
        let Some(select) = inner(node.select_stmt.as_deref()) else {
            return Ok((Source::Defaults, Vec::new()));
        };
        let NodeEnum::SelectStmt(select) = select else {
            return Err(Error::internal("an insert from another kind of statement"));
        };
        let is_plain_values = !select.values_lists.is_empty()
            && select.with_clause.is_none()
            && select.sort_clause.is_empty()
            && select.limit_count.is_none()
            && select.limit_offset.is_none();
        if is_plain_values {
            return self.value_rows(select, target);
        }
        let query = self.query(select)?;
        let width = query.columns().len();
        let columns = target.take(width).at(node_location(&node.cols))?;
        for column in &columns {
            column.check_insertable(target.overriding.is_some())?;
        }
        let query = self.assign_outputs(query, &columns)?;
        let numbers = columns.iter().map(|column| column.number).collect();
        Ok((Source::Query(Box::new(query)), numbers))
    }

    fn value_rows(
        &mut self,
        select: &SelectStmt,
        target: &Target<'_>,
    ) -> Result<(Source, Vec<u16>)> {
        let mut rows = Vec::new();
        let mut columns: Option<Vec<&Column>> = None;
        for list in each(&select.values_lists) {
            let cells = items(list);
            let columns = match &columns {
                Some(columns) if columns.len() != cells.len() => {
                    return Err(Error::new("42601", "VALUES lists must all be the same length"))
                        .at(cells.first().map_or(-1, |cell| location(cell)));
                }
                Some(columns) => columns,
                None => {
                    let place = cells.last().map_or(-1, |cell| location(cell));
                    columns.insert(target.take(cells.len()).at(place)?)
                }
            };
            let row = cells
                .iter()
                .zip(columns)
                .map(|(cell, column)| {
                    let value = self.column_value(cell, column)?;
                    if !matches!(value, Expr::Default { .. }) {
                        column.check_insertable(target.overriding.is_some()).at(location(cell))?;
                    }
                    Ok(value)
                })
                .collect::<Result<Vec<_>>>()?;
            rows.push(row);
        }
        let columns = columns.unwrap_or_default();
        let numbers = columns.iter().map(|column| column.number).collect();
        Ok((Source::Values(rows), numbers))
    }

    fn assign_outputs(&mut self, query: Query, columns: &[&Column]) -> Result<Query> {
        let types: Vec<_> = columns.iter().map(|column| column.ty.clone()).collect();
        let mut assign = |binder: &mut Self, expr: Expr, index: usize| {
            let column =
                columns.get(index).ok_or_else(|| Error::internal("more outputs than columns"))?;
            binder.assign(expr, &column.name, &column.ty, column.modifier)
        };
        let has_modifier = columns.iter().any(|column| column.modifier.is_some());
        let already_typed = query.columns().iter().map(|(_, ty)| ty).eq(types.iter());
        if !(has_modifier && already_typed) {
            let query = self.coerce_outputs(query, &types, &mut assign)?;
            return Ok(query);
        }
        // Types fit, but lengths and precisions must be enforced.
        let (mut select, _) = self.wrap(query);
        for (index, output) in select.outputs.iter_mut().enumerate() {
            output.expr = assign(self, output.expr.clone(), index)?;
        }
        Ok(Query::select(select))
    }
}

/// Where rows go.
struct Target<'r> {
    relation: &'r Relation,
    /// As listed; `None` for all columns in order.
    columns: Option<Vec<&'r Column>>,
    overriding: Option<Overriding>,
}

impl<'r> Target<'r> {
    /// The columns that rows of this width fill.
    fn take(&self, width: usize) -> Result<Vec<&'r Column>> {
        let available: Vec<&Column> = match &self.columns {
            Some(listed) => listed.clone(),
            None => self.relation.columns.iter().collect(),
        };
        if width > available.len() {
            return Err(Error::new("42601", "INSERT has more expressions than target columns"));
        }
        if self.columns.is_some() && width < available.len() {
            return Err(Error::new("42601", "INSERT has more target columns than expressions"));
        }
        Ok(available.into_iter().take(width).collect())
    }
}

fn node_location(nodes: &[Node]) -> i32 {
    each(nodes).next().map_or(-1, location)
}

fn listed_columns<'r>(nodes: &[Node], relation: &'r Relation) -> Result<Option<Vec<&'r Column>>> {
    if nodes.is_empty() {
        return Ok(None);
    }
    let mut columns: Vec<&Column> = Vec::new();
    for node in each(nodes) {
        let NodeEnum::ResTarget(target) = node else {
            return Err(Error::internal("a target of another kind"));
        };
        let column = target_column(relation, target)?;
        if columns.iter().any(|known| known.number == column.number) {
            return Err(Error::new(
                "42701",
                format!("column \"{}\" specified more than once", column.name),
            ))
            .at(target.location);
        }
        columns.push(column);
    }
    Ok(Some(columns))
}
