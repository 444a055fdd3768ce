//! Random policies against a plain definition of what PostgreSQL documents.

use backstay_catalog::{Policy, PolicyCommand};
use backstay_expr::{Body, Expr, From};
use backstay_model::Value;
use backstay_policy::{Caller, authorize_query};
use proptest::prelude::*;

use crate::shop::*;

#[derive(Debug, Clone)]
struct Case {
    permissive: bool,
    command: u8,
    role: u8,
    owner: i64,
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let one = (any::<bool>(), 0..5u8, 0..3u8, 0..3i64)
        .prop_map(|(permissive, command, role, owner)| Case { permissive, command, role, owner });
    proptest::collection::vec(one, 0..6)
}

fn command(number: u8) -> PolicyCommand {
    match number {
        0 => PolicyCommand::All,
        1 => PolicyCommand::Select,
        2 => PolicyCommand::Insert,
        3 => PolicyCommand::Update,
        _ => PolicyCommand::Delete,
    }
}

fn to_policy(case: &Case) -> Policy {
    let mut made = policy("p", command(case.command), owner_is(case.owner));
    made.permissive = case.permissive;
    made.roles = vec![["public", "anon", "editor"][usize::from(case.role)].to_owned()];
    made
}

/// Is a row of this owner visible to `anon`, row by row and policy by policy?
fn visible(cases: &[Case], owner: i64) -> bool {
    let applies = |case: &&Case| case.command <= 1 && case.role <= 1;
    let mut permitted = false;
    for case in cases.iter().filter(applies) {
        if case.permissive {
            permitted |= case.owner == owner;
        } else if case.owner != owner {
            return false;
        }
    }
    permitted
}

fn holds(expr: &Expr, owner: i64) -> bool {
    match expr {
        Expr::And(terms) => terms.iter().all(|term| holds(term, owner)),
        Expr::Or(terms) => terms.iter().any(|term| holds(term, owner)),
        Expr::Const { value, .. } => value.as_bool() == Some(true),
        Expr::Compare { right, .. } => {
            matches!(&**right, Expr::Const { value: Value::Int(known), .. } if *known == owner)
        }
        other => panic!("unexpected {other:?}"),
    }
}

proptest! {
    #[test]
    fn the_filter_keeps_what_the_definition_keeps(cases in cases(), owner in 0..4i64) {
        let policies = cases.iter().map(to_policy).collect();
        let catalog = catalog(vec![guarded(1, "notes", policies)], Vec::new());
        let query =
            authorize_query(&catalog, &Caller::role("anon", true), select(1, 1, &[1])).unwrap();
        let Body::Select(select) = &query.get().body else { panic!("no select") };
        let From::Relation(scan) = &select.from[0] else { panic!("no scan") };
        let kept = scan.policy.as_ref().is_none_or(|policy| holds(policy, owner));
        prop_assert_eq!(kept, visible(&cases, owner));
    }
}
