//! Operators as written, and the forms that look like operators.

use backstay_expr::{CompareOp, Expr};
use backstay_model::{Error, Result, Type};
use backstay_typing::comparison::compare_op;
use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind};

use crate::Binder;
use crate::nodes::{Located, blame_literal, inner, items, required, strings};

impl Binder<'_> {
    pub(crate) fn operator(&mut self, node: &AExpr) -> Result<Expr> {
        let names = strings(&node.name);
        let name = names.last().copied().unwrap_or_default();
        let bound = match node.kind() {
            AExprKind::AexprOp => self.plain_operator(node, name),
            AExprKind::AexprOpAny => self.any_operator(node, name, false),
            AExprKind::AexprOpAll => self.any_operator(node, name, true),
            AExprKind::AexprDistinct => self.distinct_from(node, false),
            AExprKind::AexprNotDistinct => self.distinct_from(node, true),
            AExprKind::AexprNullif => self.nullif(node),
            AExprKind::AexprIn => self.in_list(node, name == "<>"),
            AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar => {
                let (left, right) = self.sides(node)?;
                self.resolver.binary(name, left, right)
            }
            AExprKind::AexprBetween => self.between(node, false, false),
            AExprKind::AexprNotBetween => self.between(node, true, false),
            AExprKind::AexprBetweenSym => self.between(node, false, true),
            AExprKind::AexprNotBetweenSym => self.between(node, true, true),
            AExprKind::Undefined => Err(Error::internal("an operator without a kind")),
        };
        let sides = [node.lexpr.as_deref(), node.rexpr.as_deref()].into_iter().filter_map(inner);
        blame_literal(bound, sides.flat_map(items)).at(node.location)
    }

    fn sides(&mut self, node: &AExpr) -> Result<(Expr, Expr)> {
        let left = self.expr(required(node.lexpr.as_deref())?)?;
        let right = self.expr(required(node.rexpr.as_deref())?)?;
        Ok((left, right))
    }

    fn plain_operator(&mut self, node: &AExpr, name: &str) -> Result<Expr> {
        let right = required(node.rexpr.as_deref())?;
        let Some(left) = inner(node.lexpr.as_deref()) else {
            let operand = self.expr(right)?;
            return if name == "+"
                && operand.ty().category() == backstay_model::TypeCategory::Numeric
            {
                Ok(operand)
            } else {
                self.resolver.prefix(name, operand)
            };
        };
        let rows = matches!(left, NodeEnum::RowExpr(_)) || matches!(right, NodeEnum::RowExpr(_));
        let (left, right) = self.sides(node)?;
        match compare_op(name) {
            Some(op) if rows => self.compare_rows(op, name, left, right),
            _ => self.resolver.binary(name, left, right),
        }
    }

    /// `ROW(a, b) < ROW(c, d)`, field by field.
    pub(crate) fn compare_rows(
        &mut self,
        op: CompareOp,
        name: &str,
        left: Expr,
        right: Expr,
    ) -> Result<Expr> {
        let (Expr::Row { fields: left, .. }, Expr::Row { fields: right, .. }) = (&left, &right)
        else {
            return self.resolver.binary(name, left, right);
        };
        if left.len() != right.len() {
            return Err(Error::new("42601", "unequal number of entries in row expressions"));
        }
        if left.is_empty() {
            return Err(Error::new("0A000", "cannot compare rows of zero length"));
        }
        let pairs = || left.iter().cloned().zip(right.iter().cloned());
        match op {
            CompareOp::Eq | CompareOp::Ne => {
                let terms = pairs()
                    .map(|(left, right)| self.resolver.binary(name, left, right))
                    .collect::<Result<Vec<_>>>()?;
                let joined =
                    if op == CompareOp::Eq { Expr::all_of(terms) } else { Expr::any_of(terms) };
                joined.ok_or_else(|| Error::internal("rows without fields"))
            }
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => {
                // a < c OR (a = c AND (b <= d)), from the last field outwards.
                let strict = if matches!(op, CompareOp::Lt | CompareOp::Le) { "<" } else { ">" };
                let mut result: Option<Expr> = None;
                for (left, right) in pairs().rev() {
                    result = Some(match result {
                        None => self.resolver.binary(name, left, right)?,
                        Some(rest) => {
                            let less = self.resolver.binary(strict, left.clone(), right.clone())?;
                            let same = self.resolver.binary("=", left, right)?;
                            Expr::Or(vec![less, Expr::And(vec![same, rest])])
                        }
                    });
                }
                result.ok_or_else(|| Error::internal("rows without fields"))
            }
        }
    }

    fn any_operator(&mut self, node: &AExpr, name: &str, all: bool) -> Result<Expr> {
        let (left, right) = self.sides(node)?;
        self.resolver.any_array(name, left, right, all)
    }

    fn distinct_from(&mut self, node: &AExpr, negated: bool) -> Result<Expr> {
        let (left, right) = self.sides(node)?;
        if let (Expr::Row { fields: a, .. }, Expr::Row { fields: b, .. }) = (&left, &right) {
            if a.len() != b.len() {
                return Err(Error::new("42601", "unequal number of entries in row expressions"));
            }
            let terms = a
                .iter()
                .cloned()
                .zip(b.iter().cloned())
                .map(|(a, b)| self.resolver.is_distinct(a, b, negated))
                .collect::<Result<Vec<_>>>()?;
            let joined = if negated { Expr::all_of(terms) } else { Expr::any_of(terms) };
            return Ok(joined.unwrap_or_else(|| Expr::bool(negated)));
        }
        // `x IS DISTINCT FROM NULL` is a null test, whatever the type.
        for (side, other) in [(&left, &right), (&right, &left)] {
            if matches!(side, Expr::Const { value: backstay_model::Value::Null, .. }) {
                let expr = Box::new(self.resolver.decided(other.clone())?);
                if !matches!(expr.ty(), Type::Composite(_) | Type::Record) {
                    return Ok(Expr::IsNull { expr, negated: !negated });
                }
            }
        }
        self.resolver.is_distinct(left, right, negated)
    }

    fn nullif(&mut self, node: &AExpr) -> Result<Expr> {
        let (left, right) = self.sides(node)?;
        let equal = self.resolver.binary("=", left.clone(), right)?;
        let left = self.resolver.decided(left)?;
        let ty = left.ty();
        Ok(Expr::Case {
            branches: vec![(equal, Expr::null(ty.clone()))],
            otherwise: Some(Box::new(left)),
            ty,
        })
    }

    fn in_list(&mut self, node: &AExpr, negated: bool) -> Result<Expr> {
        let left = self.expr(required(node.lexpr.as_deref())?)?;
        let list = items(required(node.rexpr.as_deref())?)
            .into_iter()
            .map(|item| self.expr(item))
            .collect::<Result<Vec<_>>>()?;
        let rows = std::iter::once(&left).chain(&list).any(|expr| matches!(expr, Expr::Row { .. }));
        if !rows {
            return self.resolver.in_list(left, list, negated);
        }
        let (op, name) = if negated { (CompareOp::Ne, "<>") } else { (CompareOp::Eq, "=") };
        let terms = list
            .into_iter()
            .map(|item| self.compare_rows(op, name, left.clone(), item))
            .collect::<Result<Vec<_>>>()?;
        let joined = if negated { Expr::all_of(terms) } else { Expr::any_of(terms) };
        joined.ok_or_else(|| Error::internal("IN without a list"))
    }

    fn between(&mut self, node: &AExpr, negated: bool, symmetric: bool) -> Result<Expr> {
        let value = self.expr(required(node.lexpr.as_deref())?)?;
        let bounds = items(required(node.rexpr.as_deref())?);
        let [low, high] = bounds.as_slice() else {
            return Err(Error::internal("BETWEEN without two bounds"));
        };
        let (low, high) = (self.expr(low)?, self.expr(high)?);
        let inside = self.in_range(&value, low.clone(), high.clone(), negated)?;
        if !symmetric {
            return Ok(inside);
        }
        let swapped = self.in_range(&value, high, low, negated)?;
        Ok(if negated { Expr::And(vec![inside, swapped]) } else { Expr::Or(vec![inside, swapped]) })
    }

    fn in_range(&self, value: &Expr, low: Expr, high: Expr, negated: bool) -> Result<Expr> {
        let (above, below) = if negated { ("<", ">") } else { (">=", "<=") };
        let low = self.resolver.binary(above, value.clone(), low)?;
        let high = self.resolver.binary(below, value.clone(), high)?;
        Ok(if negated { Expr::Or(vec![low, high]) } else { Expr::And(vec![low, high]) })
    }
}
