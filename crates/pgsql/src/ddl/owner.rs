//! `ALTER … OWNER TO`.

use std::sync::Arc;

use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterOwnerStmt, ObjectType};

use super::Draft;
use super::alter_type::{edit as edit_type, find as find_type};
use super::function_parts::{Found, find_routine};
use super::names::{no_schema, qualified, string, string_list};
use super::role::role_name;

/// `ALTER kind name OWNER TO role`.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterOwnerStmt) -> Result<()> {
    let spec = stmt.newowner.as_ref().ok_or_else(|| Error::internal("OWNER TO without a role"))?;
    let owner = role_name(draft, spec)?;
    let object = stmt.object.as_deref();
    match stmt.object_type() {
        ObjectType::ObjectSchema => {
            let name = object.and_then(string).unwrap_or_default();
            let schema = draft.edit().schemas.get_mut(name);
            schema.ok_or_else(|| no_schema(name))?.owner = owner;
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            let parts = object.map(string_list).unwrap_or_default();
            let (schema, name) = qualified(&parts);
            let definition = find_type(draft, schema, name)?;
            edit_type(draft, definition.id)?.owner = owner;
        }
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine | ObjectType::ObjectProcedure => {
            if let Some(NodeEnum::ObjectWithArgs(function)) =
                object.and_then(|node| node.node.as_ref())
                && let Found::Routine(routine) = find_routine(draft, function)?
            {
                let mut changed = (*routine).clone();
                changed.owner = owner;
                draft.edit().put_routine(changed);
            }
        }
        _ => draft.notice("the owner of this kind of object is not kept"),
    }
    Ok(())
}

/// `ALTER TABLE … OWNER TO`: what belongs to the table goes with it.
pub(super) fn set_relation_owner(draft: &mut Draft<'_>, id: RelationId, owner: &str) -> Result<()> {
    let relation = draft.edit_relation(id)?;
    relation.owner = owner.to_owned();
    let row_type = relation.row_type;
    let catalog = draft.edit();
    if let Some(row_type) = catalog.types.get_mut(&row_type) {
        Arc::make_mut(row_type).owner = owner.to_owned();
    }
    for sequence in catalog.sequences.values_mut() {
        if sequence.owned_by.is_some_and(|(table, _)| table == id) {
            sequence.owner = owner.to_owned();
        }
    }
    Ok(())
}
