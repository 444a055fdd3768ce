//! Functions in SQL.

use backstay_catalog::{
    Acl, Argument, ArgumentMode, Body, Catalog, Effects, Language, Returns, Routine, SearchPath,
    Volatility,
};
use backstay_expr::FunctionId;
use backstay_model::Type;
use backstay_pgsql::bind_routine_body;

use crate::testing::Fixture;

/// Adds `name(integer…)` with this source.
fn define(catalog: &mut Catalog, name: &str, returns: (Type, bool), source: &str) -> FunctionId {
    let arguments = if source.contains("$1") { 1 } else { 0 };
    let argument = Argument {
        name: None,
        mode: ArgumentMode::In,
        ty: Type::Int4,
        modifier: None,
        default: None,
        default_text: None,
    };
    let id = FunctionId(catalog.next_id());
    let mut routine = Routine {
        id,
        schema: "public".to_owned(),
        name: name.to_owned(),
        arguments: vec![argument; arguments],
        returns: Returns { ty: returns.0, set: returns.1, columns: Vec::new() },
        language: Language::Sql,
        volatility: Volatility::Volatile,
        strict: false,
        security_definer: false,
        settings: Vec::new(),
        body: Body::Sql(Vec::new()),
        source: source.to_owned(),
        procedure: false,
        effects: Effects::default(),
        rows: None,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
    };
    // The function is known while its own body is bound: it may call itself.
    catalog.put_routine(routine.clone());
    let path = SearchPath::of_migrations();
    let body = bind_routine_body(catalog, &path, &routine, None).unwrap();
    routine.body = Body::Sql(body);
    catalog.put_routine(routine);
    id
}

fn change(catalog: &mut Catalog, id: FunctionId, change: impl FnOnce(&mut Routine)) {
    let mut routine = Routine::clone(&catalog.routines[&id]);
    change(&mut routine);
    catalog.put_routine(routine);
}

fn functions() -> Fixture {
    Fixture::with("t: id int pk, n int", |catalog| {
        let row = catalog.relation("public", "t").unwrap().row_type;
        define(catalog, "twice", (Type::Int4, false), "select $1 * 2");
        let strict = define(catalog, "strict", (Type::Int4, false), "select coalesce($1, 7)");
        change(catalog, strict, |strict| strict.strict = true);
        define(catalog, "missing", (Type::Int4, false), "select n from t where false");
        define(catalog, "numbers", (Type::Int4, true), "select n from t order by id limit $1");
        define(catalog, "rows", (Type::Composite(row), true), "select * from t order by id");
        define(catalog, "one", (Type::Composite(row), false), "select * from t where id = $1");
        define(
            catalog,
            "add",
            (Type::Int4, false),
            "insert into t values ($1, 0); update t set n = n + 1; \
             select count(*)::int from t",
        );
        define(catalog, "gone", (Type::Int4, true), "delete from t where id <= $1 returning n");
        define(catalog, "nothing", (Type::Void, false), "update t set n = 0");
        define(catalog, "endless", (Type::Int4, false), "select endless($1 + 1)");
        let definer = define(catalog, "who", (Type::Text, false), "select current_user::text");
        change(catalog, definer, |definer| {
            definer.security_definer = true;
            definer.owner = "keeper".to_owned();
        });
        let set =
            define(catalog, "setting", (Type::Text, false), "select current_setting('app.mode')");
        change(catalog, set, |set| {
            set.settings.push(("app.mode".to_owned(), "inside".to_owned()));
        });
    })
}

#[track_caller]
fn check(steps: &[(&str, &str)]) {
    let fixture = functions();
    fixture.run(fixture.insert("t", "id n", "1 10 ; 2 20"));
    for (sql, expected) in steps {
        assert_eq!(fixture.sql(sql), *expected, "{sql}");
    }
}

#[test]
fn a_function_gives_the_first_value_of_its_last_statement() {
    check(&[
        ("select twice(4), twice(null), strict(null), strict(3)", "8 null null 3"),
        ("select missing()", "null"),
        ("select twice(n) from t where twice(id) = 4", "40"),
    ]);
}

#[test]
fn a_set_is_a_from_entry() {
    check(&[
        ("select * from numbers(5)", "10 | 20"),
        ("select x + 1 from numbers(1) as x", "11"),
        ("select id, n from rows()", "1 10 | 2 20"),
        ("select n from one(2)", "20"),
        ("select (one(2)).n", "20"),
        ("select * from one(9)", "null null"),
    ]);
}

#[test]
fn statements_run_one_after_the_other_in_the_callers_transaction() {
    check(&[
        ("select add(3)", "3"),
        ("select * from t order by id", "1 11 | 2 21 | 3 1"),
        (
            "select add(1)",
            "23505: duplicate key value violates unique constraint \"t_pkey\" / \
                           Key (id)=(1) already exists.",
        ),
        ("select * from t order by id", "1 11 | 2 21 | 3 1"),
        ("select * from gone(2)", "11 | 21"),
        ("select nothing()", "null"),
        ("select * from t", "3 0"),
    ]);
}

#[test]
fn a_definer_and_its_settings_hold_inside_only() {
    check(&[
        ("select who(), current_user", "keeper postgres"),
        ("select setting()", "inside"),
        ("select current_setting('app.mode', true)", "null"),
    ]);
}

#[test]
fn endless_recursion_is_stopped() {
    let deep = std::thread::Builder::new().stack_size(256 << 20).spawn(|| {
        check(&[(
            "select endless(1)",
            "54001: stack depth limit exceeded / \
             Look for a function that calls itself without end.",
        )]);
    });
    deep.unwrap().join().unwrap();
}
