//! A small catalogue, trees over it, and a short way to write trees down.

use backstay_catalog::{
    Acl, Body as RoutineBody, Catalog, Column, Effects, Language, PUBLIC, Policy, PolicyCommand,
    Privilege, ROW, Relation, RelationKind, Returns, Role, Routine, Schema, View, ViewBody,
    Volatility,
};
use backstay_expr::{
    Body, Expr, From, FunctionId, Output, Query, RelId, RelationId, RelationScan, Select, Statement,
};
use backstay_model::{Type, TypeId, Value};

/// Columns of every table: id 1, owner 2, title 3, secret 4.
pub(crate) const COLUMNS: [&str; 4] = ["id", "owner", "title", "secret"];

pub(crate) fn column(rel: RelId, number: u16) -> Expr {
    Expr::column(rel, number, Type::Int4)
}

pub(crate) fn equals(rel: RelId, number: u16, value: i64) -> Expr {
    Expr::equals(Type::Int4, column(rel, number), Expr::constant(Value::Int(value), Type::Int4))
}

pub(crate) fn scan(relation: u32, rel: u32) -> From {
    From::Relation(RelationScan { rel: RelId(rel), relation: RelationId(relation), policy: None })
}

pub(crate) fn outputs(rel: u32, numbers: &[u16]) -> Vec<Output> {
    let name = |number: u16| COLUMNS[usize::from(number) - 1].to_owned();
    numbers
        .iter()
        .map(|number| Output { name: name(*number), expr: column(RelId(rel), *number) })
        .collect()
}

pub(crate) fn select(relation: u32, rel: u32, numbers: &[u16]) -> Query {
    Query::select(Select::new(outputs(rel, numbers), vec![scan(relation, rel)]))
}

/// `exists (select id from relation where owner = 7)`.
pub(crate) fn exists(relation: u32, rel: u32) -> Expr {
    let mut select = Select::new(outputs(rel, &[1]), vec![scan(relation, rel)]);
    select.narrow(equals(RelId(rel), 2, 7));
    Expr::Exists(Box::new(Query::select(select)))
}

