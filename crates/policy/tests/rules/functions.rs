//! Functions: the right to call them and their bodies in the place of calls.

use backstay_catalog::{Acl, Catalog, PolicyCommand, Privilege, Relation, Routine};
use backstay_expr::{Expr, From, FunctionScan, Output, Query, RelId, Select};
use backstay_model::{Type, Value};
use backstay_policy::{Caller, authorize_body, authorize_query};

use crate::shop::*;

fn check(catalog: &Catalog, role: &str, expr: Expr) -> String {
    let select = Select::new(vec![Output { name: "x".to_owned(), expr }], vec![scan(1, 1)]);
    match authorize_query(catalog, &Caller::role(role, false), Query::select(select)) {
        Ok(query) => show_query(query.get()),
        Err(error) => error.to_string(),
    }
}

fn with(routines: Vec<Routine>) -> Catalog {
    let secret = Relation { acl: Acl::default(), ..guarded(2, "secret", Vec::new()) };
    catalog(vec![table(1, "notes"), secret], routines)
}

fn argument(index: usize) -> Expr {
    Expr::Argument { index, ty: Type::Int4 }
}

/// `select exists-free expression`: no `FROM` at all.
fn plain(expr: Expr) -> Query {
    Query::select(Select::new(vec![Output { name: "x".to_owned(), expr }], Vec::new()))
}

fn coalesce(a: Expr, b: Expr) -> Expr {
    Expr::Case {
        branches: vec![(Expr::bool(true), a)],
        otherwise: Some(Box::new(b)),
        ty: Type::Int4,
    }
}

#[test]
fn a_function_without_a_grant_is_refused() {
    let f = Routine { acl: Acl::default(), ..routine(10, "f", select(1, 9, &[1])) };
    assert_eq!(
        check(&with(vec![f]), "anon", call(10, vec![])),
        "permission denied for function f (42501)"
    );
}

#[test]
fn a_plain_body_takes_the_place_of_the_call() {
    let f = routine(10, "f", plain(coalesce(argument(0), argument(1))));
    let args = vec![column(RelId(1), 1), Expr::constant(Value::Int(5), Type::Int4)];
    assert_eq!(
        check(&with(vec![f]), "anon", call(10, args)),
        "case when true then e1.1 else 5 from t1 e1"
    );
}

#[test]
fn a_strict_function_of_null_is_null() {
    let f = Routine { strict: true, ..routine(10, "f", plain(coalesce(argument(0), argument(0)))) };
    assert_eq!(
        check(&with(vec![f]), "anon", call(10, vec![column(RelId(1), 1)])),
        "case when e1.1 is null then null else case when true then e1.1 else e1.1 from t1 e1"
    );
}

#[test]
fn a_body_over_a_table_is_a_sub_select_of_one_row() {
    let f = routine(10, "f", select(1, 9, &[2]));
    assert_eq!(
        check(&with(vec![f]), "anon", call(10, vec![])),
        "(e2.2 from t1 e2 limit 1) from t1 e1"
    );
}

#[test]
fn a_definers_body_reads_with_the_owners_rights() {
    let f = Routine { security_definer: true, ..routine(10, "f", select(2, 9, &[2])) };
    assert_eq!(
        check(&with(vec![f]), "anon", call(10, vec![])),
        "(e2.2 from t2 e2 limit 1) from t1 e1"
    );
}

#[test]
fn a_body_that_may_not_be_read_stays_a_call() {
    let f = routine(10, "f", select(2, 9, &[2]));
    let catalog = with(vec![f.clone()]);
    assert_eq!(check(&catalog, "anon", call(10, vec![])), "f10() from t1 e1");
    let error = authorize_body(&catalog, &Caller::role("anon", false), &f).unwrap_err();
    assert_eq!(error.to_string(), "permission denied for table secret (42501)");
    let definer = Routine { security_definer: true, ..f };
    let inside = Caller::role("anon", false).within(&definer);
    assert!(authorize_body(&catalog, &inside, &definer).is_ok());
}

