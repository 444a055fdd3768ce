//! Set operations.

use std::fmt::Write as _;

use backstay_expr::{Body, Distinct, Query, SetOperator};
use backstay_model::{Result, Type};

use super::Lowerer;
use super::entries::push_outputs;

impl Lowerer<'_> {
    pub(super) fn set_operation(
        &mut self,
        (op, all): (SetOperator, bool),
        left: &Query,
        right: &Query,
        out: &mut String,
    ) -> Result<()> {
        let types: Vec<Type> = left.columns().into_iter().map(|(_, ty)| ty).collect();
        // Equal rows are numbered, so that the n-th meets the n-th: what ALL means.
        let numbered = all && op != SetOperator::Union;
        if numbered {
            out.push_str("SELECT ");
            push_outputs(types.len(), out);
            out.push_str(" FROM (");
        }
        self.side(left, &types, (all, numbered), out)?;
        out.push_str(match (op, all) {
            (SetOperator::Union, true) => " UNION ALL ",
            (SetOperator::Union, false) => " UNION ",
            (SetOperator::Intersect, _) => " INTERSECT ",
            (SetOperator::Except, _) => " EXCEPT ",
        });
        self.side(right, &types, (all, numbered), out)?;
        out.push_str(if numbered { ")" } else { "" });
        Ok(())
    }

    fn side(
        &mut self,
        query: &Query,
        types: &[Type],
        (all, numbered): (bool, bool),
        out: &mut String,
    ) -> Result<()> {
        let collated = (!all || numbered) && types.iter().any(|ty| self.collation(ty).is_some());
        let bare = query.order.is_empty()
            && query.limit.is_none()
            && query.offset.is_none()
            && query.with.is_empty()
            && matches!(&query.body, Body::Select(select)
                if !matches!(select.distinct, Distinct::On(_)) && !select.outputs.is_empty());
        if bare && !collated && !numbered {
            return self.query(query, out);
        }
        out.push_str("SELECT ");
        for (index, ty) in types.iter().enumerate() {
            let at = index + 1;
            let _ = write!(out, "{}c{at}", if index == 0 { "" } else { ", " });
            self.push_collation(ty, out);
            let _ = write!(out, " AS c{at}");
        }
        if types.is_empty() {
            out.push_str("NULL");
        }
        if numbered {
            out.push_str(", row_number() OVER (PARTITION BY ");
            for (index, ty) in types.iter().enumerate() {
                let _ = write!(out, "{}c{}", if index == 0 { "" } else { ", " }, index + 1);
                self.push_collation(ty, out);
            }
            out.push_str(") AS n");
        }
        out.push_str(" FROM (");
        self.query(query, out)?;
        out.push(')');
        Ok(())
    }
}
