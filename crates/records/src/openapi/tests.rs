//! Descriptions of a small shop, for different callers.

use backstay_catalog::{
    Acl, Argument, ArgumentMode, Body, Column, Effects, ForeignKey, Identity, KeyAction,
    KeyConstraint, Language, PUBLIC, Policy, PolicyCommand, Privilege, Relation, RelationKind,
    Returns, Role, Routine, Schema, TypeDefinition, TypeKind, Volatility,
};
use backstay_expr::{Expr, FunctionId, RelationId};
use backstay_model::{EnumType, Modifier, Type, TypeId, Value as Datum};
use serde_json::{Value, json};

use super::*;

const STATE: TypeId = TypeId(900);

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

fn id() -> Column {
    Column { not_null: true, identity: Some(Identity::Always), ..column(1, "id", Type::Int8) }
}

fn with_default(column: Column, text: &str) -> Column {
    let default = Expr::Const { value: Datum::Null, ty: column.ty.clone() };
    Column { default: Some(default), default_text: Some(text.to_owned()), ..column }
}

fn policy(command: PolicyCommand) -> Policy {
    Policy {
        name: format!("{command:?}"),
        permissive: true,
        command,
        roles: vec![PUBLIC.to_owned()],
        using: None,
        check: None,
        using_text: None,
        check_text: None,
    }
}

/// A table with row security that everybody may read, and that has every grant.
fn table(id: u32, name: &str, columns: Vec<Column>) -> Relation {
    let mut acl = Acl::default();
    for privilege in [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete] {
        acl.grant("anon", privilege, None);
        acl.grant("service_role", privilege, None);
    }
    let key = KeyConstraint {
        name: format!("{name}_pkey"),
        columns: vec![1],
        nulls_not_distinct: false,
        deferrable: false,
        deferred: false,
        comment: None,
        physical: String::new(),
    };
    Relation {
        id: RelationId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind: RelationKind::Table,
        next_column: columns.len() as u16 + 1,
        columns,
        row_type: TypeId(id + 1000),
        primary_key: Some(key),
        unique: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        policies: vec![policy(PolicyCommand::Select)],
        triggers: Vec::new(),
        row_security: true,
        force_row_security: false,
        owner: "postgres".to_owned(),
        acl,
        comment: None,
        replica_identity_full: false,
        physical: name.to_owned(),
    }
}

fn refers(column: u16, target: u32) -> ForeignKey {
    ForeignKey {
        name: "fkey".to_owned(),
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
    }
}

fn argument(name: &str, ty: Type, default: Option<Expr>) -> Argument {
    let mode = ArgumentMode::In;
    Argument { name: Some(name.to_owned()), mode, ty, modifier: None, default, default_text: None }
}

fn search() -> Routine {
    let mut acl = Acl::default();
    acl.grant_by_default(PUBLIC, Privilege::Execute);
    let ten = Expr::constant(Datum::Int(10), Type::Int4);
    Routine {
        id: FunctionId(500),
        schema: "public".to_owned(),
        name: "search".to_owned(),
        arguments: vec![argument("q", Type::Text, None), argument("most", Type::Int4, Some(ten))],
        returns: Returns { ty: Type::Composite(TypeId(1002)), set: true, columns: Vec::new() },
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
        acl,
        comment: Some("Finds goods.\nBy their titles.".to_owned()),
    }
}

fn goods() -> Relation {
    let price = Column {
        comment: Some("In euros.".to_owned()),
        not_null: true,
        modifier: Some(Modifier::Precision { precision: 10, scale: 2 }),
        ..column(4, "price", Type::Numeric)
    };
    let title = Column {
        not_null: true,
        modifier: Some(Modifier::Length(40)),
        ..column(3, "title", Type::Varchar)
    };
    let columns = vec![
        id(),
        column(2, "shelf_id", Type::Int8),
        title,
        price,
        with_default(column(5, "state", Type::Enum(STATE)), "'new'::public.state"),
        with_default(column(6, "made_at", Type::TimestampTz), "now()"),
        column(7, "tags", Type::Text.array_of()),
        column(8, "more", Type::Jsonb),
        column(9, "secret_id", Type::Int8),
    ];
    let mut goods = table(2, "goods", columns);
    goods.comment = Some("What can be bought.".to_owned());
    goods.foreign_keys = vec![refers(2, 1), refers(9, 3)];
    goods.policies.push(policy(PolicyCommand::Insert));
    goods
}

