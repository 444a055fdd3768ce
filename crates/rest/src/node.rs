//! The select tree: each level with its own conditions, order and limits.

use crate::Condition;

/// One level of the answer: the root, or an embed with all that was said about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Node {
    /// The members of each row, in order. At the root never empty (`*` if nothing was selected);
    /// in an embed empty means that it only joins and filters.
    pub select: Vec<SelectItem>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Most significant first.
    pub order: Vec<OrderTerm>,
    /// Greatest number of rows (for an embed: for each parent row); the setting `max_rows` is
    /// accounted for.
    pub limit: Option<u64>,
    /// Rows to skip.
    pub offset: u64,
}

/// A member, or several, of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SelectItem {
    /// `*`: all columns.
    All,
    /// A column, a path into one, a computed field, or an aggregate over one of them.
    ///
    /// Without path, cast and aggregate the name `count` means the number of rows where the
    /// relation has no column `count` (the old form `orders(count)`), even with aggregates off.
    Column(Column),
    /// `count()`: the number of rows.
    Count(CountRows),
    /// A related relation.
    Embed(Box<Embed>),
}

/// A selected column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// Its key in the answer, if given.
    pub alias: Option<String>,
    /// The column and the path into it.
    pub field: Field,
    /// `::type` on the column (under the aggregate, if there is one).
    pub cast: Option<String>,
    /// The aggregate over it.
    pub aggregate: Option<Aggregate>,
}

/// `count()`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CountRows {
    /// Its key in the answer, if given; else `count`.
    pub alias: Option<String>,
    /// `::type` of the result.
    pub cast: Option<String>,
}

/// An aggregate over a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Aggregate {
    /// Which.
    pub function: AggregateFunction,
    /// `::type` of its result.
    pub cast: Option<String>,
}

/// The aggregates of the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// `sum()`.
    Sum,
    /// `avg()`.
    Avg,
    /// `count()`: of the non-null values.
    Count,
    /// `max()`.
    Max,
    /// `min()`.
    Min,
}

/// A column or computed field, with a path into its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// The steps into it; empty for the column itself.
    pub path: Vec<PathStep>,
}

/// A step of a JSON path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathStep {
    /// `->>` (text) instead of `->` (JSON).
    pub as_text: bool,
    /// Where to.
    pub key: PathKey,
}

/// Where a step of a JSON path leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathKey {
    /// An array element; negative from the end.
    Index(i64),
    /// An object's member.
    Key(String),
}

/// A related relation inside a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Embed {
    /// `...`: its members stand in the parent row.
    pub spread: bool,
    /// Its key in the answer, if given; never with `spread`.
    pub alias: Option<String>,
    /// The target as typed: a relation, a constraint, a column, or a computed relationship.
    pub target: String,
    /// Which relationship, where there are several.
    pub hint: Option<String>,
    /// What becomes of parents without a match.
    pub join: Join,
    /// Its rows.
    pub node: Node,
}

/// What becomes of parent rows without a matching embedded row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Join {
    /// They stay.
    #[default]
    Left,
    /// They go.
    Inner,
}

/// A term of an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderTerm {
    /// By what.
    pub target: OrderTarget,
    /// Greatest first?
    pub descending: bool,
    /// Where nulls go; `None` for PostgreSQL's rule (last when ascending, first when descending).
    pub nulls: Option<NullsOrder>,
}

/// What a term of an order sorts by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OrderTarget {
    /// A field of the node.
    Field(Field),
    /// A field of an embedded to-one row.
    Related {
        /// Position of the embed in the node's `select`.
        embed: usize,
        /// The field of the embedded relation.
        field: Field,
    },
}

/// Where an order puts nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NullsOrder {
    /// Before all else.
    First,
    /// After all else.
    Last,
}

impl Node {
    /// The embeds with their positions in `select`.
    pub fn embeds(&self) -> impl Iterator<Item = (usize, &Embed)> {
        self.select.iter().enumerate().filter_map(|(position, item)| match item {
            SelectItem::Embed(embed) => Some((position, &**embed)),
            SelectItem::All | SelectItem::Column(_) | SelectItem::Count(_) => None,
        })
    }

    /// The embed at a position of `select`, as [`Condition::EmbedIsNull`] and
    /// [`OrderTarget::Related`] name it.
    pub fn embed(&self, position: usize) -> Option<&Embed> {
        match self.select.get(position) {
            Some(SelectItem::Embed(embed)) => Some(embed),
            _ => None,
        }
    }
}

impl Column {
    /// Its key in the answer: the alias, else the aggregate's name, else the last name of the path,
    /// else the column's name.
    pub fn key(&self) -> &str {
        if let Some(alias) = &self.alias {
            return alias;
        }
        match &self.aggregate {
            Some(aggregate) => aggregate.function.name(),
            None => self.field.key(),
        }
    }

    /// Is it the bare word `count`, which may mean the number of rows?
    pub fn is_bare_count(&self) -> bool {
        self.field.name == "count"
            && self.field.path.is_empty()
            && self.cast.is_none()
            && self.aggregate.is_none()
    }
}

impl CountRows {
    /// Its key in the answer.
    pub fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or("count")
    }
}

impl Embed {
    /// Its key in the answer, and the name that filters, orders and limits use.
    pub fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.target)
    }
}

impl Field {
    /// A column without a path.
    pub fn column(name: impl Into<String>) -> Self {
        Self { name: name.into(), path: Vec::new() }
    }

    /// The last name of the path, or the column's name.
    pub fn key(&self) -> &str {
        let named = self.path.iter().rev().find_map(|step| match &step.key {
            PathKey::Key(key) => Some(key.as_str()),
            PathKey::Index(_) => None,
        });
        named.unwrap_or(&self.name)
    }
}

impl AggregateFunction {
    /// Its name in SQL and in the dialect.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}
