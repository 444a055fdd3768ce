//! `ALTER TYPE` and `ALTER DOMAIN`.

use std::sync::Arc;

use backstay_catalog::{Domain, TypeDefinition, TypeKind, Work};
use backstay_model::{EnumType, Error, Result, Type, TypeId};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDomainStmt, AlterEnumStmt, AlterTableCmd, AlterTableStmt, AlterTableType, DropBehavior,
};

use super::names::{located, qualified, strings, written, written_schema};
use super::user_type::{GAP, add_check, check_label, domain_default, field};
use super::{Draft, column};

/// The definition of a type that a statement names.
pub(super) fn find(
    draft: &Draft<'_>,
    schema: Option<&str>,
    name: &str,
) -> Result<Arc<TypeDefinition>> {
    draft.session.search_path.type_named(&draft.catalog, schema, name).cloned().ok_or_else(|| {
        Error::new("42704", format!("type \"{}\" does not exist", written(schema, name)))
    })
}

/// The definition, to be changed.
pub(super) fn edit<'d>(draft: &'d mut Draft<'_>, id: TypeId) -> Result<&'d mut TypeDefinition> {
    draft
        .edit()
        .types
        .get_mut(&id)
        .map(Arc::make_mut)
        .ok_or_else(|| Error::internal("a type is missing"))
}

/// `ALTER TYPE … ADD VALUE` and `RENAME VALUE`.
pub(super) fn alter_enum(draft: &mut Draft<'_>, stmt: &AlterEnumStmt) -> Result<()> {
    let parts = strings(&stmt.type_name);
    let (schema, name) = qualified(&parts);
    let definition = find(draft, schema, name)?;
    let TypeKind::Enum(labels) = &definition.kind else {
        return Err(Error::new("42809", format!("{} is not an enum", definition.name)));
    };
    let mut labels = labels.labels.clone();
    let missing =
        |label: &str| Error::new("22023", format!("\"{label}\" is not an existing enum label"));
    check_label(&stmt.new_val)?;
    let exists = labels.iter().any(|(label, _)| *label == stmt.new_val);
    if exists && stmt.skip_if_new_val_exists {
        draft.notice(format!("enum label \"{}\" already exists, skipping", stmt.new_val));
        return Ok(());
    }
    if exists {
        let message = format!("enum label \"{}\" already exists", stmt.new_val);
        return Err(Error::new("42710", message));
    }
    if stmt.old_val.is_empty() {
        let at = if stmt.new_val_neighbor.is_empty() {
            labels.len()
        } else {
            let neighbor = stmt.new_val_neighbor.as_str();
            let found = labels.iter().position(|(label, _)| label == neighbor);
            found.ok_or_else(|| missing(neighbor))? + usize::from(stmt.new_val_is_after)
        };
        let code = code_between(&labels, at)?;
        labels.insert(at, (stmt.new_val.clone(), code));
    } else {
        let found = labels.iter_mut().find(|(label, _)| *label == stmt.old_val);
        found.ok_or_else(|| missing(&stmt.old_val))?.0.clone_from(&stmt.new_val);
    }
    edit(draft, definition.id)?.kind = TypeKind::Enum(EnumType { labels });
    Ok(())
}

/// A code that orders a new label at this position.
fn code_between(labels: &[(String, i64)], at: usize) -> Result<i64> {
    let after = labels.get(at).map(|(_, code)| *code);
    let before = at.checked_sub(1).and_then(|index| labels.get(index)).map(|(_, code)| *code);
    let code = match (before, after) {
        (None, None) => GAP,
        (Some(before), None) => before + GAP,
        (None, Some(after)) => after - GAP,
        (Some(before), Some(after)) => before + (after - before) / 2,
    };
    if before == Some(code) {
        return Err(Error::unsupported("another enum label between these two").with_hint(
            "Create a new enum type with the labels in order, and change the columns.",
        ));
    }
    Ok(code)
}

/// `ALTER TYPE … ADD | DROP | ALTER ATTRIBUTE` (the parser gives it as `ALTER TABLE`).
pub(super) fn alter_composite(draft: &mut Draft<'_>, stmt: &AlterTableStmt) -> Result<()> {
    let range =
        stmt.relation.as_ref().ok_or_else(|| Error::internal("ALTER TYPE without a name"))?;
    let definition = find(draft, written_schema(range), &range.relname)
        .map_err(|error| located(error, range.location))?;
    let TypeKind::Composite(fields) = &definition.kind else {
        return Err(Error::new("42809", format!("\"{}\" is not a composite type", range.relname)));
    };
    let mut fields = fields.clone();
    for node in &stmt.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = node.node.as_ref() else { continue };
        refuse_if_stored(draft, &definition, command)?;
        let position = fields.iter().position(|(name, ..)| *name == command.name);
        let missing = || {
            let message = format!(
                "column \"{}\" of relation \"{}\" does not exist",
                command.name, definition.name
            );
            Error::new("42703", message)
        };
        let column = match command.def.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::ColumnDef(column)) => Some(column),
            _ => None,
        };
        match (command.subtype(), column) {
            (AlterTableType::AtAddColumn, Some(column)) => {
                if fields.iter().any(|(name, ..)| *name == column.colname) {
                    let message = format!(
                        "column \"{}\" of relation \"{}\" already exists",
                        column.colname, definition.name
                    );
                    return Err(Error::new("42701", message));
                }
                fields.push(field(draft, column, &fields)?);
            }
            (AlterTableType::AtAlterColumnType, Some(column)) => {
                let written = column.type_name.as_ref();
                let written = written.ok_or_else(|| Error::internal("a type is missing"))?;
                let position = position.ok_or_else(missing)?;
                let (ty, modifier) = column::column_type(draft, &command.name, written)?;
                fields[position].1 = ty;
                fields[position].2 = modifier;
            }
            (AlterTableType::AtDropColumn, _) => match position {
                Some(position) => {
                    fields.remove(position);
                }
                None if command.missing_ok => {}
                None => return Err(missing()),
            },
            _ => return Err(Error::unsupported("this form of ALTER TYPE")),
        }
    }
    edit(draft, definition.id)?.kind = TypeKind::Composite(fields);
    Ok(())
}

