//! Relationships as joins: from a child to its parent's keys, and inside `EXISTS`.

use backstay_expr::{Expr, From, FunctionScan, Output, Query, Select};
use backstay_model::{Error, Result, Type, Value};

use crate::builder::Builder;
use crate::filters::Purpose;
use crate::relationships::{Link, Relationship};
use crate::resolved::{Resolved, ResolvedEmbed};
use crate::source::Source;

/// The parent's side of a relationship.
pub(crate) enum Near<'s, 'a> {
    /// In scope.
    Here(&'s Source<'a>),
    /// Handed down as keys; `exprs` are the parent's expressions for them.
    Keys {
        /// The parent.
        source: &'s Source<'a>,
        /// What it must output.
        exprs: Vec<Expr>,
    },
}

impl Near<'_, '_> {
    fn attribute(&mut self, number: u16) -> Result<Expr> {
        match self {
            Self::Here(source) => source.attribute(number),
            Self::Keys { source, exprs } => {
                let expr = source.attribute(number)?;
                Ok(key_of(exprs, expr))
            }
        }
    }

    fn row(&mut self) -> Result<Expr> {
        let missing = || Error::internal("a computed relationship from rows without a type");
        match self {
            Self::Here(source) => source.row().ok_or_else(missing),
            Self::Keys { source, exprs } => {
                let expr = source.row().ok_or_else(missing)?;
                Ok(key_of(exprs, expr))
            }
        }
    }
}

fn key_of(exprs: &mut Vec<Expr>, expr: Expr) -> Expr {
    let ty = expr.ty();
    let index = exprs.iter().position(|known| *known == expr).unwrap_or_else(|| {
        exprs.push(expr);
        exprs.len() - 1
    });
    Expr::ParentKey { index, ty }
}

/// The far side of a relationship, ready to be read.
pub(crate) struct Linked<'a> {
    /// The target.
    pub(crate) source: Source<'a>,
    /// The target, and the junction if there is one.
    pub(crate) from: Vec<From>,
    /// What ties it to the near side.
    pub(crate) on: Vec<Expr>,
}

impl<'a> Builder<'a> {
    /// Reads the target of a relationship.
    pub(crate) fn linked(
        &mut self,
        relationship: &Relationship<'a>,
        depth: usize,
        near: &mut Near<'_, 'a>,
    ) -> Result<Linked<'a>> {
        let mut source = self.source(relationship.target, depth);
        let mut on = Vec::new();
        let mut from: Vec<From> = source.scan().into_iter().collect();
        match &relationship.link {
            Link::Key { columns, .. } => {
                for (here, there) in columns {
                    let (there, here) = (source.attribute(*there)?, near.attribute(*here)?);
                    on.push(self.resolver.binary("=", there, here)?);
                }
            }
            Link::Junction { junction, near: to_source, far: to_target } => {
                let between = self.source(junction, depth);
                from.extend(between.scan());
                for (middle, there) in &to_target.1 {
                    let (middle, there) = (between.attribute(*middle)?, source.attribute(*there)?);
                    on.push(self.resolver.binary("=", middle, there)?);
                }
                for (here, middle) in &to_source.1 {
                    let (middle, here) = (between.attribute(*middle)?, near.attribute(*here)?);
                    on.push(self.resolver.binary("=", middle, here)?);
                }
            }
            Link::Computed { routine, .. } => {
                let name = format!("{}_{depth}", relationship.target.name);
                source = Source::rows_of(source.rel, relationship.target, &name);
                let ty = routine.returns.ty.clone();
                let call = Expr::UserCall { function: routine.id, args: vec![near.row()?], ty };
                from = vec![From::Function(FunctionScan {
                    rel: source.rel,
                    call,
                    columns: source.listing(),
                    ordinality: false,
                })];
            }
        }
        Ok(Linked { source, from, on })
    }

    /// Is there an embedded row that passes the embed's own conditions? Its limit and offset matter
    /// only for what is shown.
    pub(crate) fn exists(
        &mut self,
        embed: &ResolvedEmbed<'a>,
        parent: &Source<'a>,
        purpose: Purpose,
    ) -> Result<Expr> {
        let node = &embed.inner;
        if purpose == Purpose::Show && node.node.limit == Some(0) {
            return Ok(Expr::bool(false));
        }
        if node.gathers() && !node.has_groups() && !embed.gathers_for_parent() {
            // An aggregate over no rows is still a row.
            return Ok(Expr::bool(true));
        }
        let mut near = Near::Here(parent);
        let linked = self.linked(&embed.relationship, node.depth, &mut near)?;
        let conditions = self.conditions(node, &linked.source, purpose)?;
        let one = Expr::constant(Value::Int(1), Type::Int4);
        let output = Output { name: "found".to_owned(), expr: one };
        let mut select = Select::new(vec![output], linked.from);
        select.filter = Expr::all_of(linked.on.into_iter().chain(conditions));
        let mut query = Query::select(select);
        if purpose == Purpose::Show && node.node.offset > 0 {
            query.offset = Some(self.row_number(node.node.offset)?);
        }
        Ok(Expr::Exists(Box::new(query)))
    }

    /// The presence of the inner embeds.
    pub(crate) fn inner_embeds(
        &mut self,
        node: &Resolved<'a>,
        source: &Source<'a>,
        purpose: Purpose,
    ) -> Result<Vec<Expr>> {
        let inner = node.embeds().iter().filter(|embed| embed.is_inner());
        inner.map(|embed| self.exists(embed, source, purpose)).collect()
    }
}
