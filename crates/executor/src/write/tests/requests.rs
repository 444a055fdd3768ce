//! Several statements, deferred tests, joins in writes, read-only transactions.

use backstay_catalog::Catalog;
use backstay_expr::{Expr, From, Output, Query, RelId, RelationScan, Select, Source, Statement};
use backstay_model::Type;

use crate::delete_after;
use crate::testing::{AnyStatement, Fixture, T, alter, error_text};

fn scan(fixture: &Fixture, table: &str, rel: RelId) -> From {
    From::Relation(RelationScan { rel, relation: fixture.relation(table).id, policy: None })
}

fn together(fixture: &Fixture, statements: Vec<AnyStatement>) -> String {
    let statements: Vec<Statement> = statements.into_iter().map(Statement::from).collect();
    match fixture.together(&statements) {
        Ok(_) => "ok".to_owned(),
        Err(error) => error_text(&error),
    }
}

#[test]
fn deferred_keys_are_tested_at_the_end_of_the_request() {
    let fixture = Fixture::new("p: id int pk\nc: id int pk, p int -> p.id deferred");
    let child = || fixture.insert("c", "id p", "1 5").into();
    assert_eq!(together(&fixture, vec![child(), fixture.insert("p", "id", "5").into()]), "ok");
    assert_eq!(
        together(&fixture, vec![fixture.delete("p", "").into()]),
        "23503: update or delete on table \"p\" violates foreign key constraint \"c_p_fkey\" on \
         table \"c\" / Key (id)=(5) is still referenced from table \"c\"."
    );
    let away = || fixture.delete("p", "").into();
    assert_eq!(
        together(&fixture, vec![away(), fixture.insert("p", "id", "5").into()]),
        "ok",
        "another parent took the key"
    );
    assert_eq!(together(&fixture, vec![away(), fixture.delete("c", "").into()]), "ok");
    assert_eq!(
        together(&fixture, vec![child()]),
        "23503: insert or update on table \"c\" violates foreign key constraint \"c_p_fkey\" / \
         Key (p)=(5) is not present in table \"p\"."
    );
    let gone = vec![child(), fixture.delete("c", "").into()];
    assert_eq!(together(&fixture, gone), "ok", "the child is gone again");
}

#[test]
fn deferrable_unique_keys_allow_swaps() {
    let deferrable = |deferred: bool| {
        move |catalog: &mut Catalog| {
            alter(catalog, "t", |t| {
                t.unique[0].deferrable = true;
                t.unique[0].deferred = deferred;
            });
        }
    };
    let fixture = Fixture::with("t: id int pk, n int unique", deferrable(true));
    fixture.run(fixture.insert("t", "id n", "1 1 ; 2 2"));
    let to_two = || fixture.update("t", "n = 2", "id = 1").into();
    let to_one = || fixture.update("t", "n = 1", "id = 2").into();
    assert_eq!(together(&fixture, vec![to_two(), to_one()]), "ok");
    assert_eq!(
        together(&fixture, vec![to_one(), fixture.update("t", "n = 1", "id = 1").into()]),
        "23505: duplicate key value violates unique constraint \"t_n_key\" / \
         Key (n)=(1) already exists."
    );
    let fixture = Fixture::with("t: id int pk, n int unique", deferrable(false));
    assert_eq!(
        fixture.run(fixture.insert("t", "id n", "1 1 ; 2 1")),
        "23505: duplicate key value violates unique constraint \"t_n_key\" / \
         Key (n)=(1) already exists."
    );
}

