//! `REFRESH MATERIALIZED VIEW`: the copy is emptied and filled again.

use backstay_catalog::Relation;
use backstay_expr::walk::{RelIds, Rewriter, walk_from};
use backstay_expr::{From, Insert, Query, Sequence, Source, Statement, Truncate, WritePolicy};
use backstay_model::{Error, Result};
use pg_query::protobuf::RefreshMatViewStmt;

use crate::Binder;

impl Binder<'_> {
    /// Binds the statement. A view that keeps no copy has nothing to refresh.
    pub(crate) fn refresh(&self, stmt: &RefreshMatViewStmt) -> Result<Statement> {
        let range = stmt.relation.as_ref();
        let range = range.ok_or_else(|| Error::internal("REFRESH without a view"))?;
        let relation = self.relation_named(range)?;
        let Some(view) = relation.view().filter(|view| view.materialized) else {
            let message = format!("\"{}\" is not a materialized view", relation.name);
            return Err(Error::new("0A000", message));
        };
        let emptied = |relations| Statement::Truncate(Truncate { relations, restart: Vec::new() });
        let Some(kept) = &view.kept else { return Ok(emptied(Vec::new())) };
        if stmt.skip_data {
            return Ok(emptied(vec![kept.table]));
        }
        let table = self.catalog.relations.get(&kept.table);
        let table = table.ok_or_else(|| Error::internal("a copy without its table"))?;
        if stmt.concurrent && !has_unique_index(table) {
            let name = format!("{}.{}", relation.schema, relation.name);
            let message = format!("cannot refresh materialized view \"{name}\" concurrently");
            return Err(Error::new("55000", message).with_hint(
                "Create a unique index with no WHERE clause on one or more columns of the materialized view.",
            ));
        }
        let mut rels = RelIds::after(highest(&kept.query));
        let last = Insert {
            with: Vec::new(),
            relation: kept.table,
            rel: rels.fresh(),
            excluded: rels.fresh(),
            columns: table.columns.iter().map(|column| column.number).collect(),
            source: Source::Query(Box::new(kept.query.clone())),
            overriding: None,
            conflict: None,
            returning: Vec::new(),
            policy: WritePolicy::default(),
        };
        let (parts, last) = (vec![emptied(vec![kept.table])], Statement::Insert(Box::new(last)));
        Ok(Statement::Sequence(Box::new(Sequence { parts, last })))
    }
}

fn has_unique_index(table: &Relation) -> bool {
    table.indexes.iter().any(|index| index.unique && index.predicate.is_none())
}

/// The highest identity in the query.
fn highest(query: &Query) -> u32 {
    struct Highest(u32);
    impl Rewriter for Highest {
        fn from(&mut self, from: &mut From) {
            let rel = match from {
                From::Relation(scan) => scan.rel.0,
                From::Query { rel, .. } | From::Cte { rel, .. } => rel.0,
                From::Function(scan) => scan.rel.0,
                From::Join { .. } => 0,
            };
            self.0 = self.0.max(rel);
            walk_from(self, from);
        }
    }
    let mut found = Highest(0);
    found.query(&mut query.clone());
    found.0
}
