//! Writing: rights on columns, checks on old and new rows, views that are written through.

use backstay_catalog::{Acl, Catalog, Policy, PolicyCommand, Privilege, Relation, RelationKind};
use backstay_expr::{
    Assignment, Conflict, ConflictAction, ConflictTarget, Delete, Expr, Insert, PolicyCheck, RelId,
    RelationId, Source, Statement, Update, WritePolicy,
};
use backstay_model::{Type, Value};
use backstay_plan::{Node, Operation, Plan, Write};
use backstay_policy::{Caller, authorize, authorize_statement};

use crate::shop::*;

fn insert(columns: &[u16], returning: &[u16]) -> Statement {
    Statement::Insert(Box::new(Insert {
        with: Vec::new(),
        relation: RelationId(1),
        rel: RelId(1),
        excluded: RelId(2),
        columns: columns.to_vec(),
        source: Source::Rows(Vec::new()),
        overriding: None,
        conflict: None,
        returning: outputs(1, returning),
        policy: WritePolicy::default(),
    }))
}

fn upsert(columns: &[u16], target: &[u16]) -> Statement {
    let Statement::Insert(mut statement) = insert(columns, &[]) else { unreachable!() };
    let set = columns.iter().map(|column| Assignment {
        column: *column,
        value: crate::shop::column(RelId(2), *column),
    });
    statement.conflict = Some(Conflict {
        target: ConflictTarget::Columns(target.to_vec()),
        action: ConflictAction::Update { set: set.collect(), filter: None },
    });
    Statement::Insert(statement)
}

fn update(column: u16, filter: Option<Expr>, returning: &[u16]) -> Statement {
    let value = Expr::constant(Value::Int(1), Type::Int4);
    Statement::Update(Box::new(Update {
        with: Vec::new(),
        relation: RelationId(1),
        rel: RelId(1),
        set: vec![Assignment { column, value }],
        from: Vec::new(),
        filter,
        returning: outputs(1, returning),
        policy: WritePolicy::default(),
    }))
}

fn delete(filter: Option<Expr>) -> Statement {
    Statement::Delete(Box::new(Delete {
        with: Vec::new(),
        relation: RelationId(1),
        rel: RelId(1),
        using: Vec::new(),
        filter,
        returning: Vec::new(),
        policy: WritePolicy::default(),
    }))
}

fn check(catalog: &Catalog, role: &str, statement: Statement) -> String {
    let authorized = match authorize_statement(catalog, &Caller::role(role, false), statement) {
        Ok(authorized) => authorized,
        Err(error) => return error.to_string(),
    };
    let (relation, filter, policy) = match authorized.get() {
        Statement::Insert(insert) => (insert.relation, None, &insert.policy),
        Statement::Update(update) => (update.relation, update.filter.as_ref(), &update.policy),
        Statement::Delete(delete) => (delete.relation, delete.filter.as_ref(), &delete.policy),
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => unreachable!(),
    };
    let checks = |name: &str, checks: &[PolicyCheck]| {
        let shown: Vec<String> = checks
            .iter()
            .map(|check| {
                let name = check.policy.as_deref().map_or(String::new(), |p| format!("{p}:"));
                format!("{name}{}{}", if check.using { "using " } else { "" }, show(&check.expr))
            })
            .collect();
        if shown.is_empty() { String::new() } else { format!(" {name}[{}]", shown.join("; ")) }
    };
    let mut text = format!("t{}", relation.0);
    if let Some(filter) = filter {
        text += &format!(" where {}", show(filter));
    }
    if let Some(rows) = &policy.row_filter {
        text += &format!(" rows[{}]", show(rows));
    }
    text += &checks("insert", &policy.insert_checks);
    text += &checks("conflict", &policy.conflict_checks);
    text += &checks("update", &policy.update_checks);
    text + if policy.binds { " bound" } else { "" }
}

/// Read owner 1, insert owner 2, update owner 3 (check: owner 4), delete owner 5; one restrictive.
fn ruled() -> Catalog {
    let mut update = policy("u", PolicyCommand::Update, owner_is(3));
    update.check = Some(owner_is(4));
    let policies = vec![
        policy("s", PolicyCommand::Select, owner_is(1)),
        policy("i", PolicyCommand::Insert, owner_is(2)),
        update,
        policy("d", PolicyCommand::Delete, owner_is(5)),
        Policy { permissive: false, ..policy("only", PolicyCommand::Insert, equals(ROW, 3, 9)) },
    ];
    catalog(vec![guarded(1, "notes", policies)], Vec::new())
}

use backstay_catalog::ROW;

