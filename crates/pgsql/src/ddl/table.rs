//! `CREATE TABLE`.

use backstay_catalog::{Acl, Catalog, Relation, RelationKind, TypeDefinition, TypeKind, Work};
use backstay_expr::RelationId;
use backstay_model::{Error, Result, TypeId};
use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, CreateStmt, RangeVar};

use super::constraint::Adding;
use super::names::{located, relation_exists, written_schema};
use super::{Draft, column, constraint, defaults, like};

/// `CREATE TABLE`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateStmt) -> Result<()> {
    let range =
        stmt.relation.as_ref().ok_or_else(|| Error::internal("CREATE TABLE without a name"))?;
    refuse_what_is_not_done(draft, stmt, range)?;
    let schema = draft
        .creation_schema(written_schema(range))
        .map_err(|error| located(error, range.location))?;
    if draft.relation_name_taken(&schema, &range.relname) {
        if stmt.if_not_exists {
            draft.notice(format!("relation \"{}\" already exists, skipping", range.relname));
            return Ok(());
        }
        return Err(located(relation_exists(&range.relname), range.location));
    }
    check_type_name(draft, &schema, &range.relname)
        .map_err(|error| located(error, range.location))?;
    let id = new_relation(draft, &schema, &range.relname, RelationKind::Table);
    let mut constraints = Vec::new();
    let mut generated = Vec::new();
    for element in &stmt.table_elts {
        match element.node.as_ref() {
            Some(NodeEnum::ColumnDef(definition)) => {
                let added = column::add(draft, id, definition)?;
                constraints.extend(added.constraints);
                generated.extend(added.generated);
            }
            Some(NodeEnum::TableLikeClause(clause)) => {
                constraints.extend(like::copy(draft, id, clause)?);
            }
            Some(NodeEnum::Constraint(constraint)) => constraints.push((**constraint).clone()),
            _ => {}
        }
    }
    constraints.extend(stmt.constraints.iter().filter_map(|node| match node.node.as_ref() {
        Some(NodeEnum::Constraint(constraint)) => Some((**constraint).clone()),
        _ => None,
    }));
    for (number, node) in generated {
        column::set_generated(draft, id, number, &node)?;
    }
    add_constraints(draft, id, &constraints)?;
    let (sequences, rest): (Vec<Work>, Vec<Work>) = std::mem::take(&mut draft.work)
        .into_iter()
        .partition(|work| matches!(work, Work::CreateSequence { .. }));
    draft.work.extend(sequences);
    draft.work.push(Work::CreateTable(id));
    draft.work.extend(rest);
    publish(draft, id);
    Ok(())
}

/// Checks first, then keys with the primary key in front, foreign keys last.
fn add_constraints(draft: &mut Draft<'_>, id: RelationId, all: &[Constraint]) -> Result<()> {
    let rank = |constraint: &Constraint| match constraint.contype() {
        ConstrType::ConstrCheck | ConstrType::ConstrNotnull => 0,
        ConstrType::ConstrPrimary => 1,
        ConstrType::ConstrForeign => 3,
        _ => 2,
    };
    let mut ordered: Vec<&Constraint> = all.iter().collect();
    ordered.sort_by_key(|constraint| rank(constraint));
    for constraint in ordered {
        constraint::add(draft, id, constraint, Adding::WithTable)?;
    }
    Ok(())
}

fn refuse_what_is_not_done(
    draft: &mut Draft<'_>,
    stmt: &CreateStmt,
    range: &RangeVar,
) -> Result<()> {
    let refuse = |what: &str, hint: &str| {
        Err(located(Error::unsupported(what).with_hint(hint), range.location))
    };
    if stmt.partbound.is_some() {
        return refuse(
            "PARTITION OF",
            "A partitioned table is kept as one table: leave its partitions out.",
        );
    }
    if !stmt.inh_relations.is_empty() {
        return refuse("INHERITS", "Write the columns out, or use LIKE.");
    }
    if stmt.of_typename.is_some() {
        return refuse("CREATE TABLE … OF", "Write the columns out.");
    }
    if range.relpersistence == "t" {
        return refuse("CREATE TEMPORARY TABLE", "Use a WITH query, or a table of its own schema.");
    }
    if stmt.partspec.is_some() {
        draft.notice(format!(
            "table \"{}\" is kept as one table; PARTITION BY is ignored",
            range.relname
        ));
    }
    Ok(())
}

/// A row type of this name must not exist.
pub(super) fn check_type_name(draft: &Draft<'_>, schema: &str, name: &str) -> Result<()> {
    if draft.catalog.type_named(schema, name).is_some() {
        return Err(Error::new("42710", format!("type \"{name}\" already exists"))
            .with_hint("A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type."));
    }
    Ok(())
}

/// Puts an empty relation with its row type into the catalogue.
pub(super) fn new_relation(
    draft: &mut Draft<'_>,
    schema: &str,
    name: &str,
    kind: RelationKind,
) -> RelationId {
    let physical = match kind {
        RelationKind::Table => draft.physical_table(schema, name),
        RelationKind::View(_) => String::new(),
    };
    let owner = draft.session.role.clone();
    let acl = defaults::privileges_of_new(&draft.catalog, &owner, schema, 'r');
    let catalog = draft.edit();
    let id = RelationId(catalog.next_id());
    let row_type = new_row_type(catalog, id, (schema, name), &owner);
    catalog.put_relation(Relation {
        id,
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind,
        columns: Vec::new(),
        next_column: 1,
        row_type,
        primary_key: None,
        unique: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        policies: Vec::new(),
        triggers: Vec::new(),
        row_security: false,
        force_row_security: false,
        owner,
        acl,
        comment: None,
        replica_identity_full: false,
        physical,
    });
    id
}

fn new_row_type(
    catalog: &mut Catalog,
    relation: RelationId,
    (schema, name): (&str, &str),
    owner: &str,
) -> TypeId {
    let id = TypeId(catalog.next_id());
    let definition = TypeDefinition {
        id,
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind: TypeKind::Row(relation),
        owner: owner.to_owned(),
        acl: Acl::default(),
        comment: None,
    };
    catalog.types.insert(id, std::sync::Arc::new(definition));
    id
}

/// `CREATE PUBLICATION … FOR ALL TABLES` holds tables of the future as well.
fn publish(draft: &mut Draft<'_>, id: RelationId) {
    for name in draft.catalog.publications_of_all.clone() {
        if let Some(tables) = draft.edit().publications.get_mut(&name) {
            tables.push(id);
        }
    }
}
