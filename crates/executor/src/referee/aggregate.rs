//! Aggregates over a group.

use backstay_expr::walk::{Rewriter, walk_expr};
use backstay_expr::{Expr, Query, SortKey};
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::{Call, Implementation, table};

use super::MemoryStore;
use super::from::{Combination, within};
use super::query::{bases, by_keys, holds};
use crate::{Scope, eval, truth};

/// Is there an aggregate of this very query in the expression?
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    struct Finder(bool);
    impl Rewriter for Finder {
        fn expr(&mut self, expr: &mut Expr) {
            self.0 |= matches!(expr, Expr::Aggregate { .. });
            walk_expr(self, expr);
        }
        fn query(&mut self, _: &mut Query) {}
    }
    let mut finder = Finder(false);
    finder.expr(&mut expr.clone());
    finder.0
}

/// The expression with its aggregates replaced by their values over the group.
pub(super) fn computed(
    store: &MemoryStore,
    expr: &Expr,
    group: &[Combination],
    scope: &Scope<'_>,
) -> Result<Expr> {
    struct Computer<'c> {
        store: &'c MemoryStore,
        group: &'c [Combination],
        scope: &'c Scope<'c>,
        failure: Option<Error>,
    }
    impl Rewriter for Computer<'_> {
        fn expr(&mut self, expr: &mut Expr) {
            let Expr::Aggregate { .. } = expr else { return walk_expr(self, expr) };
            match aggregate(self.store, expr, self.group, self.scope) {
                Ok(value) => *expr = Expr::constant(value, expr.ty()),
                Err(failure) => self.failure = self.failure.take().or(Some(failure)),
            }
        }
        fn query(&mut self, _: &mut Query) {}
    }
    let mut computer = Computer { store, group, scope, failure: None };
    let mut expr = expr.clone();
    computer.expr(&mut expr);
    computer.failure.map_or(Ok(expr), Err)
}

/// A row's arguments and sort keys.
type Member = (Vec<Value>, Vec<Value>);

fn aggregate(
    store: &MemoryStore,
    expr: &Expr,
    group: &[Combination],
    scope: &Scope<'_>,
) -> Result<Value> {
    let Expr::Aggregate { symbol, args, distinct, order, filter, ty } = expr else {
        return Err(Error::internal("no aggregate"));
    };
    let function =
        table().get(symbol).ok_or_else(|| Error::internal(format!("no aggregate {symbol}")))?;
    let Implementation::Aggregate(make) = function.run else {
        return Err(Error::internal(format!("{symbol} is no aggregate")));
    };
    let types: Vec<Type> = args.iter().map(Expr::ty).collect();
    let types = bases(&types, scope);
    let mut members: Vec<Member> = Vec::new();
    for combination in group {
        let member = within(scope, combination, |scope| {
            member(store, args, (order, filter.as_deref()), scope)
        })?;
        members.extend(member);
    }
    members.sort_by(|(_, a), (_, b)| by_keys(order, scope, a, b));
    let mut aggregator = make();
    let mut seen = Vec::new();
    for (args, _) in members {
        if function.strict && args.iter().any(Value::is_null) {
            continue;
        }
        if *distinct {
            if holds(&types, &seen, &args) {
                continue;
            }
            seen.push(args.clone());
        }
        aggregator.step(&Call { env: scope.env, args: &args, arg_types: &types, result: ty })?;
    }
    aggregator.finish(scope.env, ty)
}

fn member(
    store: &MemoryStore,
    args: &[Expr],
    (order, filter): (&[SortKey], Option<&Expr>),
    scope: &Scope<'_>,
) -> Result<Option<Member>> {
    if let Some(filter) = filter
        && truth(filter, scope, Some(store))? != Some(true)
    {
        return Ok(None);
    }
    let values = args.iter().map(|arg| eval(arg, scope, Some(store))).collect::<Result<_>>()?;
    let keys =
        order.iter().map(|key| eval(&key.expr, scope, Some(store))).collect::<Result<_>>()?;
    Ok(Some((values, keys)))
}
