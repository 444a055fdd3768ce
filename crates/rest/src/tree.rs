//! Puts filters, orders and limits where they belong in the select tree.

use backstay_model::{Error, Result};

use crate::condition::{IsValue, Operation};
use crate::grammar::order;
use crate::query::Parameters;
use crate::settings::Settings;
use crate::{Condition, Deferred, Embed, Filter, Node, OrderTarget, OrderTerm, SelectItem, errors};

/// What the root node of an action takes from the query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RootRows {
    /// A read: conditions, order and limits choose the rows.
    Read,
    /// An update or delete: conditions choose the rows to write and cannot look at embeds; there
    /// are no limits.
    Written,
    /// An insert or `PUT`: conditions at the root mean nothing to the rows shown.
    Inserted,
}

/// Builds the tree. What names an embed that is not there becomes a deferred error.
pub(crate) fn build(
    parameters: &mut Parameters,
    rows: RootRows,
    settings: &Settings,
) -> Result<(Node, Deferred)> {
    let mut select = parameters.select.take().unwrap_or_default();
    if select.is_empty() {
        select.push(SelectItem::All);
    }
    let mut root = Node { select, ..Node::default() };
    let mut builder = Builder { settings, rows, misplaced: None };
    builder.place_limits(&mut root, parameters)?;
    builder.place_conditions(&mut root, parameters);
    builder.place_orders(&mut root, parameters);
    let has_aggregates = uses_aggregates(&root);
    finish(&mut root, rows, settings.max_rows, true);
    let aggregate = (has_aggregates && !settings.aggregates).then(errors::aggregates_disabled);
    Ok((root, Deferred { embed_path: builder.misplaced, aggregate }))
}

struct Builder<'a> {
    settings: &'a Settings,
    rows: RootRows,
    /// The first parameter that named no embed.
    misplaced: Option<Error>,
}

impl Builder<'_> {
    fn place_conditions(&mut self, root: &mut Node, parameters: &mut Parameters) {
        for (path, condition) in std::mem::take(&mut parameters.conditions) {
            if path.is_empty() && self.rows == RootRows::Inserted {
                continue;
            }
            if let Some(node) = self.find(root, &path) {
                node.conditions.push(condition);
            }
        }
    }

    fn place_orders(&mut self, root: &mut Node, parameters: &mut Parameters) {
        for (path, terms) in std::mem::take(&mut parameters.orders) {
            let Some(node) = self.find(root, &path) else { continue };
            if !node.order.is_empty() {
                continue;
            }
            let mut placed = Vec::with_capacity(terms.len());
            for term in terms {
                placed.extend(self.place_term(node, term));
            }
            node.order = placed;
        }
    }

    fn place_term(&mut self, node: &Node, term: order::Term) -> Option<OrderTerm> {
        let order::Term { embed, field, descending, nulls } = term;
        let target = match embed {
            None => OrderTarget::Field(field),
            Some(name) => match position(node, &name, true) {
                Some(embed) => OrderTarget::Related { embed, field },
                None => {
                    self.misplaced.get_or_insert_with(|| errors::not_embedded(&name));
                    return None;
                }
            },
        };
        Some(OrderTerm { target, descending, nulls })
    }

    fn place_limits(&mut self, root: &mut Node, parameters: &mut Parameters) -> Result<()> {
        for (path, limit) in std::mem::take(&mut parameters.limits) {
            let limit = u64::try_from(limit).map_err(|_| errors::negative_limit())?;
            if let Some(node) = self.find(root, &path) {
                node.limit = Some(limit);
            }
        }
        for (path, offset) in std::mem::take(&mut parameters.offsets) {
            if let Some(node) = self.find(root, &path) {
                node.offset = u64::try_from(offset).unwrap_or(0);
            }
        }
        if let Some(range) = parameters.range {
            intersect(root, range)?;
        }
        Ok(())
    }

    /// The node at the path; a path that leads nowhere is remembered.
    fn find<'n>(&mut self, root: &'n mut Node, path: &[String]) -> Option<&'n mut Node> {
        let mut node = root;
        for name in path {
            let legacy = self.settings.legacy_targets;
            let Some(position) = position(node, name, legacy) else {
                let error = match position_by_target(node, name) {
                    Some(embed) => errors::target_of_aliased_embed(name, embed.key()),
                    None => errors::not_embedded(name),
                };
                self.misplaced.get_or_insert(error);
                return None;
            };
            match node.select.get_mut(position) {
                Some(SelectItem::Embed(embed)) => node = &mut embed.node,
                _ => return None,
            }
        }
        Some(node)
    }
}

