//! Reading: grants, row policies, views, what is closed without rules.

use backstay_catalog::{Catalog, Policy, PolicyCommand, Privilege, Relation, Role};
use backstay_expr::Expr;
use backstay_policy::{Caller, authorize_query, visible};

use crate::shop::*;

/// Authorizes `select columns from relation 1` and writes the tree or the error.
fn check(catalog: &Catalog, role: &str, columns: &[u16]) -> String {
    check_as(catalog, &Caller::role(role, false), columns)
}

fn check_as(catalog: &Catalog, caller: &Caller, columns: &[u16]) -> String {
    match authorize_query(catalog, caller, select(1, 1, columns)) {
        Ok(query) => show_query(query.get()),
        Err(error) => error.to_string(),
    }
}

fn one(table: Relation) -> Catalog {
    catalog(vec![table], Vec::new())
}

fn named(name: &str, permissive: bool, using: Expr) -> Policy {
    Policy { permissive, ..policy(name, PolicyCommand::All, using) }
}

#[test]
fn a_table_without_a_grant_is_refused() {
    let table = Relation { acl: backstay_catalog::Acl::default(), ..table(1, "notes") };
    assert_eq!(check(&one(table), "anon", &[1]), "permission denied for table notes (42501)");
}

#[test]
fn a_column_without_a_grant_is_refused_wherever_it_is_used() {
    let mut table = relation(1, "notes", backstay_catalog::RelationKind::Table);
    table.acl.grant("anon", Privilege::Select, Some(1));
    table.acl.grant("anon", Privilege::Select, Some(3));
    let catalog = one(table);
    assert_eq!(check(&catalog, "anon", &[1, 3]), "e1.1,e1.3 from t1 e1");
    let refused = "permission denied for table notes (42501)";
    assert_eq!(check(&catalog, "anon", &[1, 4]), refused);
    let mut filtered = select(1, 1, &[1]);
    if let backstay_expr::Body::Select(select) = &mut filtered.body {
        select.narrow(equals(backstay_expr::RelId(1), 4, 1));
    }
    let caller = Caller::role("anon", false);
    let error = authorize_query(&catalog, &caller, filtered).unwrap_err();
    assert_eq!(error.to_string(), refused);
}

#[test]
fn a_read_of_no_column_needs_the_right_to_any() {
    let mut table = relation(1, "notes", backstay_catalog::RelationKind::Table);
    table.acl.grant("anon", Privilege::Select, Some(4));
    let catalog = one(table);
    assert_eq!(check(&catalog, "anon", &[]), " from t1 e1");
    assert_eq!(check(&catalog, "editor", &[]), "permission denied for table notes (42501)");
}

#[test]
fn a_schema_without_usage_is_refused() {
    let table = Relation { schema: "private".to_owned(), ..table(1, "notes") };
    assert_eq!(check(&one(table), "anon", &[1]), "permission denied for schema private (42501)");
}

#[test]
fn a_right_comes_through_membership() {
    let mut table = relation(1, "notes", backstay_catalog::RelationKind::Table);
    table.acl.grant("editor", Privilege::Select, None);
    let mut catalog = one(table);
    let role = Role { member_of: vec!["editor".to_owned()], ..Role::default() };
    catalog.roles.insert("chief".to_owned(), role);
    assert_eq!(check(&catalog, "chief", &[1]), "e1.1 from t1 e1");
}

#[test]
fn row_security_without_a_policy_shows_nothing() {
    let catalog = one(guarded(1, "notes", Vec::new()));
    assert_eq!(check(&catalog, "anon", &[1]), "e1.1 from t1 e1[false]");
}

#[test]
fn a_policy_for_other_commands_or_roles_does_not_count() {
    let mut foreign = policy("p", PolicyCommand::Select, owner_is(1));
    foreign.roles = vec!["editor".to_owned()];
    let update = policy("q", PolicyCommand::Update, owner_is(2));
    let catalog = one(guarded(1, "notes", vec![foreign, update]));
    assert_eq!(check(&catalog, "anon", &[1]), "e1.1 from t1 e1[false]");
    let mut editor = table(1, "notes");
    editor.acl.grant("editor", Privilege::Select, None);
    let mut catalog = catalog;
    let notes = catalog.relation("public", "notes").unwrap().as_ref().clone();
    catalog.put_relation(Relation { acl: editor.acl, ..notes });
    assert_eq!(check(&catalog, "editor", &[1]), "e1.1 from t1 e1[e1.2=1]");
}

