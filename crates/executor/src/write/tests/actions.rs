//! What becomes of children when their parent goes or gets another key.

use backstay_catalog::KeyAction;

use crate::testing::{Fixture, alter};

/// One parent (1) with two children (10, 11), one other parent (2), and what is done to parent 1.
#[track_caller]
fn check(child: &str, action: &str, expected: &str, children: &str) {
    let tables = format!("p: id int pk\nc: id int pk, {child}");
    let fixture = Fixture::new(&tables);
    fixture.run(fixture.insert("p", "id", "1 ; 2"));
    assert_eq!(fixture.run(fixture.insert("c", "id p", "10 1 ; 11 1 ; 12 2")), "ok");
    let outcome = match action {
        "delete" => fixture.run(fixture.delete("p", "id = 1")),
        _ => fixture.run(fixture.update("p", "id = 3", "id = 1")),
    };
    assert_eq!(outcome, expected);
    assert_eq!(fixture.rows("c"), children);
}

const REFERENCED: &str = "23503: update or delete on table \"p\" violates foreign key constraint \
                          \"c_p_fkey\" on table \"c\" / \
                          Key (id)=(1) is still referenced from table \"c\".";

#[test]
fn no_action_and_restrict_refuse() {
    for child in ["p int -> p.id", "p int -> p.id delete=restrict update=restrict"] {
        check(child, "delete", REFERENCED, "10 1 | 11 1 | 12 2");
        check(child, "update", REFERENCED, "10 1 | 11 1 | 12 2");
    }
}

#[test]
fn cascade_follows_the_parent() {
    let child = "p int notnull -> p.id delete=cascade update=cascade";
    check(child, "delete", "ok", "12 2");
    check(child, "update", "ok", "10 3 | 11 3 | 12 2");
}

#[test]
fn set_null_and_set_default_change_the_key() {
    let child = "p int -> p.id delete=setnull update=setnull";
    check(child, "delete", "ok", "10 null | 11 null | 12 2");
    check(child, "update", "ok", "10 null | 11 null | 12 2");
    let child = "p int default=2 -> p.id delete=setdefault update=setdefault";
    check(child, "delete", "ok", "10 2 | 11 2 | 12 2");
    check(child, "update", "ok", "10 2 | 11 2 | 12 2");
}

#[test]
fn a_default_without_parent_is_refused() {
    check(
        "p int default=9 -> p.id delete=setdefault",
        "delete",
        "23503: insert or update on table \"c\" violates foreign key constraint \"c_p_fkey\" / \
         Key (p)=(9) is not present in table \"p\".",
        "10 1 | 11 1 | 12 2",
    );
    check("p int default=1 -> p.id delete=setdefault", "delete", REFERENCED, "10 1 | 11 1 | 12 2");
}

#[test]
fn actions_keep_the_rules_of_the_child() {
    check(
        "p int notnull -> p.id delete=setnull",
        "delete",
        "23502: null value in column \"p\" of relation \"c\" violates not-null constraint / \
         Failing row contains (10, null).",
        "10 1 | 11 1 | 12 2",
    );
}

#[test]
fn an_action_may_meet_a_unique_index() {
    let fixture = Fixture::new(
        "p: id int pk\nc: id int pk, p int unique default=2 -> p.id delete=setdefault",
    );
    fixture.run(fixture.insert("p", "id", "1 ; 2"));
    fixture.run(fixture.insert("c", "id p", "10 1 ; 12 2"));
    assert_eq!(
        fixture.run(fixture.delete("p", "id = 1")),
        "23505: duplicate key value violates unique constraint \"c_p_key\" / \
         Key (p)=(2) already exists."
    );
}

#[test]
fn an_update_that_leaves_the_key_alone_does_nothing() {
    let fixture = Fixture::new("p: id int pk, n int\nc: p int -> p.id");
    fixture.run(fixture.insert("p", "id n", "1 1"));
    fixture.run(fixture.insert("c", "p", "1"));
    assert_eq!(fixture.run(fixture.update("p", "n = 2", "id = 1")), "ok");
    assert_eq!(fixture.run(fixture.update("p", "id = 1", "id = 1")), "ok");
}

