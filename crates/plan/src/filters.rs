//! Conditions of a request as expressions.

use backstay_expr::{BoolTest, Expr};
use backstay_model::{Error, Result, Type};
use backstay_rest::{
    Condition, Filter, FullText, IsValue, Literal, Operation, Operator, Quantifier,
};

use crate::builder::Builder;
use crate::resolved::Resolved;
use crate::source::Source;
use crate::values::ValueSource;

/// Whether conditions are for rows that are shown or for rows that are counted: the count ignores
/// the limits and offsets of embeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Show,
    Count,
}

impl<'a> Builder<'a> {
    /// All conditions of a node, the presence of its inner embeds included.
    pub(crate) fn conditions(
        &mut self,
        node: &Resolved<'a>,
        source: &Source<'a>,
        purpose: Purpose,
    ) -> Result<Option<Expr>> {
        let mut terms = Vec::new();
        for condition in &node.node.conditions {
            terms.push(self.condition(condition, node, source, purpose)?);
        }
        terms.extend(self.inner_embeds(node, source, purpose)?);
        Ok(Expr::all_of(terms))
    }

    /// One condition.
    pub(crate) fn condition(
        &mut self,
        condition: &Condition,
        node: &Resolved<'a>,
        source: &Source<'a>,
        purpose: Purpose,
    ) -> Result<Expr> {
        let mut each = |terms: &[Condition]| -> Result<Vec<Expr>> {
            terms.iter().map(|term| self.condition(term, node, source, purpose)).collect()
        };
        match condition {
            Condition::Filter(filter) => self.filter(filter, source),
            Condition::All(terms) => {
                Ok(Expr::all_of(each(terms)?).unwrap_or_else(|| Expr::bool(true)))
            }
            Condition::Any(terms) => {
                Ok(Expr::any_of(each(terms)?).unwrap_or_else(|| Expr::bool(false)))
            }
            Condition::Not(inner) => {
                let inner = self.condition(inner, node, source, purpose)?;
                Ok(Expr::Not(Box::new(inner)))
            }
            Condition::EmbedIsNull { embed, negated } => {
                let embed = node.embed(*embed)?;
                let exists = self.exists(embed, source, purpose)?;
                Ok(if *negated { exists } else { Expr::Not(Box::new(exists)) })
            }
        }
    }

    /// A test of a field.
    pub(crate) fn filter(&mut self, filter: &Filter, source: &Source<'_>) -> Result<Expr> {
        let mut left = self.compared_field(&filter.field, source)?;
        if let Operation::Compare { operator, .. } = &filter.operation
            && operator.is_pattern()
        {
            left = self.shown(left, source)?;
        }
        let test = match &filter.operation {
            Operation::Compare { operator, quantifier: None, value } => {
                self.compare(*operator, left, value)?
            }
            Operation::Compare { operator, quantifier: Some(quantifier), value } => {
                self.quantified(*operator, *quantifier, left, value)?
            }
            // The empty set decides without looking at the row, so nulls are not in doubt.
            Operation::InNothing => return Ok(Expr::bool(filter.negated)),
            Operation::In(elements) => self.one_of(left, elements)?,
            Operation::Is(value) => self.is(*value, left)?,
            Operation::IsDistinct(value) => {
                let found = self.resolver.find_operator("=", &left.ty(), &Type::Unknown)?;
                let right = self.literal(&found.right, value)?;
                self.resolver.is_distinct(left, right, false)?
            }
            Operation::FullText { kind, config, value } => {
                self.full_text(*kind, config.as_deref(), left, value)?
            }
        };
        Ok(if filter.negated { Expr::Not(Box::new(test)) } else { test })
    }

    fn compare(&mut self, operator: Operator, left: Expr, value: &Literal) -> Result<Expr> {
        let found = self.resolver.find_operator(operator.sql(), &left.ty(), &Type::Unknown)?;
        let right = self.literal(&found.right, value)?;
        let test = self.resolver.apply(&found, left, right)?;
        match test.ty() {
            Type::Bool => Ok(test),
            // `<<` of integers shifts.
            other => Err(Error::new(
                "42804",
                format!(
                    "argument of WHERE must be type boolean, not type {}",
                    other.builtin_name()
                ),
            )),
        }
    }

    fn quantified(
        &mut self,
        operator: Operator,
        quantifier: Quantifier,
        left: Expr,
        value: &Literal,
    ) -> Result<Expr> {
        let found = self.resolver.find_any(operator.sql(), &left.ty(), &Type::Unknown)?;
        let array = self.literal(&found.right.array_of(), value)?;
        let all = quantifier == Quantifier::All;
        self.resolver.any_array(operator.sql(), left, array, all)
    }

    fn one_of(&mut self, left: Expr, elements: &Literal) -> Result<Expr> {
        let found = self.resolver.find_any("=", &left.ty(), &Type::Unknown)?;
        let source = ValueSource::Elements(elements.clone(), found.right.clone());
        let array = self.param(source, found.right.array_of())?;
        self.resolver.any_array("=", left, array, false)
    }

    fn is(&self, value: IsValue, left: Expr) -> Result<Expr> {
        let (test, word) = match value {
            IsValue::Null | IsValue::NotNull => {
                let negated = value == IsValue::NotNull;
                return Ok(Expr::IsNull { expr: Box::new(left), negated });
            }
            IsValue::True => (BoolTest::True, "TRUE"),
            IsValue::False => (BoolTest::False, "FALSE"),
            IsValue::Unknown => (BoolTest::Unknown, "UNKNOWN"),
        };
        if left.ty().base(self.catalog) != Type::Bool {
            let ty = left.ty().name(self.catalog);
            let message = format!("argument of IS {word} must be type boolean, not type {ty}");
            return Err(Error::new("42804", message));
        }
        Ok(Expr::IsBool { expr: Box::new(left), test, negated: false })
    }

    fn full_text(
        &mut self,
        kind: FullText,
        config: Option<&str>,
        left: Expr,
        value: &Literal,
    ) -> Result<Expr> {
        let config = || {
            config
                .map(|name| Expr::constant(backstay_model::Value::text(name), Type::Unknown))
                .into_iter()
        };
        let left = if left.ty().base(self.catalog) == Type::TsVector {
            left
        } else {
            self.call("to_tsvector", config().chain([left]).collect())?
        };
        let value = self.param(ValueSource::Verbatim(value.clone()), Type::Text)?;
        let query = self.call(kind.function(), config().chain([value]).collect())?;
        self.resolver.binary("@@", left, query)
    }
}
