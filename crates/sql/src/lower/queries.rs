//! Whole queries: common table expressions, bodies, order and limit.

use std::fmt::Write as _;

use backstay_expr::{Body, Cte, Expr, Query, SortKey};
use backstay_model::Result;

use super::entries::push_outputs;
use super::{Entry, Lowerer};
use crate::names::push_cte;

impl Lowerer<'_> {
    /// Appends a query; its outputs are named `c1`, `c2`…
    pub(super) fn query(&mut self, query: &Query, out: &mut String) -> Result<()> {
        self.descend()?;
        self.with(&query.with, out)?;
        match &query.body {
            Body::Select(select) => self.select(select, query, out)?,
            Body::Values(rows) => {
                self.values(rows, out)?;
                self.tail(query, out)?;
            }
            Body::SetOperation { op, all, left, right } => {
                self.set_operation((*op, *all), left, right, out)?;
                self.tail(query, out)?;
            }
        }
        self.ascend();
        Ok(())
    }

    fn with(&mut self, ctes: &[Cte], out: &mut String) -> Result<()> {
        for (index, cte) in ctes.iter().enumerate() {
            out.push_str(if index > 0 {
                ", "
            } else if ctes.iter().any(|cte| cte.recursive) {
                "WITH RECURSIVE "
            } else {
                "WITH "
            });
            let width = cte.query.columns().len();
            self.ctes.insert(cte.id, (vec![true; width], false));
            let totals = self.output_totals(&cte.query)?;
            let holds = self.holds_policy(&cte.query);
            self.ctes.insert(cte.id, (totals, holds));
            push_cte(out, cte.id);
            out.push('(');
            push_outputs(width, out);
            out.push_str(") AS ");
            match cte.materialized {
                // Nothing is moved into a materialised one, so no condition can meet hidden rows.
                _ if cte.recursive => {}
                _ if holds => out.push_str("MATERIALIZED "),
                Some(true) => out.push_str("MATERIALIZED "),
                Some(false) => out.push_str("NOT MATERIALIZED "),
                None => {}
            }
            out.push('(');
            self.query(&cte.query, out)?;
            out.push(')');
        }
        if !ctes.is_empty() {
            out.push(' ');
        }
        Ok(())
    }

    fn values(&mut self, rows: &[Vec<Expr>], out: &mut String) -> Result<()> {
        let width = rows.first().map_or(0, Vec::len);
        out.push_str("SELECT ");
        for at in 1..=width {
            let _ = write!(out, "{}column{at} AS c{at}", if at == 1 { "" } else { ", " });
        }
        out.push_str(" FROM (VALUES ");
        for (index, row) in rows.iter().enumerate() {
            out.push_str(if index > 0 { ", (" } else { "(" });
            self.list(row, out)?;
            out.push(')');
        }
        out.push(')');
        Ok(())
    }

    /// `ORDER BY`, `LIMIT` and `OFFSET`.
    pub(super) fn tail(&mut self, query: &Query, out: &mut String) -> Result<()> {
        self.order_by(&query.order, out)?;
        self.limits(query, out)
    }

    /// `LIMIT` and `OFFSET`.
    pub(super) fn limits(&mut self, query: &Query, out: &mut String) -> Result<()> {
        if query.limit.is_none() && query.offset.is_none() {
            return Ok(());
        }
        out.push_str(" LIMIT ");
        match &query.limit {
            Some(limit) => self.count(limit, false, out)?,
            None => out.push_str("-1"),
        }
        if let Some(offset) = &query.offset {
            out.push_str(" OFFSET ");
            self.count(offset, true, out)?;
        }
        Ok(())
    }

    /// ` ORDER BY …`, or nothing.
    pub(super) fn order_by(&mut self, keys: &[SortKey], out: &mut String) -> Result<()> {
        let mut word = " ORDER BY ";
        for key in keys {
            // A bare number would name an output; a constant orders nothing.
            if self.is_param(&key.expr) {
                continue;
            }
            out.push_str(word);
            word = ", ";
            self.expr(&key.expr, out)?;
            self.push_collation(&key.expr.ty(), out);
            self.push_direction(key, out);
        }
        Ok(())
    }

    /// ` DESC NULLS …`, as far as it says something.
    pub(super) fn push_direction(&self, key: &SortKey, out: &mut String) {
        if key.descending {
            out.push_str(" DESC");
        }
        // SQLite takes nulls for the least values; a clause that only says so, or that concerns a
        // column without nulls, would keep it from using an index.
        if key.nulls_first == key.descending && !self.is_never_null(&key.expr) {
            out.push_str(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
        }
    }

    fn is_never_null(&self, expr: &Expr) -> bool {
        let Expr::Column { rel, column, .. } = expr else { return false };
        match self.entries.get(rel) {
            Some(Entry::Stored { relation, nullable: false, .. }) => {
                *column == 0
                    || relation.column_by_number(*column).is_some_and(|column| {
                        column.not_null
                            || relation
                                .primary_key
                                .as_ref()
                                .is_some_and(|key| key.columns.contains(&column.number))
                    })
            }
            _ => false,
        }
    }
}