#[test]
fn cascades_reach_three_levels_in_order_of_breadth() {
    let fixture = Fixture::new(
        "a: id int pk
         b: id int pk, a int -> a.id delete=cascade
         c: id int pk, b int -> b.id delete=cascade
         d: id int pk, c int -> c.id delete=setnull",
    );
    fixture.run(fixture.insert("a", "id", "1 ; 2"));
    fixture.run(fixture.insert("b", "id a", "1 1 ; 2 1 ; 3 2"));
    fixture.run(fixture.insert("c", "id b", "1 1 ; 2 2 ; 3 3"));
    fixture.run(fixture.insert("d", "id c", "1 1 ; 2 2 ; 3 3"));
    fixture.events();
    assert_eq!(fixture.run(fixture.delete("a", "id = 1")), "ok");
    assert_eq!(fixture.rows("b"), "3 2");
    assert_eq!(fixture.rows("c"), "3 3");
    assert_eq!(fixture.rows("d"), "1 null | 2 null | 3 3");
    assert_eq!(
        fixture.events(),
        "a - 1; b - 1 1; b - 2 1; c - 1 1; c - 2 2; d 1 1 > 1 null; d 2 2 > 2 null"
    );
}

#[test]
fn a_failure_three_levels_down_undoes_all() {
    let fixture = Fixture::new(
        "a: id int pk
         b: id int pk, a int -> a.id delete=cascade
         c: id int pk, b int -> b.id",
    );
    fixture.run(fixture.insert("a", "id", "1"));
    fixture.run(fixture.insert("b", "id a", "1 1"));
    fixture.run(fixture.insert("c", "id b", "1 1"));
    fixture.events();
    assert_eq!(
        fixture.run(fixture.delete("a", "")),
        "23503: update or delete on table \"b\" violates foreign key constraint \"c_b_fkey\" on \
         table \"c\" / Key (id)=(1) is still referenced from table \"c\"."
    );
    assert_eq!((fixture.rows("a"), fixture.rows("b")), ("1".to_owned(), "1 1".to_owned()));
    assert_eq!(fixture.events(), "", "events are cut back with the rows");
}

#[test]
fn a_tree_deletes_its_branches() {
    let fixture = Fixture::new("n: id int pk, up int -> n.id delete=cascade");
    assert_eq!(fixture.run(fixture.insert("n", "id up", "3 2 ; 2 1 ; 1 null ; 4 null")), "ok");
    assert_eq!(fixture.run(fixture.delete("n", "id = 1")), "ok");
    assert_eq!(fixture.rows("n"), "4 null");
}

#[test]
fn no_action_is_tested_when_the_statement_is_through() {
    let fixture = Fixture::new("n: id int pk, up int -> n.id");
    fixture.run(fixture.insert("n", "id up", "1 null ; 2 1"));
    assert_eq!(fixture.run(fixture.delete("n", "")), "ok");
    let fixture = Fixture::new("n: id int pk, up int -> n.id delete=restrict");
    fixture.run(fixture.insert("n", "id up", "1 null ; 2 1"));
    assert_eq!(fixture.run(fixture.delete("n", "")), "ok");
}

#[test]
fn keys_of_one_parent_act_in_the_order_of_their_creation() {
    let fixture = Fixture::new(
        "top: id int pk
         kid_a: id int pk, top int -> top.id
         kid_b: id int pk, top int -> top.id delete=cascade",
    );
    fixture.run(fixture.insert("top", "id", "1"));
    fixture.run(fixture.insert("kid_a", "id top", "1 1"));
    fixture.run(fixture.insert("kid_b", "id top", "1 1"));
    assert_eq!(
        fixture.run(fixture.delete("top", "")),
        "23503: update or delete on table \"top\" violates foreign key constraint \
         \"kid_a_top_fkey\" on table \"kid_a\" / Key (id)=(1) is still referenced from table \
         \"kid_a\"."
    );
}

#[test]
fn set_null_of_some_columns_leaves_the_others() {
    let tables = "p: a int, b int\nc: id int pk, a int, b int";
    let fixture = Fixture::with(tables, |catalog| {
        let target = catalog.relation("public", "p").unwrap().id;
        alter(catalog, "p", |p| p.unique.push(crate::testing::key("p_key", vec![1, 2])));
        alter(catalog, "c", |c| {
            c.foreign_keys.push(backstay_catalog::ForeignKey {
                name: "c_fkey".to_owned(),
                columns: vec![2, 3],
                target,
                target_columns: vec![1, 2],
                on_delete: KeyAction::SetNull,
                on_update: KeyAction::NoAction,
                set_columns: vec![3],
                match_full: false,
                deferrable: false,
                deferred: false,
                not_valid: false,
            });
        });
    });
    fixture.run(fixture.insert("p", "a b", "1 2"));
    fixture.run(fixture.insert("c", "id a b", "5 1 2"));
    assert_eq!(fixture.run(fixture.delete("p", "")), "ok");
    assert_eq!(fixture.rows("c"), "5 1 null");
}
