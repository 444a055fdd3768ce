//! Evaluation of expressions over values in memory, with PostgreSQL's three-valued logic.
//!
//! Sub-selects run through the [`Store`], which gets the scope for their outer references; calls of
//! the project's functions run their bodies ([`crate::routine`]).

mod arrays;
mod casts;
pub(crate) mod domains;
mod logic;
mod subselects;

use backstay_expr::{Expr, RelId};
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::compare::compare;
use backstay_scalar::{Call, Implementation, table};

use crate::{RowSource, Scope, Store, routine};

pub(crate) use logic::matches;

/// Evaluates the expression.
///
/// # Errors
/// As the operators, casts and functions raise; `XX000` where the scope lacks what the expression
/// refers to, or where it has a sub-select and there is no store.
pub fn eval(expr: &Expr, scope: &Scope<'_>, store: Option<&dyn Store>) -> Result<Value> {
    Evaluator { scope, store }.value(expr)
}

/// Evaluates a condition: `None` is unknown.
///
/// # Errors
/// As [`eval`].
pub fn truth(expr: &Expr, scope: &Scope<'_>, store: Option<&dyn Store>) -> Result<Option<bool>> {
    Ok(eval(expr, scope, store)?.as_bool())
}

/// The rows of a set-returning call (or the one row of another), as wide as the columns that the
/// call gives in `FROM`. A null composite is a row of nulls.
///
/// # Errors
/// As [`eval`].
pub fn eval_rows(
    call: &Expr,
    width: usize,
    scope: &Scope<'_>,
    store: Option<&dyn Store>,
) -> Result<Vec<Vec<Value>>> {
    let evaluator = Evaluator { scope, store };
    let rows = match call {
        Expr::Call { symbol, args, ty } => {
            let function = table()
                .get(symbol)
                .ok_or_else(|| Error::internal(format!("no function {symbol}")))?;
            if let Implementation::Set(run) = function.run {
                let values = evaluator.values(args)?;
                if function.strict && values.iter().any(Value::is_null) {
                    return Ok(Vec::new());
                }
                run(&Call {
                    env: scope.env,
                    args: &values,
                    arg_types: &evaluator.types_of(args),
                    result: ty,
                })?
            } else {
                vec![vec![evaluator.value(call)?]]
            }
        }
        Expr::UserCall { function, args, .. } => {
            routine::call_rows(*function, evaluator.values(args)?, scope, evaluator.store()?)?
        }
        other => vec![vec![evaluator.value(other)?]],
    };
    Ok(rows.into_iter().map(|row| widened(row, width, call)).collect())
}

/// A row of one composite value becomes the composite's fields, where columns are asked for.
fn widened(mut row: Vec<Value>, width: usize, call: &Expr) -> Vec<Value> {
    let composite = matches!(call.ty(), Type::Composite(_) | Type::Record);
    if row.len() == 1 && (composite || width != 1) {
        match row.first() {
            Some(Value::Record(fields)) if fields.len() == width => return fields.clone(),
            Some(Value::Null) => row = vec![Value::Null; width],
            _ => {}
        }
    }
    row
}

/// An expression's surroundings.
#[derive(Clone, Copy)]
struct Evaluator<'s> {
    scope: &'s Scope<'s>,
    store: Option<&'s dyn Store>,
}

