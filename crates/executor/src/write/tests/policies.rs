//! Row security on written rows, and what error details keep back.

use backstay_catalog::{Acl, Privilege, Role};
use backstay_expr::{
    CompareOp, Conflict, ConflictAction, ConflictTarget, Expr, From, Output, PolicyCheck, Query,
    RelId, RelationScan, Select,
};
use backstay_model::Type;

use crate::testing::{Fixture, T, alter, compare, int};

const DOCS: &str = "docs: id int pk, owner int, size int notnull";

fn owned_by_one(fixture: &Fixture) -> Expr {
    Expr::equals(Type::Int4, fixture.col("docs", "owner"), int(1))
}

fn policy(expr: Expr) -> PolicyCheck {
    PolicyCheck { policy: None, using: false, expr }
}

#[test]
fn a_policy_speaks_before_not_null() {
    let fixture = Fixture::new(DOCS);
    let mut insert = fixture.insert("docs", "id owner", "1 2");
    insert.policy.insert_checks = vec![policy(owned_by_one(&fixture))];
    assert_eq!(
        fixture.run(&insert),
        "42501: new row violates row-level security policy for table \"docs\""
    );
    insert.policy.insert_checks[0].policy = Some("mine".to_owned());
    assert_eq!(
        fixture.run(&insert),
        "42501: new row violates row-level security policy \"mine\" for table \"docs\""
    );
}

#[test]
fn null_refuses_like_false() {
    let fixture = Fixture::new(DOCS);
    let mut insert = fixture.insert("docs", "id owner size", "1 null 1");
    insert.policy.insert_checks = vec![policy(owned_by_one(&fixture))];
    assert!(fixture.run(&insert).starts_with("42501"));
}

#[test]
fn an_earlier_row_with_another_error_comes_first() {
    let fixture = Fixture::new(DOCS);
    fixture.run(fixture.insert("docs", "id owner size", "1 1 1"));
    let mut insert = fixture.insert("docs", "id owner size", "1 1 1 ; 2 2 2");
    insert.policy.insert_checks = vec![policy(owned_by_one(&fixture))];
    assert!(fixture.run(&insert).starts_with("23505"));
}

/// `NOT EXISTS (SELECT FROM docs WHERE owner = new.owner)`.
fn only_one(fixture: &Fixture) -> Expr {
    let other = RelId(9);
    let scan = RelationScan { rel: other, relation: fixture.relation("docs").id, policy: None };
    let id = Output { name: "id".to_owned(), expr: Expr::column(other, 1, Type::Int4) };
    let mut select = Select::new(vec![id], vec![From::Relation(scan)]);
    select.filter = Some(Expr::equals(
        Type::Int4,
        Expr::column(other, 2, Type::Int4),
        fixture.col("docs", "owner"),
    ));
    Expr::Not(Box::new(Expr::Exists(Box::new(Query::select(select)))))
}

#[test]
fn policies_see_the_state_before_the_statement() {
    let fixture = Fixture::new(DOCS);
    let mut insert = fixture.insert("docs", "id owner size", "1 1 1 ; 2 1 1");
    insert.policy.insert_checks = vec![policy(only_one(&fixture))];
    assert_eq!(fixture.run(&insert), "ok");
    let mut insert = fixture.insert("docs", "id owner size", "3 1 1");
    insert.policy.insert_checks = vec![policy(only_one(&fixture))];
    assert!(fixture.run(&insert).starts_with("42501"));
}

#[test]
fn hidden_rows_are_neither_updated_nor_deleted() {
    let fixture = Fixture::new(DOCS);
    fixture.run(fixture.insert("docs", "id owner size", "1 1 1 ; 2 2 2"));
    let mut update = fixture.update("docs", "size = 9", "");
    update.policy.row_filter = Some(owned_by_one(&fixture));
    assert_eq!(fixture.run(update), "ok");
    assert_eq!(fixture.rows("docs"), "1 1 9 | 2 2 2");
    let mut delete = fixture.delete("docs", "");
    delete.policy.row_filter = Some(owned_by_one(&fixture));
    delete.returning = fixture.returning("docs", "id");
    assert_eq!(fixture.run(delete), "1");
    assert_eq!(fixture.rows("docs"), "2 2 2");
}

#[test]
fn a_row_may_not_be_given_away() {
    let fixture = Fixture::new(DOCS);
    fixture.run(fixture.insert("docs", "id owner size", "1 1 1"));
    let mut update = fixture.update("docs", "owner = 2", "");
    update.policy.update_checks = vec![policy(owned_by_one(&fixture))];
    assert_eq!(
        fixture.run(update),
        "42501: new row violates row-level security policy for table \"docs\""
    );
}