#[test]
fn permissive_policies_widen_and_restrictive_ones_narrow() {
    let catalog = one(guarded(
        1,
        "notes",
        vec![
            named("z", false, owner_is(9)),
            named("a", true, owner_is(1)),
            named("b", true, owner_is(2)),
            named("y", false, owner_is(8)),
        ],
    ));
    assert_eq!(
        check(&catalog, "anon", &[1]),
        "e1.1 from t1 e1[(e1.2=8 and e1.2=9 and (e1.2=1 or e1.2=2))]"
    );
}

#[test]
fn only_restrictive_policies_show_nothing() {
    let catalog = one(guarded(1, "notes", vec![named("z", false, owner_is(9))]));
    assert_eq!(check(&catalog, "anon", &[1]), "e1.1 from t1 e1[false]");
}

#[test]
fn a_policy_that_is_plainly_true_shows_all() {
    let catalog = one(guarded(1, "notes", vec![named("a", true, Expr::bool(true))]));
    assert_eq!(check(&catalog, "anon", &[1]), "e1.1 from t1 e1");
}

#[test]
fn owners_and_bypassing_roles_see_all_unless_forced() {
    let mut notes = guarded(1, "notes", Vec::new());
    notes.acl.grant("service_role", Privilege::Select, None);
    notes.owner = "editor".to_owned();
    let catalog = one(notes.clone());
    assert_eq!(check(&catalog, "editor", &[1]), "e1.1 from t1 e1");
    assert_eq!(check(&catalog, "service_role", &[1]), "e1.1 from t1 e1");
    let catalog = one(Relation { force_row_security: true, ..notes });
    assert_eq!(check(&catalog, "editor", &[1]), "e1.1 from t1 e1[false]");
    assert_eq!(check(&catalog, "service_role", &[1]), "e1.1 from t1 e1");
    assert_eq!(check_as(&catalog, &Caller::system("test"), &[1]), "e1.1 from t1 e1");
}

#[test]
fn tables_inside_a_policy_have_their_own_policies() {
    let notes = guarded(1, "notes", vec![named("a", true, exists(2, 5))]);
    let members = guarded(2, "members", vec![named("m", true, owner_is(3))]);
    assert_eq!(
        check(&catalog(vec![notes, members], Vec::new()), "anon", &[1]),
        "e1.1 from t1 e1[exists(e2.1 from t2 e2[e2.2=3] where e2.2=7)]"
    );
}

#[test]
fn a_policy_reads_with_the_callers_rights() {
    let notes = guarded(1, "notes", vec![named("a", true, exists(2, 5))]);
    let members = relation(2, "members", backstay_catalog::RelationKind::Table);
    assert_eq!(
        check(&catalog(vec![notes, members], Vec::new()), "anon", &[1]),
        "permission denied for table members (42501)"
    );
}

#[test]
fn policies_that_meet_themselves_are_refused() {
    let itself = one(guarded(1, "notes", vec![named("a", true, exists(1, 5))]));
    assert_eq!(
        check(&itself, "anon", &[1]),
        "infinite recursion detected in policy for relation \"notes\" (42P17)"
    );
    let notes = guarded(1, "notes", vec![named("a", true, exists(2, 5))]);
    let members = guarded(2, "members", vec![named("m", true, exists(1, 5))]);
    assert_eq!(
        check(&catalog(vec![notes, members], Vec::new()), "anon", &[1]),
        "infinite recursion detected in policy for relation \"notes\" (42P17)"
    );
}

