//! Calls of operators and functions, casts, aggregates, and what SQL has a syntax of its own for.

use std::sync::Arc;

use backstay_catalog::ArgumentMode;
use backstay_expr::{Expr, Frame, FrameBound, FrameUnit, FunctionId, SortKey};
use backstay_model::{Error, Result, Type, TypeSource as _};
use backstay_scalar::{Function, Kind, table};

use super::{Renderer, names};

/// Functions whose first of several arguments names a text search configuration.
const TAKES_CONFIGURATION: &[&str] =
    &["to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery"];

/// The row of the function table behind a symbol.
pub(super) fn function(symbol: &str) -> Result<&'static Arc<Function>> {
    table()
        .get(symbol)
        .ok_or_else(|| Error::internal(format!("the function table has no {symbol}")))
}

/// An operator. Those of extensions are found where the session looks for extensions.
pub(super) fn operator(schema: &str, sign: &str) -> String {
    if schema == "pg_catalog" { format!("OPERATOR(pg_catalog.{sign})") } else { sign.to_owned() }
}

impl<'a> Renderer<'a> {
    /// A function or operator of the function table.
    pub(super) fn builtin(&mut self, symbol: &str, args: &'a [Expr]) -> Result<()> {
        let function = function(symbol)?;
        match (function.kind, args) {
            (Kind::Operator, [operand]) => {
                self.push(&format!("({} ", operator(function.schema, function.name)));
                self.expr(operand)?;
                self.push(")");
                Ok(())
            }
            (Kind::Operator, [left, right]) => {
                self.push("(");
                self.expr(left)?;
                self.push(&format!(" {} ", operator(function.schema, function.name)));
                self.expr(right)?;
                self.push(")");
                Ok(())
            }
            _ => {
                self.function_name(function);
                self.push("(");
                let configured = args.len() > 1 && TAKES_CONFIGURATION.contains(&function.name);
                self.each(args.iter().enumerate(), ", ", |this, (index, arg)| {
                    this.expr(arg)?;
                    if configured && index == 0 {
                        this.push("::pg_catalog.regconfig");
                    }
                    Ok(())
                })?;
                self.push(")");
                Ok(())
            }
        }
    }

    fn function_name(&mut self, function: &Function) {
        if function.schema == "extensions" {
            self.push(&names::quoted(function.name));
        } else {
            self.push(&format!(
                "{}.{}",
                names::quoted(function.schema),
                names::quoted(function.name)
            ));
        }
    }

    /// A function of the project. An argument that is [`Expr::Native`] is left to the function's own
    /// default; those behind it are given by name.
    pub(super) fn user_call(&mut self, id: FunctionId, args: &'a [Expr]) -> Result<()> {
        let routine = self
            .catalog()
            .routines
            .get(&id)
            .ok_or_else(|| Error::internal("a plan calls a function that is gone"))?;
        self.runs_functions = true;
        self.push(&names::routine(routine));
        self.push("(");
        let mut by_name = false;
        let mut first = true;
        for (input, arg) in routine.inputs().zip(args) {
            if matches!(arg, Expr::Native { .. }) {
                by_name = true;
                continue;
            }
            if !std::mem::take(&mut first) {
                self.push(", ");
            }
            if input.mode == ArgumentMode::Variadic {
                self.push("VARIADIC ");
            }
            if let (true, Some(name)) = (by_name, &input.name) {
                self.push(&format!("{} => ", names::quoted(name)));
            }
            self.expr(arg)?;
        }
        self.push(")");
        Ok(())
    }