fn shop() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.version = 1;
    let mut public = Schema { owner: "postgres".to_owned(), ..Schema::default() };
    public.acl.grant(PUBLIC, Privilege::Usage, None);
    public.comment = Some("The shop\nSells things.".to_owned());
    catalog.schemas.insert("public".to_owned(), public);
    catalog.roles.insert("anon".to_owned(), Role::default());
    let bypass = Role { bypass_row_security: true, ..Role::default() };
    catalog.roles.insert("service_role".to_owned(), bypass);
    let labels = vec![("new".to_owned(), 1), ("used".to_owned(), 2)];
    let state = TypeDefinition {
        id: STATE,
        schema: "public".to_owned(),
        name: "state".to_owned(),
        kind: TypeKind::Enum(EnumType { labels }),
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
    };
    catalog.types.insert(STATE, Arc::new(state));
    catalog.put_relation(table(1, "shelves", vec![id()]));
    catalog.put_relation(goods());
    // Without row security: closed to the anonymous role.
    catalog.put_relation(Relation { row_security: false, ..table(3, "secrets", vec![id()]) });
    catalog.put_routine(search());
    catalog
}

fn descriptions() -> Descriptions {
    Descriptions::new("/rest/v1".to_owned())
}

const FOLLOW: (OpenApiMode, bool) = (OpenApiMode::FollowPrivileges, true);
const IGNORE: (OpenApiMode, bool) = (OpenApiMode::IgnorePrivileges, true);

fn describe(catalog: &Catalog, role: &str, version: OpenApiVersion) -> Value {
    let caller = Caller::role(role, true);
    let kept = descriptions();
    let document = kept.document(catalog, FOLLOW, &caller, ("public", version)).unwrap();
    let document = match version {
        OpenApiVersion::Two => swagger::at_host(&document, Some("shop.example:8000")),
        OpenApiVersion::ThreeOne => document.to_vec(),
    };
    serde_json::from_slice(&document).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn swagger_tells_types_keys_and_defaults() {
    let document = describe(&shop(), "anon", OpenApiVersion::Two);
    assert_eq!(document["swagger"], "2.0");
    assert_eq!(document["host"], "shop.example:8000");
    assert_eq!(document["info"]["title"], "The shop");
    assert_eq!(document["info"]["description"], "Sells things.");
    let goods = &document["definitions"]["goods"];
    assert_eq!(goods["description"], "What can be bought.");
    assert_eq!(goods["required"], json!(["id", "title", "price"]));
    let of = |name: &str| goods["properties"][name].clone();
    assert_eq!(
        of("id"),
        json!({
            "description": "Note:\nThis is a Primary Key.<pk/>",
            "format": "int64", "type": "integer",
        })
    );
    assert_eq!(
        of("shelf_id")["description"],
        "Note:\nThis is a Foreign Key to `shelves.id`.<fk table='shelves' column='id'/>"
    );
    let title = json!({"format": "character varying", "type": "string", "maxLength": 40});
    assert_eq!(of("title"), title);
    assert_eq!(
        of("price"),
        json!({"description": "In euros.", "format": "numeric", "type": "number"})
    );
    assert_eq!(
        of("state"),
        json!({
            "default": "new", "format": "public.state", "type": "string", "enum": ["new", "used"],
        })
    );
    assert_eq!(of("made_at")["default"], "now()");
    assert_eq!(
        of("tags"),
        json!({"format": "text[]", "type": "array", "items": {"type": "string"}})
    );
    assert_eq!(of("more"), json!({"format": "jsonb"}));
}

#[test]
fn what_the_caller_may_not_use_is_not_told() {
    for version in [OpenApiVersion::Two, OpenApiVersion::ThreeOne] {
        let text = describe(&shop(), "anon", version).to_string();
        assert!(!text.contains("secrets"), "{text}");
        let text = describe(&shop(), "service_role", version).to_string();
        assert!(text.contains("secrets"), "{text}");
    }
}

#[test]
fn columns_without_grants_are_not_told() {
    let mut catalog = shop();
    let mut goods = goods();
    goods.acl = Acl::default();
    goods.acl.grant("anon", Privilege::Select, Some(1));
    goods.acl.grant("anon", Privilege::Select, Some(3));
    catalog.put_relation(goods);
    let document = describe(&catalog, "anon", OpenApiVersion::Two);
    assert_eq!(keys(&document["definitions"]["goods"]["properties"]), ["id", "title"]);
    assert_eq!(keys(&document["paths"]["/goods"]), ["get"]);
}

#[test]
fn writes_that_no_policy_allows_are_not_offered() {
    let document = describe(&shop(), "anon", OpenApiVersion::Two);
    assert_eq!(keys(&document["paths"]["/goods"]), ["get", "post"]);
    assert_eq!(keys(&document["paths"]["/shelves"]), ["get"]);
    let document = describe(&shop(), "service_role", OpenApiVersion::Two);
    assert_eq!(keys(&document["paths"]["/goods"]), ["get", "post", "delete", "patch"]);
}

#[test]
fn functions_tell_their_arguments() {
    let document = describe(&shop(), "anon", OpenApiVersion::Two);
    let call = &document["paths"]["/rpc/search"];
    assert_eq!(keys(call), ["get", "post"]);
    assert_eq!(call["post"]["summary"], "Finds goods.");
    assert_eq!(call["post"]["description"], "By their titles.");
    assert_eq!(
        call["post"]["parameters"][0]["schema"],
        json!({
            "type": "object", "description": "Finds goods.\nBy their titles.", "required": ["q"],
            "properties": {
                "q": {"format": "text", "type": "string"},
                "most": {"format": "int32", "type": "integer"},
            },
        })
    );
    let document = describe(&shop(), "anon", OpenApiVersion::ThreeOne);
    let call = &document["paths"]["/rpc/search"];
    assert_eq!(
        call["get"]["responses"]["200"]["content"]["application/json"]["schema"],
        json!({"type": "array", "items": {"$ref": "#/components/schemas/row.goods"}})
    );
}

#[test]
fn functions_that_cannot_be_called_by_name_are_left_out() {
    let mut catalog = shop();
    let nameless = Argument { name: None, ..argument("", Type::Composite(TypeId(1002)), None) };
    let computed = Routine { id: FunctionId(501), name: "total".to_owned(), ..search() };
    catalog.put_routine(Routine { arguments: vec![nameless], ..computed });
    let whole = Argument { name: None, ..argument("", Type::Json, None) };
    let hook = Routine { id: FunctionId(502), name: "hook".to_owned(), ..search() };
    catalog.put_routine(Routine { arguments: vec![whole], ..hook });
    let document = describe(&catalog, "anon", OpenApiVersion::Two);
    assert!(document["paths"].get("/rpc/total").is_none());
    assert_eq!(keys(&document["paths"]["/rpc/hook"]), ["post"]);
}

#[test]
fn the_new_form_tells_what_an_insert_needs() {
    let document = describe(&shop(), "anon", OpenApiVersion::ThreeOne);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["insert.goods"]["required"], json!(["title", "price"]));
    assert_eq!(schemas["update.goods"], Value::Null);
    let row = &schemas["row.goods"]["properties"];
    assert_eq!(row["shelf_id"]["type"], json!(["integer", "null"]));
    assert_eq!(row["shelf_id"]["x-references"], json!({"table": "shelves", "column": "id"}));
    assert_eq!(row["price"]["x-sql-type"], "numeric(10,2)");
    assert_eq!(row["state"]["enum"], json!(["new", "used", null]));
    assert_eq!(row["made_at"]["x-default"], "now()");
}

