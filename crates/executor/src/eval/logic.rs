//! Comparisons, conditions and lists, in three-valued logic.

use std::cmp::Ordering;

use backstay_expr::{BoolTest, Comparator, CompareOp, Expr};
use backstay_model::{Array, Error, Result, Type, Value};
use backstay_scalar::compare::compare;
use backstay_scalar::{Call, Environment, table};

use super::{Evaluator, truth_value};

/// Does the order satisfy the operator?
fn satisfies(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
    }
}

/// `left op right` over a base type; unknown if either is null.
pub(crate) fn matches(op: CompareOp, operand: &Type, left: &Value, right: &Value) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    Some(satisfies(op, compare(operand, left, right)))
}

/// `left IS DISTINCT FROM right`.
fn distinct(operand: &Type, left: &Value, right: &Value) -> bool {
    match (left.is_null(), right.is_null()) {
        (true, true) => false,
        (false, false) => compare(operand, left, right).is_ne(),
        _ => true,
    }
}

/// `IS NULL` or `IS NOT NULL`: a row is neither when only some of its fields are null.
pub(super) fn is_null(value: &Value, negated: bool) -> bool {
    match value {
        Value::Record(fields) => fields.iter().all(|field| field.is_null() != negated),
        other => other.is_null() != negated,
    }
}

pub(super) fn is_bool(truth: Option<bool>, test: BoolTest) -> bool {
    match test {
        BoolTest::True => truth == Some(true),
        BoolTest::False => truth == Some(false),
        BoolTest::Unknown => truth.is_none(),
    }
}

/// `ANY` (or `ALL`) over the outcomes: stops at the first that decides.
pub(super) fn quantified(
    all: bool,
    outcomes: impl Iterator<Item = Result<Option<bool>>>,
) -> Result<Option<bool>> {
    let decisive = !all;
    let mut unknown = false;
    for outcome in outcomes {
        match outcome? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(all) })
}

/// `left op right` for the operators of `ANY` and `ALL`.
pub(super) fn operate(
    env: &dyn Environment,
    op: &Comparator,
    operand: &Type,
    (left, right): (&Value, &Value),
) -> Result<Option<bool>> {
    match op {
        Comparator::Compare(op) => Ok(matches(*op, operand, left, right)),
        Comparator::Symbol(symbol) => {
            let function = table()
                .get(symbol)
                .ok_or_else(|| Error::internal(format!("no operator {symbol}")))?;
            let result = function.call(&Call {
                env,
                args: &[left.clone(), right.clone()],
                arg_types: &[operand.clone(), operand.clone()],
                result: &Type::Bool,
            })?;
            Ok(result.as_bool())
        }
        Comparator::Operator(name) => {
            Err(Error::internal(format!("operator {name} of another database")))
        }
    }
}

impl Evaluator<'_> {
    pub(super) fn compare(
        &self,
        op: CompareOp,
        operand: &Type,
        left: &Expr,
        right: &Expr,
    ) -> Result<Value> {
        if let (Expr::Row { fields: left, .. }, Expr::Row { fields: right, .. }) = (left, right) {
            return self.compare_rows(op, left, right);
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        Ok(truth_value(matches(op, &self.base(operand), &left, &right)))
    }

    pub(super) fn is_distinct(&self, operand: &Type, left: &Expr, right: &Expr) -> Result<bool> {
        if let (Expr::Row { fields: left, .. }, Expr::Row { fields: right, .. }) = (left, right) {
            let types = self.types_of(left);
            let (left, right) = (self.values(left)?, self.values(right)?);
            let mut fields = types.iter().zip(left.iter().zip(&right));
            return Ok(fields.any(|(ty, (left, right))| distinct(ty, left, right)));
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        Ok(distinct(&self.base(operand), &left, &right))
    }

    /// Row constructors compare field by field, and a null field makes the outcome unknown unless
    /// another field decides it.
    fn compare_rows(&self, op: CompareOp, left: &[Expr], right: &[Expr]) -> Result<Value> {
        let types = self.types_of(left);
        let (left, right) = (self.values(left)?, self.values(right)?);
        let fields = || types.iter().zip(left.iter().zip(&right));
        if matches!(op, CompareOp::Eq | CompareOp::Ne) {
            let outcomes = fields().map(|(ty, (left, right))| Ok(matches(op, ty, left, right)));
            return Ok(truth_value(quantified(op == CompareOp::Eq, outcomes)?));
        }
        for (ty, (left, right)) in fields() {
            if left.is_null() || right.is_null() {
                return Ok(Value::Null);
            }
            let order = compare(ty, left, right);
            if order.is_ne() {
                return Ok(Value::Bool(satisfies(op, order)));
            }
        }
        Ok(Value::Bool(satisfies(op, Ordering::Equal)))
    }

    pub(super) fn all(&self, terms: &[Expr]) -> Result<Value> {
        quantified(true, terms.iter().map(|term| self.truth(term))).map(truth_value)
    }

    pub(super) fn any(&self, terms: &[Expr]) -> Result<Value> {
        quantified(false, terms.iter().map(|term| self.truth(term))).map(truth_value)
    }

    pub(super) fn in_list(
        &self,
        negated: bool,
        operand: &Type,
        expr: &Expr,
        list: &[Expr],
    ) -> Result<Value> {
        let operand = self.base(operand);
        let value = self.value(expr)?;
        let found = quantified(
            false,
            list.iter().map(|candidate| {
                Ok(matches(CompareOp::Eq, &operand, &value, &self.value(candidate)?))
            }),
        )?;
        Ok(truth_value(found.map(|found| found != negated)))
    }

    pub(super) fn any_array(
        &self,
        op: &Comparator,
        operand: &Type,
        all: bool,
        (left, array): (&Value, &Value),
    ) -> Result<Value> {
        let Value::Array(Array { elements, .. }) = array else { return Ok(Value::Null) };
        let operand = self.base(operand);
        let outcomes =
            elements.iter().map(|element| operate(self.scope.env, op, &operand, (left, element)));
        quantified(all, outcomes).map(truth_value)
    }
}