    /// Everything with a syntax of its own.
    pub(super) fn construct(&mut self, expr: &'a Expr) -> Result<()> {
        match expr {
            Expr::Cast { expr, modifier, ty, .. } => {
                self.push("(");
                self.expr(expr)?;
                let name = names::type_with(self.catalog(), ty, *modifier);
                self.push(&format!(")::{name}"));
                Ok(())
            }
            Expr::Coalesce { args, .. } => {
                self.push("COALESCE");
                self.joined(args, ", ")
            }
            Expr::Extreme { greatest, args, .. } => {
                self.push(if *greatest { "GREATEST" } else { "LEAST" });
                self.joined(args, ", ")
            }
            Expr::Case { branches, otherwise, .. } => self.case(branches, otherwise.as_deref()),
            Expr::Array { elements, ty } => {
                self.push("(ARRAY[");
                self.each(elements, ", ", |this, element| this.expr(element))?;
                let name = names::type_name(self.catalog(), ty);
                self.push(&format!("]::{name})"));
                Ok(())
            }
            Expr::Row { fields, .. } => {
                self.push("ROW");
                self.joined(fields, ", ")
            }
            Expr::Field { expr, index, .. } => self.field(expr, *index),
            Expr::Aggregate { symbol, args, distinct, order, filter, .. } => {
                self.aggregate(symbol, args, (*distinct, order))?;
                self.filter(filter.as_deref())
            }
            Expr::Window { symbol, args, filter, partition, order, frame, .. } => {
                self.aggregate(symbol, args, (false, &[]))?;
                self.filter(filter.as_deref())?;
                self.over((partition, order), frame.as_ref())
            }
            _ => Err(Error::internal("an expression that has no form in SQL")),
        }
    }

    fn case(&mut self, branches: &'a [(Expr, Expr)], otherwise: Option<&'a Expr>) -> Result<()> {
        self.push("(CASE");
        for (when, then) in branches {
            self.push(" WHEN ");
            self.expr(when)?;
            self.push(" THEN ");
            self.expr(then)?;
        }
        if let Some(otherwise) = otherwise {
            self.push(" ELSE ");
            self.expr(otherwise)?;
        }
        self.push(" END)");
        Ok(())
    }

    fn field(&mut self, expr: &'a Expr, index: usize) -> Result<()> {
        let fields = match expr.ty().base(self.catalog()) {
            Type::Composite(id) => self.catalog().fields(id),
            _ => None,
        };
        let name = fields
            .and_then(|fields| fields.into_iter().nth(index))
            .map(|(name, ..)| name)
            .ok_or_else(|| Error::internal("a value lacks the field that is asked for"))?;
        self.push("(");
        self.expr(expr)?;
        self.push(&format!(").{}", names::quoted(&name)));
        Ok(())
    }

    fn aggregate(
        &mut self,
        symbol: &str,
        args: &'a [Expr],
        (distinct, order): (bool, &'a [SortKey]),
    ) -> Result<()> {
        match table().get(symbol) {
            Some(function) => self.function_name(function),
            // Of a type that only the database knows: the session finds it, as it finds the type's
            // operators.
            None => self.push(&names::quoted(symbol)),
        }
        self.push(if distinct { "(DISTINCT " } else { "(" });
        if args.is_empty() && symbol.starts_with("count(") {
            self.push("*");
        }
        self.each(args, ", ", |this, arg| this.expr(arg))?;
        self.order_by(order)?;
        self.push(")");
        Ok(())
    }

    fn filter(&mut self, filter: Option<&'a Expr>) -> Result<()> {
        if let Some(filter) = filter {
            self.push(" FILTER (WHERE ");
            self.expr(filter)?;
            self.push(")");
        }
        Ok(())
    }

    fn over(
        &mut self,
        (partition, order): (&'a [Expr], &'a [SortKey]),
        frame: Option<&'a Frame>,
    ) -> Result<()> {
        self.push(" OVER (");
        if !partition.is_empty() {
            self.push("PARTITION BY ");
            self.each(partition, ", ", |this, expr| this.expr(expr))?;
        }
        self.order_by(order)?;
        if let Some(frame) = frame {
            self.push(match frame.unit {
                FrameUnit::Rows => " ROWS BETWEEN ",
                FrameUnit::Range => " RANGE BETWEEN ",
                FrameUnit::Groups => " GROUPS BETWEEN ",
            });
            self.bound(&frame.start)?;
            self.push(" AND ");
            self.bound(&frame.end)?;
        }
        self.push(")");
        Ok(())
    }

    fn bound(&mut self, bound: &'a FrameBound) -> Result<()> {
        match bound {
            FrameBound::UnboundedPreceding => self.push("UNBOUNDED PRECEDING"),
            FrameBound::UnboundedFollowing => self.push("UNBOUNDED FOLLOWING"),
            FrameBound::CurrentRow => self.push("CURRENT ROW"),
            FrameBound::Preceding(distance) => {
                self.expr(distance)?;
                self.push(" PRECEDING");
            }
            FrameBound::Following(distance) => {
                self.expr(distance)?;
                self.push(" FOLLOWING");
            }
        }
        Ok(())
    }
}