#[test]
fn each_written_column_needs_its_right() {
    let mut notes = relation(1, "notes", RelationKind::Table);
    notes.acl.grant("anon", Privilege::Insert, Some(1));
    notes.acl.grant("anon", Privilege::Update, Some(3));
    let catalog = catalog(vec![notes], Vec::new());
    let refused = "permission denied for table notes (42501)";
    assert_eq!(check(&catalog, "anon", insert(&[1], &[])), "t1");
    assert_eq!(check(&catalog, "anon", insert(&[1, 2], &[])), refused);
    assert_eq!(check(&catalog, "anon", update(3, None, &[])), "t1");
    assert_eq!(check(&catalog, "anon", update(4, None, &[])), refused);
    assert_eq!(check(&catalog, "anon", delete(None)), refused);
    // What a write reads or returns needs the right to read.
    assert_eq!(check(&catalog, "anon", insert(&[1], &[1])), refused);
    assert_eq!(check(&catalog, "anon", update(3, Some(equals(RelId(1), 1, 1)), &[])), refused);
}

#[test]
fn an_insert_is_checked_and_with_returned_rows_also_for_reading() {
    let checked = "t1 insert[e1.2=2; only:e1.3=9] bound";
    assert_eq!(check(&ruled(), "anon", insert(&[1], &[])), checked);
    let read = "t1 insert[e1.2=2; only:e1.3=9; e1.2=1] bound";
    assert_eq!(check(&ruled(), "anon", insert(&[1], &[1])), read);
}

#[test]
fn an_update_is_read_only_where_it_reads() {
    assert_eq!(
        check(&ruled(), "anon", update(3, None, &[])),
        "t1 rows[e1.2=3] update[e1.2=4] bound"
    );
    assert_eq!(
        check(&ruled(), "anon", update(3, Some(equals(RelId(1), 1, 1)), &[])),
        "t1 where e1.1=1 rows[(e1.2=3 and e1.2=1)] update[e1.2=4; e1.2=1] bound"
    );
}

#[test]
fn an_update_without_a_check_is_held_against_using() {
    let policies = vec![policy("u", PolicyCommand::Update, owner_is(3))];
    let catalog = catalog(vec![guarded(1, "notes", policies)], Vec::new());
    assert_eq!(
        check(&catalog, "anon", update(3, None, &[])),
        "t1 rows[e1.2=3] update[e1.2=3] bound"
    );
}

#[test]
fn a_delete_touches_rows_that_both_policies_show() {
    assert_eq!(
        check(&ruled(), "anon", delete(Some(equals(RelId(1), 1, 1)))),
        "t1 where e1.1=1 rows[(e1.2=5 and e1.2=1)] bound"
    );
}

#[test]
fn without_policies_nothing_can_be_written() {
    let catalog = catalog(vec![guarded(1, "notes", Vec::new())], Vec::new());
    assert_eq!(check(&catalog, "anon", insert(&[1], &[])), "t1 insert[false] bound");
    assert_eq!(check(&catalog, "anon", update(3, None, &[])), "t1 rows[false] update[false] bound");
    assert_eq!(check(&catalog, "anon", delete(None)), "t1 rows[false] bound");
}

#[test]
fn an_upsert_must_pass_the_rules_of_insert_and_update() {
    assert_eq!(
        check(&ruled(), "anon", upsert(&[1, 3], &[1])),
        "t1 insert[e1.2=2; only:e1.3=9; e1.2=1] conflict[using e1.2=3; using e1.2=1] \
         update[e1.2=4; e1.2=1] bound"
    );
}

#[test]
fn an_upsert_needs_to_read_what_decides_the_conflict() {
    let mut notes = relation(1, "notes", RelationKind::Table);
    for privilege in [Privilege::Insert, Privilege::Update] {
        notes.acl.grant("anon", privilege, None);
    }
    let catalog = catalog(vec![notes], Vec::new());
    let refused = "permission denied for table notes (42501)";
    assert_eq!(check(&catalog, "anon", upsert(&[1], &[1])), refused);
}

#[test]
fn a_bypassing_role_is_bound_by_nothing() {
    let mut notes = ruled().relation("public", "notes").unwrap().as_ref().clone();
    notes.acl.grant("service_role", Privilege::Insert, None);
    let catalog = catalog(vec![notes], Vec::new());
    assert_eq!(check(&catalog, "service_role", insert(&[1], &[])), "t1");
}

