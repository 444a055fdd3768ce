//! Nodes: the query of one level of the answer, its members and its children.

use backstay_expr::{Expr, From, JoinKind, Output, Query, Select};
use backstay_model::{Error, Result};
use backstay_rest::{Column, SelectItem};

use crate::builder::Builder;
use crate::filters::Purpose;
use crate::joins::{Linked, Near};
use crate::plan::{Child, ChildKind, Member, MemberKind, Node};
use crate::resolved::{Resolved, ResolvedEmbed};
use crate::source::Source;

/// A node under construction.
struct Draft {
    outputs: Vec<Output>,
    members: Vec<Member>,
    children: Vec<Child>,
    /// Are rows gathered into groups?
    gathers: bool,
    /// What they are grouped by.
    groups: Vec<Expr>,
    /// To-one spreads that are joined, so that their members count as the node's own.
    joins: Vec<(JoinKind, Vec<From>, Option<Expr>)>,
}

impl Draft {
    fn output(&mut self, name: &str, expr: Expr) -> usize {
        self.outputs.push(Output { name: name.to_owned(), expr });
        self.outputs.len() - 1
    }

    fn group_by(&mut self, expr: &Expr) {
        if self.gathers && !self.groups.contains(expr) {
            self.groups.push(expr.clone());
        }
    }

    fn member(&mut self, key: &str, expr: Expr) {
        let index = self.output(key, expr);
        self.members.push(Member { key: key.to_owned(), kind: MemberKind::Output(index) });
    }

    /// The output that children find their rows by.
    fn key(&mut self, expr: Expr) -> usize {
        self.group_by(&expr);
        match self.outputs.iter().position(|output| output.expr == expr) {
            Some(index) => index,
            None => self.output("key", expr),
        }
    }
}

impl<'a> Builder<'a> {
    /// The node over what `linked` reads. `restricted`: its own conditions hold (they do not for
    /// the rows that a write shows).
    pub(crate) fn node(
        &mut self,
        node: &Resolved<'a>,
        linked: Linked<'a>,
        restricted: bool,
    ) -> Result<Node> {
        let Linked { source, mut from, on } = linked;
        let source = &source;
        let mut draft = Draft {
            outputs: Vec::new(),
            members: Vec::new(),
            children: Vec::new(),
            gathers: node.gathers(),
            groups: Vec::new(),
            joins: Vec::new(),
        };
        self.members(node, source, &mut draft)?;
        for group in &draft.groups {
            self.resolver.check_equality(&group.ty())?;
        }
        for (kind, right, on) in draft.joins {
            from = join(from, kind, right, on);
        }
        let conditions = if restricted {
            self.conditions(node, source, Purpose::Show)?
        } else {
            Expr::all_of(self.inner_embeds(node, source, Purpose::Show)?)
        };
        let order = self.order(node, source)?;
        if draft.gathers
            && let Some(key) = order.iter().find(|key| !draft.groups.contains(&key.expr))
        {
            return Err(not_grouped(source, &key.expr));
        }
        let mut select = Select::new(draft.outputs, from);
        select.filter = Expr::all_of(on.into_iter().chain(conditions));
        select.group = draft.groups;
        let mut query = Query::select(select);
        query.order = order;
        query.limit = node.node.limit.map(|limit| self.row_number(limit)).transpose()?;
        query.offset =
            (node.node.offset > 0).then(|| self.row_number(node.node.offset)).transpose()?;
        Ok(Node { query, members: draft.members, children: draft.children })
    }

    fn members(
        &mut self,
        node: &Resolved<'a>,
        source: &Source<'a>,
        draft: &mut Draft,
    ) -> Result<()> {
        for (position, item) in node.node.select.iter().enumerate() {
            match item {
                SelectItem::All => {
                    for (name, expr) in source.all() {
                        draft.group_by(&expr);
                        draft.member(&name, self.shown(expr, source)?);
                    }
                }
                SelectItem::Column(column) if node.counts(column) => {
                    let count = self.call("count", Vec::new())?;
                    draft.member(column.key(), count);
                }
                SelectItem::Column(column) => {
                    let (expr, gathered) = self.selected(column, source)?;
                    if !gathered {
                        draft.group_by(&expr);
                    }
                    draft.member(column.key(), self.shown(expr, source)?);
                }
                SelectItem::Count(count) => {
                    let mut expr = self.call("count", Vec::new())?;
                    if let Some(cast) = &count.cast {
                        expr = self.cast(expr, cast)?;
                    }
                    draft.member(count.key(), expr);
                }
                SelectItem::Embed(_) => {
                    let embed = node.embed(position)?;
                    self.embedded(embed, source, draft)?;
                }
            }
        }
        Ok(())
    }

