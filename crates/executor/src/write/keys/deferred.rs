//! Tests that were put off to the end of the request.

use std::sync::Arc;

use backstay_catalog::Relation;
use backstay_model::{Error, Result};

use super::super::triggers;
use super::{Cx, actions, demand_parent, demand_unique};
use crate::state::Deferred;
use crate::{Scope, Store};

/// Does the deferred tests of the request; call it before the request's savepoint is released.
///
/// # Errors
/// `23503`, `23505`.
pub fn finish(scope: &Scope<'_>, store: &dyn Store) -> Result<()> {
    let cx = Cx::new(scope, store)?;
    loop {
        let tests = cx.run.state.take_deferred();
        if tests.is_empty() {
            return Ok(());
        }
        // A trigger may put off more.
        tests.into_iter().try_for_each(|test| run(&cx, test))?;
    }
}

fn run(cx: &Cx<'_>, test: Deferred) -> Result<()> {
    let store = cx.store;
    match test {
        Deferred::Child { relation, key, id } => {
            let child = cx.relation(relation)?;
            let row = store.get(child, id)?;
            let key = child.foreign_keys.iter().find(|known| known.name == key);
            if let (Some(row), Some(key)) = (row, key) {
                demand_parent(cx, child, key, &row)?;
            }
        }
        Deferred::Parent { holder, key, old } => {
            let holder: &Arc<Relation> = cx.relation(holder)?;
            let key = holder
                .foreign_keys
                .iter()
                .find(|known| known.name == key)
                .ok_or_else(|| Error::internal(format!("no foreign key {key}")))?;
            actions::demand_unreferenced(cx, (holder, key), &old)?;
        }
        Deferred::Unique { relation, key, id } => {
            let relation = cx.relation(relation)?;
            let row = store.get(relation, id)?;
            let key = relation.keys().find(|known| known.name == key);
            if let (Some(row), Some(key)) = (row, key) {
                demand_unique(cx, relation, (key, &row))?;
            }
        }
        Deferred::Trigger { relation, trigger, event, old, new } => {
            let relation = cx.relation(relation)?;
            let rows = (old.as_ref(), new.as_ref());
            triggers::deferred(cx, relation, (&trigger, event), rows)?;
        }
    }
    Ok(())
}
