//! Identities: the greatest in a tree, fresh ones for a copy, and which columns a tree uses.

use std::collections::{BTreeMap, BTreeSet};

use backstay_expr::walk::{Rewriter, walk_expr, walk_from, walk_query};
use backstay_expr::{Cte, CteId, Expr, From, Query, RelId, RelIds};

/// Hands out identities that no tree of the statement uses yet.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    rels: RelIds,
    ctes: u32,
}

impl Fresh {
    /// Starts above everything that `greatest` saw.
    pub(crate) fn after(greatest: &Greatest) -> Self {
        Self { rels: RelIds::after(greatest.rel), ctes: greatest.cte }
    }

    /// A new identity for a `FROM` entry.
    pub(crate) fn rel(&mut self) -> RelId {
        self.rels.fresh()
    }

    fn cte(&mut self) -> CteId {
        self.ctes += 1;
        CteId(self.ctes)
    }
}

/// Finds the greatest identities in use.
#[derive(Debug, Default)]
pub(crate) struct Greatest {
    /// Of `FROM` entries.
    pub(crate) rel: u32,
    /// Of common table expressions.
    pub(crate) cte: u32,
}

impl Greatest {
    /// Takes one identity into account.
    pub(crate) fn see(&mut self, rel: RelId) {
        self.rel = self.rel.max(rel.0);
    }

    /// Takes common table expressions into account that belong to a statement.
    pub(crate) fn see_ctes(&mut self, ctes: &[Cte]) {
        for cte in ctes {
            self.cte = self.cte.max(cte.id.0);
        }
    }
}

impl Rewriter for Greatest {
    fn expr(&mut self, expr: &mut Expr) {
        if let Expr::Column { rel, .. } | Expr::WholeRow { rel, .. } = expr {
            self.see(*rel);
        }
        walk_expr(self, expr);
    }

    fn query(&mut self, query: &mut Query) {
        self.see_ctes(&query.with);
        walk_query(self, query);
    }

    fn from(&mut self, from: &mut From) {
        if let Some(rel) = from.rel() {
            self.see(rel);
        }
        walk_from(self, from);
    }
}

/// Gives a copied tree identities of its own. References to entries outside of it are kept.
pub(crate) struct Renumber<'f> {
    fresh: &'f mut Fresh,
    rels: BTreeMap<RelId, RelId>,
    ctes: BTreeMap<CteId, CteId>,
}

impl<'f> Renumber<'f> {
    /// Renumbers with identities from `fresh`.
    pub(crate) fn new(fresh: &'f mut Fresh) -> Self {
        Self { fresh, rels: BTreeMap::new(), ctes: BTreeMap::new() }
    }

    /// What the copy calls `from` stands for `to`.
    pub(crate) fn standing_for(mut self, from: RelId, to: RelId) -> Self {
        self.rels.insert(from, to);
        self
    }

    fn rel(&mut self, rel: &mut RelId) {
        *rel = *self.rels.entry(*rel).or_insert_with(|| self.fresh.rel());
    }
}

impl Rewriter for Renumber<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        if let Expr::Column { rel, .. } | Expr::WholeRow { rel, .. } = expr
            && let Some(new) = self.rels.get(rel)
        {
            *rel = *new;
        }
        walk_expr(self, expr);
    }

    fn query(&mut self, query: &mut Query) {
        for cte in &mut query.with {
            let id = *self.ctes.entry(cte.id).or_insert_with(|| self.fresh.cte());
            cte.id = id;
        }
        walk_query(self, query);
    }

    fn from(&mut self, from: &mut From) {
        match from {
            From::Relation(scan) => self.rel(&mut scan.rel),
            From::Query { rel, .. } => self.rel(rel),
            From::Function(scan) => self.rel(&mut scan.rel),
            From::Cte { rel, cte } => {
                self.rel(rel);
                if let Some(new) = self.ctes.get(cte) {
                    *cte = *new;
                }
            }
            From::Join { .. } => {}
        }
        walk_from(self, from);
    }
}

/// The columns of one relation that a tree reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used {
    /// Attribute numbers.
    pub(crate) columns: BTreeSet<u16>,
    /// The row as a whole: every column.
    pub(crate) whole: bool,
}

impl Used {
    /// Is anything read at all?
    pub(crate) fn any(&self) -> bool {
        self.whole || !self.columns.is_empty()
    }
}

/// Collects what is read of each relation.
#[derive(Debug, Default)]
pub(crate) struct Uses(BTreeMap<RelId, Used>);

impl Uses {
    /// What is read of this entry.
    pub(crate) fn of(&self, rel: RelId) -> Used {
        self.0.get(&rel).cloned().unwrap_or_default()
    }

    /// Notes a column that is read without an expression saying so.
    pub(crate) fn note(&mut self, rel: RelId, column: u16) {
        self.0.entry(rel).or_default().columns.insert(column);
    }
}

impl Rewriter for Uses {
    fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Column { rel, column, .. } => self.note(*rel, *column),
            Expr::WholeRow { rel, .. } => self.0.entry(*rel).or_default().whole = true,
            _ => {}
        }
        walk_expr(self, expr);
    }
}
