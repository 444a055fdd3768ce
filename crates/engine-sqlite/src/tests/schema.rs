//! Changes of tables that hold rows.

use std::sync::Arc;

use backstay_catalog::{
    Catalog, CheckConstraint, ForeignKey, KeyAction, ROW, Relation, Sequence, Work,
};
use backstay_engine::Engine as _;
use backstay_expr::{CastMethod, CompareOp, Expr, RelationId};
use backstay_model::{Type, Value};

use super::fixture::{Database, column, key};

const THINGS: RelationId = RelationId(1);

fn things() -> Database {
    let database = Database::new(&[
        "things: id int8 key, name text indexed, amount int4 indexed",
        "parts: id int8 key, thing int8",
    ]);
    database
        .execute(&[
            "insert into things values (1, 'one', 10), (2, 'two', 20), (3, null, 30)",
            "insert into parts values (1, 1), (2, 1), (3, 3)",
        ])
        .unwrap();
    database
}

/// Changes the table `things` in the catalogue and does the work; the error's code and message.
fn alter(database: &Database, edit: impl FnOnce(&mut Relation), work: Vec<Work>) -> String {
    let mut catalog: Catalog = (*database.engine.catalog()).clone();
    catalog.version += 1;
    let mut relation = (**catalog.relation("public", "things").unwrap()).clone();
    edit(&mut relation);
    catalog.put_relation(relation);
    match database.change(catalog, work) {
        Ok(()) => String::new(),
        Err(error) => format!("{}: {}", error.code, error.message),
    }
}

fn rows(database: &Database) -> String {
    // The children are counted after every change: none may get lost.
    assert_eq!(database.query("select count(*) as n from parts"), "[{\"n\":3}]");
    database.query("select * from things order by id").replace(",\n ", ",")
}

#[test]
fn columns_come_are_filled_renamed_and_go() {
    let database = things();
    let fill = Expr::Call {
        symbol: Arc::from("*(integer,integer)"),
        args: vec![Expr::column(ROW, 3, Type::Int4), Expr::constant(Value::Int(2), Type::Int4)],
        ty: Type::Int4,
    };
    let done = alter(
        &database,
        |table| {
            table.columns.push(column(4, "double", Type::Int4));
            table.columns.push(column(5, "state", Type::Text));
        },
        vec![
            Work::AddColumn { relation: THINGS, column: 4 },
            Work::Fill { relation: THINGS, column: 4, value: fill },
            Work::AddColumn { relation: THINGS, column: 5 },
            Work::Fill {
                relation: THINGS,
                column: 5,
                value: Expr::constant(Value::text("new"), Type::Text),
            },
        ],
    );
    assert_eq!(done, "");
    assert_eq!(
        rows(&database),
        r#"[{"id":1,"name":"one","amount":10,"double":20,"state":"new"},{"id":2,"name":"two","amount":20,"double":40,"state":"new"},{"id":3,"name":null,"amount":30,"double":60,"state":"new"}]"#
    );
    let done = alter(
        &database,
        |table| {
            table.columns.retain(|column| column.number != 2 && column.number != 5);
            table.indexes.retain(|index| index.name != "things_name_indexed");
            "Amount".clone_into(&mut table.columns[1].name);
            "Amount".clone_into(&mut table.columns[1].physical);
        },
        vec![
            Work::DropColumn { relation: THINGS, physical: "name".to_owned() },
            Work::DropColumn { relation: THINGS, physical: "state".to_owned() },
            Work::RenameColumn {
                relation: THINGS,
                from: "amount".to_owned(),
                to: "Amount".to_owned(),
            },
        ],
    );
    assert_eq!(done, "");
    assert_eq!(
        rows(&database),
        r#"[{"id":1,"Amount":10,"double":20},{"id":2,"Amount":20,"double":40},{"id":3,"Amount":30,"double":60}]"#
    );
}

#[test]
fn a_column_takes_another_stored_form() {
    let database = things();
    let cast = Expr::Cast {
        expr: Box::new(Expr::column(ROW, 3, Type::Int4)),
        method: CastMethod::Io,
        modifier: None,
        explicit: true,
        ty: Type::Text,
    };
    let done = alter(
        &database,
        |table| {
            table.columns[2].ty = Type::Text;
            table.indexes.iter_mut().for_each(|index| {
                if index.name == "things_amount_indexed" {
                    index.keys[0].expr = Expr::column(ROW, 3, Type::Text);
                }
            });
        },
        vec![Work::Retype { relation: THINGS, column: 3, value: cast }],
    );
    assert_eq!(done, "");
    assert_eq!(
        rows(&database),
        r#"[{"id":1,"name":"one","amount":"10"},{"id":2,"name":"two","amount":"20"},{"id":3,"name":null,"amount":"30"}]"#
    );
    assert_eq!(database.query("select id from things where amount = '20'"), "[{\"id\":2}]");
}

