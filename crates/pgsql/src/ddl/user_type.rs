//! `CREATE TYPE` and `CREATE DOMAIN`.

use std::sync::Arc;

use backstay_catalog::{Acl, CheckConstraint, Domain, TypeDefinition, TypeKind};
use backstay_model::{EnumType, Error, Modifier, Result, Type, TypeId};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CompositeTypeStmt, ConstrType, Constraint, CreateDomainStmt, CreateEnumStmt, Node,
};

use super::names::{located, object_name, qualified, strings, written_schema};
use super::{Draft, bind, column, defaults, text};

/// The distance between the codes of two neighbouring labels.
pub(super) const GAP: i64 = 1 << 20;

/// Finds a place for a new type: its schema, if the name is free.
fn place(draft: &Draft<'_>, schema: Option<&str>, name: &str) -> Result<String> {
    let schema = draft.creation_schema(schema)?;
    if draft.catalog.type_named(&schema, name).is_some() {
        return Err(Error::new("42710", format!("type \"{name}\" already exists")));
    }
    Ok(schema)
}

fn install(draft: &mut Draft<'_>, schema: String, name: &str, kind: TypeKind) -> TypeId {
    let owner = draft.session.role.clone();
    let acl: Acl = defaults::privileges_of_new(&draft.catalog, &owner, &schema, 'T');
    let catalog = draft.edit();
    let id = TypeId(catalog.next_id());
    let name = name.to_owned();
    let definition = TypeDefinition { id, schema, name, kind, owner, acl, comment: None };
    catalog.types.insert(id, Arc::new(definition));
    id
}

/// `CREATE TYPE … AS ENUM (…)`.
pub(super) fn create_enum(draft: &mut Draft<'_>, stmt: &CreateEnumStmt) -> Result<()> {
    let parts = strings(&stmt.type_name);
    let (schema, name) = qualified(&parts);
    let schema = place(draft, schema, name)?;
    let mut labels: Vec<(String, i64)> = Vec::new();
    for (label, code) in strings(&stmt.vals).into_iter().zip(1..) {
        check_label(label)?;
        if labels.iter().any(|(known, _)| known == label) {
            let message =
                "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"";
            return Err(Error::new("23505", message)
                .with_details(format!("The label \"{label}\" is written twice.")));
        }
        labels.push((label.to_owned(), code * GAP));
    }
    install(draft, schema, name, TypeKind::Enum(EnumType { labels }));
    Ok(())
}

/// PostgreSQL's limit on labels.
pub(super) fn check_label(label: &str) -> Result<()> {
    if label.len() > 63 {
        return Err(Error::new("42602", format!("invalid enum label \"{label}\""))
            .with_details("Labels must be 63 bytes or less."));
    }
    Ok(())
}

/// `CREATE TYPE … AS (…)`.
pub(super) fn create_composite(draft: &mut Draft<'_>, stmt: &CompositeTypeStmt) -> Result<()> {
    let range =
        stmt.typevar.as_ref().ok_or_else(|| Error::internal("CREATE TYPE without a name"))?;
    let schema = place(draft, written_schema(range), &range.relname)
        .map_err(|error| located(error, range.location))?;
    if draft.relation_name_taken(&schema, &range.relname) {
        return Err(super::names::relation_exists(&range.relname));
    }
    let mut fields: Vec<(String, Type, Option<Modifier>)> = Vec::new();
    for node in &stmt.coldeflist {
        let Some(NodeEnum::ColumnDef(definition)) = node.node.as_ref() else { continue };
        fields.push(field(draft, definition, &fields)?);
    }
    install(draft, schema, &range.relname, TypeKind::Composite(fields));
    Ok(())
}

/// One attribute of a composite type.
pub(super) fn field(
    draft: &Draft<'_>,
    definition: &pg_query::protobuf::ColumnDef,
    known: &[(String, Type, Option<Modifier>)],
) -> Result<(String, Type, Option<Modifier>)> {
    let name = definition.colname.as_str();
    if known.iter().any(|(field, ..)| field == name) {
        let message = format!("column \"{name}\" specified more than once");
        return Err(located(Error::new("42701", message), definition.location));
    }
    let written = definition
        .type_name
        .as_ref()
        .ok_or_else(|| Error::internal("an attribute without a type"))?;
    let (ty, modifier) = column::column_type(draft, name, written)?;
    Ok((name.to_owned(), ty, modifier))
}

/// `CREATE DOMAIN`.
pub(super) fn create_domain(draft: &mut Draft<'_>, stmt: &CreateDomainStmt) -> Result<()> {
    let parts = strings(&stmt.domainname);
    let (schema, name) = qualified(&parts);
    let schema = place(draft, schema, name)?;
    let written =
        stmt.type_name.as_ref().ok_or_else(|| Error::internal("CREATE DOMAIN without a type"))?;
    let (base, modifier) = draft.resolve_type(written)?;
    let mut domain = Domain {
        base,
        modifier,
        not_null: false,
        default: None,
        default_text: None,
        checks: Vec::new(),
    };
    for node in &stmt.constraints {
        let Some(NodeEnum::Constraint(constraint)) = node.node.as_ref() else { continue };
        match constraint.contype() {
            ConstrType::ConstrNull => domain.not_null = false,
            ConstrType::ConstrNotnull => domain.not_null = true,
            ConstrType::ConstrDefault => {
                if let Some(node) = constraint.raw_expr.as_deref() {
                    domain.default = Some(domain_default(draft, name, &domain, node)?);
                    domain.default_text = Some(super::text::expression(node)?);
                }
            }
            ConstrType::ConstrCheck => add_check(draft, name, &mut domain, constraint)?,
            _ => {
                let message = "constraint of this kind not possible for domains";
                return Err(located(Error::new("42601", message), constraint.location));
            }
        }
    }
    install(draft, schema, name, TypeKind::Domain(Box::new(domain)));
    Ok(())
}

/// The default of a domain, coerced to its base.
pub(super) fn domain_default(
    draft: &Draft<'_>,
    name: &str,
    domain: &Domain,
    node: &Node,
) -> Result<backstay_expr::Expr> {
    bind::default(draft, node, (name, &domain.base, domain.modifier))
}

/// A check of a domain; the name is PostgreSQL's `domain_check` unless one was written.
pub(super) fn add_check(
    draft: &Draft<'_>,
    name: &str,
    domain: &mut Domain,
    constraint: &Constraint,
) -> Result<()> {
    let node = constraint
        .raw_expr
        .as_deref()
        .ok_or_else(|| Error::internal("a check without an expression"))?;
    let taken = |wanted: &str| domain.checks.iter().any(|check| check.name == wanted);
    let chosen = if constraint.conname.is_empty() {
        let mut chosen = object_name(name, None, "check");
        let mut number = 0u32;
        while taken(&chosen) {
            number += 1;
            chosen = object_name(name, None, &format!("check{number}"));
        }
        chosen
    } else if taken(&constraint.conname) {
        let message =
            format!("constraint \"{}\" for domain \"{name}\" already exists", constraint.conname);
        return Err(located(Error::new("42710", message), constraint.location));
    } else {
        constraint.conname.clone()
    };
    let expr = bind::domain_check(draft, &domain.base, node)?;
    domain.checks.push(CheckConstraint {
        name: chosen,
        expr,
        text: text::expression(node)?,
        not_valid: constraint.skip_validation,
    });
    domain.checks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}
