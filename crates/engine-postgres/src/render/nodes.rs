//! Nodes: the rows of an answer as JSON objects with their embeds, written by the database.
//!
//! Embeds are sub-selects of the select list, so that they run for the rows of the page only, and the
//! order of the page is the order of the answer. A spread gives several members of one row; it is
//! joined laterally to its parent's finished rows.
//!
//! A row is `x.*`: plain `x` is a column where the request names one so.

use backstay_engine::Format;
use backstay_expr::{Body, Query, Select};
use backstay_model::{Error, Result};
use backstay_plan::{Child, ChildKind, MemberKind, Node};

use super::names::{self, quoted};
use super::{Layout, Renderer};

/// What the columns of a node are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// As the members: for objects.
    Keys,
    /// `c1`, `c2`…: for spreads, whose members may share a name.
    Positions,
}

/// A column of a node: one member, or one member of a spread.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    key: String,
    /// Is it `[]` rather than null where a spread finds no row?
    array: bool,
}

impl<'a> Renderer<'a> {
    /// A read, with the number of all rows beside every row if it counts.
    pub(super) fn read(&mut self, node: &'a Node, count: Option<&'a Query>) -> Result<Layout> {
        let counting = match count {
            Some(query) => Some(self.apart(|this| this.query(query))?),
            None => None,
        };
        self.rows(node, counting.map(|query| (query, "c1")).as_ref())
    }

    /// The rows of a node, beside the only row of `total` (a query and the name of its number).
    pub(super) fn rows(
        &mut self,
        node: &'a Node,
        total: Option<&(String, &str)>,
    ) -> Result<Layout> {
        let piece = match self.format {
            Format::Json | Format::Value => "pg_catalog.row_to_json(x.*)".to_owned(),
            Format::Csv => "(x.*)::pg_catalog.text".to_owned(),
            Format::Aggregate(number) => self.made(number)?,
        };
        let aggregated = matches!(self.format, Format::Aggregate(_));
        let (count, counted) =
            if aggregated { (", pg_catalog.count(*) AS n", ", j.n") } else { ("", "") };
        let mut shown = Vec::new();
        let rows = self.apart(|this| {
            shown = this.node(node, Naming::Keys)?;
            Ok(())
        })?;
        match total {
            None => self.push(&format!("SELECT {piece}{count} FROM ({rows}) AS x")),
            Some((query, number)) => self.push(&format!(
                "SELECT j.v{counted}, k.{number} FROM ({query}) AS k \
                 LEFT JOIN (SELECT {piece} AS v{count} FROM ({rows}) AS x) AS j ON TRUE"
            )),
        }
        if aggregated {
            return Ok(Layout::Whole { total: total.is_some() });
        }
        let header = shown.into_iter().map(|one| one.key).collect();
        Ok(Layout::Rows { total: total.is_some(), array: true, header })
    }

    /// An aggregate that makes a media type, over the rows `x`.
    fn made(&self, number: usize) -> Result<String> {
        let catalog = self.catalog();
        let media = catalog.media_aggregates.get(number);
        let media = media.ok_or_else(|| Error::internal("an aggregate that is not there"))?;
        let relation = media.relation.and_then(|id| catalog.relations.get(&id));
        let row = relation.map_or_else(
            || "x.*".to_owned(),
            |relation| format!("(x.*)::{}", names::relation(relation)),
        );
        let call = names::qualified(&media.schema, &media.name);
        Ok(format!("{call}({row})::{}", self.bare(&media.result)))
    }

    fn node(&mut self, node: &'a Node, naming: Naming) -> Result<Vec<Shown>> {
        let select = select_of(node)?;
        self.with(&node.query.with)?;
        if node.members.iter().any(|member| matches!(member.kind, MemberKind::Spread(_))) {
            return self.spreading(node, select, naming);
        }
        let mut shown = Vec::new();
        self.select(&node.query, select, |this, select| {
            this.each(&node.members, ", ", |this, member| {
                let array = match member.kind {
                    MemberKind::Output(index) => {
                        this.expr(&output(select, index)?.expr)?;
                        false
                    }
                    MemberKind::Child(index) | MemberKind::Spread(index) => {
                        let child = child(node, index)?;
                        let keys = this.keys(child, select)?;
                        this.child(child, keys)?;
                        child.kind == ChildKind::Many
                    }
                };
                this.named(&mut shown, naming, Shown { key: member.key.clone(), array });
                Ok(())
            })
        })?;
        Ok(shown)
    }

    /// Names the column that was just written.
    fn named(&mut self, shown: &mut Vec<Shown>, naming: Naming, one: Shown) {
        let name = match naming {
            Naming::Keys => quoted(&one.key),
            Naming::Positions => format!("c{}", shown.len() + 1),
        };
        self.push(&format!(" AS {name}"));
        shown.push(one);
    }

    /// What a child's query refers to, as it is written in its parent.
    fn keys(&mut self, child: &Child, select: &'a Select) -> Result<Vec<String>> {
        let one = |index: &usize| {
            let expr = &output(select, *index)?.expr;
            self.apart(|this| this.expr(expr))
        };
        child.keys.iter().map(one).collect()
    }

