//! Tables and views with their columns, constraints, indexes and policies.

use std::collections::{BTreeMap, HashMap};

use backstay_catalog::{
    Acl, Catalog, Column, ForeignKey, Generated, Identity, Index, IndexKey, KeyAction,
    KeyConstraint, NativeView, Policy, PolicyCommand, ROW, Relation, RelationKind, View, ViewBody,
};
use backstay_expr::{Expr, RelationId};
use backstay_model::{Type, TypeId};
use tokio_postgres::{Error, Row};

use super::acl::{self, Object};
use super::types::{self, Types};
use super::{Rows, objects, origins};

/// Puts the relations into the catalogue.
pub(super) fn fill(catalog: &mut Catalog, rows: &Rows, types: &Types) -> Result<(), Error> {
    let mut relations = BTreeMap::new();
    for row in &rows.relations {
        relations.insert(row.try_get("oid")?, relation(catalog, row)?);
    }
    columns(&mut relations, rows, types)?;
    for row in &rows.constraints {
        if let Some(relation) = relations.get_mut(&row.try_get("relation")?) {
            constraint(relation, row)?;
        }
    }
    for row in &rows.indexes {
        if let Some(relation) = relations.get_mut(&row.try_get("relation")?) {
            let index = index(relation, row)?;
            relation.indexes.push(index);
        }
    }
    for row in &rows.policies {
        if let Some(relation) = relations.get_mut(&row.try_get("relation")?) {
            relation.policies.push(policy(row)?);
        }
    }
    for relation in relations.into_values() {
        catalog.put_relation(relation);
    }
    Ok(())
}

/// The relation without what hangs on it.
fn relation(catalog: &Catalog, row: &Row) -> Result<Relation, Error> {
    let (schema, owner): (String, String) = (row.try_get("schema")?, row.try_get("owner")?);
    let texts: Vec<String> = row.try_get("acl")?;
    let name: String = row.try_get("name")?;
    Ok(Relation {
        id: RelationId(row.try_get("oid")?),
        kind: kind(row)?,
        columns: Vec::new(),
        next_column: 1,
        row_type: TypeId(row.try_get("row_type")?),
        primary_key: None,
        unique: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        policies: Vec::new(),
        // They are the database's own business.
        triggers: Vec::new(),
        row_security: row.try_get("row_security")?,
        force_row_security: row.try_get("force_row_security")?,
        acl: acl::list(catalog, Object::Relation, &schema, &owner, &texts),
        comment: row.try_get("comment")?,
        replica_identity_full: row.try_get("full_identity")?,
        physical: name.clone(),
        schema,
        name,
        owner,
    })
}

/// What `pg_relation_is_updatable` answers, by bits.
const INSERTABLE: i32 = 1 << 3;
const DELETABLE: i32 = 1 << 4;

fn kind(row: &Row) -> Result<RelationKind, Error> {
    let kind = objects::letter(row, "kind")?;
    if !matches!(kind, 'v' | 'm') {
        return Ok(RelationKind::Table);
    }
    let rule: Option<&str> = row.try_get("rule")?;
    let shown = origins::of_rule(rule.unwrap_or_default());
    let options: Vec<&str> = row.try_get("options")?;
    let is_set = |name: &str| {
        options.iter().any(|option| {
            option.split_once('=').is_some_and(|(known, value)| {
                known == name && !matches!(value, "false" | "off" | "no" | "0")
            })
        })
    };
    let definition: Option<String> = row.try_get("definition")?;
    Ok(RelationKind::View(Box::new(View {
        body: ViewBody::Native(NativeView {
            origins: shown
                .into_iter()
                .map(|origin| origin.map(|(table, column)| (RelationId(table), column)))
                .collect(),
            deletable: row.try_get::<_, i32>("events")? & DELETABLE != 0,
            ..NativeView::default()
        }),
        definition: definition.unwrap_or_default().trim().trim_end_matches(';').to_owned(),
        security_invoker: is_set("security_invoker"),
        check_option: is_set("check_option"),
        materialized: kind == 'm',
        kept: None,
    })))
}

fn columns(
    relations: &mut BTreeMap<u32, Relation>,
    rows: &Rows,
    types: &Types,
) -> Result<(), Error> {
    let mut sequences: HashMap<(u32, i32), String> = HashMap::new();
    for row in &rows.sequences {
        if let Some(relation) = row.try_get::<_, Option<u32>>("relation")? {
            let (schema, name): (&str, &str) = (row.try_get("schema")?, row.try_get("name")?);
            sequences.insert((relation, row.try_get("number")?), format!("{schema}.{name}"));
        }
    }
    for row in &rows.columns {
        let oid: u32 = row.try_get("relation")?;
        let Some(relation) = relations.get_mut(&oid) else { continue };
        let attribute: i16 = row.try_get("number")?;
        let number = attribute.unsigned_abs();
        let mut column = column(row, number, types)?;
        column.sequence = sequences.remove(&(oid, i32::from(attribute)));
        relation.columns.push(column);
        relation.next_column = number + 1;
        if let Some(texts) = row.try_get::<_, Option<Vec<String>>>("acl")? {
            column_grants(&mut relation.acl, number, &texts);
        }
        if let RelationKind::View(view) = &mut relation.kind
            && let ViewBody::Native(native) = &mut view.body
            && row.try_get("updatable")?
        {
            native.updatable.push(number);
        }
    }
    for row in &rows.relations {
        if row.try_get::<_, i32>("events")? & INSERTABLE != 0
            && let Some(relation) = relations.get_mut(&row.try_get("oid")?)
        {
            insertable(relation);
        }
    }
    Ok(())
}

