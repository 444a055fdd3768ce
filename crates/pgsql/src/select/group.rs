//! `GROUP BY`, and the rule that everything else is grouped or aggregated.

use backstay_expr::walk::{Rewriter, walk_expr, walk_query};
use backstay_expr::{Expr, Output, Query, RelId, Select, SortKey};
use backstay_model::{Error, Result};
use pg_query::{Node, NodeEnum};

use super::order::{bare_column, output_named, position_of};
use super::{refuse_grouping_sets, rels_of};
use crate::Binder;
use crate::expr::has_aggregate;
use crate::nodes::{Located, each, integer, location};
use crate::scope::Clause;

impl Binder<'_> {
    /// The grouping expressions: positions, columns, output names, or expressions over `FROM`.
    pub(crate) fn group_by(&mut self, nodes: &[Node], outputs: &[Output]) -> Result<Vec<Expr>> {
        let mut group = Vec::new();
        for node in each(nodes) {
            if let NodeEnum::GroupingSet(set) = node {
                return refuse_grouping_sets(set.location);
            }
            let expr = self.within(Clause::GroupBy, |binder| binder.group_item(node, outputs))?;
            if has_aggregate(&expr) {
                return Err(Error::new("42803", "aggregate functions are not allowed in GROUP BY"))
                    .at(location(node));
            }
            self.resolver.check_equality(&expr.ty()).at(location(node))?;
            group.push(self.resolver.decided(expr)?);
        }
        Ok(group)
    }

    fn group_item(&mut self, node: &NodeEnum, outputs: &[Output]) -> Result<Expr> {
        if let Some(position) = integer(node) {
            let index = position_of(position, outputs.len(), "GROUP BY").at(location(node))?;
            return Ok(outputs[index].expr.clone());
        }
        // A column of FROM comes before an output of the same name, unlike in ORDER BY.
        if let Some(name) = bare_column(node)
            && !self.scope().names.columns.iter().any(|(known, _)| known == name)
            && let Some(expr) = output_named(outputs, name, "GROUP BY").at(location(node))?
        {
            return Ok(expr);
        }
        self.expr(node)
    }

    /// Checks that outputs, `HAVING` and sort keys use only grouped columns outside aggregates.
    /// `places` are those of the targets as written.
    pub(crate) fn check_grouping(
        &mut self,
        select: &Select,
        order: &[SortKey],
        places: &[i32],
    ) -> Result<()> {
        let group = select.group.as_slice();
        let local = rels_of(&select.from);
        let keyed = self.rels_with_grouped_key(group, &local);
        let mut check = GroupCheck { group, local, keyed, nested: 0, found: None };
        let exprs = select
            .outputs
            .iter()
            .map(|output| &output.expr)
            .chain(&select.having)
            .chain(order.iter().map(|key| &key.expr));
        let mut place = -1;
        for (index, expr) in exprs.enumerate() {
            check.expr(&mut expr.clone());
            if check.found.is_some() {
                // Stars make more outputs than there are targets.
                let known = places.len() == select.outputs.len();
                place = places.get(index).copied().filter(|_| known).unwrap_or(-1);
                break;
            }
        }
        let Some((culprit, nested)) = check.found else { return Ok(()) };
        let name = self.column_name(&culprit);
        Err(Error::new(
            "42803",
            if nested {
                format!("subquery uses ungrouped column \"{name}\" from outer query")
            } else {
                format!(
                    "column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
                )
            },
        ))
        .at(place)
    }

    /// Relations whose primary key is grouped: it determines all their columns.
    fn rels_with_grouped_key(&mut self, group: &[Expr], local: &[RelId]) -> Vec<RelId> {
        let catalog = self.catalog;
        let tables = &self.scope().names.tables;
        let is_grouped = |rel: RelId, number: u16| {
            group.iter().any(|expr| {
                matches!(expr, Expr::Column { rel: at, column, .. } if *at == rel && *column == number)
            })
        };
        tables
            .iter()
            .filter_map(|table| {
                let rel = table.rel.filter(|rel| local.contains(rel))?;
                let key = catalog.relations.get(&table.relation?)?.primary_key.as_ref()?;
                key.columns.iter().all(|number| is_grouped(rel, *number)).then_some(rel)
            })
            .collect()
    }

    fn column_name(&mut self, culprit: &Expr) -> String {
        let tables = &self.scope().names.tables;
        for table in tables {
            if let Some((name, _)) = table.columns.iter().find(|(_, expr)| expr == culprit) {
                return format!("{}.{name}", table.alias);
            }
            if let Expr::WholeRow { rel, .. } = culprit
                && table.rel == Some(*rel)
                && let Some((name, _)) = table.columns.first()
            {
                return format!("{}.{name}", table.alias);
            }
        }
        "?column?".to_owned()
    }
}

struct GroupCheck<'a> {
    group: &'a [Expr],
    local: Vec<RelId>,
    keyed: Vec<RelId>,
    nested: usize,
    found: Option<(Expr, bool)>,
}

impl Rewriter for GroupCheck<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        if self.found.is_some() || self.group.contains(expr) {
            return;
        }
        match expr {
            Expr::Aggregate { .. } if self.nested == 0 => {}
            Expr::Column { rel, .. } | Expr::WholeRow { rel, .. } => {
                if self.local.contains(rel) && !self.keyed.contains(rel) {
                    self.found = Some((expr.clone(), self.nested > 0));
                }
            }
            other => walk_expr(self, other),
        }
    }

    fn query(&mut self, query: &mut Query) {
        self.nested += 1;
        walk_query(self, query);
        self.nested -= 1;
    }
}
