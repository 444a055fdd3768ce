//! The net under the executor: does the stored data keep what the catalogue promises?
//!
//! Runs after generated test cases, in `doctor` and after a restore. One scan for each column that
//! may not be null, for each check and each domain, one anti-join for each foreign key.

use std::sync::Arc;

use backstay_catalog::{ForeignKey, ROW, Relation};
use backstay_expr::{BoolTest, CastMethod, Expr, From, Output, Query, RelId, RelationScan, Select};
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::{CastContext, Kind, table};

use crate::eval::domains;
use crate::{Scope, Store};

/// The parent's rows in an anti-join; the child's are [`ROW`].
const PARENT: RelId = RelId(1);

/// Tests every constraint that is not `NOT VALID`: one finding a line, nothing when all is well.
///
/// # Errors
/// As the database reports, or as a check raises.
pub fn check_constraints(scope: &Scope<'_>, store: &dyn Store) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for relation in scope.catalog.relations.values().filter(|known| known.view().is_none()) {
        let mut note = |count: u64, what: String| {
            if count > 0 {
                let rows = if count == 1 { "row" } else { "rows" };
                let name = format!("{}.{}", relation.schema, relation.name);
                findings.push(format!("{name}: {count} {rows} {what}"));
            }
        };
        for column in relation.columns.iter().filter(|column| column.not_null) {
            let expr = Box::new(Expr::column(ROW, column.number, column.ty.clone()));
            let count = count(relation, Expr::IsNull { expr, negated: false }, scope, store)?;
            note(count, format!("with null in column \"{}\"", column.name));
        }
        for check in relation.checks.iter().filter(|check| !check.not_valid) {
            let expr = Box::new(check.expr.clone());
            let failing = Expr::IsBool { expr, test: BoolTest::False, negated: false };
            let count = count(relation, failing, scope, store)?;
            note(count, format!("against check constraint \"{}\"", check.name));
        }
        for key in relation.foreign_keys.iter().filter(|key| !key.not_valid) {
            let count = count(relation, orphaned(relation, key, scope)?, scope, store)?;
            note(count, format!("against foreign key constraint \"{}\"", key.name));
        }
        for (column, count) in domain_violations(relation, scope, store)? {
            note(count, format!("against the domain of column \"{column}\""));
        }
    }
    Ok(findings)
}

fn scan(rel: RelId, relation: &Relation) -> From {
    From::Relation(RelationScan { rel, relation: relation.id, policy: None })
}

/// How many rows of the relation the condition finds.
fn count(
    relation: &Relation,
    condition: Expr,
    scope: &Scope<'_>,
    store: &dyn Store,
) -> Result<u64> {
    let id = Output { name: "id".to_owned(), expr: Expr::column(ROW, 0, Type::Int8) };
    let mut select = Select::new(vec![id], vec![scan(ROW, relation)]);
    select.narrow(condition);
    let mut count = 0;
    store.query(&Query::select(select), scope, &mut |_| {
        count += 1;
        Ok(true)
    })?;
    Ok(count)
}

/// The row's key is not null, and there is no parent (or, for `MATCH FULL`, it is null in part).
fn orphaned(child: &Relation, key: &ForeignKey, scope: &Scope<'_>) -> Result<Expr> {
    let parent: &Arc<Relation> = scope
        .catalog
        .relations
        .get(&key.target)
        .ok_or_else(|| Error::internal(format!("foreign key {} without a target", key.name)))?;
    let (mut present, mut absent, mut equal) = (Vec::new(), Vec::new(), Vec::new());
    for (number, target) in key.columns.iter().zip(&key.target_columns) {
        let column = column(child, ROW, *number, scope)?;
        let is_null = |negated| Expr::IsNull { expr: Box::new(column.clone()), negated };
        present.push(is_null(true));
        absent.push(is_null(false));
        equal.push(equality(column.clone(), self::column(parent, PARENT, *target, scope)?));
    }
    let one = Output { name: "one".to_owned(), expr: Expr::constant(Value::Int(1), Type::Int4) };
    let mut select = Select::new(vec![one], vec![scan(PARENT, parent)]);
    select.filter = Expr::all_of(equal);
    let missing = Expr::Not(Box::new(Expr::Exists(Box::new(Query::select(select)))));
    let alone = Expr::all_of(present.iter().cloned().chain([missing]));
    let mixed = key
        .match_full
        .then(|| Expr::all_of([Expr::any_of(present), Expr::any_of(absent)].into_iter().flatten()));
    Expr::any_of([alone, mixed.flatten()].into_iter().flatten())
        .ok_or_else(|| Error::internal(format!("foreign key {} without columns", key.name)))
}

fn column(relation: &Relation, rel: RelId, number: u16, scope: &Scope<'_>) -> Result<Expr> {
    let column = relation
        .column_by_number(number)
        .ok_or_else(|| Error::internal(format!("no column {number} in {}", relation.name)))?;
    Ok(Expr::column(rel, number, column.ty.base(scope.env.types())))
}

/// Equality of two columns; where their types differ, one is cast as PostgreSQL would.
fn equality(left: Expr, right: Expr) -> Expr {
    let (left_type, right_type) = (left.ty(), right.ty());
    if left_type == right_type {
        return Expr::equals(left_type, left, right);
    }
    match (implicit_cast(&left, &right_type), implicit_cast(&right, &left_type)) {
        (Some(left), _) => Expr::equals(right_type, left, right),
        (None, Some(right)) => Expr::equals(left_type, left, right),
        (None, None) => Expr::equals(right_type, left, right),
    }
}

fn implicit_cast(expr: &Expr, target: &Type) -> Option<Expr> {
    let source = expr.ty();
    let function = table().named("::").find(|function| {
        function.kind == Kind::Cast(CastContext::Implicit)
            && function.args.first() == Some(&source)
            && function.result == *target
    })?;
    Some(Expr::Cast {
        expr: Box::new(expr.clone()),
        method: CastMethod::Function(Arc::clone(&function.symbol)),
        modifier: None,
        explicit: false,
        ty: target.clone(),
    })
}

/// For each column with a domain: how many of its values the domain refuses.
fn domain_violations(
    relation: &Relation,
    scope: &Scope<'_>,
    store: &dyn Store,
) -> Result<Vec<(String, u64)>> {
    let mut violations = Vec::new();
    for column in relation.columns.iter().filter(|column| matches!(column.ty, Type::Domain(_))) {
        let expr = Expr::column(ROW, column.number, column.ty.clone());
        let output = Output { name: column.name.clone(), expr };
        let query = Query::select(Select::new(vec![output], vec![scan(ROW, relation)]));
        let mut count = 0;
        store.query(&query, scope, &mut |row| {
            let value = row.first().unwrap_or(&Value::Null);
            match domains::check(&column.ty, value, scope, Some(store)) {
                Err(error) if matches!(&*error.code, "23502" | "23514") => count += 1,
                other => other?,
            }
            Ok(true)
        })?;
        violations.push((column.name.clone(), count));
    }
    Ok(violations)
}

#[cfg(test)]
mod tests;
