//! `COMMENT ON`.

use std::sync::Arc;

use backstay_catalog::Relation;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{CommentStmt, Node, ObjectType};

use super::Draft;
use super::alter_type::{edit as edit_type, find as find_type};
use super::function_parts::{Found, find_routine};
use super::names::{
    has_constraint, no_column, no_relation, no_schema, qualified, string, string_list, wrong_kind,
};

/// `COMMENT ON kind name IS 'text'`; an empty text or null takes the comment away.
pub(super) fn comment(draft: &mut Draft<'_>, stmt: &CommentStmt) -> Result<()> {
    let comment = (!stmt.comment.is_empty()).then(|| stmt.comment.clone());
    let Some(object) = stmt.object.as_deref() else { return Ok(()) };
    let parts = string_list(object);
    match stmt.objtype() {
        ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview => {
            let relation = relation(draft, &parts)?;
            check_kind(&relation, stmt.objtype())?;
            draft.edit_relation(relation.id)?.comment = comment;
        }
        ObjectType::ObjectColumn => on_column(draft, &parts, comment)?,
        ObjectType::ObjectTabconstraint => on_constraint(draft, &parts, comment)?,
        ObjectType::ObjectSchema => {
            let name = string(object).unwrap_or_default();
            let schema = draft.edit().schemas.get_mut(name);
            schema.ok_or_else(|| no_schema(name))?.comment = comment;
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            let (schema, name) = qualified(&parts);
            let definition = find_type(draft, schema, name)?;
            edit_type(draft, definition.id)?.comment = comment;
        }
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine | ObjectType::ObjectProcedure => {
            on_function(draft, object, comment)?;
        }
        ObjectType::ObjectPolicy => {
            let (relation, name) = on_relation(draft, &parts)?;
            super::policy::find(&relation, name)?;
            draft.notice("comments on policies are not kept");
        }
        ObjectType::ObjectTrigger => {
            let (relation, name) = on_relation(draft, &parts)?;
            super::trigger::comment(draft, &relation, (name, comment))?;
        }
        ObjectType::ObjectIndex => {
            let (schema, name) = qualified(&parts);
            draft.find_index(schema, name).ok_or_else(|| no_relation(schema, name))?;
            draft.notice("comments on indexes are not kept");
        }
        ObjectType::ObjectSequence => {
            let (schema, name) = qualified(&parts);
            draft.find_sequence(schema, name).ok_or_else(|| no_relation(schema, name))?;
            draft.notice("comments on sequences are not kept");
        }
        _ => draft.notice("comments on this kind of object are not kept"),
    }
    Ok(())
}

fn relation(draft: &Draft<'_>, parts: &[&str]) -> Result<Arc<Relation>> {
    let (schema, name) = qualified(parts);
    draft.find_relation(schema, name)
}

/// The relation and the last part, which names something on it.
fn on_relation<'n>(draft: &Draft<'_>, parts: &[&'n str]) -> Result<(Arc<Relation>, &'n str)> {
    let (name, path) = parts.split_last().ok_or_else(|| Error::internal("a comment on nothing"))?;
    if path.is_empty() {
        return Err(Error::new("42601", "column name must be qualified"));
    }
    Ok((relation(draft, path)?, name))
}

fn check_kind(relation: &Relation, kind: ObjectType) -> Result<()> {
    let wanted = match kind {
        ObjectType::ObjectView => "view",
        ObjectType::ObjectMatview => "materialized view",
        _ => "table",
    };
    if relation.noun() == wanted { Ok(()) } else { Err(wrong_kind(relation, wanted)) }
}

fn on_column(draft: &mut Draft<'_>, parts: &[&str], comment: Option<String>) -> Result<()> {
    let (name, path) = parts.split_last().ok_or_else(|| Error::internal("a comment on nothing"))?;
    if path.is_empty() {
        return Err(Error::new("42601", "column name must be qualified"));
    }
    let (schema, table) = qualified(path);
    if let Ok(relation) = draft.find_relation(schema, table) {
        let number = relation.column(name).map(|column| column.number);
        let number = number.ok_or_else(|| no_column(&relation, name))?;
        super::column::edit(draft, relation.id, number)?.comment = comment;
        return Ok(());
    }
    find_type(draft, schema, table).map_err(|_| no_relation(schema, table))?;
    draft.notice("comments on attributes are not kept");
    Ok(())
}

fn on_constraint(draft: &mut Draft<'_>, parts: &[&str], comment: Option<String>) -> Result<()> {
    let (relation, name) = on_relation(draft, parts)?;
    if !has_constraint(&relation, name) {
        return Err(Error::new(
            "42704",
            format!("constraint \"{name}\" for table \"{}\" does not exist", relation.name),
        ));
    }
    let relation = draft.edit_relation(relation.id)?;
    let keys = relation.primary_key.iter_mut().chain(&mut relation.unique);
    if let Some(key) = keys.into_iter().find(|key| key.name == name) {
        key.comment = comment;
    }
    Ok(())
}

fn on_function(draft: &mut Draft<'_>, object: &Node, comment: Option<String>) -> Result<()> {
    let Some(NodeEnum::ObjectWithArgs(function)) = object.node.as_ref() else { return Ok(()) };
    if let Found::Routine(routine) = find_routine(draft, function)? {
        let mut changed = (*routine).clone();
        changed.comment = comment;
        draft.edit().put_routine(changed);
    }
    Ok(())
}
