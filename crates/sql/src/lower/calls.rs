//! Calls of functions that are not native.

use std::sync::Arc;

use backstay_expr::walk::{Rewriter, walk_expr};
use backstay_expr::{CastMethod, Expr};
use backstay_model::{Error, Result, Type};
use backstay_scalar::{Function, Kind, Volatility, table};

use super::Lowerer;
use crate::NeededKind;
use crate::names::{body_name, function_name, push_quoted};

impl Lowerer<'_> {
    /// Appends a call of the function table.
    pub(super) fn call(
        &mut self,
        symbol: &Arc<str>,
        args: &[Expr],
        ty: &Type,
        out: &mut String,
    ) -> Result<()> {
        let function = known(symbol)?;
        if function.kind == Kind::SetReturning {
            return Err(Error::new(
                "0A000",
                "set-returning functions are not allowed in this place",
            ));
        }
        let types: Vec<Type> = args.iter().map(|arg| self.actual_type(arg)).collect();
        let result = self.base(ty);
        let open = function.result.is_polymorphic()
            || function.variadic
            || function.args.iter().any(is_open)
            || types.len() != function.args.len();
        let name = function_name(symbol, open, (&types, &result), self.catalog);
        let bounded = self.pattern_bounds(function, args, out)?;
        push_quoted(out, &name);
        out.push('(');
        self.list(args, out)?;
        out.push_str(if bounded { "))" } else { ")" });
        let deterministic = function.volatility == Volatility::Immutable && function.total;
        self.need(&name, args.len(), || NeededKind::Call {
            symbol: Arc::clone(symbol),
            args: types,
            result,
            deterministic,
        });
        Ok(())
    }

    /// The type of an argument; a row that is passed as any record keeps its own.
    pub(super) fn actual_type(&self, arg: &Expr) -> Type {
        match arg {
            Expr::Cast { expr, method: CastMethod::Relabel, ty: Type::Record, .. } => {
                self.actual_type(expr)
            }
            _ => self.base(&arg.ty()),
        }
    }

    /// Appends an expression that is computed by the evaluator over its operands: its direct
    /// children are computed here and handed over.
    pub(super) fn evaluated(&mut self, expr: &Expr, out: &mut String) -> Result<()> {
        let mut body = expr.clone();
        let mut operands = Operands(Vec::new());
        walk_expr(&mut operands, &mut body);
        let operands = operands.0;
        let args: Vec<Type> = operands.iter().map(|operand| self.base(&operand.ty())).collect();
        let name = body_name(tag(expr), &format!("{body:?}{args:?}"));
        push_quoted(out, &name);
        out.push('(');
        self.list(&operands, out)?;
        out.push(')');
        self.need(&name, operands.len(), || NeededKind::Eval {
            args,
            deterministic: is_plain(expr),
            body: Box::new(body),
        });
        Ok(())
    }
}

/// The function behind a symbol.
pub(super) fn known(symbol: &str) -> Result<&'static Arc<Function>> {
    table()
        .get(symbol)
        .ok_or_else(|| Error::new("42883", format!("function {symbol} does not exist")))
}

/// A declared type that says little about the actual one.
pub(super) fn is_open(ty: &Type) -> bool {
    ty.is_polymorphic()
        || matches!(ty, Type::Any | Type::Record | Type::Unknown)
        || ty.element().is_some_and(is_open)
}

/// Takes the direct children out and puts numbered arguments in their place.
pub(super) struct Operands(pub(super) Vec<Expr>);

impl Rewriter for Operands {
    fn expr(&mut self, expr: &mut Expr) {
        let ty = expr.ty();
        let argument = Expr::Argument { index: self.0.len(), ty };
        self.0.push(std::mem::replace(expr, argument));
    }
}

fn tag(expr: &Expr) -> &'static str {
    match expr {
        Expr::UserCall { .. } => "call",
        Expr::Extreme { greatest: true, .. } => "greatest",
        Expr::Extreme { .. } => "least",
        Expr::Array { .. } => "array",
        Expr::Row { .. } => "row",
        Expr::Field { .. } => "field",
        Expr::Cast { .. } => "cast",
        Expr::AnyArray { .. } => "any",
        _ => "expression",
    }
}

/// Same operands, same result, and no error: the evaluator's own constructs, casts left out.
fn is_plain(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Extreme { .. } | Expr::Array { .. } | Expr::Row { .. } | Expr::Field { .. }
    )
}
