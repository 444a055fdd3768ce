//! What comes out of lowering.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_expr::Expr;
use backstay_model::Type;

/// Choices of lowering.
#[derive(Debug, Clone, Default)]
pub struct LowerOptions {
    /// Positions of [`Lowered::params`] whose evaluation raised: the text raises where they stand,
    /// so that the error shows only if a row asks for the value.
    pub failing: BTreeSet<usize>,
}

/// A query in the database's SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    /// The text; the n-th parameter (from 0) is `?n+1`.
    pub sql: String,
    /// What is evaluated once for each execution, and bound.
    pub params: Vec<Parameter>,
    /// Types of the output columns.
    pub columns: Vec<Type>,
    /// Functions that must be registered on the connection before preparing.
    pub functions: Vec<Needed>,
}

/// A value that is computed before the statement runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Over no column of the query.
    pub expr: Expr,
    /// How it is bound.
    pub form: Form,
}

/// How a parameter is bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// The stored form of the type.
    Value(Type),
    /// An array of this element type, packed as rows of one column; a null array is one null.
    List(Type),
    /// The least text that matches the `LIKE` pattern.
    LikeFrom,
    /// Greater than every text that matches the `LIKE` pattern.
    LikeTo,
}

/// A function that lowered SQL calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Needed {
    /// Its name in SQL; unique for what it does.
    pub name: String,
    /// Number of arguments.
    pub arity: usize,
    /// What it does.
    pub kind: NeededKind,
}

/// What a registered function does. Arguments and results are in their stored forms.
#[derive(Debug, Clone, PartialEq)]
pub enum NeededKind {
    /// A scalar function of the function table.
    Call {
        /// Its symbol.
        symbol: Arc<str>,
        /// Actual types of the arguments.
        args: Vec<Type>,
        /// Actual result type.
        result: Type,
        /// May be computed once for equal arguments, and may stand in an index.
        deterministic: bool,
    },
    /// An expression over [`Expr::Argument`]s.
    Eval {
        /// Types of the arguments.
        args: Vec<Type>,
        /// The expression.
        body: Box<Expr>,
        /// As for `Call`.
        deterministic: bool,
    },
    /// A set-returning call over [`Expr::Argument`]s; the result is its packed rows.
    Rows {
        /// Types of the arguments.
        args: Vec<Type>,
        /// The call.
        body: Box<Expr>,
        /// Types of the columns, without the ordinality.
        columns: Vec<Type>,
        /// One more column that counts the rows.
        ordinality: bool,
    },
    /// An aggregate of the function table, plain or as a window function.
    Aggregate {
        /// Its symbol.
        symbol: Arc<str>,
        /// Actual types of the arguments.
        args: Vec<Type>,
        /// Actual result type.
        result: Type,
        /// `DISTINCT`.
        distinct: bool,
        /// The rows come in an order that was asked for.
        ordered: bool,
        /// With `OVER`.
        window: bool,
    },
    /// Aggregate: all values as an array of this type; the empty array for no rows.
    Collect {
        /// The array type.
        result: Type,
    },
}
