//! A catalogue of artists and albums.

use backstay_catalog::{
    Acl, Argument, ArgumentMode, Body, Catalog, Column, Effects, KeyConstraint, Language, Relation,
    RelationKind, Returns, Routine, Schema, TypeDefinition, TypeKind, Volatility,
};
use backstay_expr::{Expr, FunctionId, RelationId};
use backstay_model::{EnumType, Modifier, Type, TypeId, Value};

pub(super) fn column(number: u16, name: &str, ty: Type) -> Column {
    Column {
        number,
        name: name.to_owned(),
        ty,
        modifier: None,
        not_null: false,
        default: None,
        default_text: None,
        identity: None,
        generated: None,
        sequence: None,
        comment: None,
        physical: name.to_owned(),
    }
}

pub(super) fn table(id: u32, name: &str, columns: Vec<Column>, key: &[u16]) -> Relation {
    Relation {
        id: RelationId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind: RelationKind::Table,
        next_column: 100,
        row_type: TypeId(id),
        primary_key: Some(KeyConstraint {
            name: format!("{name}_pkey"),
            columns: key.to_vec(),
            nulls_not_distinct: false,
            deferrable: false,
            deferred: false,
            comment: None,
            physical: format!("{name}_pkey"),
        }),
        columns,
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
    }
}

fn define(catalog: &mut Catalog, id: u32, name: &str, kind: TypeKind) {
    let definition = TypeDefinition {
        id: TypeId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
    };
    catalog.types.insert(TypeId(id), std::sync::Arc::new(definition));
}

pub(super) fn routine(id: u32, name: &str, arguments: Vec<Argument>, returns: Returns) -> Routine {
    Routine {
        id: FunctionId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        arguments,
        returns,
        language: Language::Sql,
        volatility: Volatility::Stable,
        strict: false,
        security_definer: false,
        settings: Vec::new(),
        body: Body::Sql(Vec::new()),
        source: String::new(),
        procedure: false,
        effects: Effects::default(),
        rows: None,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
    }
}

pub(super) fn argument(name: &str, ty: Type) -> Argument {
    Argument {
        name: Some(name.to_owned()),
        mode: ArgumentMode::In,
        ty,
        modifier: None,
        default: None,
        default_text: None,
    }
}

pub(super) fn returns(ty: Type, set: bool) -> Returns {
    Returns { ty, set, columns: Vec::new() }
}

pub(super) const STATE: Type = Type::Enum(TypeId(10));

pub(super) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.schemas.insert("public".to_owned(), Schema::default());
    define(&mut catalog, 1, "artists", TypeKind::Row(RelationId(1)));
    define(&mut catalog, 2, "albums", TypeKind::Row(RelationId(2)));
    let labels = EnumType { labels: vec![("draft".to_owned(), 1), ("sold".to_owned(), 2)] };
    define(&mut catalog, 10, "state", TypeKind::Enum(labels));
    let mut name = column(2, "name", Type::Varchar);
    name.modifier = Some(Modifier::Length(50));
    let columns = vec![column(1, "id", Type::Int4), name];
    catalog.put_relation(table(1, "artists", columns, &[1]));
    let mut price = column(3, "price", Type::Numeric);
    price.modifier = Some(Modifier::Precision { precision: 10, scale: 2 });
    let columns = vec![
        column(1, "id", Type::Int8),
        column(2, "title", Type::Text),
        price,
        column(4, "artist_id", Type::Int4),
        column(5, "tags", Type::Text.array_of()),
        column(6, "specs", Type::Jsonb),
        column(7, "state", STATE),
        column(8, "created", Type::TimestampTz),
        column(9, "raw", Type::Json),
    ];
    catalog.put_relation(table(2, "albums", columns, &[1]));
    let row = Type::Composite(TypeId(2));
    let text = returns(Type::Text, false);
    catalog.put_routine(routine(1, "label", vec![argument("album", row.clone())], text.clone()));
    let mut second = argument("b", Type::Text);
    second.default = Some(Expr::constant(Value::text("x"), Type::Text));
    catalog.put_routine(routine(2, "f", vec![argument("a", Type::Int4), second], text));
    catalog.put_routine(routine(3, "all_albums", Vec::new(), returns(row, true)));
    catalog
}
