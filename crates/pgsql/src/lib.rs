//! PostgreSQL's language: from text to bound trees.
//!
//! Owns: parsing with PostgreSQL's own grammar ([`parse()`]), and the [`Binder`], which resolves
//! names and types of queries, statements, expressions and function bodies against a catalogue; and
//! [`ddl`], which turns schema statements into catalogue changes.
//! May depend on: `model`, `expr`, `catalog`, `typing`, `scalar`. Pure: no I/O, no clock, no async.
//!
//! Invariants: text is bounded in size and nesting before it reaches the parser; what is not
//! supported is an error with its place and never a tree with another meaning; outputs of a bound
//! query have types.

pub mod binder;
pub mod ddl;
pub mod parse;
pub mod placement;
pub mod plpgsql;
pub mod prepared;
pub mod routine;
pub mod scope;
pub mod signature;
pub mod text;
pub mod types;

mod call;
mod copy;
mod dml;
mod expr;
mod names;
mod nodes;
mod select;
mod sequence;
mod system;

#[cfg(test)]
mod tests;

pub use binder::{BindArgument, BindOptions, Binder};
pub use ddl::{Analyzed, DdlSession, analyze};
pub use parse::{RawStatement, parse, parse_expression, parse_migration, parse_one};
pub use placement::{Placement, placement, revocation};
pub use prepared::{BoundPrepare, bind_prepare};
pub use routine::bind_routine_body;
pub use scope::Clause;
pub use signature::routine_named;
pub use text::{expression_text, statement_text};
pub use types::resolve_type;
