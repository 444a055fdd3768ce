//! Conditions and orders are served by indexes.

use super::fixture::{Database, bind};
use crate::explain::steps;
use backstay_engine::Engine as _;
use backstay_expr::Statement;
use backstay_sql::{LowerOptions, lower};

fn plan_of(database: &Database, sql: &str) -> String {
    let catalog = database.engine.catalog();
    let Statement::Query(query) = bind(&catalog, sql).unwrap() else { panic!("no query") };
    let lowered = lower(&catalog, &query, &LowerOptions::default()).unwrap();
    let path = database.folder.path().join("db.sqlite");
    let connection =
        crate::connection::Connection::open(&path, crate::connection::Purpose::Read).unwrap();
    connection.fit(&catalog).unwrap();
    connection.ensure(&lowered.functions).unwrap();
    let steps = steps(&connection, &lowered.sql).unwrap();
    steps.into_iter().map(|step| step.text).collect::<Vec<_>>().join("; ")
}

#[test]
fn searches_use_indexes() {
    let database = Database::new(&[
        "things: id int8 key, code uuid unique, price numeric indexed, made timestamptz indexed, \
         name text indexed, label citext indexed, size size indexed, n int8 required indexed",
        "parts: id int8 key, thing uuid indexed",
    ]);
    let cases = [
        ("select n from things where id = 5", "SEARCH r1 USING INTEGER PRIMARY KEY (rowid=?)"),
        (
            "select n from things where price > 9.5",
            "SEARCH r1 USING INDEX things_price_indexed (price>?)",
        ),
        (
            "select n from things where price = 9.5::numeric(10,2)",
            "SEARCH r1 USING INDEX things_price_indexed (price=?)",
        ),
        (
            "select n from things where made >= '2026-01-01' and made < '2026-02-01'",
            "SEARCH r1 USING INDEX things_made_indexed (made>? AND made<?)",
        ),
        (
            "select n from things where made > now() - interval '1 day'",
            "SEARCH r1 USING INDEX things_made_indexed (made>?)",
        ),
        (
            "select n from things where name like 'abc%'",
            "SEARCH r1 USING INDEX things_name_indexed (name>? AND name<?)",
        ),
        (
            "select n from things where label = 'x'",
            "SEARCH r1 USING INDEX things_label_indexed (label=?)",
        ),
        (
            "select n from things where id = any(array[1,2,3])",
            "SEARCH r1 USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            "select n from things where price in (1, 2.5)",
            "SEARCH r1 USING INDEX things_price_indexed (price=?)",
        ),
        (
            "select n from things order by n limit 5",
            "SCAN r1 USING COVERING INDEX things_n_indexed",
        ),
        (
            "select id from things order by size desc nulls last limit 5",
            "SCAN r1 USING COVERING INDEX things_size_indexed",
        ),
        (
            "select id from things order by price limit 5",
            "SCAN r1 USING COVERING INDEX things_price_indexed",
        ),
        (
            "select p.id from things t join parts p on p.thing = t.code where t.id = 1",
            "SEARCH r2 USING COVERING INDEX parts_thing_indexed (thing=?)",
        ),
    ];
    for (sql, step) in cases {
        let plan = plan_of(&database, sql);
        assert!(plan.contains(step), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}