#[test]
fn a_view_reads_with_its_owners_rights() {
    let secret = guarded(2, "notes", Vec::new());
    let notes = Relation { acl: backstay_catalog::Acl::default(), ..secret };
    let all = view(1, "all_notes", select(2, 4, &[1, 2, 3, 4]), false);
    let catalog = catalog(vec![notes, all], Vec::new());
    assert_eq!(check(&catalog, "anon", &[1]), "e1.1 from (e2.1,e2.2,e2.3,e2.4 from t2 e2) e1");
}

#[test]
fn an_invoker_view_reads_with_the_readers_rights() {
    let notes = guarded(2, "notes", vec![named("a", true, owner_is(1))]);
    let mine = view(1, "my_notes", select(2, 4, &[1, 2, 3, 4]), true);
    let open = catalog(vec![notes.clone(), mine.clone()], Vec::new());
    assert_eq!(check(&open, "anon", &[1]), "e1.1 from (e2.1,e2.2,e2.3,e2.4 from t2 e2[e2.2=1]) e1");
    let notes = Relation { acl: backstay_catalog::Acl::default(), ..notes };
    let shut = catalog(vec![notes, mine], Vec::new());
    assert_eq!(check(&shut, "anon", &[1]), "permission denied for table notes (42501)");
}

#[test]
fn a_view_without_a_grant_is_refused() {
    let all = view(1, "all_notes", select(2, 4, &[1, 2, 3, 4]), true);
    let all = Relation { acl: backstay_catalog::Acl::default(), ..all };
    let catalog = catalog(vec![table(2, "notes"), all], Vec::new());
    assert_eq!(check(&catalog, "anon", &[1]), "permission denied for view all_notes (42501)");
}

#[test]
fn a_table_without_row_security_is_closed_where_rules_are_wanted() {
    let catalog = one(table(1, "notes"));
    let error =
        authorize_query(&catalog, &Caller::role("anon", true), select(1, 1, &[1])).unwrap_err();
    assert_eq!(error.to_string(), "permission denied for table notes (42501)");
    let hint = error.hint.unwrap();
    assert!(hint.contains("ENABLE ROW LEVEL SECURITY"), "{hint}");
    assert!(hint.contains("api.require_rls = false"), "{hint}");
    assert!(!visible(&catalog, &Caller::role("anon", true), "public", "notes"));
    assert!(visible(&catalog, &Caller::role("anon", false), "public", "notes"));
    let guarded = one(guarded(1, "notes", vec![named("a", true, owner_is(1))]));
    let caller = Caller::role("authenticated", true);
    assert_eq!(check_as(&guarded, &caller, &[1]), "e1.1 from t1 e1[e1.2=1]");
}

#[test]
fn an_owners_view_is_closed_unless_granted_where_rules_are_wanted() {
    let notes = guarded(2, "notes", Vec::new());
    let mut all = view(1, "all_notes", select(2, 4, &[1, 2, 3, 4]), false);
    all.acl = backstay_catalog::Acl::default();
    all.acl.grant_by_default("anon", Privilege::Select);
    let caller = Caller::role("anon", true);
    let closed = catalog(vec![notes.clone(), all.clone()], Vec::new());
    assert_eq!(check_as(&closed, &caller, &[1]), "permission denied for view all_notes (42501)");
    all.acl.grant("anon", Privilege::Select, None);
    let opened = catalog(vec![notes, all], Vec::new());
    assert_eq!(check_as(&opened, &caller, &[1]), "e1.1 from (e2.1,e2.2,e2.3,e2.4 from t2 e2) e1");
}

#[test]
fn what_a_caller_may_not_use_is_not_visible() {
    let hidden = relation(2, "hidden", backstay_catalog::RelationKind::Table);
    let mut inside = table(3, "inside");
    inside.schema = "private".to_owned();
    let catalog = catalog(vec![table(1, "notes"), hidden, inside], Vec::new());
    let caller = Caller::role("anon", false);
    assert!(visible(&catalog, &caller, "public", "notes"));
    assert!(!visible(&catalog, &caller, "public", "hidden"));
    assert!(!visible(&catalog, &caller, "private", "inside"));
    assert!(!visible(&catalog, &caller, "public", "absent"));
}
