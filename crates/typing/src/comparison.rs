//! The six native comparisons: over which types they exist, and which type decides.

use backstay_expr::{CompareOp, Expr};
use backstay_model::{Result, Type};

use crate::Resolver;
use crate::operators::OperatorTarget;
use crate::selection::Candidate;

/// The comparison that an operator's name means.
pub fn compare_op(name: &str) -> Option<CompareOp> {
    Some(match name {
        "=" => CompareOp::Eq,
        "<>" | "!=" => CompareOp::Ne,
        "<" => CompareOp::Lt,
        "<=" => CompareOp::Le,
        ">" => CompareOp::Gt,
        ">=" => CompareOp::Ge,
        _ => return None,
    })
}

/// Types that compare with themselves.
const SELF_COMPARABLE: &[Type] = &[
    Type::Bool,
    Type::Numeric,
    Type::Char,
    Type::Citext,
    Type::Uuid,
    Type::Time,
    Type::TimeTz,
    Type::Interval,
    Type::Jsonb,
    Type::Bytea,
    Type::Inet,
    Type::Macaddr,
    Type::Bit,
    Type::Varbit,
    Type::Money,
    Type::TsVector,
    Type::TsQuery,
    Type::Oid,
    Type::Regclass,
    Type::Vector,
    Type::AnyArray,
    Type::AnyEnum,
    Type::AnyRange,
    Type::Record,
];

/// Families whose members compare with each other; the later (wider) of two decides.
const FAMILIES: &[&[Type]] = &[
    &[Type::Int2, Type::Int4, Type::Int8],
    &[Type::Float4, Type::Float8],
    &[Type::Date, Type::Timestamp, Type::TimestampTz],
    &[Type::Name, Type::Text],
];

pub(crate) fn candidates(op: CompareOp) -> Vec<Candidate<OperatorTarget>> {
    let make = |left: &Type, right: &Type, operand: &Type| Candidate {
        args: vec![left.clone(), right.clone()],
        payload: OperatorTarget::Compare { op, operand: operand.clone() },
    };
    let alone = SELF_COMPARABLE.iter().map(|ty| make(ty, ty, ty));
    let mixed = FAMILIES.iter().flat_map(|family| {
        family.iter().enumerate().flat_map(move |(i, left)| {
            family.iter().enumerate().map(move |(j, right)| make(left, right, &family[i.max(j)]))
        })
    });
    alone.chain(mixed).collect()
}

impl Resolver<'_> {
    /// The type that decides a comparison, and both sides ready for it.
    ///
    /// # Errors
    /// `42883` where the types do not compare.
    pub fn comparable(&self, name: &str, left: Expr, right: Expr) -> Result<(Type, Expr, Expr)> {
        let found = self.find_operator(name, &left.ty(), &right.ty())?;
        let operand = match &found.target {
            OperatorTarget::Compare { operand, .. } => operand.clone(),
            OperatorTarget::Call(_) => found.left.clone(),
            OperatorTarget::Native(_) => return Ok((found.left, left, right)),
        };
        let left = self.coerce_operand(left, &operand)?;
        let right = self.coerce_operand(right, &operand)?;
        Ok((operand, left, right))
    }

    /// `left IS [NOT] DISTINCT FROM right`; `negated` is `IS NOT DISTINCT`.
    ///
    /// # Errors
    /// `42883` where the types do not compare.
    pub fn is_distinct(&self, left: Expr, right: Expr, negated: bool) -> Result<Expr> {
        let (operand, left, right) = self.comparable("=", left, right)?;
        Ok(Expr::IsDistinct { negated, operand, left: Box::new(left), right: Box::new(right) })
    }

    /// `expr [NOT] IN (list)`. Items whose types have no common one are compared one by one.
    ///
    /// # Errors
    /// `42883` where the types do not compare.
    pub fn in_list(&self, expr: Expr, list: Vec<Expr>, negated: bool) -> Result<Expr> {
        let mut types = vec![expr.ty()];
        types.extend(list.iter().map(Expr::ty));
        if let Some(common) = self.common_of(&types)
            && let Ok(found) = self.find_operator("=", &common, &common)
            && let OperatorTarget::Compare { operand, .. } = found.target
        {
            let expr = Box::new(self.coerce_operand(expr, &operand)?);
            let list = list
                .into_iter()
                .map(|item| self.coerce_operand(item, &operand))
                .collect::<Result<_>>()?;
            return Ok(Expr::InList { negated, operand, expr, list });
        }
        let name = if negated { "<>" } else { "=" };
        let terms = list
            .into_iter()
            .map(|item| self.binary(name, expr.clone(), item))
            .collect::<Result<Vec<_>>>()?;
        let joined = if negated { Expr::all_of(terms) } else { Expr::any_of(terms) };
        Ok(joined.unwrap_or_else(|| Expr::bool(negated)))
    }
}
