//! Folding of constants: casts and operators over literals that always give the same value.
//!
//! A computation that raises is left as it is, so that it raises when (and only if) it is reached.

use backstay_expr::{CastMethod, Expr};
use backstay_model::{Type, Value};
use backstay_scalar::{Call, Function, Implementation, Volatility, io, table};

use crate::{LiteralEnvironment, Resolver};

/// A cast over a literal becomes a literal.
pub(crate) fn cast(resolver: &Resolver<'_>, expr: Expr) -> Expr {
    let Expr::Cast { expr: inner, method, modifier, explicit, ty } = expr else { return expr };
    let again =
        |inner: Box<Expr>, method, ty| Expr::Cast { expr: inner, method, modifier, explicit, ty };
    let Expr::Const { value, ty: source } = inner.as_ref() else {
        return again(inner, method, ty);
    };
    if matches!(ty, Type::Domain(_)) {
        return again(inner, method, ty);
    }
    let env = LiteralEnvironment::new(resolver.catalog());
    let converted = match &method {
        _ if value.is_null() => Some(Value::Null),
        CastMethod::Relabel => Some(value.clone()),
        CastMethod::Function(symbol) => table().get(symbol).and_then(|function| {
            compute(
                resolver,
                function,
                std::slice::from_ref(value),
                std::slice::from_ref(source),
                &ty,
            )
        }),
        CastMethod::Io | CastMethod::Array(_) => None,
    };
    let folded = converted.and_then(|value| match modifier {
        Some(modifier) if !value.is_null() => {
            io::apply_modifier(&env, &ty, modifier, value, explicit).ok()
        }
        _ => Some(value),
    });
    match folded {
        Some(value) => Expr::constant(value, ty),
        None => again(inner, method, ty),
    }
}

/// An operator call over literals becomes a literal.
pub(crate) fn call(
    resolver: &Resolver<'_>,
    function: &Function,
    args: Vec<Expr>,
    ty: Type,
) -> Expr {
    let constants: Option<(Vec<Value>, Vec<Type>)> = args
        .iter()
        .map(|arg| match arg {
            Expr::Const { value, ty } => Some((value.clone(), ty.clone())),
            _ => None,
        })
        .collect();
    let folded =
        constants.and_then(|(values, types)| compute(resolver, function, &values, &types, &ty));
    match folded {
        Some(value) => Expr::constant(value, ty),
        None => Expr::Call { symbol: function.symbol.clone(), args, ty },
    }
}

fn compute(
    resolver: &Resolver<'_>,
    function: &Function,
    args: &[Value],
    arg_types: &[Type],
    result: &Type,
) -> Option<Value> {
    if function.volatility != Volatility::Immutable
        || !matches!(function.run, Implementation::Scalar(_))
    {
        return None;
    }
    let env = LiteralEnvironment::new(resolver.catalog());
    function.call(&Call { env: &env, args, arg_types, result }).ok()
}
