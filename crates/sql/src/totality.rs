//! Which expressions can raise, or do something, when they meet a row they were not meant for.

use backstay_expr::{CastMethod, Comparator, Expr, RelId, visit_expr};
use backstay_model::Type;
use backstay_scalar::table;

/// Can the expression be evaluated on any stored row without raising and without side effect?
pub fn is_total(expr: &Expr) -> bool {
    is_total_over(expr, &|_, _| true)
}

/// The same where `column` says which columns of sub-selects are computed by total expressions.
pub(crate) fn is_total_over(expr: &Expr, column: &dyn Fn(RelId, u16) -> bool) -> bool {
    let mut total = true;
    visit_expr(expr, &mut |node| total = total && node_is_total(node, column));
    total
}

fn node_is_total(expr: &Expr, column_is_total: &dyn Fn(RelId, u16) -> bool) -> bool {
    match expr {
        Expr::Call { symbol, .. } => symbol_is_total(symbol),
        Expr::AnyArray { op: Comparator::Symbol(symbol), .. }
        | Expr::AnyQuery { op: Comparator::Symbol(symbol), .. } => symbol_is_total(symbol),
        Expr::Cast { method, modifier, ty, .. } => cast_is_total(method, ty) && modifier.is_none(),
        Expr::Column { rel, column, .. } => column_is_total(*rel, *column),
        // More than one row raises.
        Expr::UserCall { .. }
        | Expr::Operator { .. }
        | Expr::Scalar { .. }
        | Expr::Default { .. }
        | Expr::Native { .. } => false,
        Expr::Aggregate { symbol, .. } | Expr::Window { symbol, .. } => symbol_is_total(symbol),
        Expr::Const { .. }
        | Expr::Param { .. }
        | Expr::ParentKey { .. }
        | Expr::Argument { .. }
        | Expr::WholeRow { .. }
        | Expr::OutputColumn { .. }
        | Expr::Compare { .. }
        | Expr::IsDistinct { .. }
        | Expr::And(_)
        | Expr::Or(_)
        | Expr::Not(_)
        | Expr::IsNull { .. }
        | Expr::IsBool { .. }
        | Expr::Case { .. }
        | Expr::Coalesce { .. }
        | Expr::Extreme { .. }
        | Expr::InList { .. }
        | Expr::AnyArray { .. }
        | Expr::Exists(_)
        | Expr::AnyQuery { .. }
        | Expr::ArrayQuery { .. }
        | Expr::Array { .. }
        | Expr::Row { .. }
        | Expr::Field { .. } => true,
    }
}

fn symbol_is_total(symbol: &str) -> bool {
    table().get(symbol).is_some_and(|function| function.total)
}

fn cast_is_total(method: &CastMethod, target: &Type) -> bool {
    match method {
        CastMethod::Relabel => !matches!(target, Type::Domain(_)),
        CastMethod::Function(symbol) => symbol_is_total(symbol),
        CastMethod::Io => matches!(target, Type::Text | Type::Varchar | Type::Name),
        CastMethod::Array(inner) => {
            target.element().is_some_and(|element| cast_is_total(inner, element))
        }
    }
}
