//! What callers are told that they may do.

use backstay_catalog::{Acl, PolicyCommand, Privilege, Relation};
use backstay_policy::{Caller, executable, permissions};

use crate::shop::{catalog, guarded, owner_is, policy, routine, select, table, view};

const EVERY: [u16; 4] = [1, 2, 3, 4];

fn check(relations: Vec<Relation>, role: &str, expected: [&[u16]; 3], delete: bool) {
    let catalog = catalog(relations, Vec::new());
    let (_, last) = catalog.relations.last_key_value().expect("a relation");
    let may = permissions(&catalog, &Caller::role(role, true), last);
    assert_eq!([&may.select[..], &may.insert[..], &may.update[..]], expected);
    assert_eq!(may.delete, delete);
}

#[test]
fn a_table_without_row_security_is_closed() {
    check(vec![table(1, "notes")], "anon", [&[], &[], &[]], false);
    check(vec![table(1, "notes")], "editor", [&[], &[], &[]], false);
}

#[test]
fn writes_need_a_policy() {
    let reads = vec![policy("read", PolicyCommand::Select, owner_is(7))];
    check(vec![guarded(1, "notes", reads)], "anon", [&EVERY, &[], &[]], false);
    let all = vec![policy("all", PolicyCommand::All, owner_is(7))];
    check(vec![guarded(1, "notes", all)], "anon", [&EVERY, &EVERY, &EVERY], true);
}

#[test]
fn grants_on_columns_are_told_by_column() {
    let all = vec![policy("all", PolicyCommand::All, owner_is(7))];
    let mut notes = guarded(1, "notes", all);
    notes.acl = Acl::default();
    notes.acl.grant("anon", Privilege::Select, Some(1));
    notes.acl.grant("anon", Privilege::Update, Some(3));
    check(vec![notes], "anon", [&[1], &[], &[3]], false);
}

#[test]
fn writes_through_a_view_need_the_rights_underneath() {
    let reads = vec![policy("read", PolicyCommand::Select, owner_is(7))];
    let above = view(2, "shown", select(1, 1, &EVERY), true);
    check(vec![guarded(1, "notes", reads), above.clone()], "anon", [&EVERY, &[], &[]], false);
    let all = vec![policy("all", PolicyCommand::All, owner_is(7))];
    check(vec![guarded(1, "notes", all), above], "anon", [&EVERY, &EVERY, &EVERY], true);
}

#[test]
fn a_function_with_its_owners_rights_is_told_only_where_granted() {
    let mut open = routine(1, "open", select(1, 1, &[1]));
    let catalog = catalog(vec![table(1, "notes")], Vec::new());
    let caller = Caller::role("anon", true);
    assert!(executable(&catalog, &caller, &open));
    open.security_definer = true;
    assert!(!executable(&catalog, &caller, &open));
    open.acl.grant("anon", Privilege::Execute, None);
    assert!(executable(&catalog, &caller, &open));
}
