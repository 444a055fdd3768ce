//! What a `GRANT` is on.

use backstay_expr::{FunctionId, RelationId};
use backstay_model::{Error, Result, TypeId};
use pg_query::NodeEnum;
use pg_query::protobuf::{GrantStmt, GrantTargetType, ObjectType};

use super::Draft;
use super::function_parts::{Found, find_routine};
use super::names::{
    located, no_relation, no_schema, qualified, string, string_list, strings, written_schema,
};

/// An object that rights can be given on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Relation(RelationId),
    Sequence((String, String)),
    Routine(FunctionId),
    Schema(String),
    Type(TypeId),
}

/// The objects of the statement.
pub(super) fn targets(draft: &mut Draft<'_>, stmt: &GrantStmt) -> Result<Vec<Target>> {
    if stmt.targtype() == GrantTargetType::AclTargetAllInSchema {
        return all_in_schemas(draft, stmt);
    }
    let mut found = Vec::new();
    for node in &stmt.objects {
        let target = match (stmt.objtype(), node.node.as_ref()) {
            (_, Some(NodeEnum::RangeVar(range))) => {
                let schema = written_schema(range);
                relation_or_sequence(draft, schema, &range.relname)
                    .map_err(|error| located(error, range.location))?
            }
            (_, Some(NodeEnum::ObjectWithArgs(object))) => match find_routine(draft, object)? {
                Found::Routine(routine) => Some(Target::Routine(routine.id)),
                Found::BuiltIn => {
                    let name = strings(&object.objname).join(".");
                    draft.notice(format!("rights on the built-in function {name} are not kept"));
                    None
                }
            },
            (ObjectType::ObjectSchema, _) => {
                let name = string(node).unwrap_or_default();
                if !draft.catalog.schemas.contains_key(name) {
                    return Err(no_schema(name));
                }
                Some(Target::Schema(name.to_owned()))
            }
            _ => {
                let parts = string_list(node);
                let (schema, name) = qualified(&parts);
                let path = &draft.session.search_path;
                let definition = path.type_named(&draft.catalog, schema, name);
                let definition = definition.ok_or_else(|| {
                    Error::new("42704", format!("type \"{}\" does not exist", parts.join(".")))
                })?;
                Some(Target::Type(definition.id))
            }
        };
        found.extend(target);
    }
    Ok(found)
}

fn relation_or_sequence(
    draft: &mut Draft<'_>,
    schema: Option<&str>,
    name: &str,
) -> Result<Option<Target>> {
    if let Ok(relation) = draft.find_relation(schema, name) {
        return Ok(Some(Target::Relation(relation.id)));
    }
    if let Some(key) = draft.find_sequence(schema, name) {
        return Ok(Some(Target::Sequence(key)));
    }
    if matches!(schema, Some("pg_catalog" | "information_schema"))
        || (schema.is_none() && name.starts_with("pg_"))
    {
        draft.notice(format!("rights on the system view {name} are not kept"));
        return Ok(None);
    }
    Err(no_relation(schema, name))
}

fn all_in_schemas(draft: &Draft<'_>, stmt: &GrantStmt) -> Result<Vec<Target>> {
    let mut found = Vec::new();
    for schema in strings(&stmt.objects) {
        if !draft.catalog.schemas.contains_key(schema) {
            return Err(no_schema(schema));
        }
        match stmt.objtype() {
            ObjectType::ObjectTable => {
                let relations = draft.catalog.relations_in(schema);
                found.extend(relations.map(|relation| Target::Relation(relation.id)));
            }
            ObjectType::ObjectSequence => {
                let sequences = draft.catalog.sequences.keys();
                found.extend(
                    sequences
                        .filter(|(owner, _)| owner == schema)
                        .map(|key| Target::Sequence(key.clone())),
                );
            }
            _ => {
                let routines = draft.catalog.routines_in(schema);
                found.extend(routines.map(|routine| Target::Routine(routine.id)));
            }
        }
    }
    Ok(found)
}
