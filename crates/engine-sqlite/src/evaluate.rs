//! The evaluator over values, as functions and parameters use it.

use std::borrow::Cow;

use backstay_executor::{Scope, Store};
use backstay_expr::Expr;
use backstay_model::{Error, Result, Value};

/// Computes an expression over the scope; values that are there already are not copied.
pub(crate) fn evaluate<'v>(
    expr: &'v Expr,
    scope: &Scope<'v>,
    store: &dyn Store,
) -> Result<Cow<'v, Value>> {
    let held = |values: &'v [Value], index: usize| {
        values
            .get(index)
            .map(Cow::Borrowed)
            .ok_or_else(|| Error::internal(format!("there is no value {index}")))
    };
    match expr {
        Expr::Const { value, .. } => Ok(Cow::Borrowed(value)),
        Expr::Param { index, .. } => held(scope.params, *index),
        Expr::ParentKey { index, .. } => held(scope.parent_keys, *index),
        Expr::Argument { index, .. } => held(scope.arguments, *index),
        _ => backstay_executor::eval(expr, scope, Some(store)).map(Cow::Owned),
    }
}