    /// A child as a value: an object, null, or an array.
    fn child(&mut self, child: &'a Child, keys: Vec<String>) -> Result<()> {
        let value = match child.kind {
            ChildKind::One => "pg_catalog.row_to_json(x.*)",
            ChildKind::Many => "COALESCE(pg_catalog.json_agg(x.*), '[]')",
        };
        self.push(&format!("(SELECT {value} FROM ("));
        self.below(child, keys, Naming::Keys)?;
        self.push(") AS x)");
        Ok(())
    }

    /// The rows of a child; at most one of a to-one child.
    fn below(&mut self, child: &'a Child, keys: Vec<String>, naming: Naming) -> Result<Vec<Shown>> {
        self.parents.push(keys);
        let shown = self.node(&child.node, naming);
        self.parents.pop();
        let shown = shown?;
        if child.kind == ChildKind::One && child.node.query.limit.is_none() {
            self.push(" LIMIT 1");
        }
        Ok(shown)
    }

    /// A node with spreads: its own rows first, finished and numbered, then what is spread over them.
    fn spreading(
        &mut self,
        node: &'a Node,
        select: &'a Select,
        naming: Naming,
    ) -> Result<Vec<Shown>> {
        let parent = self.alias('p');
        let ordered = !node.query.order.is_empty();
        let rows = self.apart(|this| {
            this.select(&node.query, select, |this, select| {
                this.each(select.outputs.iter().enumerate(), ", ", |this, (index, output)| {
                    this.expr(&output.expr)?;
                    this.push(&format!(" AS c{}", index + 1));
                    Ok(())
                })?;
                if ordered {
                    let comma = if select.outputs.is_empty() { "" } else { ", " };
                    this.push(&format!("{comma}pg_catalog.row_number() OVER ("));
                    this.order_by(&node.query.order)?;
                    this.push(") AS n");
                }
                Ok(())
            })
        })?;
        let mut joins = String::new();
        let mut shown = Vec::new();
        let members = self.apart(|this| {
            for member in &node.members {
                this.spread_member(node, member, (&parent, naming), (&mut shown, &mut joins))?;
            }
            Ok(())
        })?;
        self.push(&format!("SELECT {members} FROM ({rows}) AS {parent}{joins}"));
        if ordered {
            self.push(&format!(" ORDER BY {parent}.n"));
        }
        Ok(shown)
    }

    fn spread_member(
        &mut self,
        node: &'a Node,
        member: &'a backstay_plan::Member,
        (parent, naming): (&str, Naming),
        (shown, joins): (&mut Vec<Shown>, &mut String),
    ) -> Result<()> {
        let keys = |child: &Child| -> Vec<String> {
            child.keys.iter().map(|index| format!("{parent}.c{}", index + 1)).collect()
        };
        let one = |array| Shown { key: member.key.clone(), array };
        match member.kind {
            MemberKind::Output(index) => {
                self.comma(shown);
                self.push(&format!("{parent}.c{}", index + 1));
                self.named(shown, naming, one(false));
            }
            MemberKind::Child(index) => {
                let child = child(node, index)?;
                self.comma(shown);
                self.child(child, keys(child))?;
                self.named(shown, naming, one(child.kind == ChildKind::Many));
            }
            MemberKind::Spread(index) => {
                let child = child(node, index)?;
                let alias = self.alias('s');
                let mut columns = Vec::new();
                let rows = self.apart(|this| {
                    columns = this.spread(child, keys(child))?;
                    Ok(())
                })?;
                if columns.is_empty() {
                    return Ok(());
                }
                joins.push_str(&format!(" LEFT JOIN LATERAL ({rows}) AS {alias} ON TRUE"));
                for (index, column) in columns.into_iter().enumerate() {
                    self.comma(shown);
                    let value = format!("{alias}.c{}", index + 1);
                    self.push(&if column.array {
                        format!("COALESCE({value}, '[]')")
                    } else {
                        value
                    });
                    self.named(shown, naming, column);
                }
            }
        }
        Ok(())
    }

    fn comma(&mut self, shown: &[Shown]) {
        if !shown.is_empty() {
            self.push(", ");
        }
    }

    /// The members of a spread child as columns: of its one row, or each gathered in an array.
    fn spread(&mut self, child: &'a Child, keys: Vec<String>) -> Result<Vec<Shown>> {
        if child.kind == ChildKind::One {
            return self.below(child, keys, Naming::Positions);
        }
        let mut shown = Vec::new();
        let rows = self.apart(|this| {
            shown = this.below(child, keys, Naming::Positions)?;
            Ok(())
        })?;
        let gathered: Vec<String> = (1..=shown.len())
            .map(|number| format!("COALESCE(pg_catalog.json_agg(x.c{number}), '[]') AS c{number}"))
            .collect();
        self.push(&format!("SELECT {} FROM ({rows}) AS x", gathered.join(", ")));
        for one in &mut shown {
            one.array = false;
        }
        Ok(shown)
    }
}

pub(super) fn select_of(node: &Node) -> Result<&Select> {
    match &node.query.body {
        Body::Select(select) => Ok(select),
        Body::Values(_) | Body::SetOperation { .. } => {
            Err(Error::internal("the rows of an answer come from a select"))
        }
    }
}

fn output(select: &Select, index: usize) -> Result<&backstay_expr::Output> {
    select.outputs.get(index).ok_or_else(|| Error::internal(format!("a node lacks output {index}")))
}

fn child(node: &Node, index: usize) -> Result<&Child> {
    node.children.get(index).ok_or_else(|| Error::internal(format!("a node lacks child {index}")))
}
