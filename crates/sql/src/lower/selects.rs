//! One `SELECT`.

use std::fmt::Write as _;

use backstay_expr::{Distinct, Expr, From, Query, Select, SortKey, visit_expr};
use backstay_model::Result;

use super::Lowerer;
use super::entries::{Scans, push_outputs};

impl Lowerer<'_> {
    /// Appends a `SELECT` with its order and limit.
    pub(super) fn select(
        &mut self,
        select: &Select,
        query: &Query,
        out: &mut String,
    ) -> Result<()> {
        for from in &select.from {
            self.declare(from, false)?;
        }
        if let Distinct::On(keys) = &select.distinct {
            return self.distinct_on(select, keys, query, out);
        }
        out.push_str(if select.distinct == Distinct::Rows {
            "SELECT DISTINCT "
        } else {
            "SELECT "
        });
        self.outputs(select, out)?;
        self.rows(select, out)?;
        self.tail(query, out)
    }

    fn outputs(&mut self, select: &Select, out: &mut String) -> Result<()> {
        if select.outputs.is_empty() {
            out.push_str("NULL");
        }
        for (index, output) in select.outputs.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.expr(&output.expr, out)?;
            if select.distinct == Distinct::Rows {
                self.push_collation(&output.expr.ty(), out);
            }
            let _ = write!(out, " AS c{}", index + 1);
        }
        Ok(())
    }

    /// `FROM … WHERE … GROUP BY … HAVING …`.
    fn rows(&mut self, select: &Select, out: &mut String) -> Result<()> {
        let risky = select.filter.as_ref().is_some_and(|filter| !self.total(filter))
            || select.from.iter().any(|from| self.joins_riskily(from));
        let mut scans = Scans { policies: Vec::new(), risky };
        for (index, from) in select.from.iter().enumerate() {
            out.push_str(if index == 0 { " FROM " } else { ", " });
            let grouped = index > 0 && matches!(from, From::Join { .. });
            out.push_str(if grouped { "(" } else { "" });
            self.from(from, false, &mut scans, out)?;
            out.push_str(if grouped { ")" } else { "" });
        }
        self.filter(select.filter.as_ref(), &scans.policies, out)?;
        let mut word = " GROUP BY ";
        for key in &select.group {
            out.push_str(word);
            word = ", ";
            if self.is_param(key) {
                // A bare number would name an output.
                out.push_str("''");
                continue;
            }
            self.expr(key, out)?;
            self.push_collation(&key.ty(), out);
        }
        if let Some(having) = &select.having {
            out.push_str(" HAVING ");
            self.expr(having, out)?;
        }
        Ok(())
    }

    fn filter(
        &mut self,
        filter: Option<&Expr>,
        policies: &[String],
        out: &mut String,
    ) -> Result<()> {
        if filter.is_none() && policies.is_empty() {
            return Ok(());
        }
        out.push_str(" WHERE ");
        out.push_str(&policies.join(" AND "));
        if let Some(filter) = filter {
            out.push_str(if policies.is_empty() { "" } else { " AND " });
            self.guarded(filter, policies, out)?;
        }
        Ok(())
    }

    fn joins_riskily(&self, from: &From) -> bool {
        let From::Join { left, right, on, .. } = from else { return false };
        on.as_ref().is_some_and(|on| !self.total(on))
            || self.joins_riskily(left)
            || self.joins_riskily(right)
    }

    /// The first row of each group in the asked order.
    fn distinct_on(
        &mut self,
        select: &Select,
        keys: &[Expr],
        query: &Query,
        out: &mut String,
    ) -> Result<()> {
        out.push_str("SELECT ");
        push_outputs(select.outputs.len(), out);
        out.push_str(" FROM (SELECT ");
        self.outputs(select, out)?;
        let order: Vec<&SortKey> =
            query.order.iter().filter(|key| !self.is_param(&key.expr)).collect();
        for (index, key) in order.iter().enumerate() {
            out.push_str(", ");
            self.expr(&key.expr, out)?;
            let _ = write!(out, " AS s{}", index + 1);
        }
        out.push_str(", row_number() OVER (PARTITION BY ");
        for (index, key) in keys.iter().enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            self.expr(key, out)?;
            self.push_collation(&key.ty(), out);
        }
        self.order_by(&query.order, out)?;
        out.push_str(") AS n");
        self.rows(select, out)?;
        out.push_str(") WHERE n = 1");
        for (index, key) in order.iter().enumerate() {
            out.push_str(if index == 0 { " ORDER BY " } else { ", " });
            let _ = write!(out, "s{}", index + 1);
            self.push_collation(&key.expr.ty(), out);
            self.push_direction(key, out);
        }
        self.limits(query, out)
    }
}

/// Does the expression contain an aggregate of its own query?
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    let mut found = false;
    visit_expr(expr, &mut |node| found = found || matches!(node, Expr::Aggregate { .. }));
    found
}
