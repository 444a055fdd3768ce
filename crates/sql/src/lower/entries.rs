//! Entries of `FROM`, with the policies of their relations.

use std::sync::Arc;

use backstay_catalog::RelationKind;
use backstay_expr::{Body, Expr, From, FunctionScan, JoinKind, Query, RelationScan};
use backstay_model::{Error, Result, Type};

use super::calls::Operands;
use super::{Entry, Lowerer};
use crate::NeededKind;
use crate::names::{body_name, push_alias, push_cte, push_quoted};
use crate::totality::is_total_over;

/// What rendering the entries of one `SELECT` gathers.
pub(super) struct Scans {
    /// Policies that hold for every row of the join: they stand in `WHERE`.
    pub(super) policies: Vec<String>,
    /// The select has conditions that can raise.
    pub(super) risky: bool,
}

impl Lowerer<'_> {
    /// Brings an entry into scope before anything is rendered.
    pub(super) fn declare(&mut self, from: &From, nullable: bool) -> Result<()> {
        match from {
            From::Relation(scan) => {
                let relation = self.catalog.relations.get(&scan.relation).ok_or_else(|| {
                    Error::internal(format!("relation {} is not in the catalogue", scan.relation.0))
                })?;
                let relation = Arc::clone(relation);
                self.entries.insert(scan.rel, Entry::Stored { relation, nullable, bare: false });
            }
            From::Query { rel, query, .. } => {
                let totals = self.output_totals(query)?;
                self.entries.insert(*rel, Entry::Plain(totals));
            }
            From::Function(scan) => {
                let width = scan.columns.len();
                self.entries.insert(scan.rel, Entry::Plain(vec![true; width]));
            }
            From::Cte { rel, cte } => {
                let totals = self.ctes.get(cte).map(|(totals, _)| totals.clone());
                self.entries.insert(*rel, Entry::Plain(totals.unwrap_or_default()));
            }
            From::Join { kind, left, right, .. } => {
                self.declare(left, nullable || matches!(kind, JoinKind::Right | JoinKind::Full))?;
                self.declare(right, nullable || matches!(kind, JoinKind::Left | JoinKind::Full))?;
            }
        }
        Ok(())
    }

    /// For each output of a query: is it computed without anything that can raise?
    pub(super) fn output_totals(&mut self, query: &Query) -> Result<Vec<bool>> {
        self.descend()?;
        let totals = match &query.body {
            Body::Select(select) => {
                for from in &select.from {
                    self.declare(from, false)?;
                }
                select.outputs.iter().map(|output| self.total(&output.expr)).collect()
            }
            Body::Values(rows) => {
                let width = rows.first().map_or(0, Vec::len);
                (0..width)
                    .map(|at| rows.iter().all(|row| row.get(at).is_none_or(|e| self.total(e))))
                    .collect()
            }
            Body::SetOperation { left, right, .. } => {
                let left = self.output_totals(left)?;
                let right = self.output_totals(right)?;
                left.into_iter().zip(right).map(|(a, b)| a && b).collect()
            }
        };
        self.ascend();
        Ok(totals)
    }

    /// Can the expression be evaluated on any row, visible or not?
    pub(super) fn total(&self, expr: &Expr) -> bool {
        is_total_over(expr, &|rel, column| match self.entries.get(&rel) {
            Some(Entry::Plain(totals)) => {
                totals.get(usize::from(column).wrapping_sub(1)).copied().unwrap_or(true)
            }
            Some(Entry::Stored { .. }) | None => true,
        })
    }

    /// Appends an entry.
    pub(super) fn from(
        &mut self,
        from: &From,
        nullable: bool,
        scans: &mut Scans,
        out: &mut String,
    ) -> Result<()> {
        match from {
            From::Relation(scan) => self.relation(scan, nullable, scans, out),
            From::Query { rel, query, lateral } => {
                if *lateral {
                    out.push_str("pg_rows((SELECT pg_pack(");
                    push_outputs(query.columns().len(), out);
                    out.push_str(") FROM (");
                    self.query(query, out)?;
                    out.push_str(")))");
                } else if scans.risky && self.holds_policy(query) {
                    // Nothing is pushed into a sub-select with a limit.
                    out.push_str("(SELECT * FROM (");
                    self.query(query, out)?;
                    out.push_str(") LIMIT -1 OFFSET 0)");
                } else {
                    out.push('(');
                    self.query(query, out)?;
                    out.push(')');
                }
                out.push_str(" AS ");
                push_alias(out, *rel);
                Ok(())
            }
            From::Function(scan) => self.function(scan, out),
            From::Cte { rel, cte } => {
                push_cte(out, *cte);
                out.push_str(" AS ");
                push_alias(out, *rel);
                Ok(())
            }
            From::Join { kind, left, right, on } => {
                self.join(*kind, (left, right, on.as_ref()), (nullable, scans), out)
            }
        }
    }

    fn relation(
        &mut self,
        scan: &RelationScan,
        nullable: bool,
        scans: &mut Scans,
        out: &mut String,
    ) -> Result<()> {
        let restricted = nullable && scan.policy.is_some();
        if restricted {
            out.push_str("(SELECT * FROM ");
        }
        self.table(scan, out)?;
        let Some(policy) = &scan.policy else { return Ok(()) };
        if !restricted {
            let mut condition = String::new();
            self.expr(policy, &mut condition)?;
            scans.policies.push(condition);
            return Ok(());
        }
        out.push_str(" WHERE ");
        self.expr(policy, out)?;
        if scans.risky {
            out.push_str(" LIMIT -1 OFFSET 0");
        }
        out.push_str(") AS ");
        push_alias(out, scan.rel);
        Ok(())
    }

    fn table(&self, scan: &RelationScan, out: &mut String) -> Result<()> {
        let Some(Entry::Stored { relation, .. }) = self.entries.get(&scan.rel) else {
            return Err(Error::internal(format!("r{} is not in scope", scan.rel.0)));
        };
        if !matches!(relation.kind, RelationKind::Table) {
            return Err(Error::internal(format!("view {} was not expanded", relation.name)));
        }
        push_quoted(out, &relation.physical);
        out.push_str(" AS ");
        push_alias(out, scan.rel);
        Ok(())
    }

    fn join(
        &mut self,
        kind: JoinKind,
        (left, right, on): (&From, &From, Option<&Expr>),
        (nullable, scans): (bool, &mut Scans),
        out: &mut String,
    ) -> Result<()> {
        let (left_nullable, right_nullable, word) = match kind {
            JoinKind::Inner | JoinKind::Cross => (nullable, nullable, " JOIN "),
            JoinKind::Left => (nullable, true, " LEFT JOIN "),
            JoinKind::Right => (true, nullable, " RIGHT JOIN "),
            JoinKind::Full => (true, true, " FULL JOIN "),
        };
        self.from(left, left_nullable, scans, out)?;
        out.push_str(word);
        // The policy of the nullable side of a left join is part of its condition: the index that
        // serves the join still does.
        let joined = match (kind, right) {
            (JoinKind::Left, From::Relation(scan)) if !scans.risky => scan.policy.as_deref(),
            _ => None,
        };
        match right {
            From::Join { .. } => {
                out.push('(');
                self.from(right, right_nullable, scans, out)?;
                out.push(')');
            }
            From::Relation(scan) if joined.is_some() => self.table(scan, out)?,
            _ => self.from(right, right_nullable, scans, out)?,
        }
        if joined.is_none() && on.is_none() {
            if !matches!(kind, JoinKind::Inner | JoinKind::Cross) {
                out.push_str(" ON 1");
            }
            return Ok(());
        }
        out.push_str(" ON ");
        if let Some(policy) = joined {
            self.expr(policy, out)?;
            out.push_str(if on.is_some() { " AND " } else { "" });
        }
        if let Some(on) = on {
            self.guarded(on, &scans.policies.clone(), out)?;
        }
        Ok(())
    }

    /// Appends a condition whose risky terms are computed only where the policies hold, and after
    /// the others: PostgreSQL computes cheap terms first, and what can raise is rarely cheap.
    pub(super) fn guarded(
        &mut self,
        condition: &Expr,
        policies: &[String],
        out: &mut String,
    ) -> Result<()> {
        let terms = match condition {
            Expr::And(terms) => terms.as_slice(),
            other => std::slice::from_ref(other),
        };
        let (free, risky): (Vec<Expr>, Vec<Expr>) =
            terms.iter().cloned().partition(|term| self.total(term));
        if !free.is_empty() {
            self.junction(&free, " AND ", out)?;
        }
        if risky.is_empty() {
            return Ok(());
        }
        if !free.is_empty() {
            out.push_str(" AND ");
        }
        if policies.is_empty() {
            return self.junction(&risky, " AND ", out);
        }
        out.push_str("CASE WHEN ");
        out.push_str(&policies.join(" AND "));
        out.push_str(" THEN ");
        self.junction(&risky, " AND ", out)?;
        out.push_str(" END");
        Ok(())
    }

    fn function(&mut self, scan: &FunctionScan, out: &mut String) -> Result<()> {
        let mut body = scan.call.clone();
        let mut operands = Operands(Vec::new());
        backstay_expr::walk::walk_expr(&mut operands, &mut body);
        let operands = operands.0;
        let args: Vec<Type> = operands.iter().map(|operand| self.base(&operand.ty())).collect();
        let mut columns: Vec<Type> = scan.columns.iter().map(|(_, ty)| self.base(ty)).collect();
        if scan.ordinality {
            columns.pop();
        }
        let key = format!("{body:?}{args:?}{columns:?}{}", scan.ordinality);
        let name = body_name("rows", &key);
        out.push_str("pg_rows(");
        push_quoted(out, &name);
        out.push('(');
        self.list(&operands, out)?;
        out.push_str(")) AS ");
        push_alias(out, scan.rel);
        self.need(&name, operands.len(), || NeededKind::Rows {
            args,
            body: Box::new(body),
            columns,
            ordinality: scan.ordinality,
        });
        Ok(())
    }

    /// Does the query read a relation under a policy, so that a risky condition from outside must
    /// not be moved into it?
    pub(super) fn holds_policy(&self, query: &Query) -> bool {
        let within = match &query.body {
            Body::Select(select) => select.from.iter().any(|from| self.scans_policy(from)),
            Body::Values(_) => false,
            Body::SetOperation { left, right, .. } => {
                self.holds_policy(left) || self.holds_policy(right)
            }
        };
        within || query.with.iter().any(|cte| self.holds_policy(&cte.query))
    }

    fn scans_policy(&self, from: &From) -> bool {
        match from {
            From::Relation(scan) => scan.policy.is_some(),
            From::Query { query, .. } => self.holds_policy(query),
            From::Function(_) => false,
            From::Cte { cte, .. } => self.ctes.get(cte).is_some_and(|(_, holds)| *holds),
            From::Join { left, right, .. } => self.scans_policy(left) || self.scans_policy(right),
        }
    }
}

/// Appends `c1, c2, …`.
pub(super) fn push_outputs(count: usize, out: &mut String) {
    use std::fmt::Write as _;
    for at in 1..=count {
        let _ = write!(out, "{}c{at}", if at == 1 { "" } else { ", " });
    }
}
