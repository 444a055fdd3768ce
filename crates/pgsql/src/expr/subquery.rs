//! Sub-selects in expressions.

use std::sync::Arc;

use backstay_expr::{Comparator, Expr, Query};
use backstay_model::{Error, Result, Type};
use backstay_typing::OperatorTarget;
use pg_query::NodeEnum;
use pg_query::protobuf::{SubLink, SubLinkType};

use crate::Binder;
use crate::nodes::{Located, inner, required, strings, unsupported};

impl Binder<'_> {
    pub(crate) fn sub_link(&mut self, node: &SubLink) -> Result<Expr> {
        if let Some(message) = self.scope().clause.refuses_queries() {
            return Err(Error::new("0A000", message)).at(node.location);
        }
        match node.sub_link_type() {
            SubLinkType::ExistsSublink => {
                let query = self.sub_query(node)?;
                let query = self.decide_outputs(query)?;
                Ok(Expr::Exists(Box::new(query)))
            }
            SubLinkType::ExprSublink => self.scalar_query(node),
            SubLinkType::ArraySublink => {
                let query = self.sub_query(node)?;
                let query = Box::new(self.decide_outputs(query)?);
                let ty = match one_column(&query).at(node.location)? {
                    Type::Array(element) => Type::Array(element),
                    other => other.array_of(),
                };
                Ok(Expr::ArrayQuery { query, ty })
            }
            SubLinkType::AnySublink => self.any_query(node, false).at(node.location),
            SubLinkType::AllSublink => self.any_query(node, true).at(node.location),
            SubLinkType::RowcompareSublink
            | SubLinkType::MultiexprSublink
            | SubLinkType::CteSublink
            | SubLinkType::Undefined => unsupported("this form of sub-select", node.location),
        }
    }

    fn sub_query(&mut self, node: &SubLink) -> Result<Query> {
        match required(node.subselect.as_deref())? {
            NodeEnum::SelectStmt(select) => self.query(select),
            _ => unsupported("this sub-select", node.location),
        }
    }

    fn scalar_query(&mut self, node: &SubLink) -> Result<Expr> {
        let query = self.sub_query(node)?;
        let query = Box::new(self.decide_outputs(query)?);
        let ty = one_column(&query).at(node.location)?;
        Ok(Expr::Scalar { query, ty })
    }

    fn any_query(&mut self, node: &SubLink, all: bool) -> Result<Expr> {
        let left = match self.expr(required(node.testexpr.as_deref())?)? {
            Expr::Row { fields, ty: Type::Record } => fields,
            other => vec![other],
        };
        let names = strings(&node.oper_name);
        let name = names.last().copied().unwrap_or("=");
        let query = self.sub_query(node)?;
        let columns = query.columns();
        if columns.len() != left.len() {
            let fault = if columns.len() < left.len() { "few" } else { "many" };
            return Err(Error::new("42601", format!("subquery has too {fault} columns")));
        }
        let mut op = None;
        let (mut sides, mut operands, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for (side, (_, ty)) in left.into_iter().zip(columns) {
            let found = self.resolver.find_operator(name, &side.ty(), &ty)?;
            let (comparator, operand) = match &found.target {
                OperatorTarget::Compare { op, operand } => {
                    (Comparator::Compare(*op), operand.clone())
                }
                OperatorTarget::Call(function) => {
                    (Comparator::Symbol(function.symbol.clone()), found.left.clone())
                }
                OperatorTarget::Native(name) => {
                    (Comparator::Operator(Arc::clone(name)), found.left.clone())
                }
            };
            let is_native = matches!(comparator, Comparator::Compare(_));
            sides.push(
                self.resolver
                    .coerce_operand(side, if is_native { &operand } else { &found.left })?,
            );
            wanted.push(if is_native { operand.clone() } else { found.right.clone() });
            operands.push(operand);
            op.get_or_insert(comparator);
        }
        if sides.len() > 1 && !matches!(name, "=" | "<>") {
            return Err(Error::unsupported(format!("{name} ANY/ALL over several columns")));
        }
        let query = self.coerce_outputs(query, &wanted, &mut |binder, expr, index| {
            binder.resolver.coerce_operand(expr, &wanted[index])
        })?;
        let op = op.ok_or_else(|| Error::internal("ANY without a left side"))?;
        Ok(Expr::AnyQuery { op, operands, all, left: sides, query: Box::new(query) })
    }

    /// The query of `SET (a, b) = (SELECT …)`, with its n-th output only.
    pub(crate) fn nth_of_query(&mut self, node: &NodeEnum, index: usize) -> Result<Expr> {
        let NodeEnum::SubLink(link) = node else {
            return Err(Error::unsupported("this source of a multiple assignment"));
        };
        let Some(NodeEnum::SelectStmt(select)) = inner(link.subselect.as_deref()) else {
            return unsupported("this sub-select", link.location);
        };
        let query = self.query(select)?;
        let query = self.decide_outputs(query)?;
        self.pick_output(query, index).at(link.location)
    }
}

fn one_column(query: &Query) -> Result<Type> {
    match query.columns().as_slice() {
        [(_, ty)] => Ok(ty.clone()),
        _ => Err(Error::new("42601", "subquery must return only one column")),
    }
}