/// Stored values of the type would have to be rewritten.
fn refuse_if_stored(
    draft: &Draft<'_>,
    definition: &TypeDefinition,
    command: &AlterTableCmd,
) -> Result<()> {
    let ty = Type::Composite(definition.id);
    for relation in draft.catalog.relations.values().filter(|one| one.view().is_none()) {
        if let Some(column) = relation.columns.iter().find(|column| holds(&column.ty, &ty)) {
            let message = format!(
                "cannot alter type \"{}\" because column \"{}.{}\" uses it",
                definition.name, relation.name, column.name
            );
            if command.subtype() == AlterTableType::AtAlterColumnType {
                return Err(Error::new("0A000", message));
            }
            return Err(Error::new("0A000", message)
                .with_hint("Make a new type and change the column to it."));
        }
    }
    Ok(())
}

fn holds(ty: &Type, wanted: &Type) -> bool {
    ty == wanted || ty.element().is_some_and(|element| holds(element, wanted))
}

/// `ALTER DOMAIN`.
pub(super) fn alter_domain(draft: &mut Draft<'_>, stmt: &AlterDomainStmt) -> Result<()> {
    let parts = strings(&stmt.type_name);
    let (schema, name) = qualified(&parts);
    let definition = find(draft, schema, name)?;
    let TypeKind::Domain(domain) = &definition.kind else {
        return Err(Error::new("42809", format!("{} is not a domain", definition.name)));
    };
    let mut domain = (**domain).clone();
    match stmt.subtype.as_str() {
        "T" => {
            domain.default = match stmt.def.as_deref() {
                Some(node) => Some(domain_default(draft, name, &domain, node)?),
                None => None,
            };
            domain.default_text = stmt.def.as_deref().map(super::text::expression).transpose()?;
        }
        "N" => domain.not_null = false,
        "O" => {
            domain.not_null = true;
            validate_not_null(draft, definition.id);
        }
        "C" => {
            if let Some(NodeEnum::Constraint(constraint)) =
                stmt.def.as_deref().and_then(|node| node.node.as_ref())
            {
                refuse_if_used(draft, definition.id, &definition.name)?;
                add_check(draft, name, &mut domain, constraint)?;
            }
        }
        "X" => drop_check(draft, stmt, &definition.name, &mut domain)?,
        "V" => match domain.checks.iter_mut().find(|check| check.name == stmt.name) {
            Some(check) => check.not_valid = false,
            None => return Err(no_check(stmt, &definition.name)),
        },
        _ => return Err(Error::unsupported("this form of ALTER DOMAIN")),
    }
    edit(draft, definition.id)?.kind = TypeKind::Domain(Box::new(domain));
    Ok(())
}

fn no_check(stmt: &AlterDomainStmt, domain: &str) -> Error {
    let message = format!("constraint \"{}\" of domain \"{domain}\" does not exist", stmt.name);
    Error::new("42704", message)
}

fn drop_check(
    draft: &mut Draft<'_>,
    stmt: &AlterDomainStmt,
    name: &str,
    domain: &mut Domain,
) -> Result<()> {
    let before = domain.checks.len();
    domain.checks.retain(|check| check.name != stmt.name);
    if domain.checks.len() < before || stmt.behavior() == DropBehavior::Undefined {
        return Ok(());
    }
    if stmt.missing_ok {
        let constraint = &stmt.name;
        draft.notice(format!(
            "constraint \"{constraint}\" of domain \"{name}\" does not exist, skipping"
        ));
        return Ok(());
    }
    Err(no_check(stmt, name))
}

fn columns_of(draft: &Draft<'_>, id: TypeId) -> Vec<(backstay_expr::RelationId, u16)> {
    let tables = draft.catalog.relations.values().filter(|relation| relation.view().is_none());
    tables
        .flat_map(|relation| {
            let columns = relation.columns.iter().filter(|one| holds(&one.ty, &Type::Domain(id)));
            columns.map(|column| (relation.id, column.number))
        })
        .collect()
}

fn validate_not_null(draft: &mut Draft<'_>, id: TypeId) {
    for (relation, column) in columns_of(draft, id) {
        draft.work.push(Work::ValidateNotNull { relation, column });
    }
}

fn refuse_if_used(draft: &Draft<'_>, id: TypeId, name: &str) -> Result<()> {
    if columns_of(draft, id).is_empty() {
        return Ok(());
    }
    Err(Error::unsupported(format!("adding a check to domain \"{name}\" while columns use it"))
        .with_hint("Add the check to the tables, or create the domain with it."))
}
