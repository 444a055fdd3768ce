//! `TRUNCATE`.

use backstay_catalog::Event;
use backstay_expr::Truncate;
use backstay_model::Result;
use backstay_scalar::environment::SequenceAction;

use super::queue::Queue;
use super::{Cx, Written, triggers};

/// Empties the tables: no row is looked at, only the statement's own triggers fire.
pub(super) fn truncate(truncate: &Truncate, cx: &Cx<'_>) -> Result<Written> {
    cx.demand_writable("TRUNCATE TABLE")?;
    let mut queue = Queue::default();
    let mut relations = Vec::with_capacity(truncate.relations.len());
    for id in &truncate.relations {
        relations.push(cx.table(*id, "truncate")?);
    }
    for relation in &relations {
        triggers::before_statement(cx, &mut queue, relation, (Event::Truncate, &[]))?;
    }
    for relation in &relations {
        cx.store.clear(relation)?;
    }
    for (sequence, start) in &truncate.restart {
        let restart = SequenceAction::Set { value: *start, called: false };
        cx.scope.env.sequence(sequence, restart)?;
    }
    for relation in &relations {
        triggers::after_statement(cx, &queue, relation, (Event::Truncate, &[]))?;
    }
    Ok(Written::default())
}
