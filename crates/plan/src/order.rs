//! Orders of a request as sort keys.

use backstay_expr::{Expr, Output, Query, Select, SortKey};
use backstay_model::{Error, Result, Type};
use backstay_rest::{Field, NullsOrder, OrderTarget};

use crate::builder::Builder;
use crate::filters::Purpose;
use crate::joins::Near;
use crate::resolved::{Resolved, ResolvedEmbed};
use crate::source::Source;

impl<'a> Builder<'a> {
    /// The sort keys of a node.
    pub(crate) fn order(
        &mut self,
        node: &Resolved<'a>,
        source: &Source<'a>,
    ) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(node.node.order.len());
        for term in &node.node.order {
            let expr = match &term.target {
                OrderTarget::Field(field) => self.compared_field(field, source)?,
                OrderTarget::Related { embed, field } => {
                    self.related(node.embed(*embed)?, field, source)?
                }
            };
            self.sortable(&expr)?;
            let nulls_first = match term.nulls {
                Some(nulls) => nulls == NullsOrder::First,
                None => term.descending,
            };
            keys.push(SortKey { expr, descending: term.descending, nulls_first });
        }
        Ok(keys)
    }

    /// A field of the embedded row, null if there is none.
    fn related(
        &mut self,
        embed: &ResolvedEmbed<'a>,
        field: &Field,
        parent: &Source<'a>,
    ) -> Result<Expr> {
        let mut near = Near::Here(parent);
        let node = &embed.inner;
        let linked = self.linked(&embed.relationship, node.depth, &mut near)?;
        let expr = self.compared_field(field, &linked.source)?;
        let ty = expr.ty();
        let conditions = self.conditions(node, &linked.source, Purpose::Show)?;
        let output = Output { name: field.key().to_owned(), expr };
        let mut select = Select::new(vec![output], linked.from);
        select.filter = Expr::all_of(linked.on.into_iter().chain(conditions));
        Ok(Expr::Scalar { query: Box::new(Query::select(select)), ty })
    }

    fn sortable(&self, expr: &Expr) -> Result<()> {
        let ty = expr.ty();
        if matches!(ty.base(self.catalog), Type::Json | Type::Xml | Type::Point) {
            let name = ty.name(self.catalog);
            let message = format!("could not identify an ordering operator for type {name}");
            return Err(Error::new("42883", message)
                .with_hint("Use an explicit ordering operator or modify the query."));
        }
        Ok(())
    }
}