#[test]
fn update_from_writes_each_row_once_and_returns_both_sides() {
    let fixture = Fixture::new("t: id int pk, n int\ns: t int, v int");
    fixture.run(fixture.insert("t", "id n", "1 0 ; 2 0"));
    fixture.run(fixture.insert("s", "t v", "1 7 ; 1 8 ; 3 9"));
    let other = RelId(5);
    let mut update = fixture.update("t", "n = 0", "");
    update.from = vec![scan(&fixture, "s", other)];
    update.set[0].value = Expr::column(other, 2, Type::Int4);
    update.filter =
        Some(Expr::equals(Type::Int4, fixture.col("t", "id"), Expr::column(other, 1, Type::Int4)));
    update.returning = fixture.returning("t", "id n");
    update
        .returning
        .push(Output { name: "v".to_owned(), expr: Expr::column(other, 2, Type::Int4) });
    assert_eq!(fixture.run(update), "1 7 7");
    assert_eq!(fixture.rows("t"), "1 7 | 2 0");
    let mut delete = fixture.delete("t", "");
    delete.using = vec![scan(&fixture, "s", other)];
    delete.filter =
        Some(Expr::equals(Type::Int4, fixture.col("t", "id"), Expr::column(other, 1, Type::Int4)));
    assert_eq!(fixture.run(delete), "ok");
    assert_eq!(fixture.rows("t"), "2 0");
}

#[test]
fn an_insert_may_read_its_own_table() {
    let fixture = Fixture::new("t: id int pk, n int");
    fixture.run(fixture.insert("t", "id n", "1 1 ; 2 2"));
    let other = RelId(5);
    let plus_ten = Expr::Call {
        symbol: "+(integer,integer)".into(),
        args: vec![Expr::column(other, 1, Type::Int4), crate::testing::int(10)],
        ty: Type::Int4,
    };
    let output = |name: &str, expr| Output { name: name.to_owned(), expr };
    let select = Select::new(
        vec![output("id", plus_ten), output("n", Expr::column(other, 2, Type::Int4))],
        vec![scan(&fixture, "t", other)],
    );
    let mut insert = fixture.insert("t", "id n", "0 0");
    insert.source = Source::Query(Box::new(Query::select(select)));
    assert_eq!(fixture.run(insert), "ok");
    assert_eq!(fixture.rows("t"), "1 1 | 2 2 | 11 1 | 12 2");
}

#[test]
fn a_moved_key_is_found_under_its_new_identity() {
    let fixture = Fixture::new("t: id int pk, n int");
    fixture.run(fixture.insert("t", "id n", "1 1"));
    let mut update = fixture.update("t", "id = 5", "");
    update.returning =
        vec![Output { name: "old".to_owned(), expr: Expr::column(T, 2, Type::Int4) }];
    let written = fixture.execute(&AnyStatement::from(update).into()).unwrap();
    assert_eq!((written.ids, written.updated), (vec![5], 1));
}

#[test]
fn chosen_rows_can_be_looked_at_before_they_are_deleted() {
    let fixture = Fixture::new("t: id int pk");
    fixture.run(fixture.insert("t", "id", "1 ; 2 ; 3"));
    let mut seen = String::new();
    let written = delete_after(
        &fixture.delete("t", "id = 2"),
        &fixture.scope(),
        &fixture.store,
        Some(&mut |ids| {
            seen = format!("{ids:?} of {}", fixture.rows("t"));
            Ok(())
        }),
    );
    assert_eq!(seen, "[2] of 1 | 2 | 3");
    let written = written.unwrap();
    assert_eq!((written.deleted, written.old_rows.len()), (1, 1));
    assert_eq!(fixture.rows("t"), "1 | 3");
}

#[test]
fn a_read_only_transaction_refuses_by_name() {
    let mut fixture = Fixture::new("t: id int pk");
    fixture.read_only = true;
    assert_eq!(
        fixture.run(fixture.insert("t", "id", "1")),
        "25006: cannot execute INSERT in a read-only transaction"
    );
    assert_eq!(
        fixture.run(fixture.update("t", "id = 1", "")),
        "25006: cannot execute UPDATE in a read-only transaction"
    );
    assert_eq!(
        fixture.run(fixture.delete("t", "")),
        "25006: cannot execute DELETE in a read-only transaction"
    );
}