    /// A selected column: its expression, and whether it is an aggregate.
    fn selected(&mut self, column: &Column, source: &Source<'a>) -> Result<(Expr, bool)> {
        let mut expr = self.field(&column.field, source)?;
        if let Some(cast) = &column.cast {
            expr = self.cast(expr, cast)?;
        }
        let Some(aggregate) = &column.aggregate else { return Ok((expr, false)) };
        let name = aggregate.function.name();
        let mut expr = if name != "count" && expr.ty().base(self.catalog).is_other() {
            // What comes of it only the database knows, and nothing here asks.
            let (symbol, ty, args) = (name.into(), expr.ty(), vec![expr]);
            let (distinct, order, filter) = (false, Vec::new(), None);
            Expr::Aggregate { symbol, args, distinct, order, filter, ty }
        } else {
            self.call(name, vec![expr])?
        };
        if let Some(cast) = &aggregate.cast {
            expr = self.cast(expr, cast)?;
        }
        Ok((expr, true))
    }

    fn embedded(
        &mut self,
        embed: &ResolvedEmbed<'a>,
        source: &Source<'a>,
        draft: &mut Draft,
    ) -> Result<()> {
        if embed.inner.is_silent() {
            return Ok(());
        }
        let to_one = embed.relationship.to_one();
        if embed.embed.spread && to_one && draft.gathers {
            return self.joined(embed, source, draft);
        }
        let child = self.child(embed, source, draft)?;
        let index = draft.children.len();
        draft.children.push(child);
        let kind =
            if embed.embed.spread { MemberKind::Spread(index) } else { MemberKind::Child(index) };
        draft.members.push(Member { key: embed.embed.key().to_owned(), kind });
        Ok(())
    }

    fn child(
        &mut self,
        embed: &ResolvedEmbed<'a>,
        source: &Source<'a>,
        draft: &mut Draft,
    ) -> Result<Child> {
        let mut near = Near::Keys { source, exprs: Vec::new() };
        let linked = self.linked(&embed.relationship, embed.inner.depth, &mut near)?;
        let Near::Keys { exprs, .. } = near else {
            return Err(Error::internal("a child without keys"));
        };
        let mut node = self.node(&embed.inner, linked, true)?;
        let kind = if embed.relationship.to_one() { ChildKind::One } else { ChildKind::Many };
        if kind == ChildKind::One && embed.inner.node.limit.is_some_and(|limit| limit > 0) {
            node.query.limit = None;
        }
        let keys = exprs.into_iter().map(|expr| draft.key(expr)).collect();
        Ok(Child { kind, keys, node })
    }

    /// A to-one spread beside aggregates: its members are grouped and gathered with the parent's.
    fn joined(
        &mut self,
        embed: &ResolvedEmbed<'a>,
        source: &Source<'a>,
        draft: &mut Draft,
    ) -> Result<()> {
        let mut near = Near::Here(source);
        let linked = self.linked(&embed.relationship, embed.inner.depth, &mut near)?;
        let conditions = self.conditions(&embed.inner, &linked.source, Purpose::Show)?;
        let on = Expr::all_of(linked.on.into_iter().chain(conditions));
        let kind = if embed.is_inner() { JoinKind::Inner } else { JoinKind::Left };
        draft.joins.push((kind, linked.from, on));
        self.members(&embed.inner, &linked.source, draft)
    }

    /// Counts all rows of the root.
    pub(crate) fn count(&mut self, node: &Resolved<'a>, linked: Linked<'a>) -> Result<Query> {
        let count = self.call("count", Vec::new())?;
        let output = Output { name: "count".to_owned(), expr: count };
        let mut select = Select::new(vec![output], linked.from);
        select.filter = self.conditions(node, &linked.source, Purpose::Count)?;
        Ok(Query::select(select))
    }
}

/// Joins the only entry of a to-one relation to the first entry.
fn join(mut from: Vec<From>, kind: JoinKind, right: Vec<From>, on: Option<Expr>) -> Vec<From> {
    let mut right = right.into_iter();
    if let (false, Some(entry)) = (from.is_empty(), right.next()) {
        let left = Box::new(from.remove(0));
        from.insert(0, From::Join { kind, left, right: Box::new(entry), on });
    }
    from
}

/// `42803` in PostgreSQL's words.
fn not_grouped(source: &Source<'_>, expr: &Expr) -> Error {
    let name = match expr {
        Expr::Column { .. } => source.name_of(expr),
        _ => None,
    };
    let column = name.map_or_else(
        || "expression".to_owned(),
        |name| format!("column \"{}.{name}\"", source.qualifier()),
    );
    Error::new(
        "42803",
        format!("{column} must appear in the GROUP BY clause or be used in an aggregate function"),
    )
}
