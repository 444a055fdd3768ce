//! Sub-selects that stand for a value.

use backstay_expr::{Body, CompareOp, Expr, From, Query, Select};
use backstay_model::{Result, Type, Value};

use super::selects::has_aggregate;
use super::{Entry, Lowerer};
use crate::NeededKind;
use crate::names::{push_quoted, type_key};

/// The value of a sub-select that only wraps one: `(select auth.uid())`.
pub(super) fn bare(query: &Query) -> Option<&Expr> {
    let Body::Select(select) = &query.body else { return None };
    let rows = query.with.is_empty() && query.limit.is_none() && query.offset.is_none();
    let plain = select.from.is_empty() && select.filter.is_none();
    let grouped = !select.group.is_empty() || select.having.is_some();
    match select.outputs.as_slice() {
        [output] if rows && plain && !grouped => Some(&output.expr),
        _ => None,
    }
}

/// The expression without sub-selects that only wrap a value.
pub(super) fn unwrapped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Scalar { query, .. } => bare(query).map_or(expr, unwrapped),
        _ => expr,
    }
}

impl Lowerer<'_> {
    /// One value, null without a row, an error with several.
    pub(super) fn scalar_query(&mut self, query: &Query, out: &mut String) -> Result<()> {
        if self.gives_one_row(query)? {
            out.push('(');
            self.query(query, out)?;
            out.push(')');
            return Ok(());
        }
        out.push_str("(SELECT pg_single(c1) FROM (");
        self.query(query, out)?;
        out.push_str("))");
        Ok(())
    }

    /// `ARRAY(query)`.
    pub(super) fn array_query(&mut self, query: &Query, ty: &Type, out: &mut String) -> Result<()> {
        let result = self.base(ty);
        let name = format!("collect:{}", type_key(&result, self.catalog));
        out.push_str("(SELECT ");
        push_quoted(out, &name);
        out.push_str("(c1) FROM (");
        self.query(query, out)?;
        out.push_str("))");
        self.need(&name, 1, || NeededKind::Collect { result });
        Ok(())
    }

    fn gives_one_row(&mut self, query: &Query) -> Result<bool> {
        if let Some(Expr::Const { value: Value::Int(0 | 1), .. }) = &query.limit {
            return Ok(true);
        }
        let Body::Select(select) = &query.body else { return Ok(false) };
        for from in &select.from {
            self.declare(from, false)?;
        }
        let aggregated = select.group.is_empty()
            && (select.having.is_some()
                || select.outputs.iter().any(|output| has_aggregate(&output.expr)));
        Ok(aggregated || select.from.is_empty() || self.is_keyed(select))
    }

    /// One relation, with a unique key fixed by equalities.
    fn is_keyed(&self, select: &Select) -> bool {
        let [From::Relation(scan)] = select.from.as_slice() else { return false };
        let Some(Entry::Stored { relation, .. }) = self.entries.get(&scan.rel) else {
            return false;
        };
        let terms = match &select.filter {
            Some(Expr::And(terms)) => terms.as_slice(),
            Some(other) => std::slice::from_ref(other),
            None => return false,
        };
        let mut fixed = Vec::new();
        for term in terms {
            let Expr::Compare { op: CompareOp::Eq, left, right, .. } = term else { continue };
            for (column, other) in [(left, right), (right, left)] {
                if let Expr::Column { rel, column, .. } = &**column
                    && *rel == scan.rel
                    && !mentions(other, scan.rel)
                {
                    fixed.push(*column);
                }
            }
        }
        let unique = |key: &backstay_catalog::KeyConstraint| {
            !key.deferrable && key.columns.iter().all(|column| fixed.contains(column))
        };
        fixed.contains(&0) || relation.keys().any(unique)
    }
}

fn mentions(expr: &Expr, rel: backstay_expr::RelId) -> bool {
    let mut found = false;
    backstay_expr::visit_expr(expr, &mut |node| {
        found = found
            || matches!(node, Expr::Column { rel: at, .. } | Expr::WholeRow { rel: at, .. } if *at == rel);
    });
    found
}
