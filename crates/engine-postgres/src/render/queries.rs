//! Queries: `FROM`, `SELECT`, set operations.

use backstay_expr::{
    Body, Cte, Distinct, Expr, From, FunctionScan, JoinKind, Output, Query, RelationScan, Select,
    SetOperator,
};
use backstay_model::{Error, Result};

use super::expressions::alias;
use super::{Entry, Renderer, names};

impl<'a> Renderer<'a> {
    /// A query; its outputs are called `c1`, `c2`…
    pub(super) fn query(&mut self, query: &'a Query) -> Result<()> {
        self.with(&query.with)?;
        match &query.body {
            Body::Select(select) => {
                return self.select(query, select, |this, select| this.outputs(&select.outputs));
            }
            Body::Values(rows) => {
                self.push("VALUES ");
                self.each(rows, ", ", |this, row| this.joined(row, ", "))?;
            }
            Body::SetOperation { op, all, left, right } => {
                self.push("(");
                self.query(left)?;
                self.push(match op {
                    SetOperator::Union => ") UNION ",
                    SetOperator::Intersect => ") INTERSECT ",
                    SetOperator::Except => ") EXCEPT ",
                });
                self.push(if *all { "ALL (" } else { "(" });
                self.query(right)?;
                self.push(")");
            }
        }
        self.order_by(&query.order)?;
        self.window_of_rows(query)
    }

    fn outputs(&mut self, outputs: &'a [Output]) -> Result<()> {
        self.each(outputs.iter().enumerate(), ", ", |this, (index, output)| {
            this.expr(&output.expr)?;
            this.push(&format!(" AS c{}", index + 1));
            Ok(())
        })
    }

