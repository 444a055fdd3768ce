//! Sub-selects in expressions.

use backstay_expr::{Comparator, CompareOp, Query};
use backstay_model::{Array, Error, Result, Type, Value};

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
