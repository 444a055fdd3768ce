//! `ALTER … RENAME`.

use std::sync::Arc;

use backstay_catalog::{Relation, TypeKind, Work};
use backstay_expr::RelationId;
use backstay_model::{Error, Result, Type, Value};
use pg_query::NodeEnum;
use pg_query::protobuf::{ObjectType, RenameStmt};

use super::alter_type::{edit as edit_type, find as find_type};
use super::drop::skip_or;
use super::function_parts::{Found, find_routine};
use super::names::{
    has_constraint, located, no_relation, no_schema, physical_column, qualified, relation_exists,
    string, string_list, written_schema,
};
use super::{Draft, rename_text};

/// `ALTER … RENAME … TO`.
pub(super) fn rename(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    match stmt.rename_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectIndex
        | ObjectType::ObjectSequence => rename_relation(draft, stmt),
        ObjectType::ObjectColumn | ObjectType::ObjectAttribute => rename_column(draft, stmt),
        ObjectType::ObjectTabconstraint => rename_constraint(draft, stmt),
        ObjectType::ObjectPolicy => rename_policy(draft, stmt),
        ObjectType::ObjectTrigger => {
            let names = (stmt.subname.as_str(), stmt.newname.as_str());
            super::trigger::rename(draft, stmt.relation.as_ref(), names)
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => rename_type(draft, stmt),
        ObjectType::ObjectDomconstraint => rename_domain_check(draft, stmt),
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine => rename_function(draft, stmt),
        ObjectType::ObjectSchema => rename_schema(draft, stmt),
        ObjectType::ObjectRole => rename_role(draft, stmt),
        ObjectType::ObjectPublication => {
            let name = stmt.object.as_deref().and_then(string).unwrap_or_default();
            match draft.edit().publications.remove(name) {
                Some(tables) => {
                    draft.edit().publications.insert(stmt.newname.clone(), tables);
                    Ok(())
                }
                None => Err(Error::new("42704", format!("publication \"{name}\" does not exist"))),
            }
        }
        _ => Err(Error::unsupported("RENAME of this kind of object")),
    }
}

fn range(stmt: &RenameStmt) -> Result<(Option<&str>, &str, i32)> {
    let range =
        stmt.relation.as_ref().ok_or_else(|| Error::internal("RENAME without a relation"))?;
    Ok((written_schema(range), &range.relname, range.location))
}

fn rename_relation(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let (schema, name, location) = range(stmt)?;
    let new = stmt.newname.as_str();
    if let Ok(relation) = draft.find_relation(schema, name) {
        if draft.relation_name_taken(&relation.schema, new)
            || draft.catalog.type_named(&relation.schema, new).is_some()
        {
            return Err(located(relation_exists(new), location));
        }
        return rename_table(draft, &relation, new);
    }
    if let Some(key) = draft.find_sequence(schema, name) {
        if draft.relation_name_taken(&key.0, new) {
            return Err(located(relation_exists(new), location));
        }
        let to = (key.0.clone(), new.to_owned());
        return move_sequence(draft, &key, to);
    }
    if let Some(id) = draft.find_index(schema, name) {
        let relation = draft.known(id)?;
        if draft.relation_name_taken(&relation.schema, new) {
            return Err(located(relation_exists(new), location));
        }
        return rename_index(draft, id, name, new);
    }
    skip_or(draft, stmt.missing_ok, located(no_relation(schema, name), location))
}

fn rename_table(draft: &mut Draft<'_>, relation: &Relation, new: &str) -> Result<()> {
    let mut renamed = relation.clone();
    new.clone_into(&mut renamed.name);
    if relation.view().is_none() {
        renamed.physical = draft.physical_table(&relation.schema, new);
        draft.work.push(Work::RenameTable {
            from: relation.physical.clone(),
            to: renamed.physical.clone(),
        });
    }
    rename_text::table(&mut renamed, &relation.name, new)?;
    let catalog = draft.edit();
    catalog.put_relation(renamed);
    if let Some(row_type) = catalog.types.get_mut(&relation.row_type) {
        new.clone_into(&mut Arc::make_mut(row_type).name);
    }
    Ok(())
}

/// The constraint of a key index is renamed with it; the engine's own name stays.
fn rename_index(draft: &mut Draft<'_>, id: RelationId, name: &str, new: &str) -> Result<()> {
    let relation = draft.edit_relation(id)?;
    for key in relation.primary_key.iter_mut().chain(&mut relation.unique) {
        if key.name == name {
            new.clone_into(&mut key.name);
        }
    }
    for index in relation.indexes.iter_mut().filter(|index| index.name == name) {
        new.clone_into(&mut index.name);
        rename_text::index_name(index, new)?;
    }
    Ok(())
}

