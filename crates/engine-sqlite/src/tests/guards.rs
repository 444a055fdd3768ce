//! Rows that a policy hides are not met by conditions that can raise.

use backstay_catalog::{Acl, Policy, PolicyCommand, Privilege, ROW};
use backstay_expr::Expr;
use backstay_model::Type;
use backstay_policy::Caller;

use super::fixture::{Database, catalog};

/// Rows are visible where `open` is true.
fn guarded() -> Database {
    let mut catalog = catalog(&[
        "secrets: id int8 key, open bool required, body text, n int8 indexed",
        "others: id int8 key, secret int8",
    ]);
    let mut secrets = (*catalog.relation("public", "secrets").unwrap().clone()).clone();
    secrets.row_security = true;
    secrets.policies.push(Policy {
        name: "open".to_owned(),
        permissive: true,
        command: PolicyCommand::All,
        roles: vec!["public".to_owned()],
        using: Some(Expr::column(ROW, 2, Type::Bool)),
        check: None,
        using_text: None,
        check_text: None,
    });
    let grants = |acl: &mut Acl| acl.grant("anon", Privilege::Select, None);
    grants(&mut secrets.acl);
    let mut others = (*catalog.relation("public", "others").unwrap().clone()).clone();
    grants(&mut others.acl);
    catalog.schemas.get_mut("public").unwrap().acl.grant("anon", Privilege::Usage, None);
    catalog.put_relation(secrets);
    catalog.put_relation(others);
    let database = Database::with(catalog);
    database
        .execute(&[
            "insert into secrets values (1, true, '10', 1), (2, false, 'hidden', 2), (3, true, '30', 3)",
            "insert into others values (1, 1), (2, 2), (3, 3)",
        ])
        .unwrap();
    database
}

#[test]
fn hidden_rows_do_not_raise() {
    let database = guarded();
    let anon = Caller::role("anon", false);
    let cases = [
        ("select id from secrets where body::int > 5 order by id", "[1,3]"),
        ("select id from secrets where n = 2 and body::int > 5", "[]"),
        ("select id from secrets where 10 / (n - 2) > 0 order by id", "[3]"),
        ("select id from secrets where not (body::int < 20)", "[3]"),
        ("select id from secrets where id = 1 or body::int > 20 order by id", "[1,3]"),
        (
            "select o.id from others o join secrets s on s.id = o.secret and s.body::int > 5 order by 1",
            "[1,3]",
        ),
        (
            "select o.id from others o left join secrets s on s.id = o.secret and s.body::int > 5 order by 1",
            "[1,2,3]",
        ),
        (
            "select o.id from others o left join secrets s on s.id = o.secret where s.body::int > 5 order by 1",
            "[1,3]",
        ),
        (
            "select o.id from others o where exists (select 1 from secrets s where s.id = o.secret and s.body::int > 5) order by 1",
            "[1,3]",
        ),
        ("select id from (select id, body from secrets) s where body::int > 5 order by 1", "[1,3]"),
        (
            "select id from (select id, body::int as b from secrets) s where b > 5 order by 1",
            "[1,3]",
        ),
        (
            "with s as (select id, body from secrets) select id from s where body::int > 5 order by 1",
            "[1,3]",
        ),
        ("select count(*) as id from secrets", "[2]"),
        ("select max(id) as id from secrets where body::int > 0", "[3]"),
    ];
    for (sql, expected) in cases {
        let found = database.query_as(&anon, sql).replace(",\n ", ",");
        let ids = found.replace("{\"id\":", "").replace('}', "");
        assert_eq!(ids, expected, "{sql}");
    }
}

#[test]
fn the_same_conditions_raise_without_the_policy() {
    let database = guarded();
    assert_eq!(
        database.query("select id from secrets where body::int > 5"),
        "22P02: invalid input syntax for type integer: \"hidden\""
    );
}
