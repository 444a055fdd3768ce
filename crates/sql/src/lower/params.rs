//! What is computed before the statement runs, and how constants are written.

use std::fmt::Write as _;

use backstay_expr::{CastMethod, Expr};
use backstay_model::{Result, Type, Value};
use backstay_scalar::table;

use super::Lowerer;
use super::subqueries::bare;
use crate::names::push_literal;
use crate::{Form, Parameter, native};

impl Lowerer<'_> {
    /// Does the expression depend on nothing but the request?
    pub(super) fn is_param(&self, expr: &Expr) -> bool {
        let all = |exprs: &[Expr]| exprs.iter().all(|expr| self.is_param(expr));
        match expr {
            Expr::Const { .. }
            | Expr::Param { .. }
            | Expr::ParentKey { .. }
            | Expr::Argument { .. } => true,
            Expr::Column { rel, .. } | Expr::WholeRow { rel, .. } => {
                !self.entries.contains_key(rel)
            }
            Expr::Call { symbol, args, .. } => {
                let fixed = table().get(symbol).is_some_and(|function| {
                    !native::is_volatile(function)
                        && function.kind != backstay_scalar::Kind::SetReturning
                });
                fixed && all(args)
            }
            Expr::UserCall { function, args, .. } => {
                let fixed = self.catalog.routines.get(function).is_some_and(|routine| {
                    routine.volatility != backstay_catalog::Volatility::Volatile
                        && !routine.returns.set
                });
                fixed && all(args)
            }
            Expr::Coalesce { args, .. } | Expr::Extreme { args, .. } => all(args),
            Expr::And(terms) | Expr::Or(terms) => all(terms),
            Expr::Array { elements, .. } => all(elements),
            Expr::Row { fields, .. } => all(fields),
            Expr::Compare { left, right, .. } | Expr::IsDistinct { left, right, .. } => {
                self.is_param(left) && self.is_param(right)
            }
            Expr::Not(inner) => self.is_param(inner),
            Expr::IsNull { expr, .. }
            | Expr::IsBool { expr, .. }
            | Expr::Field { expr, .. }
            | Expr::Cast { expr, .. } => self.is_param(expr),
            Expr::Case { branches, otherwise, .. } => {
                branches.iter().all(|(when, then)| self.is_param(when) && self.is_param(then))
                    && otherwise.as_deref().is_none_or(|expr| self.is_param(expr))
            }
            Expr::InList { expr, list, .. } => self.is_param(expr) && all(list),
            Expr::AnyArray { left, array, .. } => self.is_param(left) && self.is_param(array),
            Expr::Scalar { query, .. } => bare(query).is_some_and(|value| self.is_param(value)),
            Expr::OutputColumn { .. }
            | Expr::Exists(_)
            | Expr::AnyQuery { .. }
            | Expr::ArrayQuery { .. }
            | Expr::Aggregate { .. }
            | Expr::Window { .. }
            | Expr::Operator { .. }
            | Expr::Default { .. }
            | Expr::Native { .. } => false,
        }
    }

    /// Writes a value that is bound; equal ones share a parameter.
    pub(super) fn param(&mut self, expr: &Expr, form: Form, out: &mut String) {
        let known = self.params.iter().position(|param| param.form == form && param.expr == *expr);
        let index = known.unwrap_or_else(|| {
            self.params.push(Parameter { expr: expr.clone(), form });
            self.params.len() - 1
        });
        let _ = if self.options.failing.contains(&index) {
            write!(out, "pg_raise({index})")
        } else {
            write!(out, "?{}", index + 1)
        };
    }

    /// Writes a column-free expression: a literal where that is safe and useful to the database's
    /// planner, else a parameter.
    pub(super) fn fixed(&mut self, expr: &Expr, out: &mut String) {
        match expr {
            Expr::Const { value, ty } => self.constant(expr, value, ty, out),
            Expr::Cast { expr: inner, method: CastMethod::Relabel, modifier: None, .. }
                if matches!(**inner, Expr::Const { .. }) =>
            {
                self.fixed(inner, out);
            }
            _ => {
                let ty = self.base(&expr.ty());
                self.param(expr, Form::Value(ty), out);
            }
        }
    }

    fn constant(&mut self, expr: &Expr, value: &Value, ty: &Type, out: &mut String) {
        let _ = match value {
            Value::Null => write!(out, "NULL"),
            Value::Bool(truth) => write!(out, "{}", u8::from(*truth)),
            // The least number has no literal of its own.
            Value::Int(number) | Value::Enum(number) if *number != i64::MIN => {
                write!(out, "{number}")
            }
            Value::Numeric(number) => {
                push_literal(out, &number.to_string());
                Ok(())
            }
            Value::Text(text) if text.len() <= 200 && !text.contains('\0') => {
                push_literal(out, text);
                Ok(())
            }
            _ => {
                let ty = self.base(ty);
                self.param(expr, Form::Value(ty), out);
                Ok(())
            }
        };
    }

    /// The number behind `LIMIT` or `OFFSET`.
    pub(super) fn count(&mut self, expr: &Expr, offset: bool, out: &mut String) -> Result<()> {
        if let Expr::Const { value: Value::Int(number), .. } = expr
            && *number >= 0
        {
            let _ = write!(out, "{number}");
            return Ok(());
        }
        out.push_str(if offset { "pg_offset(" } else { "pg_limit(" });
        self.expr(expr, out)?;
        out.push(')');
        Ok(())
    }
}
