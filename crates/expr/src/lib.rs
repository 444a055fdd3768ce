//! The typed tree: expressions, queries and statements after all names and types are resolved.
//!
//! Owns: [`Expr`], [`Query`], [`Statement`], and the walks over them. Filters, checks, defaults,
//! policies, views and function bodies are all trees of this one kind.
//! May depend on: `model`. Pure.
//!
//! Invariants: every node knows its type; a relation in a statement is named by a [`RelId`] that is
//! unique in the whole statement, so a correlated reference needs no level; operators were resolved
//! to symbols of the function table (`scalar`), casts are spelt out.

pub mod query;
pub mod statement;
pub mod tree;
pub mod walk;

pub use query::{
    Body, Cte, CteId, Distinct, From, FunctionScan, JoinKind, Output, Query, RelationScan, Select,
    SetOperator, SortKey,
};
pub use statement::{
    Assignment, Conflict, ConflictAction, ConflictTarget, Delete, Insert, Overriding, PolicyCheck,
    Sequence, Source, Statement, Truncate, Update, WritePolicy,
};
pub use tree::{
    BoolTest, CastMethod, Comparator, CompareOp, Expr, Frame, FrameBound, FrameUnit, FunctionId,
    RelId, RelationId,
};
pub use walk::{RelIds, visit_expr, visit_query};