/// Narrows the rows of the root to those of a `Range` header.
fn intersect(root: &mut Node, (first, last): (u64, Option<u64>)) -> Result<()> {
    if last.is_some_and(|last| last < first) {
        return Err(errors::range_bounds());
    }
    if root.limit == Some(0) {
        return Ok(());
    }
    let end = root.limit.map(|limit| root.offset.saturating_add(limit));
    let header_end = last.map(|last| last.saturating_add(1));
    let end = match (end, header_end) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    root.offset = root.offset.max(first);
    if end.is_some_and(|end| end <= root.offset) {
        return Err(errors::negative_limit());
    }
    root.limit = end.map(|end| end - root.offset);
    Ok(())
}

/// The position of the embed with this key or, failing that, with this target under an alias.
fn position(node: &Node, name: &str, legacy: bool) -> Option<usize> {
    let by_key = node.embeds().find(|(_, embed)| embed.key() == name);
    let found = match by_key {
        None if legacy => node.embeds().find(|(_, embed)| embed.target == name),
        other => other,
    };
    found.map(|(position, _)| position)
}

fn position_by_target<'n>(node: &'n Node, name: &str) -> Option<&'n Embed> {
    node.embeds().map(|(_, embed)| embed).find(|embed| embed.target == name)
}

fn uses_aggregates(node: &Node) -> bool {
    node.select.iter().any(|item| match item {
        SelectItem::All => false,
        SelectItem::Count(_) => true,
        SelectItem::Column(column) => column.aggregate.is_some(),
        SelectItem::Embed(embed) => uses_aggregates(&embed.node),
    })
}

/// Turns null filters on embeds into what they are, and caps the rows of every level.
fn finish(node: &mut Node, rows: RootRows, max_rows: Option<u64>, is_root: bool) {
    if is_root && rows != RootRows::Read {
        node.limit = None;
        node.offset = 0;
    } else {
        node.limit = match (node.limit, max_rows) {
            (Some(limit), Some(most)) => Some(limit.min(most)),
            (limit, most) => limit.or(most),
        };
        if node.limit == Some(0) {
            node.offset = 0;
        }
    }
    if !is_root || rows == RootRows::Read {
        let mut conditions = std::mem::take(&mut node.conditions);
        for condition in &mut conditions {
            find_null_filters(condition, node);
        }
        node.conditions = conditions;
    }
    for item in &mut node.select {
        if let SelectItem::Embed(embed) = item {
            finish(&mut embed.node, rows, max_rows, false);
        }
    }
}

fn find_null_filters(condition: &mut Condition, node: &Node) {
    match condition {
        Condition::Filter(filter) => {
            if let Some(found) = null_filter(filter, node) {
                *condition = found;
            }
        }
        Condition::All(inner) | Condition::Any(inner) => {
            inner.iter_mut().for_each(|condition| find_null_filters(condition, node));
        }
        Condition::Not(inner) => find_null_filters(inner, node),
        Condition::EmbedIsNull { .. } => {}
    }
}

fn null_filter(filter: &Filter, node: &Node) -> Option<Condition> {
    let not_null = match filter.operation {
        Operation::Is(IsValue::Null) => false,
        Operation::Is(IsValue::NotNull) => true,
        _ => return None,
    };
    if !filter.field.path.is_empty() {
        return None;
    }
    let embed = position(node, &filter.field.name, false)?;
    Some(Condition::EmbedIsNull { embed, negated: filter.negated != not_null })
}
