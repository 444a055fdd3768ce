//! Renders the typed tree as the SQL of a database.
//!
//! Owns: [`lower`] (a query → SQLite's SQL, the values to bind, the functions to register) and
//! [`schema`] (the tables and indexes of a relation).
//! May depend on: `model`, `expr`, `catalog`, `scalar`. Pure: no I/O, no clock, no async.
//!
//! Invariants: only what [`native`] lists is left to the database, everything else is a function of
//! the scalar library; a request's values never enter the text; an expression that can raise is
//! never evaluated on a row that a policy hides.

mod collation;
mod lower;
mod lowered;
mod names;
pub mod native;
pub mod schema;
mod totality;

pub use collation::{StoredClass, collation, stored_class};
pub use lower::{lower, lower_row_expression};
pub use lowered::{Form, LowerOptions, Lowered, Needed, NeededKind, Parameter};
pub use names::quote;
pub use totality::is_total;
