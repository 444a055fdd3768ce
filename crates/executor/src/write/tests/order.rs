//! Which rule speaks first, and in which words.

use backstay_catalog::{ForeignKey, KeyConstraint};
use backstay_expr::CompareOp;

use crate::testing::{Fixture, add_check, alter, key};

const SHOP: &str = "
    customers: id int pk, name text notnull
    orders: id int pk, customer int -> customers.id, total int";

fn shop() -> Fixture {
    let shop = Fixture::with(SHOP, |catalog| {
        alter(catalog, "orders", |orders| {
            add_check(orders, "orders_b", "total", (CompareOp::Gt, 1));
            add_check(orders, "orders_a", "total", (CompareOp::Gt, 0));
        });
    });
    assert_eq!(shop.run(shop.insert("customers", "id name", "1 ada")), "ok");
    shop
}

#[track_caller]
fn check(table: &str, columns: &str, rows: &str, expected: &str) {
    let shop = shop();
    let before = shop.rows(table);
    assert_eq!(shop.run(shop.insert(table, columns, rows)), expected);
    if expected != "ok" {
        assert_eq!(shop.rows(table), before, "a failed statement leaves nothing");
    }
}

#[test]
fn checks_are_tested_in_name_order_before_keys() {
    check(
        "orders",
        "id customer total",
        "1 9 0",
        "23514: new row for relation \"orders\" violates check constraint \"orders_a\" / \
         Failing row contains (1, 9, 0).",
    );
    check(
        "orders",
        "id customer total",
        "1 9 1",
        "23514: new row for relation \"orders\" violates check constraint \"orders_b\" / \
         Failing row contains (1, 9, 1).",
    );
    check("orders", "id customer total", "1 1 null", "ok");
}

#[test]
fn not_null_comes_before_unique() {
    check(
        "customers",
        "id",
        "1",
        "23502: null value in column \"name\" of relation \"customers\" violates not-null \
         constraint / Failing row contains (1, null).",
    );
}

#[test]
fn the_first_failing_row_decides() {
    check(
        "orders",
        "id customer total",
        "1 1 5 ; 1 1 6 ; 2 1 0",
        "23505: duplicate key value violates unique constraint \"orders_pkey\" / \
         Key (id)=(1) already exists.",
    );
    check(
        "orders",
        "id customer total",
        "1 1 5 ; 2 1 0 ; 1 1 6",
        "23514: new row for relation \"orders\" violates check constraint \"orders_a\" / \
         Failing row contains (2, 1, 0).",
    );
}

#[test]
fn foreign_keys_are_tested_after_all_rows() {
    check(
        "orders",
        "id customer total",
        "1 9 5 ; 1 1 6",
        "23505: duplicate key value violates unique constraint \"orders_pkey\" / \
         Key (id)=(1) already exists.",
    );
    check(
        "orders",
        "id customer total",
        "1 9 5",
        "23503: insert or update on table \"orders\" violates foreign key constraint \
         \"orders_customer_fkey\" / Key (customer)=(9) is not present in table \"customers\".",
    );
    check("orders", "id customer total", "1 null 5", "ok");
}

#[test]
fn long_values_are_cut_at_64_bytes_between_characters() {
    let fixture = Fixture::new("notes: id int, body text, must text notnull");
    let insert = fixture.insert("notes", "id body", &format!("1 a{}", "é".repeat(40)));
    assert_eq!(
        fixture.run(insert),
        format!(
            "23502: null value in column \"must\" of relation \"notes\" violates not-null \
             constraint / Failing row contains (1, a{}..., null).",
            "é".repeat(31)
        )
    );
}

#[test]
fn an_expression_index_shows_its_expression() {
    let fixture = Fixture::with("customers: id int pk, name text", |catalog| {
        alter(catalog, "customers", |customers| {
            let column = customers.column("name").unwrap();
            let name = backstay_expr::Expr::column(
                backstay_catalog::ROW,
                column.number,
                column.ty.clone(),
            );
            customers.indexes.push(backstay_catalog::Index {
                name: "lower_name".to_owned(),
                keys: vec![backstay_catalog::IndexKey {
                    expr: backstay_expr::Expr::Call {
                        symbol: "lower(text)".into(),
                        args: vec![name],
                        ty: backstay_model::Type::Text,
                    },
                    descending: false,
                    nulls_first: false,
                }],
                unique: true,
                nulls_not_distinct: false,
                predicate: None,
                method: "btree".to_owned(),
                definition: "CREATE UNIQUE INDEX lower_name ON public.customers USING btree \
                             (lower(name))"
                    .to_owned(),
                hidden: false,
                physical: Some("lower_name".to_owned()),
                exclusion: None,
            });
        });
    });
    assert_eq!(fixture.run(fixture.insert("customers", "id name", "1 ada")), "ok");
    assert_eq!(
        fixture.run(fixture.insert("customers", "id name", "2 ADA")),
        "23505: duplicate key value violates unique constraint \"lower_name\" / \
         Key (lower(name))=(ada) already exists."
    );
}

#[test]
fn match_full_refuses_a_key_that_is_null_in_part() {
    let pairs = "
        pairs: a int, b int
        uses: a int, b int";
    let fixture = Fixture::with(pairs, |catalog| {
        let target = catalog.relation("public", "pairs").unwrap().id;
        alter(catalog, "pairs", |pairs| {
            pairs.unique.push(KeyConstraint { ..key("pairs_a_b_key", vec![1, 2]) });
        });
        alter(catalog, "uses", |uses| {
            uses.foreign_keys.push(ForeignKey {
                name: "uses_a_b_fkey".to_owned(),
                columns: vec![1, 2],
                target,
                target_columns: vec![1, 2],
                on_delete: backstay_catalog::KeyAction::NoAction,
                on_update: backstay_catalog::KeyAction::NoAction,
                set_columns: Vec::new(),
                match_full: true,
                deferrable: false,
                deferred: false,
                not_valid: false,
            });
        });
    });
    let violation = "23503: insert or update on table \"uses\" violates foreign key constraint \
                     \"uses_a_b_fkey\" / ";
    assert_eq!(
        fixture.run(fixture.insert("uses", "a b", "1 null")),
        format!("{violation}MATCH FULL does not allow mixing of null and nonnull key values.")
    );
    assert_eq!(
        fixture.run(fixture.insert("uses", "a b", "1 2")),
        format!("{violation}Key (a, b)=(1, 2) is not present in table \"pairs\".")
    );
    assert_eq!(fixture.run(fixture.insert("uses", "a b", "null null")), "ok");
}
