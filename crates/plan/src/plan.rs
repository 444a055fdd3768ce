//! The plan: a tree of queries with the shape of the answer.

use std::sync::Arc;

use backstay_expr::{Expr, FunctionId, Query, RelId, RelationId, Statement};
use backstay_model::{Type, Value};

/// A row to write, one cell for each column; `None` is the column's default.
pub type Cells = Vec<Option<Value>>;

/// A request, resolved. Two requests of one shape share the operation and differ in the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The literals of the request ([`Expr::Param`]).
    pub params: Vec<Value>,
    /// The rows of the request's body ([`backstay_expr::Source::Payload`]).
    pub rows: Vec<Cells>,
    /// What is done.
    pub operation: Arc<Operation>,
}

impl Plan {
    /// A plan without values.
    pub fn new(operation: Operation) -> Self {
        Self { params: Vec::new(), rows: Vec::new(), operation: Arc::new(operation) }
    }
}

/// What a request does.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a plan holds one of them")]
pub enum Operation {
    /// Reads rows.
    Read(Read),
    /// Changes rows.
    Write(Write),
    /// Calls a function of the project.
    Call(Call),
}

/// A read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The rows.
    pub node: Node,
    /// Counts all root rows regardless of limit and offset: one column, `bigint`.
    pub count: Option<Query>,
}

/// One level of the answer: a query whose outputs, with the children, make up each JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Gives the rows. In a child it refers to its parent by [`Expr::ParentKey`].
    pub query: Query,
    /// The members of each object, in order.
    pub members: Vec<Member>,
    /// Embedded nodes.
    pub children: Vec<Child>,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its key.
    pub key: String,
    /// Its value.
    pub kind: MemberKind,
}

/// Where a member's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberKind {
    /// The n-th output (from 0) of the node's query.
    Output(usize),
    /// The n-th child (from 0), as an object or an array by its kind.
    Child(usize),
    /// The members of the n-th child (from 0) stand here by themselves: to-one spread (nulls when
    /// there is no row), to-many spread (an array a member). The member's key is unused.
    Spread(usize),
}

/// An embedded node.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Object or array.
    pub kind: ChildKind,
    /// For each [`Expr::ParentKey`] of the child's query: the position (from 0) of the parent's output.
    pub keys: Vec<usize>,
    /// The node.
    pub node: Node,
}

/// How many rows a child has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildKind {
    /// At most one: an object or `null`.
    One,
    /// Any number: an array.
    Many,
}

/// A write through the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// [`Statement::Insert`], [`Statement::Update`] or [`Statement::Delete`], without `RETURNING`.
    pub statement: Statement,
    /// The table.
    pub relation: RelationId,
    /// The written rows as the answer shows them: the node's query reads `relation` as its first
    /// `FROM` entry, `target`; the engine restricts it to the written rows, in the order of the
    /// input unless the query is ordered. Deleted rows are shown as they were.
    pub representation: Option<Node>,
    /// The entry of the representation's `FROM` that stands for the written rows.
    pub target: RelId,
    /// The attribute numbers of the primary key, for `Location`; empty if not asked for.
    pub location: Vec<u16>,
    /// An upsert (`PUT` or `resolution=merge-duplicates`).
    pub upsert: bool,
}

/// A function call through the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which function.
    pub function: FunctionId,
    /// Its arguments in declaration order, defaults filled in ([`Expr::Param`] or default trees).
    pub arguments: Vec<Expr>,
    /// What becomes of the result.
    pub result: CallResult,
    /// The request demands a read-only transaction (GET, HEAD), whatever the function is.
    pub read_only: bool,
}

/// The form of a function's result.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a plan holds one of them")]
pub enum CallResult {
    /// No body.
    Void,
    /// A bare value of this type.
    Scalar(Type),
    /// An array of bare values; limited like rows.
    Scalars {
        /// The type of each.
        ty: Type,
        /// Greatest number of them.
        limit: Option<u64>,
    },
    /// One object (`set` false) or an array of objects: the node's query reads the function's
    /// result as its first `FROM` entry, a [`backstay_expr::From::Function`] over the same call
    /// (authorizing may put the function's query in its place: then just read it).
    Rows {
        /// `SETOF` or `TABLE`.
        set: bool,
        /// The rows.
        node: Box<Node>,
        /// Counts all rows.
        count: Option<Query>,
    },
}
