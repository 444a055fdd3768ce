//! Sub-selects in expressions.

use backstay_expr::{Body, Comparator, CompareOp, Distinct, Expr, Query, Select, visit_expr};
use backstay_model::{Array, Error, Result, Type, Value};
use backstay_scalar::{Implementation, table};

use super::logic::{operate, quantified};
use super::{Evaluator, arrays, truth_value};

impl Evaluator<'_> {
    pub(super) fn exists(&self, query: &Query) -> Result<Value> {
        let mut found = false;
        self.store()?.query(query, self.scope, &mut |_| {
            found = true;
            Ok(false)
        })?;
        Ok(Value::Bool(found))
    }

    pub(super) fn scalar(&self, query: &Query) -> Result<Value> {
        if let Some(value) = self.wrapped(query) {
            return self.value(value);
        }
        let mut found = None;
        self.store()?.query(query, self.scope, &mut |row| {
            if found.is_some() {
                return Err(Error::new(
                    "21000",
                    "more than one row returned by a subquery used as an expression",
                ));
            }
            found = row.into_iter().next();
            Ok(true)
        })?;
        Ok(found.unwrap_or(Value::Null))
    }

    /// The expression of a `(select expression)` that reads nothing: `(select auth.uid())` is how
    /// policies ask once for what does not change.
    fn wrapped<'q>(&self, query: &'q Query) -> Option<&'q Expr> {
        let Query { with, body: Body::Select(select), order, limit: None, offset: None } = query
        else {
            return None;
        };
        let Select { distinct: Distinct::No, outputs, from, filter: None, group, having: None } =
            &**select
        else {
            return None;
        };
        let [output] = outputs.as_slice() else { return None };
        let bare = with.is_empty() && order.is_empty() && from.is_empty() && group.is_empty();
        (bare && self.is_one_value(&output.expr)).then_some(&output.expr)
    }

    /// Has it neither aggregates nor calls that give sets?
    fn is_one_value(&self, expr: &Expr) -> bool {
        let mut one = true;
        visit_expr(expr, &mut |node| {
            one &= match node {
                Expr::Aggregate { .. } | Expr::Window { .. } => false,
                Expr::Call { symbol, .. } => table()
                    .get(symbol)
                    .is_some_and(|known| !matches!(known.run, Implementation::Set(_))),
                Expr::UserCall { function, .. } => {
                    let routine = self.scope.catalog.routines.get(function);
                    routine.is_some_and(|routine| !routine.returns.set)
                }
                _ => true,
            };
        });
        one
    }

    /// `left op ANY|ALL (query)`; `how` is the operator, the columns' types, and whether it is `ALL`.
    pub(super) fn any_query(
        &self,
        how: (&Comparator, &[Type], bool),
        left: &[Value],
        query: &Query,
    ) -> Result<Value> {
        let (op, operands, all) = how;
        let operands: Vec<Type> = operands.iter().map(|operand| self.base(operand)).collect();
        // Rows are equal if all columns are, and unlike if any column is.
        let conjunction = !matches!(op, Comparator::Compare(CompareOp::Ne));
        let decisive = !all;
        let mut result = Some(all);
        self.store()?.query(query, self.scope, &mut |row| {
            let columns = operands.iter().zip(left.iter().zip(&row));
            let outcome = quantified(
                conjunction,
                columns.map(|(operand, pair)| operate(self.scope.env, op, operand, pair)),
            )?;
            match outcome {
                Some(truth) if truth == decisive => {
                    result = Some(decisive);
                    return Ok(false);
                }
                Some(_) => {}
                None => result = None,
            }
            Ok(true)
        })?;
        Ok(truth_value(result))
    }

    pub(super) fn array_query(&self, query: &Query, ty: &Type) -> Result<Value> {
        let mut elements = Vec::new();
        self.store()?.query(query, self.scope, &mut |row| {
            elements.extend(row.into_iter().next());
            Ok(true)
        })?;
        let nested = query.columns().first().is_some_and(|(_, column)| *column == *ty);
        if nested {
            arrays::stacked(elements)
        } else {
            Ok(Value::Array(Array::from_elements(elements)))
        }
    }
}
