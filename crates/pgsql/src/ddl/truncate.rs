//! `TRUNCATE`.

use backstay_catalog::Work;
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, TruncateStmt};

use super::Draft;

/// `TRUNCATE`: with `CASCADE` the tables that refer to them as well.
pub(super) fn truncate(draft: &mut Draft<'_>, stmt: &TruncateStmt) -> Result<()> {
    let mut tables: Vec<RelationId> = Vec::new();
    for node in &stmt.relations {
        let Some(NodeEnum::RangeVar(range)) = node.node.as_ref() else { continue };
        let id = draft.table(range)?.id;
        if !tables.contains(&id) {
            tables.push(id);
        }
    }
    let mut at = 0;
    while let Some(id) = tables.get(at).copied() {
        at += 1;
        let children: Vec<(RelationId, String)> = draft
            .catalog
            .references_to(id)
            .map(|(child, _)| (child.id, child.name.clone()))
            .filter(|(child, _)| !tables.contains(child))
            .collect();
        for (child, name) in children {
            if stmt.behavior() != DropBehavior::DropCascade {
                let table = draft.known(id)?.name.clone();
                return Err(Error::new(
                    "0A000",
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .with_details(format!("Table \"{name}\" references \"{table}\"."))
                .with_hint(format!(
                    "Truncate table \"{name}\" at the same time, or use TRUNCATE ... CASCADE."
                )));
            }
            if !tables.contains(&child) {
                draft.notice(format!("truncate cascades to table \"{name}\""));
                tables.push(child);
            }
        }
    }
    if stmt.restart_seqs {
        restart(draft, &tables);
    }
    draft.changed = true;
    draft.work.insert(0, Work::Truncate(tables));
    Ok(())
}

fn restart(draft: &mut Draft<'_>, tables: &[RelationId]) {
    for ((schema, name), sequence) in &draft.catalog.sequences {
        if sequence.owned_by.is_some_and(|(table, _)| tables.contains(&table)) {
            draft.work.push(Work::RestartSequence {
                schema: schema.clone(),
                name: name.clone(),
                value: sequence.start,
            });
        }
    }
}
