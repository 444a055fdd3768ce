//! Comparisons, `IN`, `ANY`, and the ranges behind patterns.

use backstay_expr::{Comparator, CompareOp, Expr};
use backstay_model::{Error, Result, Type};
use backstay_scalar::Function;

use super::{Entry, Lowerer};
use crate::Form;

impl Lowerer<'_> {
    /// Appends `left op right`.
    pub(super) fn compare(
        &mut self,
        (op, operand): (CompareOp, &Type),
        left: &Expr,
        right: &Expr,
        out: &mut String,
    ) -> Result<()> {
        out.push('(');
        if let (Expr::Row { fields: a, .. }, Expr::Row { fields: b, .. }) = (left, right)
            && a.len() == b.len()
            && a.len() > 1
        {
            self.row_value(a, out)?;
            out.push_str(operator(op));
            self.row_value(b, out)?;
        } else {
            self.expr(left, out)?;
            self.push_collation(operand, out);
            out.push_str(operator(op));
            self.expr(right, out)?;
        }
        out.push(')');
        Ok(())
    }

    /// `(a, b)` with the collations of its fields.
    pub(super) fn row_value(&mut self, fields: &[Expr], out: &mut String) -> Result<()> {
        out.push('(');
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.expr(field, out)?;
            self.push_collation(&field.ty(), out);
        }
        out.push(')');
        Ok(())
    }

    pub(super) fn in_list(
        &mut self,
        negated: bool,
        (operand, left): (&Type, &Expr),
        list: &[Expr],
        out: &mut String,
    ) -> Result<()> {
        out.push('(');
        self.expr(left, out)?;
        self.push_collation(operand, out);
        out.push_str(if negated { " NOT IN (" } else { " IN (" });
        self.list(list, out)?;
        out.push_str("))");
        Ok(())
    }

    /// `left op ANY|ALL (array)`.
    pub(super) fn any_array(
        &mut self,
        whole: &Expr,
        (op, operand, all): (&Comparator, &Type, bool),
        (left, array): (&Expr, &Expr),
        out: &mut String,
    ) -> Result<()> {
        let word = match (op, all) {
            (Comparator::Compare(CompareOp::Eq), false) => " IN (SELECT c1 FROM pg_rows(",
            (Comparator::Compare(CompareOp::Ne), true) => " NOT IN (SELECT c1 FROM pg_rows(",
            _ => return self.evaluated(whole, out),
        };
        if !self.is_param(array) {
            return self.evaluated(whole, out);
        }
        let element = self.base(operand);
        out.push('(');
        self.expr(left, out)?;
        self.push_collation(operand, out);
        out.push_str(word);
        self.param(array, Form::List(element), out);
        out.push_str(")))");
        Ok(())
    }

    /// `(a, b) op ANY|ALL (query)`.
    pub(super) fn any_query(
        &mut self,
        (op, operands, all): (&Comparator, &[Type], bool),
        left: &[Expr],
        query: &backstay_expr::Query,
        out: &mut String,
    ) -> Result<()> {
        let word = match (op, all) {
            (Comparator::Compare(CompareOp::Eq), false) => " IN (",
            (Comparator::Compare(CompareOp::Ne), true) => " NOT IN (",
            _ => return self.quantified((op, operands, all), left, query, out),
        };
        out.push('(');
        match (left, operands) {
            ([left], [operand]) => {
                self.expr(left, out)?;
                self.push_collation(operand, out);
            }
            _ => self.row_value(left, out)?,
        }
        out.push_str(word);
        self.query(query, out)?;
        out.push_str("))");
        Ok(())
    }

    /// Any other operator: some (every) row decides, nulls leave it open.
    fn quantified(
        &mut self,
        (op, operands, all): (&Comparator, &[Type], bool),
        left: &[Expr],
        query: &backstay_expr::Query,
        out: &mut String,
    ) -> Result<()> {
        let ([left], [operand]) = (left, operands) else {
            return Err(Error::unsupported("this comparison of rows with a sub-select"));
        };
        let test = |lowerer: &mut Self, out: &mut String| -> Result<()> {
            let column = format!("c1{}", collate(lowerer.collation(operand)));
            match op {
                Comparator::Compare(op) => {
                    lowerer.expr(left, out)?;
                    out.push_str(operator(*op));
                    out.push_str(&column);
                    Ok(())
                }
                Comparator::Symbol(_) | Comparator::Operator(_) => {
                    Err(Error::unsupported("this operator before a sub-select"))
                }
            }
        };
        // Any: true if some row is true, null if some is null. All: the same of the opposite.
        let (decisive, open, settled, rest) =
            if all { ("FALSE", "NULL", "0", "1") } else { ("TRUE", "NULL", "1", "0") };
        for (index, (state, value)) in [(decisive, settled), (open, "NULL")].into_iter().enumerate()
        {
            out.push_str(if index == 0 { "CASE WHEN " } else { " WHEN " });
            out.push_str("EXISTS (SELECT 1 FROM (");
            self.query(query, out)?;
            out.push_str(") WHERE (");
            test(self, out)?;
            out.push_str(") IS ");
            out.push_str(state);
            out.push_str(") THEN ");
            out.push_str(value);
        }
        out.push_str(" ELSE ");
        out.push_str(rest);
        out.push_str(" END");
        Ok(())
    }

    /// A pattern with a fixed beginning over an indexed column is a range as well; the pattern
    /// itself still decides. Answers whether it opened a parenthesis for that.
    pub(super) fn pattern_bounds(
        &mut self,
        function: &Function,
        args: &[Expr],
        out: &mut String,
    ) -> Result<bool> {
        let ([left, pattern], "~~") = (args, function.name) else { return Ok(false) };
        if !self.is_param(pattern) || !self.leads_an_index(left) {
            return Ok(false);
        }
        out.push('(');
        for (word, form) in [(" >= ", Form::LikeFrom), (" < ", Form::LikeTo)] {
            self.expr(left, out)?;
            out.push_str(word);
            self.param(pattern, form, out);
            out.push_str(" AND ");
        }
        Ok(true)
    }

    fn leads_an_index(&self, expr: &Expr) -> bool {
        let column = match expr {
            Expr::Cast { expr, method: backstay_expr::CastMethod::Relabel, .. } => expr,
            other => other,
        };
        let Expr::Column { rel, column, ty } = column else { return false };
        let Some(Entry::Stored { relation, .. }) = self.entries.get(rel) else { return false };
        self.collation(ty).is_none()
            && (relation.keys().any(|key| key.columns.first() == Some(column))
                || relation.indexes.iter().any(|index| {
                    index.physical.is_some()
                        && index.keys.first().is_some_and(|key| {
                            matches!(&key.expr, Expr::Column { column: first, .. } if first == column)
                        })
                }))
    }
}

fn collate(collation: Option<&'static str>) -> String {
    collation.map(|name| format!(" COLLATE {name}")).unwrap_or_default()
}

fn operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => " = ",
        CompareOp::Ne => " <> ",
        CompareOp::Lt => " < ",
        CompareOp::Le => " <= ",
        CompareOp::Gt => " > ",
        CompareOp::Ge => " >= ",
    }
}
