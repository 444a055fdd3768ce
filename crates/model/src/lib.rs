//! The words every other room speaks: PostgreSQL's types, values and errors.
//!
//! Owns: [`Type`] and its modifiers, [`Value`] (what a column or an expression holds at run time),
//! [`Numeric`], [`Interval`], and [`Error`] with its SQLSTATE or PGRST code.
//! May depend on: nothing of ours. Pure: no I/O, no clock, no async.
//!
//! Invariant: a `Value` means nothing without its `Type`; text forms live in `scalar`.

pub mod error;
pub mod ident;
pub mod numeric;
pub mod types;
pub mod value;

pub use error::{About, Details, Error, Result};
pub use ident::{quote_identifier, quote_literal};
pub use numeric::Numeric;
pub use types::{EnumType, Modifier, RangeKind, Type, TypeCategory, TypeId, TypeSource};
pub use value::{Array, Interval, Range, Value};