#[test]
fn an_upsert_over_a_row_of_another_raises() {
    let fixture = Fixture::new(DOCS);
    fixture.run(fixture.insert("docs", "id owner size", "1 2 1"));
    let mut insert = fixture.insert("docs", "id owner size", "1 1 5");
    insert.conflict = Some(Conflict {
        target: ConflictTarget::Columns(vec![1]),
        action: ConflictAction::Update { set: Vec::new(), filter: None },
    });
    let using = PolicyCheck { using: true, ..policy(owned_by_one(&fixture)) };
    insert.policy.conflict_checks = vec![using];
    assert_eq!(
        fixture.run(&insert),
        "42501: new row violates row-level security policy (USING expression) for table \"docs\""
    );
}

#[test]
fn details_are_kept_back_where_row_security_binds() {
    let fixture = Fixture::new(DOCS);
    fixture.run(fixture.insert("docs", "id owner size", "1 1 1"));
    let mut insert = fixture.insert("docs", "id size", "1 1");
    insert.policy.binds = true;
    assert_eq!(
        fixture.run(&insert),
        "23505: duplicate key value violates unique constraint \"docs_pkey\""
    );
    let mut insert = fixture.insert("docs", "id", "2");
    insert.policy.binds = true;
    assert_eq!(
        fixture.run(&insert),
        "23502: null value in column \"size\" of relation \"docs\" violates not-null constraint"
    );
}

/// As `anon`, who may read `docs.id` only.
fn as_anon(grants: &[(Privilege, Option<u16>)], tables: &str) -> Fixture {
    Fixture::as_role("anon", tables, |catalog| {
        catalog.roles.insert("anon".to_owned(), Role::default());
        for name in ["docs", "pages"] {
            if catalog.relation("public", name).is_some() {
                alter(catalog, name, |relation| {
                    relation.acl = Acl::default();
                    for (privilege, column) in grants {
                        relation.acl.grant("anon", *privilege, *column);
                    }
                });
            }
        }
    })
}

#[test]
fn details_show_the_columns_that_the_role_reads_or_gave() {
    let fixture = as_anon(&[(Privilege::Select, Some(1))], DOCS);
    assert_eq!(
        fixture.run(fixture.insert("docs", "owner", "7")),
        "23502: null value in column \"id\" of relation \"docs\" violates not-null constraint / \
         Failing row contains (id, owner) = (null, 7)."
    );
    fixture.run(fixture.insert("docs", "id size", "1 1"));
    assert_eq!(
        fixture.run(fixture.insert("docs", "id size", "1 1")),
        "23505: duplicate key value violates unique constraint \"docs_pkey\" / \
         Key (id)=(1) already exists."
    );
}

#[test]
fn foreign_keys_name_no_values_to_those_who_may_not_read() {
    let tables = "docs: id int pk\npages: id int pk, doc int -> docs.id";
    let fixture = as_anon(&[(Privilege::Insert, None)], tables);
    assert_eq!(
        fixture.run(fixture.insert("pages", "id doc", "1 5")),
        "23503: insert or update on table \"pages\" violates foreign key constraint \
         \"pages_doc_fkey\" / Key is not present in table \"docs\"."
    );
    fixture.run(fixture.insert("docs", "id", "5"));
    fixture.run(fixture.insert("pages", "id doc", "1 5"));
    assert_eq!(
        fixture.run(fixture.delete("docs", "")),
        "23503: update or delete on table \"docs\" violates foreign key constraint \
         \"pages_doc_fkey\" on table \"pages\" / Key is still referenced from table \"pages\"."
    );
}

#[test]
fn actions_pass_row_security_by() {
    let tables = "docs: id int pk\npages: id int pk, doc int -> docs.id delete=cascade";
    let fixture = as_anon(&[(Privilege::Delete, None)], tables);
    fixture.run(fixture.insert("docs", "id", "5"));
    fixture.run(fixture.insert("pages", "id doc", "1 5"));
    let mut delete = fixture.delete("docs", "");
    delete.policy.row_filter = Some(compare(CompareOp::Gt, Expr::column(T, 1, Type::Int4), int(0)));
    delete.policy.binds = true;
    assert_eq!(fixture.run(delete), "ok");
    assert_eq!(fixture.rows("pages"), "");
}
