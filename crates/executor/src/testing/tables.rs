//! Tables written as text.

use std::sync::Arc;

use backstay_catalog::{
    Acl, Catalog, Column, ForeignKey, Identity, KeyAction, KeyConstraint, Relation, RelationKind,
    Sequence, TypeDefinition, TypeKind,
};
use backstay_expr::RelationId;
use backstay_model::{Type, TypeId};

use super::cell;

/// Reads `name: column, column`.
pub(super) fn table(catalog: &mut Catalog, line: &str) -> Relation {
    let (name, columns) = line.split_once(':').unwrap();
    let id = RelationId(catalog.next_id());
    let mut relation = Relation {
        id,
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind: RelationKind::Table,
        columns: Vec::new(),
        next_column: 1,
        row_type: TypeId(catalog.next_id()),
        primary_key: None,
        unique: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        policies: Vec::new(),
        triggers: Vec::new(),
        row_security: false,
        force_row_security: false,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
        replica_identity_full: false,
        physical: name.to_owned(),
    };
    catalog.types.insert(
        relation.row_type,
        Arc::new(TypeDefinition {
            id: relation.row_type,
            schema: "public".to_owned(),
            name: name.to_owned(),
            kind: TypeKind::Row(id),
            owner: "postgres".to_owned(),
            acl: Acl::default(),
            comment: None,
        }),
    );
    for column in columns.split(',') {
        column_of(catalog, &mut relation, column.trim());
    }
    relation
}

/// Reads `name type [pk] [notnull] [unique] [identity|always] [default=…] [-> table.column …]`.
fn column_of(catalog: &mut Catalog, relation: &mut Relation, text: &str) {
    let mut words = text.split_whitespace();
    let (name, ty) = (words.next().unwrap(), words.next().unwrap());
    let number = relation.next_column;
    relation.next_column += 1;
    let mut column = Column {
        number,
        name: name.to_owned(),
        ty: Type::from_name(ty).unwrap(),
        modifier: None,
        not_null: false,
        default: None,
        default_text: None,
        identity: None,
        generated: None,
        sequence: None,
        comment: None,
        physical: name.to_owned(),
    };
    while let Some(word) = words.next() {
        match word {
            "pk" => {
                column.not_null = true;
                let name = format!("{}_pkey", relation.name);
                relation
                    .primary_key
                    .get_or_insert_with(|| key(&name, Vec::new()))
                    .columns
                    .push(number);
            }
            "notnull" => column.not_null = true,
            "unique" => {
                let name = format!("{}_{}_key", relation.name, column.name);
                relation.unique.push(key(&name, vec![number]));
            }
            "identity" | "always" => {
                let sequence = format!("{}_{}_seq", relation.name, column.name);
                column.identity =
                    Some(if word == "always" { Identity::Always } else { Identity::ByDefault });
                column.not_null = true;
                column.sequence = Some(format!("public.{sequence}"));
                let key = ("public".to_owned(), sequence);
                catalog.sequences.insert(key, counter(column.ty.clone()));
            }
            "->" => {
                let target = words.next().unwrap();
                let options: Vec<&str> = words.by_ref().collect();
                let key = foreign_key(catalog, relation, (number, &column.name), target, &options);
                relation.foreign_keys.push(key);
            }
            other => {
                let default = other.strip_prefix("default=").unwrap();
                column.default = Some(cell(default, &column.ty));
            }
        }
    }
    relation.columns.push(column);
}

pub(crate) fn key(name: &str, columns: Vec<u16>) -> KeyConstraint {
    KeyConstraint {
        name: name.to_owned(),
        columns,
        nulls_not_distinct: false,
        deferrable: false,
        deferred: false,
        comment: None,
        physical: name.to_owned(),
    }
}

fn counter(ty: Type) -> Sequence {
    Sequence {
        ty,
        start: 1,
        increment: 1,
        min: 1,
        max: i64::from(i32::MAX),
        cycle: false,
        owned_by: None,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
    }
}

fn foreign_key(
    catalog: &Catalog,
    relation: &Relation,
    (number, name): (u16, &str),
    target: &str,
    options: &[&str],
) -> ForeignKey {
    let (table, column) = target.split_once('.').unwrap();
    let known = catalog.relation("public", table).map(|known| &**known);
    let target = known.unwrap_or(relation);
    // A table that refers to itself may not have its own column yet.
    let target_column = target.column(column).map_or(1, |column| column.number);
    let action = |prefix: &str| {
        let word = options.iter().find_map(|option| option.strip_prefix(prefix));
        match word.unwrap_or("none") {
            "cascade" => KeyAction::Cascade,
            "restrict" => KeyAction::Restrict,
            "setnull" => KeyAction::SetNull,
            "setdefault" => KeyAction::SetDefault,
            _ => KeyAction::NoAction,
        }
    };
    ForeignKey {
        name: format!("{}_{name}_fkey", relation.name),
        columns: vec![number],
        target: target.id,
        target_columns: vec![target_column],
        on_delete: action("delete="),
        on_update: action("update="),
        set_columns: Vec::new(),
        match_full: false,
        deferrable: options.contains(&"deferred"),
        deferred: options.contains(&"deferred"),
        not_valid: false,
    }
}