pub(crate) fn relation(id: u32, name: &str, kind: RelationKind) -> Relation {
    let columns = COLUMNS.iter().zip(1..).map(|(name, number)| Column {
        number,
        name: (*name).to_owned(),
        ty: Type::Int4,
        modifier: None,
        not_null: false,
        default: None,
        default_text: None,
        identity: None,
        generated: None,
        sequence: None,
        comment: None,
        physical: (*name).to_owned(),
    });
    Relation {
        id: RelationId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind,
        columns: columns.collect(),
        next_column: 5,
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

/// A table with all rights for everybody, given by a `GRANT`.
pub(crate) fn table(id: u32, name: &str) -> Relation {
    let mut table = relation(id, name, RelationKind::Table);
    for privilege in [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete] {
        table.acl.grant("anon", privilege, None);
        table.acl.grant("authenticated", privilege, None);
    }
    table
}

/// The same with row security on.
pub(crate) fn guarded(id: u32, name: &str, policies: Vec<Policy>) -> Relation {
    Relation { row_security: true, policies, ..table(id, name) }
}

pub(crate) fn view(id: u32, name: &str, query: Query, security_invoker: bool) -> Relation {
    let view = View {
        body: ViewBody::Bound(query),
        definition: String::new(),
        security_invoker,
        check_option: false,
        materialized: false,
        kept: None,
    };
    Relation { acl: table(id, name).acl, ..relation(id, name, RelationKind::View(Box::new(view))) }
}

pub(crate) fn policy(name: &str, command: PolicyCommand, using: Expr) -> Policy {
    Policy {
        name: name.to_owned(),
        permissive: true,
        command,
        roles: vec![PUBLIC.to_owned()],
        using: (command != PolicyCommand::Insert).then(|| using.clone()),
        check: (command == PolicyCommand::Insert).then_some(using),
        using_text: None,
        check_text: None,
    }
}

/// `owner = value`, for a policy.
pub(crate) fn owner_is(value: i64) -> Expr {
    equals(ROW, 2, value)
}

/// A function of one integer that is one `select`.
pub(crate) fn routine(id: u32, name: &str, query: Query) -> Routine {
    let mut acl = Acl::default();
    acl.grant_by_default(PUBLIC, Privilege::Execute);
    Routine {
        id: FunctionId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        arguments: Vec::new(),
        returns: Returns { ty: Type::Int4, set: false, columns: Vec::new() },
        language: Language::Sql,
        volatility: Volatility::Stable,
        strict: false,
        security_definer: false,
        settings: Vec::new(),
        body: RoutineBody::Sql(vec![Statement::Query(Box::new(query))]),
        source: String::new(),
        procedure: false,
        effects: Effects::default(),
        rows: None,
        owner: "postgres".to_owned(),
        acl,
        comment: None,
    }
}

pub(crate) fn call(id: u32, args: Vec<Expr>) -> Expr {
    Expr::UserCall { function: FunctionId(id), args, ty: Type::Int4 }
}

pub(crate) fn catalog(relations: Vec<Relation>, routines: Vec<Routine>) -> Catalog {
    let mut catalog = Catalog::default();
    let mut public = Schema { owner: "postgres".to_owned(), ..Schema::default() };
    public.acl.grant(PUBLIC, Privilege::Usage, None);
    catalog.schemas.insert("public".to_owned(), public);
    catalog
        .schemas
        .insert("private".to_owned(), Schema { owner: "postgres".to_owned(), ..Schema::default() });
    for name in ["anon", "authenticated", "editor"] {
        catalog.roles.insert(name.to_owned(), Role::default());
    }
    let bypass = Role { bypass_row_security: true, ..Role::default() };
    catalog.roles.insert("service_role".to_owned(), bypass);
    catalog
        .roles
        .insert("postgres".to_owned(), Role { bypass_row_security: true, ..Role::default() });
    for relation in relations {
        catalog.put_relation(relation);
    }
    for routine in routines {
        catalog.put_routine(routine);
    }
    catalog
}

/// The tree in short: `e1.2` is column 2 of entry 1.
pub(crate) fn show(expr: &Expr) -> String {
    let list =
        |items: &[Expr], between: &str| items.iter().map(show).collect::<Vec<_>>().join(between);
    match expr {
        Expr::Const { value: Value::Bool(truth), .. } => truth.to_string(),
        Expr::Const { value: Value::Int(number), .. } => number.to_string(),
        Expr::Const { .. } => "null".to_owned(),
        Expr::Column { rel, column, .. } => format!("e{}.{column}", rel.0),
        Expr::Compare { left, right, .. } => format!("{}={}", show(left), show(right)),
        Expr::And(terms) => format!("({})", list(terms, " and ")),
        Expr::Or(terms) => format!("({})", list(terms, " or ")),
        Expr::Exists(query) => format!("exists({})", show_query(query)),
        Expr::Scalar { query, .. } => format!("({})", show_query(query)),
        Expr::UserCall { function, args, .. } => format!("f{}({})", function.0, list(args, ",")),
        Expr::Call { symbol, args, .. } => format!("{symbol}:({})", list(args, ",")),
        Expr::IsNull { expr, .. } => format!("{} is null", show(expr)),
        Expr::Argument { index, .. } => format!("${}", index + 1),
        Expr::Case { branches, otherwise, .. } => {
            let branches: Vec<String> = branches
                .iter()
                .map(|(when, then)| format!("when {} then {}", show(when), show(then)))
                .collect();
            let otherwise = otherwise.as_deref().map_or("null".to_owned(), show);
            format!("case {} else {otherwise}", branches.join(" "))
        }
        other => format!("{other:?}"),
    }
}

pub(crate) fn show_query(query: &Query) -> String {
    let Body::Select(select) = &query.body else { return "…".to_owned() };
    let outputs: Vec<String> = select.outputs.iter().map(|output| show(&output.expr)).collect();
    let from: Vec<String> = select.from.iter().map(show_from).collect();
    let mut text = format!("{} from {}", outputs.join(","), from.join(","));
    if let Some(filter) = &select.filter {
        text += &format!(" where {}", show(filter));
    }
    if let Some(limit) = &query.limit {
        text += &format!(" limit {}", show(limit));
    }
    text
}

fn show_from(from: &From) -> String {
    match from {
        From::Relation(scan) => {
            let policy = scan.policy.as_ref().map_or(String::new(), |p| format!("[{}]", show(p)));
            format!("t{} e{}{policy}", scan.relation.0, scan.rel.0)
        }
        From::Query { rel, query, .. } => format!("({}) e{}", show_query(query), rel.0),
        From::Function(scan) => format!("{} e{}", show(&scan.call), scan.rel.0),
        other => format!("{other:?}"),
    }
}