    /// `SELECT …` with the outputs that `outputs` writes in the place of its own.
    pub(super) fn select(
        &mut self,
        query: &'a Query,
        select: &'a Select,
        outputs: impl FnOnce(&mut Self, &'a Select) -> Result<()>,
    ) -> Result<()> {
        for from in &select.from {
            self.enter(from)?;
        }
        self.push("SELECT ");
        match &select.distinct {
            Distinct::No => {}
            Distinct::Rows => self.push("DISTINCT "),
            Distinct::On(exprs) => {
                self.push("DISTINCT ON ");
                self.joined(exprs, ", ")?;
                self.push(" ");
            }
        }
        outputs(self, select)?;
        self.source(select)?;
        self.order_by(&query.order)?;
        self.window_of_rows(query)
    }

    /// `FROM … WHERE … GROUP BY … HAVING …`.
    pub(super) fn source(&mut self, select: &'a Select) -> Result<()> {
        if !select.from.is_empty() {
            self.push(" FROM ");
            self.each(&select.from, ", ", |this, from| this.from(from))?;
        }
        if let Some(filter) = &select.filter {
            self.push(" WHERE ");
            self.expr(filter)?;
        }
        if !select.group.is_empty() {
            self.push(" GROUP BY ");
            self.each(&select.group, ", ", |this, expr| this.expr(expr))?;
        }
        if let Some(having) = &select.having {
            self.push(" HAVING ");
            self.expr(having)?;
        }
        Ok(())
    }

    fn window_of_rows(&mut self, query: &'a Query) -> Result<()> {
        for (word, number) in [(" LIMIT ", &query.limit), (" OFFSET ", &query.offset)] {
            if let Some(number) = number {
                self.push(word);
                self.expr(number)?;
            }
        }
        Ok(())
    }

    pub(super) fn with(&mut self, with: &'a [Cte]) -> Result<()> {
        if with.is_empty() {
            return Ok(());
        }
        // A recursive one may stand anywhere in the list.
        self.push(if with.iter().any(|cte| cte.recursive) { "WITH RECURSIVE " } else { "WITH " });
        self.each(with, ", ", |this, cte| {
            let columns: Vec<String> =
                (1..=cte.columns.len()).map(|number| format!("c{number}")).collect();
            this.push(&format!("w{} ({}) AS ", cte.id.0, columns.join(", ")));
            this.push(match cte.materialized {
                None => "(",
                Some(true) => "MATERIALIZED (",
                Some(false) => "NOT MATERIALIZED (",
            });
            this.query(&cte.query)?;
            this.push(")");
            Ok(())
        })?;
        self.push(" ");
        Ok(())
    }

    /// Makes the columns of an entry known, before anything refers to them.
    pub(super) fn enter(&mut self, from: &'a From) -> Result<()> {
        match from {
            From::Join { left, right, .. } => {
                self.enter(left)?;
                self.enter(right)?;
            }
            From::Relation(scan) => {
                // The rows that were written are known already.
                if !self.entries.contains_key(&scan.rel) {
                    let relation =
                        self.catalog().relations.get(&scan.relation).ok_or_else(|| {
                            Error::internal("a plan reads a relation that is gone")
                        })?;
                    self.entries.insert(scan.rel, Entry::Relation(relation));
                }
            }
            From::Function(scan) => {
                self.entries.insert(scan.rel, Entry::Function(&scan.columns));
            }
            From::Query { rel, .. } | From::Cte { rel, .. } => {
                self.entries.insert(*rel, Entry::Query);
            }
        }
        Ok(())
    }

    pub(super) fn from(&mut self, from: &'a From) -> Result<()> {
        match from {
            From::Relation(scan) => self.scan(scan),
            From::Query { rel, query, lateral } => {
                self.push(if *lateral { "LATERAL (" } else { "(" });
                self.query(query)?;
                self.push(&format!(") AS {}", alias(*rel)));
                Ok(())
            }
            From::Function(scan) => self.function_scan(scan),
            From::Cte { rel, cte } => {
                self.push(&format!("w{} AS {}", cte.0, alias(*rel)));
                Ok(())
            }
            From::Join { kind, left, right, on } => self.join(*kind, (left, right), on.as_ref()),
        }
    }

    fn scan(&mut self, scan: &'a RelationScan) -> Result<()> {
        if scan.policy.is_some() {
            return Err(Error::internal("row policies are PostgreSQL's own here"));
        }
        let name = match self.entries.get(&scan.rel) {
            Some(Entry::Written(_)) => "written".to_owned(),
            Some(Entry::Relation(relation)) => {
                self.runs_functions |= relation.view().is_some();
                names::relation(relation)
            }
            _ => return Err(Error::internal("a relation is read before it is known")),
        };
        self.push(&format!("{name} AS {}", alias(scan.rel)));
        Ok(())
    }

    fn function_scan(&mut self, scan: &'a FunctionScan) -> Result<()> {
        if self.called == Some(&scan.call) {
            self.push(&format!("called AS {}", alias(scan.rel)));
            return Ok(());
        }
        self.expr(&scan.call)?;
        if scan.ordinality {
            self.push(" WITH ORDINALITY");
        }
        self.push(&format!(" AS {}", alias(scan.rel)));
        // A function of the table gives columns that only the list names.
        if matches!(scan.call, Expr::Call { .. }) {
            let columns: Vec<String> =
                scan.columns.iter().map(|(name, _)| names::quoted(name)).collect();
            self.push(&format!(" ({})", columns.join(", ")));
        }
        Ok(())
    }

    fn join(
        &mut self,
        kind: JoinKind,
        (left, right): (&'a From, &'a From),
        on: Option<&'a Expr>,
    ) -> Result<()> {
        self.push("(");
        self.from(left)?;
        self.push(match (kind, on) {
            (JoinKind::Cross, _) | (JoinKind::Inner, None) => " CROSS JOIN ",
            (JoinKind::Inner, Some(_)) => " INNER JOIN ",
            (JoinKind::Left, _) => " LEFT JOIN ",
            (JoinKind::Right, _) => " RIGHT JOIN ",
            (JoinKind::Full, _) => " FULL JOIN ",
        });
        self.from(right)?;
        match (kind, on) {
            (JoinKind::Cross, _) | (JoinKind::Inner, None) => {}
            (_, Some(on)) => {
                self.push(" ON ");
                self.expr(on)?;
            }
            (_, None) => self.push(" ON TRUE"),
        }
        self.push(")");
        Ok(())
    }
}