fn rename_column(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let (schema, name, location) = range(stmt)?;
    let Ok(relation) = draft.find_relation(schema, name) else {
        if let Ok(definition) = find_type(draft, schema, name)
            && let TypeKind::Composite(fields) = &definition.kind
        {
            let mut fields = fields.clone();
            let field = fields.iter_mut().find(|(field, ..)| *field == stmt.subname);
            let Some(field) = field else {
                let message =
                    format!("column \"{}\" of relation \"{name}\" does not exist", stmt.subname);
                return Err(Error::new("42703", message));
            };
            field.0.clone_from(&stmt.newname);
            edit_type(draft, definition.id)?.kind = TypeKind::Composite(fields);
            return Ok(());
        }
        return skip_or(draft, stmt.missing_ok, located(no_relation(schema, name), location));
    };
    let Some(column) = relation.column(&stmt.subname) else {
        let message = format!("column \"{}\" does not exist", stmt.subname);
        return Err(Error::new("42703", message));
    };
    if relation.column(&stmt.newname).is_some() {
        let message =
            format!("column \"{}\" of relation \"{}\" already exists", stmt.newname, relation.name);
        return Err(Error::new("42701", message));
    }
    let mut renamed = (*relation).clone();
    let physical = physical_column(&relation, &stmt.newname);
    if let Some(found) = renamed.columns.iter_mut().find(|one| one.number == column.number) {
        found.name.clone_from(&stmt.newname);
        found.physical.clone_from(&physical);
    }
    rename_text::column(&mut renamed, &stmt.subname, &stmt.newname)?;
    if relation.view().is_none() {
        let from = column.physical.clone();
        draft.work.push(Work::RenameColumn { relation: relation.id, from, to: physical });
    }
    draft.edit().put_relation(renamed);
    Ok(())
}

fn rename_constraint(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let (schema, name, location) = range(stmt)?;
    let relation = match draft.find_relation(schema, name) {
        Ok(relation) => relation,
        Err(error) => return skip_or(draft, stmt.missing_ok, located(error, location)),
    };
    let (old, new) = (stmt.subname.as_str(), stmt.newname.as_str());
    if !has_constraint(&relation, old) {
        let message =
            format!("constraint \"{old}\" for table \"{}\" does not exist", relation.name);
        return Err(Error::new("42704", message));
    }
    if has_constraint(&relation, new) {
        let message =
            format!("constraint \"{new}\" for relation \"{}\" already exists", relation.name);
        return Err(Error::new("42710", message));
    }
    if relation.keys().any(|key| key.name == old) {
        if draft.relation_name_taken(&relation.schema, new) {
            return Err(relation_exists(new));
        }
        return rename_index(draft, relation.id, old, new);
    }
    let stored = draft.edit_relation(relation.id)?;
    for check in stored.checks.iter_mut().filter(|check| check.name == old) {
        new.clone_into(&mut check.name);
    }
    stored.checks.sort_by(|a, b| a.name.cmp(&b.name));
    for key in stored.foreign_keys.iter_mut().filter(|key| key.name == old) {
        new.clone_into(&mut key.name);
    }
    Ok(())
}

fn rename_policy(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let (schema, name, location) = range(stmt)?;
    let relation = match draft.find_relation(schema, name) {
        Ok(relation) => relation,
        Err(error) => return skip_or(draft, stmt.missing_ok, located(error, location)),
    };
    if relation.policies.iter().any(|policy| policy.name == stmt.newname) {
        let message =
            format!("policy \"{}\" for table \"{}\" already exists", stmt.newname, relation.name);
        return Err(Error::new("42710", message));
    }
    let position = super::policy::find(&relation, &stmt.subname)?;
    draft.edit_relation(relation.id)?.policies[position].name.clone_from(&stmt.newname);
    Ok(())
}

fn rename_type(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let parts = stmt.object.as_deref().map(string_list).unwrap_or_default();
    let (schema, name) = qualified(&parts);
    let definition = find_type(draft, schema, name)?;
    if let TypeKind::Row(_) = definition.kind {
        return Err(Error::new("42809", format!("{name} is a table's row type"))
            .with_hint("Use ALTER TABLE instead."));
    }
    if draft.catalog.type_named(&definition.schema, &stmt.newname).is_some() {
        return Err(Error::new("42710", format!("type \"{}\" already exists", stmt.newname)));
    }
    edit_type(draft, definition.id)?.name.clone_from(&stmt.newname);
    Ok(())
}

fn rename_domain_check(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let parts = stmt.object.as_deref().map(string_list).unwrap_or_default();
    let (schema, name) = qualified(&parts);
    let definition = find_type(draft, schema, name)?;
    let TypeKind::Domain(domain) = &definition.kind else {
        return Err(Error::new("42809", format!("{name} is not a domain")));
    };
    let mut domain = domain.clone();
    let Some(check) = domain.checks.iter_mut().find(|check| check.name == stmt.subname) else {
        let message = format!("constraint \"{}\" for domain {name} does not exist", stmt.subname);
        return Err(Error::new("42704", message));
    };
    check.name.clone_from(&stmt.newname);
    edit_type(draft, definition.id)?.kind = TypeKind::Domain(domain);
    Ok(())
}

