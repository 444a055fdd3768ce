//! Schemas, and moving objects between them.

use std::sync::Arc;

use backstay_catalog::{Schema, Work};
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterObjectSchemaStmt, CreateSchemaStmt, ObjectType};

use super::alter_type::{edit as edit_type, find as find_type};
use super::drop::{no_such, skip_or};
use super::function_parts::{Found, find_routine};
use super::names::{no_schema, qualified, relation_exists, string, string_list, written_schema};
use super::role::role_name;
use super::{Draft, defaults, rename};

/// `CREATE SCHEMA`, with the objects written inside it.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateSchemaStmt) -> Result<()> {
    let owner = match &stmt.authrole {
        Some(spec) => role_name(draft, spec)?,
        None => draft.session.role.clone(),
    };
    let name = if stmt.schemaname.is_empty() { owner.clone() } else { stmt.schemaname.clone() };
    if draft.catalog.schemas.contains_key(&name) {
        if stmt.if_not_exists {
            draft.notice(format!("schema \"{name}\" already exists, skipping"));
            return Ok(());
        }
        return Err(Error::new("42P06", format!("schema \"{name}\" already exists")));
    }
    if name.starts_with("pg_") || name == "information_schema" {
        return Err(Error::new("42939", format!("unacceptable schema name \"{name}\""))
            .with_details("The prefix \"pg_\" is reserved for system schemas."));
    }
    let acl = defaults::privileges_of_new(&draft.catalog, &owner, "", 'n');
    draft.edit().schemas.insert(name.clone(), Schema { owner, acl, comment: None });
    let path = draft.session.search_path.clone();
    draft.session.search_path.0.insert(0, name);
    let inside = stmt
        .schema_elts
        .iter()
        .filter_map(|node| node.node.as_ref())
        .try_for_each(|node| draft.statement(node));
    draft.session.search_path = path;
    inside
}

/// `ALTER … SET SCHEMA`.
pub(super) fn set_schema(draft: &mut Draft<'_>, stmt: &AlterObjectSchemaStmt) -> Result<()> {
    let target = stmt.newschema.as_str();
    if stmt.object_type() == ObjectType::ObjectExtension {
        let name = stmt.object.as_deref().and_then(string).unwrap_or_default().to_owned();
        draft.edit().extensions.insert(name, target.to_owned());
        return Ok(());
    }
    if !draft.catalog.schemas.contains_key(target) {
        return Err(no_schema(target));
    }
    match stmt.object_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence => set_relation_schema(draft, stmt),
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine => {
            let Some(NodeEnum::ObjectWithArgs(object)) =
                stmt.object.as_deref().and_then(|node| node.node.as_ref())
            else {
                return Err(Error::internal("a function without a name"));
            };
            if let Found::Routine(routine) = find_routine(draft, object)? {
                let mut moved = (*routine).clone();
                moved.schema = target.to_owned();
                draft.edit().put_routine(moved);
            }
            Ok(())
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            let parts = stmt.object.as_deref().map(string_list).unwrap_or_default();
            let (schema, name) = qualified(&parts);
            let definition = find_type(draft, schema, name)?;
            if draft.catalog.type_named(target, name).is_some() {
                let message = format!("type \"{name}\" already exists in schema \"{target}\"");
                return Err(Error::new("42710", message));
            }
            edit_type(draft, definition.id)?.schema = target.to_owned();
            Ok(())
        }
        _ => Err(Error::unsupported("SET SCHEMA of this kind of object")),
    }
}

fn set_relation_schema(draft: &mut Draft<'_>, stmt: &AlterObjectSchemaStmt) -> Result<()> {
    let range =
        stmt.relation.as_ref().ok_or_else(|| Error::internal("SET SCHEMA without a relation"))?;
    let (schema, name) = (written_schema(range), range.relname.as_str());
    let target = stmt.newschema.as_str();
    if let Some(key) = draft.find_sequence(schema, name) {
        return rename::move_sequence(draft, &key, (target.to_owned(), key.1.clone()));
    }
    let Ok(relation) = draft.find_relation(schema, name) else {
        return skip_or(draft, stmt.missing_ok, no_such(ObjectType::ObjectTable, name));
    };
    if relation.schema == target {
        return Ok(());
    }
    if draft.relation_name_taken(target, name) {
        let message = format!("relation \"{name}\" already exists in schema \"{target}\"");
        return Err(Error::new(relation_exists(name).code, message));
    }
    move_relation(draft, relation.id, target)
}

fn move_relation(draft: &mut Draft<'_>, id: RelationId, target: &str) -> Result<()> {
    let relation = draft.known(id)?;
    let mut moved = (*relation).clone();
    moved.schema = target.to_owned();
    if relation.view().is_none() {
        moved.physical = draft.physical_table(target, &relation.name);
        draft.work.push(Work::RenameTable {
            from: relation.physical.clone(),
            to: moved.physical.clone(),
        });
    }
    let catalog = draft.edit();
    catalog.put_relation(moved);
    if let Some(row_type) = catalog.types.get_mut(&relation.row_type) {
        Arc::make_mut(row_type).schema = target.to_owned();
    }
    let owned: Vec<(String, String)> = draft
        .catalog
        .sequences
        .iter()
        .filter(|(_, sequence)| sequence.owned_by.is_some_and(|(owner, _)| owner == id))
        .map(|(key, _)| key.clone())
        .collect();
    for key in owned {
        rename::move_sequence(draft, &key, (target.to_owned(), key.1.clone()))?;
    }
    Ok(())
}
