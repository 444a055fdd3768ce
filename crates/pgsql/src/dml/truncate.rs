//! `TRUNCATE`.

use backstay_expr::{RelationId, Truncate};
use backstay_model::{Error, Result, quote_identifier};
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, TruncateStmt};

use crate::Binder;
use crate::nodes::each;

impl Binder<'_> {
    /// `TRUNCATE`: with `CASCADE` the tables that refer to them as well.
    pub(crate) fn truncate(&self, stmt: &TruncateStmt) -> Result<Truncate> {
        let mut relations: Vec<RelationId> = Vec::new();
        for node in each(&stmt.relations) {
            let NodeEnum::RangeVar(range) = node else { continue };
            let relation = self.relation_named(range)?;
            if relation.view().is_some() {
                let message = format!("\"{}\" is not a table", relation.name);
                return Err(Error::new("42809", message));
            }
            if !relations.contains(&relation.id) {
                relations.push(relation.id);
            }
        }
        self.add_children(&mut relations, stmt.behavior() == DropBehavior::DropCascade)?;
        let mut restart = Vec::new();
        for ((schema, name), sequence) in &self.catalog.sequences {
            let owned = sequence.owned_by.is_some_and(|(table, _)| relations.contains(&table));
            if stmt.restart_seqs && owned {
                let name = format!("{}.{}", quote_identifier(schema), quote_identifier(name));
                restart.push((name, sequence.start));
            }
        }
        Ok(Truncate { relations, restart })
    }

    fn add_children(&self, relations: &mut Vec<RelationId>, cascade: bool) -> Result<()> {
        let mut at = 0;
        while let Some(id) = relations.get(at).copied() {
            at += 1;
            for (child, _) in self.catalog.references_to(id) {
                if relations.contains(&child.id) {
                    continue;
                }
                if !cascade {
                    let table = self.catalog.relations.get(&id).map_or("", |one| &one.name);
                    let message = "cannot truncate a table referenced in a foreign key constraint";
                    return Err(Error::new("0A000", message)
                        .with_details(format!("Table \"{}\" references \"{table}\".", child.name))
                        .with_hint(format!(
                            "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                            child.name
                        )));
                }
                relations.push(child.id);
            }
        }
        Ok(())
    }
}
