//! Work on the outputs of a bound query: giving them types, picking one, wrapping.

use backstay_expr::{Body, Expr, From, Output, Query, Select};
use backstay_model::{Error, Result, Type};

use crate::Binder;

/// Makes an output of a query another expression; gets its position from 0.
type Coercion<'f, 'c> = dyn FnMut(&mut Binder<'c>, Expr, usize) -> Result<Expr> + 'f;

impl<'c> Binder<'c> {
    /// Gives `text` to outputs that are still untyped literals.
    pub(crate) fn decide_outputs(&mut self, mut query: Query) -> Result<Query> {
        if let Body::Select(select) = &mut query.body {
            for output in &mut select.outputs {
                if matches!(output.expr, Expr::Row { ty: Type::Record, .. }) {
                    output.expr = self.resolver.decided(output.expr.clone())?;
                }
            }
        }
        if !query.columns().iter().any(|(_, ty)| *ty == Type::Unknown) {
            return Ok(query);
        }
        let types: Vec<Type> = query
            .columns()
            .into_iter()
            .map(|(_, ty)| if ty == Type::Unknown { Type::Text } else { ty })
            .collect();
        self.coerce_outputs(query, &types, &mut |binder, expr, _| binder.resolver.decided(expr))
    }

    /// Coerces every output, down into set operations and `VALUES`. Queries whose rows depend on the
    /// values before the cast (`DISTINCT`, sorting by position) are wrapped.
    pub(crate) fn coerce_outputs(
        &mut self,
        mut query: Query,
        types: &[Type],
        coerce: &mut Coercion<'_, 'c>,
    ) -> Result<Query> {
        let have = query.columns();
        let same = |(index, ty): (usize, &Type)| have.get(index).is_some_and(|(_, at)| at == ty);
        if have.len() == types.len() && types.iter().enumerate().all(same) {
            return Ok(query);
        }
        let undecided = have.iter().any(|(_, ty)| *ty == Type::Unknown);
        match &mut query.body {
            Body::Select(select)
                if undecided || matches!(select.distinct, backstay_expr::Distinct::No) =>
            {
                for (index, output) in select.outputs.iter_mut().enumerate() {
                    let expr = std::mem::replace(&mut output.expr, Expr::null(Type::Unknown));
                    output.expr = coerce(self, expr, index)?;
                }
                Ok(query)
            }
            Body::Values(rows) if undecided || query.order.is_empty() => {
                for row in rows {
                    for (index, cell) in row.iter_mut().enumerate() {
                        let expr = std::mem::replace(cell, Expr::null(Type::Unknown));
                        *cell = coerce(self, expr, index)?;
                    }
                }
                for key in &mut query.order {
                    if let Expr::OutputColumn { index, ty } = &mut key.expr
                        && let Some(decided) = types.get(*index - 1)
                    {
                        *ty = decided.clone();
                    }
                }
                Ok(query)
            }
            _ => {
                let (mut select, rel) = self.wrap(query);
                for (index, output) in select.outputs.iter_mut().enumerate() {
                    let ty = output.expr.ty();
                    let at = u16::try_from(index + 1).unwrap_or(u16::MAX);
                    output.expr = coerce(self, Expr::column(rel, at, ty), index)?;
                }
                Ok(Query::select(select))
            }
        }
    }

    /// `SELECT … FROM (query)` with the same outputs.
    pub(crate) fn wrap(&mut self, query: Query) -> (Select, backstay_expr::RelId) {
        let rel = self.fresh_rel();
        let outputs = (1..)
            .zip(query.columns())
            .map(|(at, (name, ty))| Output { name, expr: Expr::column(rel, at, ty) })
            .collect();
        let from = From::Query { rel, query: Box::new(query), lateral: false };
        (Select::new(outputs, vec![from]), rel)
    }

    /// The query as a scalar sub-select of its n-th output.
    pub(crate) fn pick_output(&mut self, query: Query, index: usize) -> Result<Expr> {
        let (mut select, _) = self.wrap(query);
        if index >= select.outputs.len() {
            return Err(Error::new("42601", "number of columns does not match number of values"));
        }
        let output = select.outputs.swap_remove(index);
        let ty = output.expr.ty();
        select.outputs = vec![output];
        Ok(Expr::Scalar { query: Box::new(Query::select(select)), ty })
    }
}
