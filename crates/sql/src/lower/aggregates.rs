//! Aggregates and window functions.

use backstay_expr::{Expr, Frame, FrameBound, FrameUnit};
use backstay_model::{Error, Result, Type, Value};

use super::Lowerer;
use super::calls::{is_open, known};
use crate::names::{function_name, push_quoted};
use crate::{NeededKind, native};

impl Lowerer<'_> {
    /// Appends an aggregate.
    pub(super) fn aggregate(&mut self, expr: &Expr, out: &mut String) -> Result<()> {
        let Expr::Aggregate { symbol, args, distinct, order, filter, ty } = expr else {
            return Err(Error::internal("no aggregate"));
        };
        let function = known(symbol)?;
        if let Some(name) = native::aggregate(function) {
            self.native_arguments(name, args, *distinct, out)?;
        } else {
            self.registered((symbol, ty), args, (*distinct, !order.is_empty(), false), out)?;
            out.push('(');
            self.list(args, out)?;
            if !args.is_empty() {
                self.order_by(order, out)?;
            }
            out.push(')');
        }
        self.filter_clause(filter.as_deref(), out)
    }

    fn native_arguments(
        &mut self,
        name: &str,
        args: &[Expr],
        distinct: bool,
        out: &mut String,
    ) -> Result<()> {
        out.push_str(name);
        out.push('(');
        match args {
            [] => out.push('*'),
            [arg] => {
                out.push_str(if distinct { "DISTINCT " } else { "" });
                self.expr(arg, out)?;
                self.push_collation(&arg.ty(), out);
            }
            _ => self.list(args, out)?,
        }
        out.push(')');
        Ok(())
    }

    /// Appends the name of an aggregate of ours and notes that it is needed.
    fn registered(
        &mut self,
        (symbol, ty): (&std::sync::Arc<str>, &Type),
        args: &[Expr],
        (distinct, ordered, window): (bool, bool, bool),
        out: &mut String,
    ) -> Result<()> {
        let function = known(symbol)?;
        let types: Vec<Type> = args.iter().map(|arg| self.actual_type(arg)).collect();
        let result = self.base(ty);
        let open = function.result.is_polymorphic()
            || function.variadic
            || function.args.iter().any(is_open)
            || types.len() != function.args.len();
        let mut name = function_name(symbol, open, (&types, &result), self.catalog);
        if distinct {
            name.push_str(if ordered { ":distinct:ordered" } else { ":distinct" });
        }
        if window {
            name.push_str(":over");
        }
        push_quoted(out, &name);
        self.need(&name, args.len(), || NeededKind::Aggregate {
            symbol: std::sync::Arc::clone(symbol),
            args: types,
            result,
            distinct,
            ordered,
            window,
        });
        Ok(())
    }

    fn filter_clause(&mut self, filter: Option<&Expr>, out: &mut String) -> Result<()> {
        if let Some(filter) = filter {
            out.push_str(" FILTER (WHERE ");
            self.expr(filter, out)?;
            out.push(')');
        }
        Ok(())
    }

    /// Appends a window function.
    pub(super) fn window(&mut self, expr: &Expr, out: &mut String) -> Result<()> {
        let Expr::Window { symbol, args, filter, partition, order, frame, ty } = expr else {
            return Err(Error::internal("no window function"));
        };
        let function = known(symbol)?;
        match native::window(function) {
            Some(name) if function.kind == backstay_scalar::Kind::Aggregate => {
                self.native_arguments(name, args, false, out)?;
            }
            Some(name) => {
                out.push_str(name);
                out.push('(');
                self.list(args, out)?;
                out.push(')');
            }
            None => {
                self.registered((symbol, ty), args, (false, false, true), out)?;
                out.push('(');
                self.list(args, out)?;
                out.push(')');
            }
        }
        self.filter_clause(filter.as_deref(), out)?;
        out.push_str(" OVER (");
        let mut word = "PARTITION BY ";
        for key in partition.iter().filter(|key| !matches!(key, Expr::Const { .. })) {
            out.push_str(word);
            word = ", ";
            self.expr(key, out)?;
            self.push_collation(&key.ty(), out);
        }
        self.order_by(order, out)?;
        if let Some(frame) = frame {
            self.frame(frame, out)?;
        }
        out.push(')');
        Ok(())
    }

    fn frame(&mut self, frame: &Frame, out: &mut String) -> Result<()> {
        out.push_str(match frame.unit {
            FrameUnit::Rows => " ROWS BETWEEN ",
            FrameUnit::Range => " RANGE BETWEEN ",
            FrameUnit::Groups => " GROUPS BETWEEN ",
        });
        self.bound(&frame.start, frame.unit, out)?;
        out.push_str(" AND ");
        self.bound(&frame.end, frame.unit, out)
    }

    fn bound(&mut self, bound: &FrameBound, unit: FrameUnit, out: &mut String) -> Result<()> {
        let (distance, word) = match bound {
            FrameBound::UnboundedPreceding => {
                out.push_str("UNBOUNDED PRECEDING");
                return Ok(());
            }
            FrameBound::UnboundedFollowing => {
                out.push_str("UNBOUNDED FOLLOWING");
                return Ok(());
            }
            FrameBound::CurrentRow => {
                out.push_str("CURRENT ROW");
                return Ok(());
            }
            FrameBound::Preceding(distance) => (distance, " PRECEDING"),
            FrameBound::Following(distance) => (distance, " FOLLOWING"),
        };
        match &**distance {
            Expr::Const { value: Value::Interval(length), .. } if unit == FrameUnit::Range => {
                // Stored times count microseconds, so a fixed length is a number of them.
                if length.months != 0 {
                    return Err(Error::unsupported("a RANGE frame of months"));
                }
                let micros = i64::from(length.days) * 86_400_000_000 + length.micros;
                out.push_str(&micros.to_string());
            }
            other => self.expr(other, out)?,
        }
        out.push_str(word);
        Ok(())
    }
}