#[test]
fn a_body_that_changes_something_stays_a_call() {
    let mut f = routine(10, "f", plain(argument(0)));
    f.effects.writes = true;
    let catalog = with(vec![f]);
    assert_eq!(
        check(&catalog, "anon", call(10, vec![column(RelId(1), 1)])),
        "f10(e1.1) from t1 e1"
    );
}

#[test]
fn a_function_that_calls_itself_ends_in_a_call() {
    let f = routine(10, "f", plain(coalesce(argument(0), call(10, vec![argument(0)]))));
    assert_eq!(
        check(&with(vec![f]), "anon", call(10, vec![column(RelId(1), 1)])),
        "case when true then e1.1 else f10(e1.1) from t1 e1"
    );
}

#[test]
fn an_argument_that_is_computed_is_computed_once() {
    let f = routine(10, "f", plain(coalesce(argument(0), argument(0))));
    let arg = coalesce(column(RelId(1), 1), column(RelId(1), 2));
    assert_eq!(
        check(&with(vec![f]), "anon", call(10, vec![arg])),
        "(case when true then e2.1 else e2.1 from (case when true then e1.1 else e1.2 from ) e2) \
         from t1 e1"
    );
}

#[test]
fn a_set_in_from_becomes_its_query() {
    let mut f = routine(10, "f", select(1, 9, &[1, 3]));
    f.returns.set = true;
    let from = From::Function(FunctionScan {
        rel: RelId(1),
        call: call(10, vec![]),
        columns: vec![("id".to_owned(), Type::Int4), ("title".to_owned(), Type::Int4)],
        ordinality: false,
    });
    let query = Query::select(Select::new(outputs(1, &[1]), vec![from]));
    let authorized = authorize_query(&with(vec![f]), &Caller::role("anon", false), query).unwrap();
    assert_eq!(show_query(authorized.get()), "e1.1 from (e2.1,e2.3 from t1 e2) e1");
}

#[test]
fn a_definer_is_closed_to_requests_and_open_to_policies_where_rules_are_wanted() {
    let mut f = Routine { security_definer: true, ..routine(10, "f", select(2, 9, &[2])) };
    let using = Expr::equals(Type::Int4, column(backstay_catalog::ROW, 2), call(10, vec![]));
    let notes = guarded(1, "notes", vec![policy("p", PolicyCommand::All, using)]);
    let secret = guarded(2, "secret", Vec::new());
    let caller = Caller::role("anon", true);
    let check = |f: &Routine, query: Query| {
        let catalog = catalog(vec![notes.clone(), secret.clone()], vec![f.clone()]);
        authorize_query(&catalog, &caller, query)
            .map_or_else(|error| error.to_string(), |query| show_query(query.get()))
    };
    assert_eq!(check(&f, select(1, 1, &[1])), "e1.1 from t1 e1[e1.2=(e2.2 from t2 e2 limit 1)]");
    assert_eq!(check(&f, plain(call(10, vec![]))), "permission denied for function f (42501)");
    f.acl.grant("anon", Privilege::Execute, None);
    assert_eq!(check(&f, plain(call(10, vec![]))), "(e1.2 from t2 e1 limit 1) from ");
}

#[test]
fn a_policy_that_asks_a_definer_about_its_own_table_does_not_recurse() {
    let f = Routine { security_definer: true, ..routine(10, "f", select(1, 9, &[2])) };
    let using = Expr::equals(Type::Int4, column(backstay_catalog::ROW, 2), call(10, vec![]));
    let notes = guarded(1, "notes", vec![policy("p", PolicyCommand::All, using)]);
    let catalog = catalog(vec![notes], vec![f]);
    let caller = Caller::role("anon", false);
    let query = authorize_query(&catalog, &caller, select(1, 1, &[1])).unwrap();
    assert_eq!(show_query(query.get()), "e1.1 from t1 e1[e1.2=(e2.2 from t1 e2 limit 1)]");
}
