//! Defaults, identities, generated columns, domains.

use backstay_catalog::{
    Acl, Catalog, CheckConstraint, Domain, Generated, ROW, TypeDefinition, TypeKind,
};
use backstay_expr::{CompareOp, Expr, Overriding, Source};
use backstay_model::{Type, TypeId, Value};

use crate::testing::{Fixture, add_check, alter, compare, int, rows_text};

/// `g: id int generated always as identity, n int, d int generated always as (n * 2)`, `d < 100`.
fn generated() -> Fixture {
    Fixture::with("g: id int always, n int default=3, d int", |catalog| {
        alter(catalog, "g", |g| {
            let n = Expr::column(ROW, 2, Type::Int4);
            let expr = Expr::Call {
                symbol: "*(integer,integer)".into(),
                args: vec![n, int(2)],
                ty: Type::Int4,
            };
            g.columns[2].generated = Some(Generated { expr, text: "n * 2".to_owned() });
            add_check(g, "g_d_check", "d", (CompareOp::Lt, 100));
        });
    })
}

#[track_caller]
fn check_insert(columns: &str, rows: &str, expected: &str) {
    let fixture = generated();
    let mut insert = fixture.insert("g", columns, rows);
    insert.returning = fixture.returning("g", "id n d");
    assert_eq!(fixture.run(insert), expected);
}

#[test]
fn what_is_left_out_gets_its_default_number_or_computation() {
    check_insert("n", "5 ; default ; null", "1 5 10 | 2 3 6 | 3 null null");
    check_insert("id n d", "default 4 default", "1 4 8");
}

#[test]
fn computed_columns_take_no_values() {
    check_insert(
        "id n",
        "1 2",
        "428C9: cannot insert a non-DEFAULT value into column \"id\" / \
         Column \"id\" is an identity column defined as GENERATED ALWAYS. / \
         Use OVERRIDING SYSTEM VALUE to override.",
    );
    check_insert(
        "n d",
        "1 2",
        "428C9: cannot insert a non-DEFAULT value into column \"d\" / \
         Column \"d\" is a generated column.",
    );
    let fixture = generated();
    assert_eq!(
        fixture.run(fixture.update("g", "id = 4", "")),
        "428C9: column \"id\" can only be updated to DEFAULT / \
         Column \"id\" is an identity column defined as GENERATED ALWAYS."
    );
    assert_eq!(
        fixture.run(fixture.update("g", "d = 4", "")),
        "428C9: column \"d\" can only be updated to DEFAULT / \
         Column \"d\" is a generated column."
    );
}

#[test]
fn checks_see_generated_columns() {
    check_insert(
        "n",
        "50",
        "23514: new row for relation \"g\" violates check constraint \"g_d_check\" / \
         Failing row contains (1, 50, 100).",
    );
}

#[test]
fn overriding_decides_who_numbers_the_row() {
    let fixture = generated();
    let mut insert = fixture.insert("g", "id n", "7 1");
    insert.returning = fixture.returning("g", "id n d");
    insert.overriding = Some(Overriding::System);
    assert_eq!(fixture.run(&insert), "7 1 2");
    insert.overriding = Some(Overriding::User);
    assert_eq!(fixture.run(&insert), "1 1 2");
}

#[test]
fn an_update_computes_again() {
    let fixture = generated();
    assert_eq!(fixture.run(fixture.insert("g", "n", "1 ; 2")), "ok");
    assert_eq!(fixture.run(fixture.update("g", "n = 10", "id = 2")), "ok");
    assert_eq!(fixture.rows("g"), "1 1 2 | 2 10 20");
    assert_eq!(fixture.run(fixture.update("g", "n = default", "")), "ok");
    assert_eq!(fixture.rows("g"), "1 3 6 | 2 3 6");
}

#[test]
fn rows_of_a_body_tell_null_from_absent() {
    let fixture = generated();
    let mut insert = fixture.insert("g", "n", "1");
    insert.source =
        Source::Rows(vec![vec![None], vec![Some(Value::Null)], vec![Some(Value::Int(8))]]);
    insert.returning = fixture.returning("g", "n d");
    assert_eq!(fixture.run(&insert), "3 6 | null null | 8 16");
    insert.source = Source::Defaults;
    assert_eq!(fixture.run(&insert), "3 6");
}

#[test]
fn ids_come_in_the_order_of_the_input() {
    let fixture = Fixture::new("t: id int pk");
    let insert = fixture.insert("t", "id", "5 ; 2 ; 9");
    let written = fixture.execute(&crate::testing::AnyStatement::from(insert).into()).unwrap();
    assert_eq!((written.ids, written.inserted), (vec![5, 2, 9], 3));
    assert_eq!(rows_text(written.returning.iter()), "");
}

fn with_domain(catalog: &mut Catalog) {
    let id = TypeId(catalog.next_id());
    let value = Expr::column(ROW, 1, Type::Int4);
    let check = CheckConstraint {
        name: "pos_check".to_owned(),
        expr: compare(CompareOp::Gt, value, int(0)),
        text: String::new(),
        not_valid: false,
    };
    let domain = Domain {
        base: Type::Int4,
        modifier: None,
        not_null: true,
        default: None,
        default_text: None,
        checks: vec![check],
    };
    let definition = TypeDefinition {
        id,
        schema: "public".to_owned(),
        name: "pos".to_owned(),
        kind: TypeKind::Domain(Box::new(domain)),
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
    };
    catalog.types.insert(id, std::sync::Arc::new(definition));
    alter(catalog, "d", |d| d.columns[0].ty = Type::Domain(id));
}

#[test]
fn domains_speak_before_the_table() {
    let fixture = Fixture::with("d: x int, y int notnull", with_domain);
    let mut insert = fixture.insert("d", "y", "1");
    assert_eq!(fixture.run(&insert), "23502: domain pos does not allow null values");
    insert.columns = vec![1];
    insert.source = Source::Rows(vec![vec![Some(Value::Int(0))]]);
    assert_eq!(
        fixture.run(&insert),
        "23514: value for domain pos violates check constraint \"pos_check\""
    );
    insert.source = Source::Rows(vec![vec![Some(Value::Int(1))]]);
    assert_eq!(
        fixture.run(&insert),
        "23502: null value in column \"y\" of relation \"d\" violates not-null constraint / \
         Failing row contains (1, null)."
    );
}
