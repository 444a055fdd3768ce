//! The shop's catalogue, made by hand.

use backstay_catalog::{
    Acl, Argument, ArgumentMode, Body, Catalog, Column, Effects, ForeignKey, KeyAction,
    KeyConstraint, Language, Relation, RelationKind, Returns, Routine, TypeDefinition, TypeKind,
    View, ViewBody, Volatility,
};
use backstay_expr::{
    Expr, From, FunctionId, Output, Query, RelId, RelationId, RelationScan, Select,
};
use backstay_model::{EnumType, Modifier, RangeKind, Type, TypeId, Value};

const STATE: TypeId = TypeId(90);

fn column(number: u16, name: &str, ty: Type) -> Column {
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

fn key(name: &str, columns: &[u16]) -> KeyConstraint {
    KeyConstraint {
        name: name.to_owned(),
        columns: columns.to_vec(),
        nulls_not_distinct: false,
        deferrable: false,
        deferred: false,
        comment: None,
        physical: name.to_owned(),
    }
}

/// Row type ids are 1000 above the relation's.
fn relation(id: u32, name: &str, kind: RelationKind, columns: Vec<Column>) -> Relation {
    Relation {
        id: RelationId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind,
        next_column: 100,
        columns,
        row_type: TypeId(id + 1000),
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
    }
}

fn table(id: u32, name: &str, columns: &[(&str, Type)], primary: &[u16]) -> Relation {
    let columns = columns.iter().zip(1..).map(|((name, ty), n)| column(n, name, ty.clone()));
    let mut table = relation(id, name, RelationKind::Table, columns.collect());
    table.primary_key = Some(key(&format!("{name}_pkey"), primary));
    table
}

fn refers(table: &mut Relation, name: &str, column: u16, target: u32) {
    table.foreign_keys.push(ForeignKey {
        name: name.to_owned(),
        columns: vec![column],
        target: RelationId(target),
        target_columns: vec![1],
        on_delete: KeyAction::NoAction,
        on_update: KeyAction::NoAction,
        set_columns: Vec::new(),
        match_full: false,
        deferrable: false,
        deferred: false,
        not_valid: false,
    });
}

fn tables() -> Vec<Relation> {
    let brands = {
        let columns = [("id", Type::Int4), ("name", Type::Text), ("country", Type::Text)];
        let mut brands = table(1, "brands", &columns, &[1]);
        brands.unique.push(key("brands_name_key", &[2]));
        brands
    };
    let mut products = table(
        2,
        "products",
        &[
            ("id", Type::Int4),
            ("sku", Type::Text),
            ("title", Type::Text),
            ("price", Type::Numeric),
            ("brand_id", Type::Int4),
            ("tags", Type::Text.array_of()),
            ("specs", Type::Jsonb),
            ("sold_during", Type::Range(RangeKind::Date)),
            ("created_at", Type::TimestampTz),
        ],
        &[1],
    );
    products.unique.push(key("products_sku_key", &[2]));
    products.columns[3].modifier = Some(Modifier::Precision { precision: 10, scale: 2 });
    refers(&mut products, "products_brand_id_fkey", 5, 1);
    let notes_columns = [("product_id", Type::Int4), ("note", Type::Text)];
    let mut notes = table(3, "product_notes", &notes_columns, &[1]);
    refers(&mut notes, "product_notes_product_id_fkey", 1, 2);
    let category_columns = [("id", Type::Int4), ("name", Type::Text), ("parent_id", Type::Int4)];
    let mut categories = table(4, "categories", &category_columns, &[1]);
    refers(&mut categories, "categories_parent_id_fkey", 3, 4);
    let link_columns = [("product_id", Type::Int4), ("category_id", Type::Int4)];
    let mut links = table(5, "product_categories", &link_columns, &[1, 2]);
    refers(&mut links, "product_categories_product_id_fkey", 1, 2);
    refers(&mut links, "product_categories_category_id_fkey", 2, 4);
    let customer_columns = [("id", Type::Uuid), ("email", Type::Text), ("vip", Type::Bool)];
    let customers = table(6, "customers", &customer_columns, &[1]);
    let address_columns = [("id", Type::Int4), ("customer_id", Type::Uuid), ("city", Type::Text)];
    let mut addresses = table(7, "addresses", &address_columns, &[1]);
    refers(&mut addresses, "addresses_customer_id_fkey", 2, 6);
    let mut orders = table(
        8,
        "orders",
        &[
            ("id", Type::Int4),
            ("customer_id", Type::Uuid),
            ("bill_to", Type::Int4),
            ("ship_to", Type::Int4),
            ("state", Type::Enum(STATE)),
            ("placed_at", Type::TimestampTz),
        ],
        &[1],
    );
    refers(&mut orders, "orders_customer_id_fkey", 2, 6);
    refers(&mut orders, "orders_bill_to_fkey", 3, 7);
    refers(&mut orders, "orders_ship_to_fkey", 4, 7);
    let line_columns = [
        ("order_id", Type::Int4),
        ("product_id", Type::Int4),
        ("qty", Type::Int4),
        ("unit_price", Type::Numeric),
    ];
    let mut lines = table(9, "order_lines", &line_columns, &[1, 2]);
    refers(&mut lines, "order_lines_order_id_fkey", 1, 8);
    refers(&mut lines, "order_lines_product_id_fkey", 2, 2);
    let view = cheap_products(&products);
    vec![brands, products, notes, categories, links, customers, addresses, orders, lines, view]
}

/// `select id, title, brand_id as maker from products`.
fn cheap_products(products: &Relation) -> Relation {
    let rel = RelId(1);
    let shown = [(1, "id"), (3, "title"), (5, "maker")];
    let outputs = shown.iter().map(|(number, name)| {
        let ty = products.column_by_number(*number).expect("a column").ty.clone();
        Output { name: (*name).to_owned(), expr: Expr::column(rel, *number, ty) }
    });
    let scan = From::Relation(RelationScan { rel, relation: products.id, policy: None });
    let query = Query::select(Select::new(outputs.collect(), vec![scan]));
    let columns = query.columns().into_iter().zip(1..);
    let columns = columns.map(|((name, ty), number)| column(number, &name, ty)).collect();
    let view = View {
        body: ViewBody::Bound(query),
        definition: String::new(),
        security_invoker: false,
        check_option: false,
        materialized: false,
        kept: None,
    };
    relation(10, "cheap_products", RelationKind::View(Box::new(view)), columns)
}

fn input(name: Option<&str>, ty: Type) -> Argument {
    let name = name.map(str::to_owned);
    Argument { name, mode: ArgumentMode::In, ty, modifier: None, default: None, default_text: None }
}

fn routine(id: u32, name: &str, arguments: Vec<Argument>, ty: Type, set: bool) -> Routine {
    Routine {
        id: FunctionId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        arguments,
        returns: Returns { ty, set, columns: Vec::new() },
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

fn routines() -> Vec<Routine> {
    let row = |relation: u32| Type::Composite(TypeId(relation + 1000));
    let mut most = input(Some("max"), Type::Int4);
    most.default = Some(Expr::constant(Value::Int(10), Type::Int4));
    let find = vec![input(Some("q"), Type::Text), most];
    let two = || vec![input(Some("a"), Type::Int4), input(Some("b"), Type::Int4)];
    let mut many = input(Some("v"), Type::Int4.array_of());
    many.mode = ArgumentMode::Variadic;
    vec![
        routine(101, "order_total", vec![input(None, row(8))], Type::Numeric, false),
        routine(102, "last_lines", vec![input(None, row(8))], row(9), true),
        routine(103, "find_products", find, row(2), true),
        routine(104, "add_numbers", two(), Type::Int4, false),
        routine(105, "ship", vec![input(Some("order_id"), Type::Int4)], Type::Void, false),
        routine(106, "f", vec![input(Some("a"), Type::Int4)], Type::Int4, false),
        routine(107, "f", vec![input(Some("a"), Type::Text)], Type::Int4, false),
        routine(108, "take", vec![input(None, Type::Json)], Type::Int4, false),
        routine(109, "sum_all", vec![many], Type::Int4, false),
        routine(110, "ids", Vec::new(), Type::Int4, true),
    ]
}

pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let define = |id: TypeId, name: &str, kind: TypeKind| TypeDefinition {
        id,
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
    };
    let labels = ["basket", "paid", "shipped"].into_iter().zip(1..);
    let labels = labels.map(|(label, code)| (label.to_owned(), code)).collect();
    let state = define(STATE, "order_state", TypeKind::Enum(EnumType { labels }));
    catalog.types.insert(STATE, state.into());
    for relation in tables() {
        let row = define(relation.row_type, &relation.name, TypeKind::Row(relation.id));
        catalog.types.insert(relation.row_type, row.into());
        catalog.put_relation(relation);
    }
    for routine in routines() {
        catalog.put_routine(routine);
    }
    catalog
}
