//! Expressions.

use std::sync::Arc;

use backstay_model::{Modifier, Type, Value};
use serde::{Deserialize, Serialize};

use crate::{Query, SortKey};

/// A relation of the catalogue (table, view, materialised view).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationId(pub u32);

/// A function that the project defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionId(pub u32);

/// One entry of a `FROM` list; unique within a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelId(pub u32);

/// The comparison operators that engines compute natively.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// What `op` stands for in `x op ANY (…)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Comparator {
    /// A native comparison; both sides have the operand type.
    Compare(CompareOp),
    /// An operator of the function table, for example `~~(text,text)`.
    Symbol(Arc<str>),
    /// An operator that the database finds, by name; see [`Expr::Operator`].
    Operator(Arc<str>),
}

/// `IS TRUE`, `IS FALSE`, `IS UNKNOWN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BoolTest {
    True,
    False,
    Unknown,
}

/// How a cast is done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CastMethod {
    /// The value stays as it is (`varchar` → `text`, a domain and its base, `int4` → `int8`).
    Relabel,
    /// A cast function of the table, by symbol (`::(numeric,integer)`).
    Function(Arc<str>),
    /// Through the text form: output function, then input function.
    Io,
    /// Element by element.
    Array(Box<CastMethod>),
}

/// An expression. `ty` is always the result's type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// A literal.
    Const {
        /// Its value.
        value: Value,
        /// Its type.
        ty: Type,
    },
    /// The n-th literal of the request; the value travels beside the tree, so that the tree (and
    /// what is compiled from it) depends on the request's shape only.
    Param {
        /// Position in the plan's parameters.
        index: usize,
        /// Its type.
        ty: Type,
    },
    /// The n-th key that an embedded node takes from its parent row, or the rows of the n-th part of
    /// a [`crate::Sequence`].
    ParentKey {
        /// Position among the keys of the embed, or among the parts.
        index: usize,
        /// Its type.
        ty: Type,
    },
    /// The n-th argument of the function whose body this is.
    Argument {
        /// Position, from 0.
        index: usize,
        /// Its type.
        ty: Type,
    },
    /// A column of a relation in scope. For a stored relation `column` is the attribute number
    /// (from 1, never reused) and 0 is the engine's row id (`bigint`); for any other entry the
    /// position of its output (from 1).
    Column {
        /// Where from.
        rel: RelId,
        /// Attribute number or position, from 1.
        column: u16,
        /// Its type.
        ty: Type,
    },
    /// The whole row of a relation in scope.
    WholeRow {
        /// Where from.
        rel: RelId,
        /// Its composite type.
        ty: Type,
    },
    /// The n-th output (from 1) of the set operation that this sort key belongs to.
    OutputColumn {
        /// Position, from 1.
        index: usize,
        /// Its type.
        ty: Type,
    },
    /// A function or operator of the function table.
    Call {
        /// Its symbol.
        symbol: Arc<str>,
        /// Arguments, a variadic tail spread.
        args: Vec<Expr>,
        /// The actual result type.
        ty: Type,
    },
    /// A function that the project defined; all arguments present (defaults filled in).
    UserCall {
        /// Which.
        function: FunctionId,
        /// Arguments in declaration order.
        args: Vec<Expr>,
        /// Result type.
        ty: Type,
    },
    /// A native comparison; both sides have the type `operand` (binary compatible counts).
    Compare {
        /// The operator.
        op: CompareOp,
        /// The type that decides the order.
        operand: Type,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// `left name right`, an operator that the database finds by the types of its sides, because one
    /// of them is [`Type::Other`]; a side of [`Type::Unknown`] is a text that gets its type there.
    Operator {
        /// The operator's name.
        name: Arc<str>,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
        /// Result type.
        ty: Type,
    },
    /// `left IS [NOT] DISTINCT FROM right`.
    IsDistinct {
        /// `IS NOT DISTINCT FROM`.
        negated: bool,
        /// The type that decides equality.
        operand: Type,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// All of them; never empty.
    And(Vec<Expr>),
    /// Any of them; never empty.
    Or(Vec<Expr>),
    /// `NOT x`.
    Not(Box<Expr>),
    /// `x IS [NOT] NULL`; for a composite: all fields null / all fields not null.
    IsNull {
        /// What is tested.
        expr: Box<Expr>,
        /// `IS NOT NULL`.
        negated: bool,
    },
    /// `x IS [NOT] TRUE | FALSE | UNKNOWN`.
    IsBool {
        /// What is tested.
        expr: Box<Expr>,
        /// For what.
        test: BoolTest,
        /// `IS NOT`.
        negated: bool,
    },
    /// `CASE WHEN … THEN … ELSE … END`; the simple form is rewritten to this one.
    Case {
        /// Conditions and results.
        branches: Vec<(Expr, Expr)>,
        /// `ELSE`; null without.
        otherwise: Option<Box<Expr>>,
        /// Result type.
        ty: Type,
    },
    /// `COALESCE(…)`.
    Coalesce {
        /// Candidates.
        args: Vec<Expr>,
        /// Result type.
        ty: Type,
    },
    /// `GREATEST(…)` or `LEAST(…)`; nulls are ignored.
    Extreme {
        /// `GREATEST`.
        greatest: bool,
        /// Candidates.
        args: Vec<Expr>,
        /// Result type.
        ty: Type,
    },
    /// `x [NOT] IN (a, b, …)`.
    InList {
        /// `NOT IN`.
        negated: bool,
        /// The type that decides equality.
        operand: Type,
        /// Left side.
        expr: Box<Expr>,
        /// Candidates.
        list: Vec<Expr>,
    },
    /// `x op ANY (array)` or `x op ALL (array)`.
    AnyArray {
        /// The operator.
        op: Comparator,
        /// The type of the left side and of the elements.
        operand: Type,
        /// `ALL` instead of `ANY`.
        all: bool,
        /// Left side.
        left: Box<Expr>,
        /// The array.
        array: Box<Expr>,
    },
    /// `EXISTS (query)`.
    Exists(Box<Query>),
    /// A scalar sub-select: one column, null when no row, `21000` when more than one.
    Scalar {
        /// The query.
        query: Box<Query>,
        /// The type of its column.
        ty: Type,
    },
    /// `(a, b) op ANY (query)` or `ALL`; `IN` is `= ANY`. With several columns only `=` and `<>`.
    AnyQuery {
        /// The operator.
        op: Comparator,
        /// The types that decide, one a column.
        operands: Vec<Type>,
        /// `ALL` instead of `ANY`.
        all: bool,
        /// Left side, one a column.
        left: Vec<Expr>,
        /// The query.
        query: Box<Query>,
    },
    /// `ARRAY(query)`.
    ArrayQuery {
        /// The query, one column.
        query: Box<Query>,
        /// The array type.
        ty: Type,
    },
    /// `ARRAY[…]`.
    Array {
        /// Elements (arrays themselves for several dimensions).
        elements: Vec<Expr>,
        /// The array type.
        ty: Type,
    },
    /// `ROW(…)`.
    Row {
        /// Fields.
        fields: Vec<Expr>,
        /// `Type::Record` or a composite type.
        ty: Type,
    },
    /// `(composite).field`.
    Field {
        /// The composite value.
        expr: Box<Expr>,
        /// Position of the field, from 0.
        index: usize,
        /// The field's type.
        ty: Type,
    },
    /// A cast.
    Cast {
        /// What is cast.
        expr: Box<Expr>,
        /// How.
        method: CastMethod,
        /// Length or precision of the target.
        modifier: Option<Modifier>,
        /// Written as a cast (too long text is cut) rather than an assignment (is an error).
        explicit: bool,
        /// The target type.
        ty: Type,
    },
    /// An aggregate of the function table; `count(*)` is `count()` without arguments.
    Aggregate {
        /// Its symbol; the bare name where only the database knows the argument's type.
        symbol: Arc<str>,
        /// Arguments.
        args: Vec<Expr>,
        /// `DISTINCT`.
        distinct: bool,
        /// `ORDER BY` inside.
        order: Vec<SortKey>,
        /// `FILTER (WHERE …)`.
        filter: Option<Box<Expr>>,
        /// Result type.
        ty: Type,
    },
    /// A window function, or an aggregate with `OVER`.
    Window {
        /// Its symbol.
        symbol: Arc<str>,
        /// Arguments.
        args: Vec<Expr>,
        /// `FILTER (WHERE …)`.
        filter: Option<Box<Expr>>,
        /// `PARTITION BY`.
        partition: Vec<Expr>,
        /// `ORDER BY`.
        order: Vec<SortKey>,
        /// The frame; `None` is the default one.
        frame: Option<Frame>,
        /// Result type.
        ty: Type,
    },
    /// `DEFAULT` in the place of a value.
    Default {
        /// The column's type.
        ty: Type,
    },
    /// An expression that the database keeps and computes itself (a default, a check, a policy); its
    /// text stands beside it in the catalogue.
    Native {
        /// Result type.
        ty: Type,
    },
}

/// A window frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Rows, range or groups.
    pub unit: FrameUnit,
    /// Where it starts.
    pub start: FrameBound,
    /// Where it ends.
    pub end: FrameBound,
}