/// The columns that a view takes on insert: those it can update, or all where a trigger does it.
fn insertable(relation: &mut Relation) {
    let all = relation.columns.iter().map(|column| column.number).collect();
    if let RelationKind::View(view) = &mut relation.kind
        && let ViewBody::Native(native) = &mut view.body
    {
        native.insertable =
            if native.updatable.is_empty() { all } else { native.updatable.clone() };
    }
}

fn column(row: &Row, number: u16, types: &Types) -> Result<Column, Error> {
    let (ty, modifier) = types.with_modifier(row.try_get("type")?, row.try_get("modifier")?);
    let text: Option<String> = row.try_get("default_text")?;
    let native = || Expr::Native { ty: ty.clone() };
    let (default_text, generated) = match row.try_get("generated")? {
        "" => (text, None),
        _ => (None, text.map(|text| Generated { expr: native(), text })),
    };
    let name: String = row.try_get("name")?;
    Ok(Column {
        number,
        modifier,
        not_null: row.try_get("not_null")?,
        default: default_text.as_ref().map(|_| native()),
        default_text,
        identity: match row.try_get("identity")? {
            "a" => Some(Identity::Always),
            "d" => Some(Identity::ByDefault),
            _ => None,
        },
        generated,
        sequence: None,
        comment: row.try_get("comment")?,
        physical: name.clone(),
        name,
        ty,
    })
}

fn column_grants(acl: &mut Acl, number: u16, texts: &[String]) {
    for item in texts.iter().map(|text| acl::item(text)) {
        for privilege in item.privileges {
            acl.grant(&item.grantee, privilege, Some(number));
        }
    }
}

fn constraint(relation: &mut Relation, row: &Row) -> Result<(), Error> {
    match row.try_get("kind")? {
        "p" => relation.primary_key = Some(key(row)?),
        "u" => relation.unique.push(key(row)?),
        "f" => relation.foreign_keys.push(foreign_key(row)?),
        _ => relation.checks.push(types::check(row)?),
    }
    Ok(())
}

fn numbers(row: &Row, column: &str) -> Result<Vec<u16>, Error> {
    let numbers: Option<Vec<i16>> = row.try_get(column)?;
    Ok(numbers.unwrap_or_default().into_iter().map(i16::unsigned_abs).collect())
}

fn key(row: &Row) -> Result<KeyConstraint, Error> {
    let name: String = row.try_get("name")?;
    Ok(KeyConstraint {
        columns: numbers(row, "columns")?,
        nulls_not_distinct: row.try_get("nulls_not_distinct")?,
        deferrable: row.try_get("deferrable")?,
        deferred: row.try_get("deferred")?,
        comment: row.try_get("comment")?,
        physical: name.clone(),
        name,
    })
}

fn foreign_key(row: &Row) -> Result<ForeignKey, Error> {
    let action = |column: &str| -> Result<KeyAction, Error> {
        Ok(match row.try_get(column)? {
            "r" => KeyAction::Restrict,
            "c" => KeyAction::Cascade,
            "n" => KeyAction::SetNull,
            "d" => KeyAction::SetDefault,
            _ => KeyAction::NoAction,
        })
    };
    Ok(ForeignKey {
        name: row.try_get("name")?,
        columns: numbers(row, "columns")?,
        target: RelationId(row.try_get("target")?),
        target_columns: numbers(row, "target_columns")?,
        on_delete: action("on_delete")?,
        on_update: action("on_update")?,
        set_columns: numbers(row, "set_columns")?,
        match_full: row.try_get("match_full")?,
        deferrable: row.try_get("deferrable")?,
        deferred: row.try_get("deferred")?,
        not_valid: row.try_get("not_valid")?,
    })
}

fn index(relation: &Relation, row: &Row) -> Result<Index, Error> {
    let (keys, options): (Vec<i16>, Vec<i16>) = (row.try_get("keys")?, row.try_get("options")?);
    let keys = keys.iter().enumerate().map(|(at, number)| {
        let column = relation.column_by_number(number.unsigned_abs());
        let option = options.get(at).copied().unwrap_or_default();
        IndexKey {
            expr: column.map_or(Expr::Native { ty: Type::Unknown }, |column| {
                Expr::column(ROW, column.number, column.ty.clone())
            }),
            descending: option & 1 != 0,
            nulls_first: option & 2 != 0,
        }
    });
    let name: String = row.try_get("name")?;
    let partial: bool = row.try_get("partial")?;
    Ok(Index {
        keys: keys.collect(),
        unique: row.try_get("is_unique")?,
        nulls_not_distinct: row.try_get("nulls_not_distinct")?,
        predicate: partial.then_some(Expr::Native { ty: Type::Bool }),
        method: row.try_get("method")?,
        definition: row.try_get("definition")?,
        hidden: false,
        physical: Some(name.clone()),
        name,
    })
}

fn policy(row: &Row) -> Result<Policy, Error> {
    let (using_text, check_text): (Option<String>, Option<String>) =
        (row.try_get("using_text")?, row.try_get("check_text")?);
    let native = |text: &Option<String>| text.as_ref().map(|_| Expr::Native { ty: Type::Bool });
    Ok(Policy {
        name: row.try_get("name")?,
        permissive: row.try_get("permissive")?,
        command: match row.try_get("command")? {
            "r" => PolicyCommand::Select,
            "a" => PolicyCommand::Insert,
            "w" => PolicyCommand::Update,
            "d" => PolicyCommand::Delete,
            _ => PolicyCommand::All,
        },
        roles: row.try_get("roles")?,
        using: native(&using_text),
        check: native(&check_text),
        using_text,
        check_text,
    })
}
