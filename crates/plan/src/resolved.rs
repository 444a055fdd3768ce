//! The select tree with its relations and relationships found, before any column is looked at.

use backstay_catalog::Relation;
use backstay_model::{Error, Result};
use backstay_rest::{Column, Embed, Join, Node, OrderTarget, SelectItem, errors};

use crate::relationships::{Relationship, Relationships};

/// A node with what it reads.
#[derive(Debug, Clone)]
pub(crate) struct Resolved<'a> {
    /// What was said.
    pub(crate) node: &'a Node,
    /// The relation; `None` for rows of a function that belong to none.
    pub(crate) relation: Option<&'a Relation>,
    /// 0 at the root.
    pub(crate) depth: usize,
    embeds: Vec<ResolvedEmbed<'a>>,
}

/// An embed with its relationship.
#[derive(Debug, Clone)]
pub(crate) struct ResolvedEmbed<'a> {
    /// Its position in the parent's select.
    position: usize,
    /// What was said.
    pub(crate) embed: &'a Embed,
    /// What it follows.
    pub(crate) relationship: Relationship<'a>,
    /// What it reads.
    pub(crate) inner: Resolved<'a>,
}

impl<'a> Resolved<'a> {
    /// Finds the relationships of all embeds.
    ///
    /// # Errors
    /// `PGRST200`, `PGRST201`, `PGRST118`, `42712`, `PGRST127`.
    pub(crate) fn find(
        node: &'a Node,
        relation: Option<&'a Relation>,
        name: &str,
        relationships: &Relationships<'a>,
    ) -> Result<Self> {
        Self::at(node, (relation, name), 0, relationships)
    }

    fn at(
        node: &'a Node,
        (relation, name): (Option<&'a Relation>, &str),
        depth: usize,
        relationships: &Relationships<'a>,
    ) -> Result<Self> {
        let mut embeds: Vec<ResolvedEmbed<'a>> = Vec::new();
        for (position, embed) in node.embeds() {
            let hint = embed.hint.as_deref();
            let Some(source) = relation else {
                return Err(errors::relationship_not_found(&errors::MissingRelationship {
                    schema: relationships.schema(),
                    parent: name,
                    child: &embed.target,
                    hint,
                    suggestion: None,
                }));
            };
            let relationship = relationships.choose(source, &embed.target, hint)?;
            let target = relationship.target;
            let inner =
                Self::at(&embed.node, (Some(target), &target.name), depth + 1, relationships)?;
            if embeds.iter().any(|other| other.embed.key() == embed.key()) {
                let table = format!("{name}_{}_{}", embed.key(), depth + 1);
                let message = format!("table name \"{table}\" specified more than once");
                return Err(Error::new("42712", message));
            }
            embeds.push(ResolvedEmbed { position, embed, relationship, inner });
        }
        let found = Self { node, relation, depth, embeds };
        found.check_related_orders(name)?;
        found.check_spreads()?;
        Ok(found)
    }

    fn check_related_orders(&self, name: &str) -> Result<()> {
        for term in &self.node.order {
            if let OrderTarget::Related { embed, .. } = &term.target {
                let embed = self.embed(*embed)?;
                if !embed.relationship.to_one() {
                    let (origin, target) = (name, embed.embed.key());
                    return Err(errors::related_order(origin, target));
                }
            }
        }
        Ok(())
    }

    fn check_spreads(&self) -> Result<()> {
        let gathers = |one: &ResolvedEmbed<'_>| {
            one.embed.spread && !one.relationship.to_one() && one.inner.gathers()
        };
        if self.embeds.iter().any(gathers) {
            return Err(errors::not_implemented(
                "Aggregates are not implemented for one-to-many or many-to-many spreads.",
            ));
        }
        Ok(())
    }

    /// The embeds in the order of the select.
    pub(crate) fn embeds(&self) -> &[ResolvedEmbed<'a>] {
        &self.embeds
    }

    /// The embed at a position of the select.
    ///
    /// # Errors
    /// `XX000` if there is none.
    pub(crate) fn embed(&self, position: usize) -> Result<&ResolvedEmbed<'a>> {
        let mut embeds = self.embeds.iter();
        embeds
            .find(|embed| embed.position == position)
            .ok_or_else(|| Error::internal("a request names an embed that it does not hold"))
    }

    /// Does the bare word `count` mean the number of rows?
    pub(crate) fn counts(&self, column: &Column) -> bool {
        let has_column = self.relation.is_some_and(|relation| relation.column("count").is_some());
        column.is_bare_count() && !has_column
    }

    /// Is there an aggregate among the members, or in a to-one spread that gives some of them?
    pub(crate) fn gathers(&self) -> bool {
        let own = self.node.select.iter().any(|item| match item {
            SelectItem::Count(_) => true,
            SelectItem::Column(column) => column.aggregate.is_some() || self.counts(column),
            SelectItem::All | SelectItem::Embed(_) => false,
        });
        own || self.embeds.iter().any(ResolvedEmbed::gathers_for_parent)
    }

    /// Are there members that rows are grouped by?
    pub(crate) fn has_groups(&self) -> bool {
        self.node.select.iter().any(|item| match item {
            SelectItem::Count(_) => false,
            SelectItem::Column(column) => column.aggregate.is_none() && !self.counts(column),
            SelectItem::All => true,
            SelectItem::Embed(_) => false,
        }) || self.embeds.iter().any(|one| {
            let silent = one.inner.is_silent();
            !silent && if one.embed.spread { one.inner.has_groups() } else { true }
        })
    }

    /// Does it show nothing: no members, or only embeds that show nothing?
    pub(crate) fn is_silent(&self) -> bool {
        self.embeds.len() == self.node.select.len()
            && self.embeds.iter().all(|embed| embed.inner.is_silent())
    }
}

impl ResolvedEmbed<'_> {
    /// Do its aggregates rise to the parent?
    pub(crate) fn gathers_for_parent(&self) -> bool {
        self.embed.spread && self.relationship.to_one() && self.inner.gathers()
    }

    /// Do parents without a match go?
    pub(crate) fn is_inner(&self) -> bool {
        self.embed.join == Join::Inner
    }
}