#[test]
fn a_simple_view_is_written_through_with_its_owners_rights() {
    let mut query = select(2, 7, &[3, 1]);
    if let backstay_expr::Body::Select(select) = &mut query.body {
        select.narrow(equals(RelId(7), 4, 6));
    }
    let notes = Relation { acl: Acl::default(), ..table(2, "notes") };
    let mut two = view(1, "two", query, false);
    two.columns.truncate(2);
    let catalog = catalog(vec![notes, two], Vec::new());
    assert_eq!(
        check(&catalog, "anon", update(1, Some(equals(RelId(1), 2, 5)), &[])),
        "t2 where (e1.4=6 and e1.1=5)"
    );
    assert_eq!(check(&catalog, "anon", insert(&[1], &[])), "t2");
}

#[test]
fn a_view_that_is_no_simple_one_is_refused() {
    let mut query = select(2, 7, &[1, 2, 3, 4]);
    query.limit = Some(Expr::constant(Value::Int(1), Type::Int8));
    let catalog = catalog(vec![table(2, "notes"), view(1, "few", query, false)], Vec::new());
    assert_eq!(
        check(&catalog, "anon", insert(&[1], &[])),
        "cannot insert into view \"few\" (55000)"
    );
    assert_eq!(check(&catalog, "anon", delete(None)), "cannot delete from view \"few\" (55000)");
}

/// Authorizes a write with a representation of `columns`; what it shows and demands.
fn check_plan(catalog: &Catalog, statement: Statement, columns: &[u16]) -> String {
    let write = Write {
        statement,
        relation: RelationId(1),
        representation: Some(Node {
            query: select(1, 9, columns),
            members: Vec::new(),
            children: Vec::new(),
        }),
        target: RelId(9),
        location: Vec::new(),
        upsert: false,
    };
    let plan = Plan::new(Operation::Write(write));
    let authorized = match authorize(catalog, &Caller::role("anon", false), plan) {
        Ok(authorized) => authorized,
        Err(error) => return error.to_string(),
    };
    let Operation::Write(write) = &*authorized.get().operation else { unreachable!() };
    let Statement::Insert(insert) = &write.statement else { unreachable!() };
    let checks: Vec<String> =
        insert.policy.insert_checks.iter().map(|check| show(&check.expr)).collect();
    let shown = write.representation.as_ref().map_or(String::new(), |n| show_query(&n.query));
    format!("t{} [{}] shows {shown}", write.relation.0, checks.join("; "))
}

#[test]
fn a_representation_needs_the_right_to_read_and_the_read_policy() {
    assert_eq!(
        check_plan(&ruled(), insert(&[1], &[]), &[1, 3]),
        "t1 [e1.2=2; e1.3=9; e1.2=1] shows e9.1,e9.3 from t1 e9"
    );
    let mut notes = relation(1, "notes", RelationKind::Table);
    notes.acl.grant("anon", Privilege::Insert, None);
    notes.acl.grant("anon", Privilege::Select, Some(1));
    let catalog = catalog(vec![notes], Vec::new());
    assert_eq!(check_plan(&catalog, insert(&[1], &[]), &[1]), "t1 [] shows e9.1 from t1 e9");
    assert_eq!(
        check_plan(&catalog, insert(&[1], &[]), &[1, 3]),
        "permission denied for table notes (42501)"
    );
}

#[test]
fn a_representation_of_a_view_reads_the_table_under_it() {
    let mut two = view(1, "two", select(2, 7, &[3, 1]), false);
    two.columns.truncate(2);
    let catalog = catalog(vec![table(2, "notes"), two], Vec::new());
    assert_eq!(
        check_plan(&catalog, insert(&[1], &[]), &[1, 2]),
        "t2 [] shows e9.3,e9.1 from t2 e9"
    );
}

#[test]
fn a_views_own_condition_does_not_make_a_write_read() {
    let mut query = select(2, 7, &[3, 1]);
    if let backstay_expr::Body::Select(select) = &mut query.body {
        select.narrow(equals(RelId(7), 4, 6));
    }
    let policies = vec![
        policy("s", PolicyCommand::Select, owner_is(1)),
        policy("u", PolicyCommand::Update, owner_is(3)),
    ];
    let mut notes = guarded(2, "notes", policies);
    notes.acl.grant("editor", Privilege::Update, None);
    notes.acl.grant("editor", Privilege::Select, None);
    let mut two = view(1, "two", query, false);
    two.owner = "editor".to_owned();
    two.columns.truncate(2);
    let catalog = catalog(vec![notes, two], Vec::new());
    assert_eq!(
        check(&catalog, "anon", update(1, None, &[])),
        "t2 where e1.4=6 rows[e1.2=3] update[e1.2=3] bound"
    );
    assert_eq!(
        check(&catalog, "anon", update(1, Some(equals(RelId(1), 2, 5)), &[])),
        "t2 where (e1.4=6 and e1.1=5) rows[(e1.2=3 and e1.2=1)] update[e1.2=3; e1.2=1] bound"
    );
}