#[test]
fn tables_are_renamed_rebuilt_and_dropped() {
    let database = things();
    let done = alter(
        &database,
        |table| {
            "Things".clone_into(&mut table.name);
            "Things".clone_into(&mut table.physical);
            table.primary_key = None;
        },
        vec![
            Work::RenameTable { from: "things".to_owned(), to: "Things".to_owned() },
            Work::Rebuild(THINGS),
        ],
    );
    assert_eq!(done, "");
    let all = "select id, name from \"Things\" order by id";
    assert_eq!(
        database.query(all).replace(",\n ", ","),
        r#"[{"id":1,"name":"one"},{"id":2,"name":"two"},{"id":3,"name":null}]"#
    );
    let mut catalog: Catalog = (*database.engine.catalog()).clone();
    catalog.version += 1;
    catalog.remove_relation(THINGS);
    let work = vec![Work::DropTable { physical: "Things".to_owned() }];
    database.change(catalog, work).unwrap();
    assert!(database.query("select * from \"Things\"").starts_with("42P01"));
}

#[test]
fn rows_that_do_not_fit_refuse_the_constraint() {
    let database = things();
    let not_null = Work::ValidateNotNull { relation: THINGS, column: 2 };
    assert_eq!(
        alter(&database, |table| table.columns[1].not_null = true, vec![not_null]),
        "23502: column \"name\" of relation \"things\" contains null values"
    );
    let check = CheckConstraint {
        name: "cheap".to_owned(),
        expr: Expr::Compare {
            op: CompareOp::Lt,
            operand: Type::Int4,
            left: Box::new(Expr::column(ROW, 3, Type::Int4)),
            right: Box::new(Expr::constant(Value::Int(30), Type::Int4)),
        },
        text: "amount < 30".to_owned(),
        not_valid: false,
    };
    let work = Work::ValidateCheck { relation: THINGS, name: "cheap".to_owned() };
    assert_eq!(
        alter(&database, |table| table.checks.push(check), vec![work]),
        "23514: check constraint \"cheap\" of relation \"things\" is violated by some row"
    );
    database.execute(&["update things set name = 'one' where id = 2"]).unwrap();
    let work = Work::CreateIndex { relation: THINGS, physical: "things_name_key".to_owned() };
    assert_eq!(
        alter(&database, |table| table.unique.push(key("things_name_key", &[2])), vec![work]),
        "23505: could not create unique index \"things_name_key\""
    );
    // Nothing of the failed changes remains.
    assert_eq!(database.engine.catalog().version, 1);
    database.execute(&["insert into things values (4, 'one', 40)"]).unwrap();
}

#[test]
fn a_foreign_key_needs_every_parent() {
    let database = things();
    database
        .execute(&["insert into parts values (4, 9)", "delete from parts where id = 2"])
        .unwrap();
    let mut catalog: Catalog = (*database.engine.catalog()).clone();
    catalog.version += 1;
    let mut parts = (**catalog.relation("public", "parts").unwrap()).clone();
    parts.foreign_keys.push(ForeignKey {
        name: "parts_thing_fkey".to_owned(),
        columns: vec![2],
        target: THINGS,
        target_columns: vec![1],
        on_delete: KeyAction::NoAction,
        on_update: KeyAction::NoAction,
        set_columns: Vec::new(),
        match_full: false,
        deferrable: false,
        deferred: false,
        not_valid: false,
    });
    let id = parts.id;
    catalog.put_relation(parts);
    let work = Work::ValidateForeignKey { relation: id, name: "parts_thing_fkey".to_owned() };
    let error = database.change(catalog, vec![work]).unwrap_err();
    assert_eq!(error.code, "23503");
    assert_eq!(
        error.details,
        Some(backstay_model::Details::Text(
            "Key (thing)=(9) is not present in table \"things\".".to_owned()
        ))
    );
}

#[test]
fn sequences_keep_their_place_over_a_restart() {
    let mut catalog = super::fixture::catalog(&["things: id int8 key"]);
    let sequence = Sequence {
        ty: Type::Int8,
        start: 5,
        increment: 2,
        min: 1,
        max: 11,
        cycle: false,
        owned_by: None,
        owner: "postgres".to_owned(),
        acl: backstay_catalog::Acl::default(),
    };
    catalog.sequences.insert(("public".to_owned(), "numbers".to_owned()), sequence);
    let database = Database::with(catalog);
    let next = "insert into things values (nextval('numbers'))";
    database.execute(&[next, next]).unwrap();
    // A failed statement burns its number.
    assert!(database.execute(&[next, "insert into things values (5)"]).is_err());
    let database = database.reopen();
    assert!(database.execute(&[next]).is_ok());
    let found = database.query("select id from things order by id").replace(",\n ", ",");
    assert!(matches!(found.as_str(), r#"[{"id":5},{"id":7},{"id":11}]"#), "{found}");
    let error = database.execute(&[next]).unwrap_err();
    assert_eq!(error.message, "nextval: reached maximum value of sequence \"numbers\" (11)");
}
