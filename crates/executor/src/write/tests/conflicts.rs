//! `ON CONFLICT`.

use backstay_expr::{
    Assignment, CompareOp, Conflict, ConflictAction, ConflictTarget, Expr, Insert,
};
use backstay_model::Type;

use crate::testing::{EXCLUDED, Fixture, T, alter, compare, int};

fn stock() -> Fixture {
    let fixture = Fixture::new("stock: id int pk, sku text unique, n int default=0");
    fixture.run(fixture.insert("stock", "id sku n", "1 a 10 ; 2 b 20"));
    fixture.events();
    fixture
}

fn excluded(column: u16, ty: Type) -> Expr {
    Expr::column(EXCLUDED, column, ty)
}

/// Sets `n = excluded.n`.
fn merging(fixture: &Fixture, rows: &str, target: &[u16]) -> Insert {
    let mut insert = fixture.insert("stock", "id sku n", rows);
    let set = vec![Assignment { column: 3, value: excluded(3, Type::Int4) }];
    insert.conflict = Some(Conflict {
        target: ConflictTarget::Columns(target.to_vec()),
        action: ConflictAction::Update { set, filter: None },
    });
    insert.returning = fixture.returning("stock", "id sku n");
    insert
}

fn ignoring(fixture: &Fixture, rows: &str, target: ConflictTarget) -> Insert {
    let mut insert = merging(fixture, rows, &[]);
    insert.conflict = Some(Conflict { target, action: ConflictAction::Nothing });
    insert
}

#[test]
fn merging_updates_what_is_there_and_inserts_the_rest() {
    let fixture = stock();
    assert_eq!(fixture.run(merging(&fixture, "3 c 5 ; 1 x 11", &[1])), "3 c 5 | 1 a 11");
    assert_eq!(fixture.rows("stock"), "1 a 11 | 2 b 20 | 3 c 5");
    assert_eq!(fixture.events(), "stock + 3 c 5; stock 1 a 10 > 1 a 11");
    assert_eq!(fixture.run(merging(&fixture, "9 b 7", &[2])), "2 b 7");
}

#[test]
fn conflicts_with_other_keys_stay_errors() {
    let fixture = stock();
    assert_eq!(
        fixture.run(merging(&fixture, "3 a 5", &[1])),
        "23505: duplicate key value violates unique constraint \"stock_sku_key\" / \
         Key (sku)=(a) already exists."
    );
    assert_eq!(
        fixture.run(ignoring(&fixture, "1 c 5", ConflictTarget::Columns(vec![2]))),
        "23505: duplicate key value violates unique constraint \"stock_pkey\" / \
         Key (id)=(1) already exists."
    );
}

#[test]
fn ignoring_keeps_the_old_row() {
    let fixture = stock();
    let insert = ignoring(&fixture, "1 x 0 ; 5 e 1 ; 5 f 2", ConflictTarget::Columns(vec![1]));
    assert_eq!(fixture.run(insert), "5 e 1");
    assert_eq!(fixture.run(ignoring(&fixture, "8 a 0 ; 1 z 0", ConflictTarget::Any)), "ok");
    assert_eq!(fixture.rows("stock"), "1 a 10 | 2 b 20 | 5 e 1");
}

#[test]
fn one_row_is_not_merged_twice() {
    let fixture = stock();
    let expected = "21000: ON CONFLICT DO UPDATE command cannot affect row a second time / \
                    Ensure that no rows proposed for insertion within the same command have \
                    duplicate constrained values.";
    assert_eq!(fixture.run(merging(&fixture, "1 a 1 ; 1 a 2", &[1])), expected);
    assert_eq!(fixture.run(merging(&fixture, "7 g 1 ; 7 g 2", &[1])), expected);
}

#[test]
fn the_target_must_be_a_whole_key_in_any_order() {
    let fixture = stock();
    let expected = "42P10: there is no unique or exclusion constraint matching the ON CONFLICT \
                    specification";
    assert_eq!(fixture.run(merging(&fixture, "1 a 1", &[3])), expected);
    assert_eq!(fixture.run(merging(&fixture, "1 a 1", &[1, 2])), expected);
    let fixture = Fixture::with("stock: id int, sku text, n int", |catalog| {
        alter(catalog, "stock", |stock| stock.unique.push(crate::testing::key("u", vec![1, 2])));
    });
    assert_eq!(fixture.run(merging(&fixture, "1 a 1", &[2, 1])), "1 a 1");
    assert_eq!(fixture.run(merging(&fixture, "1 a 2", &[2, 1])), "1 a 2");
}

#[test]
fn not_null_is_tested_on_the_proposed_row() {
    let fixture = Fixture::new("stock: id int pk, sku text notnull, n int");
    fixture.run(fixture.insert("stock", "id sku n", "1 a 10"));
    assert_eq!(
        fixture.run(merging(&fixture, "1 null 11", &[1])),
        "23502: null value in column \"sku\" of relation \"stock\" violates not-null constraint / \
         Failing row contains (1, null, 11)."
    );
}

#[test]
fn a_filter_leaves_rows_as_they_are() {
    let fixture = stock();
    let mut insert = merging(&fixture, "1 a 5 ; 2 b 25", &[1]);
    if let Some(Conflict { action: ConflictAction::Update { filter, .. }, .. }) =
        &mut insert.conflict
    {
        let old = Expr::column(T, 3, Type::Int4);
        *filter = Some(compare(CompareOp::Lt, old, excluded(3, Type::Int4)));
    }
    assert_eq!(fixture.run(insert), "2 b 25");
    assert_eq!(fixture.rows("stock"), "1 a 10 | 2 b 25");
}

#[test]
fn the_update_branch_may_use_old_and_new_values() {
    let fixture = stock();
    let mut insert = merging(&fixture, "1 a 5", &[1]);
    if let Some(Conflict { action: ConflictAction::Update { set, .. }, .. }) = &mut insert.conflict
    {
        set[0].value = Expr::Call {
            symbol: "+(integer,integer)".into(),
            args: vec![Expr::column(T, 3, Type::Int4), excluded(3, Type::Int4)],
            ty: Type::Int4,
        };
        set.push(Assignment { column: 2, value: Expr::Default { ty: Type::Text } });
        set.push(Assignment { column: 1, value: int(4) });
    }
    assert_eq!(fixture.run(insert), "4 null 15");
}