fn rename_function(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let Some(NodeEnum::ObjectWithArgs(object)) =
        stmt.object.as_deref().and_then(|node| node.node.as_ref())
    else {
        return Err(Error::internal("a function without a name"));
    };
    let Found::Routine(routine) = find_routine(draft, object)? else {
        return Err(Error::new("42501", "a built-in function cannot be renamed"));
    };
    let mut renamed = (*routine).clone();
    renamed.name.clone_from(&stmt.newname);
    super::function::check_free(draft, &renamed)?;
    draft.edit().put_routine(renamed);
    Ok(())
}

/// A sequence gets another schema or name; what refers to it follows.
pub(super) fn move_sequence(
    draft: &mut Draft<'_>,
    from: &(String, String),
    to: (String, String),
) -> Result<()> {
    let catalog = draft.edit();
    let Some(sequence) = catalog.sequences.remove(from) else {
        return Err(no_relation(Some(&from.0), &from.1));
    };
    catalog.sequences.insert(to.clone(), sequence);
    let (old, new) = (format!("{}.{}", from.0, from.1), format!("{}.{}", to.0, to.1));
    let users: Vec<RelationId> = catalog
        .relations
        .values()
        .filter(|relation| {
            relation.columns.iter().any(|column| {
                column.sequence.as_ref() == Some(&old)
                    || column.default.as_ref().is_some_and(|default| {
                        super::depend::of_expr(default, None).names.contains(&old)
                    })
            })
        })
        .map(|relation| relation.id)
        .collect();
    for id in users {
        let relation = draft.edit_relation(id)?;
        for column in &mut relation.columns {
            if column.sequence.as_ref() == Some(&old) {
                column.sequence = Some(new.clone());
            }
            if let Some(default) = &mut column.default {
                let mut renamer = RegclassRenamer { old: &old, new: &new, hit: false };
                backstay_expr::walk::Rewriter::expr(&mut renamer, default);
                if renamer.hit {
                    let shown = backstay_model::types::display_name(&to.0, &to.1);
                    let quoted = backstay_model::quote_literal(&shown);
                    column.default_text = Some(format!("nextval({quoted}::regclass)"));
                }
            }
        }
    }
    draft.work.push(Work::RenameSequence { from: from.clone(), to });
    Ok(())
}

struct RegclassRenamer<'n> {
    old: &'n str,
    new: &'n str,
    hit: bool,
}

impl backstay_expr::walk::Rewriter for RegclassRenamer<'_> {
    fn expr(&mut self, expr: &mut backstay_expr::Expr) {
        if let backstay_expr::Expr::Const { value: Value::Text(name), ty: Type::Regclass } = expr
            && name == self.old
        {
            self.new.clone_into(name);
            self.hit = true;
        }
        backstay_expr::walk::walk_expr(self, expr);
    }
}

fn rename_schema(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    let (old, new) = (stmt.subname.as_str(), stmt.newname.as_str());
    if draft.catalog.schemas.contains_key(new) {
        return Err(Error::new("42P06", format!("schema \"{new}\" already exists")));
    }
    let catalog = draft.edit();
    let schema = catalog.schemas.remove(old).ok_or_else(|| no_schema(old))?;
    catalog.schemas.insert(new.to_owned(), schema);
    for definition in catalog.types.values_mut().filter(|one| one.schema == old) {
        new.clone_into(&mut Arc::make_mut(definition).schema);
    }
    let routines: Vec<_> = catalog.routines_in(old).cloned().collect();
    for routine in routines {
        let mut moved = (*routine).clone();
        new.clone_into(&mut moved.schema);
        catalog.put_routine(moved);
    }
    for entry in &mut catalog.default_privileges {
        if entry.schema.as_deref() == Some(old) {
            entry.schema = Some(new.to_owned());
        }
    }
    for extension in catalog.extensions.values_mut().filter(|schema| *schema == old) {
        new.clone_into(extension);
    }
    let relations: Vec<_> = catalog.relations_in(old).cloned().collect();
    for relation in relations {
        let mut moved = (*relation).clone();
        new.clone_into(&mut moved.schema);
        if relation.view().is_none() {
            moved.physical = draft.physical_table(new, &relation.name);
            let from = relation.physical.clone();
            draft.work.push(Work::RenameTable { from, to: moved.physical.clone() });
        }
        draft.edit().put_relation(moved);
    }
    let sequences: Vec<(String, String)> =
        draft.catalog.sequences.keys().filter(|(schema, _)| schema == old).cloned().collect();
    for key in sequences {
        let to = (new.to_owned(), key.1.clone());
        move_sequence(draft, &key, to)?;
    }
    Ok(())
}

fn rename_role(draft: &mut Draft<'_>, stmt: &RenameStmt) -> Result<()> {
    if !draft.catalog.roles.contains_key(&stmt.subname) {
        return Err(Error::new("42704", format!("role \"{}\" does not exist", stmt.subname)));
    }
    Err(Error::unsupported("ALTER ROLE … RENAME").with_hint("Create a new role and grant to it."))
}