impl Evaluator<'_> {
    fn store(&self) -> Result<&dyn Store> {
        self.store.ok_or_else(|| Error::internal("a query in an expression without a database"))
    }

    fn truth(&self, expr: &Expr) -> Result<Option<bool>> {
        Ok(self.value(expr)?.as_bool())
    }

    fn values(&self, exprs: &[Expr]) -> Result<Vec<Value>> {
        exprs.iter().map(|expr| self.value(expr)).collect()
    }

    fn types_of(&self, exprs: &[Expr]) -> Vec<Type> {
        exprs.iter().map(|expr| self.base(&expr.ty())).collect()
    }

    fn base(&self, ty: &Type) -> Type {
        ty.base(self.scope.env.types())
    }

    fn value(&self, expr: &Expr) -> Result<Value> {
        match expr {
            Expr::Const { value, .. } => Ok(value.clone()),
            Expr::Param { index, .. } => nth(self.scope.params, *index, "parameter"),
            Expr::ParentKey { index, .. } => nth(self.scope.parent_keys, *index, "parent key"),
            Expr::Argument { index, .. } => nth(self.scope.arguments, *index, "argument"),
            Expr::Column { rel, column, .. } => self.column(*rel, *column),
            Expr::WholeRow { rel, .. } => self.whole_row(*rel),
            Expr::Call { symbol, args, ty } => self.call(symbol, args, ty),
            Expr::UserCall { function, args, .. } => {
                let args = self.values(args)?;
                routine::call(*function, args, self.scope, self.store()?)
            }
            Expr::Compare { op, operand, left, right } => self.compare(*op, operand, left, right),
            Expr::IsDistinct { negated, operand, left, right } => {
                let distinct = self.is_distinct(operand, left, right)?;
                Ok(Value::Bool(distinct != *negated))
            }
            Expr::And(terms) => self.all(terms),
            Expr::Or(terms) => self.any(terms),
            Expr::Not(inner) => Ok(truth_value(self.truth(inner)?.map(|truth| !truth))),
            Expr::IsNull { expr, negated } => {
                Ok(Value::Bool(logic::is_null(&self.value(expr)?, *negated)))
            }
            Expr::IsBool { expr, test, negated } => {
                Ok(Value::Bool(logic::is_bool(self.truth(expr)?, *test) != *negated))
            }
            Expr::Case { branches, otherwise, .. } => self.case(branches, otherwise.as_deref()),
            Expr::Coalesce { args, .. } => self.coalesce(args),
            Expr::Extreme { greatest, args, ty } => self.extreme(*greatest, args, ty),
            Expr::InList { negated, operand, expr, list } => {
                self.in_list(*negated, operand, expr, list)
            }
            Expr::AnyArray { op, operand, all, left, array } => {
                let (left, array) = (self.value(left)?, self.value(array)?);
                self.any_array(op, operand, *all, (&left, &array))
            }
            Expr::Exists(query) => self.exists(query),
            Expr::Scalar { query, .. } => self.scalar(query),
            Expr::AnyQuery { op, operands, all, left, query } => {
                let left = self.values(left)?;
                self.any_query((op, operands.as_slice(), *all), &left, query)
            }
            Expr::ArrayQuery { query, ty } => self.array_query(query, ty),
            Expr::Array { elements, ty } => self.array(elements, ty),
            Expr::Row { fields, .. } => Ok(Value::Record(self.values(fields)?)),
            Expr::Field { expr, index, .. } => match self.value(expr)? {
                Value::Record(fields) => Ok(fields.into_iter().nth(*index).unwrap_or(Value::Null)),
                _ => Ok(Value::Null),
            },
            Expr::Cast { expr, method, modifier, explicit, ty } => {
                let value = self.value(expr)?;
                self.cast(
                    value,
                    &expr.ty(),
                    method,
                    casts::Target { ty, modifier: *modifier, explicit: *explicit },
                )
            }
            Expr::Window { .. } => Err(Error::unsupported("a window function in this place")),
            Expr::OutputColumn { .. }
            | Expr::Aggregate { .. }
            | Expr::Operator { .. }
            | Expr::Default { .. }
            | Expr::Native { .. } => {
                Err(Error::internal("an expression that has no value of its own"))
            }
        }
    }

    fn source(&self, rel: RelId) -> Result<&RowSource<'_>> {
        self.scope
            .rows
            .iter()
            .rev()
            .find(|(known, _)| *known == rel)
            .map(|(_, source)| source)
            .ok_or_else(|| Error::internal(format!("no row of relation {} in scope", rel.0)))
    }

    fn column(&self, rel: RelId, column: u16) -> Result<Value> {
        let missing = || Error::internal(format!("no column {column} in relation {}", rel.0));
        match self.source(rel)? {
            RowSource::Stored { row: [], .. } | RowSource::Plain([]) => Ok(Value::Null),
            RowSource::Stored { id, .. } if column == 0 => Ok(id.map_or(Value::Null, Value::Int)),
            RowSource::Stored { relation, row, .. } => relation
                .position(column)
                .and_then(|position| row.get(position))
                .cloned()
                .ok_or_else(missing),
            RowSource::Plain(row) => usize::from(column)
                .checked_sub(1)
                .and_then(|position| row.get(position))
                .cloned()
                .ok_or_else(missing),
        }
    }

    fn whole_row(&self, rel: RelId) -> Result<Value> {
        match self.source(rel)? {
            RowSource::Stored { row: [], .. } | RowSource::Plain([]) => Ok(Value::Null),
            RowSource::Stored { row, .. } | RowSource::Plain(row) => {
                Ok(Value::Record(row.to_vec()))
            }
        }
    }

    fn call(&self, symbol: &str, args: &[Expr], ty: &Type) -> Result<Value> {
        let function =
            table().get(symbol).ok_or_else(|| Error::internal(format!("no function {symbol}")))?;
        if matches!(function.run, Implementation::Set(_)) {
            return Err(set_in_scalar_place());
        }
        let values = self.values(args)?;
        let arg_types = self.types_of(args);
        function.call(&Call {
            env: self.scope.env,
            args: &values,
            arg_types: &arg_types,
            result: ty,
        })
    }

    fn case(&self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<Value> {
        for (when, then) in branches {
            if self.truth(when)? == Some(true) {
                return self.value(then);
            }
        }
        otherwise.map_or(Ok(Value::Null), |otherwise| self.value(otherwise))
    }

    fn coalesce(&self, args: &[Expr]) -> Result<Value> {
        for arg in args {
            let value = self.value(arg)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    }

    fn extreme(&self, greatest: bool, args: &[Expr], ty: &Type) -> Result<Value> {
        let ty = self.base(ty);
        let mut best = Value::Null;
        for value in self.values(args)? {
            let better = compare(&ty, &value, &best);
            if !value.is_null()
                && (best.is_null() || if greatest { better.is_gt() } else { better.is_lt() })
            {
                best = value;
            }
        }
        Ok(best)
    }
}

/// A truth as a value.
pub(crate) fn truth_value(truth: Option<bool>) -> Value {
    truth.map_or(Value::Null, Value::Bool)
}

pub(crate) fn set_in_scalar_place() -> Error {
    Error::new("0A000", "set-valued function called in context that cannot accept a set")
}

fn nth(values: &[Value], index: usize, what: &str) -> Result<Value> {
    values.get(index).cloned().ok_or_else(|| Error::internal(format!("no {what} {}", index + 1)))
}

#[cfg(test)]
mod tests;