/// What a frame counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FrameUnit {
    Rows,
    Range,
    Groups,
}

/// An end of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

impl Expr {
    /// A literal.
    pub fn constant(value: Value, ty: Type) -> Self {
        Self::Const { value, ty }
    }

    /// `true` or `false`.
    pub fn bool(truth: bool) -> Self {
        Self::Const { value: Value::Bool(truth), ty: Type::Bool }
    }

    /// A null of the type.
    pub fn null(ty: Type) -> Self {
        Self::Const { value: Value::Null, ty }
    }

    /// A column.
    pub fn column(rel: RelId, column: u16, ty: Type) -> Self {
        Self::Column { rel, column, ty }
    }

    /// `left = right` over the type.
    pub fn equals(operand: Type, left: Self, right: Self) -> Self {
        Self::Compare { op: CompareOp::Eq, operand, left: Box::new(left), right: Box::new(right) }
    }

    /// The conjunction of what is given, flattened; `None` for nothing.
    pub fn all_of(terms: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() > 1 { Some(Self::And(flat)) } else { flat.pop() }
    }

    /// The disjunction of what is given; `None` for nothing.
    pub fn any_of(terms: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() > 1 { Some(Self::Or(flat)) } else { flat.pop() }
    }

    /// The result's type.
    pub fn ty(&self) -> Type {
        match self {
            Self::Const { ty, .. }
            | Self::Param { ty, .. }
            | Self::ParentKey { ty, .. }
            | Self::Argument { ty, .. }
            | Self::Column { ty, .. }
            | Self::WholeRow { ty, .. }
            | Self::OutputColumn { ty, .. }
            | Self::Call { ty, .. }
            | Self::UserCall { ty, .. }
            | Self::Case { ty, .. }
            | Self::Coalesce { ty, .. }
            | Self::Extreme { ty, .. }
            | Self::Scalar { ty, .. }
            | Self::ArrayQuery { ty, .. }
            | Self::Array { ty, .. }
            | Self::Row { ty, .. }
            | Self::Field { ty, .. }
            | Self::Cast { ty, .. }
            | Self::Aggregate { ty, .. }
            | Self::Window { ty, .. }
            | Self::Operator { ty, .. }
            | Self::Default { ty }
            | Self::Native { ty } => ty.clone(),
            Self::Compare { .. }
            | Self::IsDistinct { .. }
            | Self::And(_)
            | Self::Or(_)
            | Self::Not(_)
            | Self::IsNull { .. }
            | Self::IsBool { .. }
            | Self::InList { .. }
            | Self::AnyArray { .. }
            | Self::Exists(_)
            | Self::AnyQuery { .. } => Type::Bool,
        }
    }
}