#[test]
fn strange_names_give_sound_documents() {
    let mut catalog = shop();
    for (number, name) in [(10, "a \"quoted\" <script>"), (11, "طلبات"), (12, "a/b~c.{d}")] {
        catalog.put_relation(table(number, name, vec![id(), column(2, "ord\"er.x", Type::Text)]));
    }
    let document = describe(&catalog, "anon", OpenApiVersion::ThreeOne);
    let sound = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    for kind in ["schemas", "parameters"] {
        for key in keys(&document["components"][kind]) {
            assert!(key.chars().all(sound), "{key}");
        }
    }
    let paths = keys(&document["paths"]);
    assert!(paths.contains(&"/a%20%22quoted%22%20%3Cscript%3E"), "{paths:?}");
    assert!(paths.contains(&"/طلبات"), "{paths:?}");
    assert!(paths.contains(&"/a%2Fb~c.%7Bd%7D"), "{paths:?}");
    let document = describe(&catalog, "anon", OpenApiVersion::Two);
    assert_eq!(
        document["paths"]["/a%2Fb~c.%7Bd%7D"]["get"]["responses"]["200"]["schema"]["items"]["$ref"],
        "#/definitions/a~1b~0c.%7Bd%7D"
    );
}

#[test]
fn a_new_catalogue_is_described_anew() {
    let kept = descriptions();
    let caller = Caller::role("anon", true);
    let mut catalog = shop();
    let tell = |catalog: &Catalog| {
        let version = OpenApiVersion::Two;
        let document = kept.document(catalog, FOLLOW, &caller, ("public", version)).unwrap();
        String::from_utf8(document.to_vec()).unwrap()
    };
    assert!(!tell(&catalog).contains("/novelties"));
    catalog.put_relation(table(20, "novelties", vec![id()]));
    catalog.version += 1;
    assert!(tell(&catalog).contains("/novelties"));
}

#[test]
fn everything_is_told_where_privileges_are_ignored() {
    let kept = descriptions();
    let caller = Caller::role("anon", true);
    let document =
        kept.document(&shop(), IGNORE, &caller, ("public", OpenApiVersion::Two)).unwrap();
    let document: Value = serde_json::from_slice(&swagger::at_host(&document, None)).unwrap();
    assert_eq!(keys(&document["definitions"]), ["goods", "secrets", "shelves"]);
    assert_eq!(document.get("host"), None);
}

#[test]
fn a_host_that_could_break_the_document_is_left_out() {
    let document = swagger::at_host(b"{\"info\":{}}", Some("a\"b"));
    assert_eq!(document, b"{\"swagger\":\"2.0\",\"info\":{}}");
}
