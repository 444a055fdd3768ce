//! PostgreSQL's operators, casts and functions as Rust functions over values, with the table of
//! their types.
//!
//! Owns: [`io`] (text and JSON forms of every type), [`compare`](fn@compare::compare) (PostgreSQL's order and equality),
//! and [`Table`], which says for each operator, cast, function and aggregate which types it takes,
//! what it returns, whether it can raise, and how it is computed.
//! May depend on: `model`. Pure: no I/O; clock, randomness and settings come through [`Environment`].
//!
//! Users: lowered SQL (registered in SQLite), the executor, the interpreter and the referee. All
//! compute the same thing because there is only this one.

pub mod compare;
pub mod environment;
pub mod functions;
pub mod io;
pub mod table;

pub use environment::{Environment, FixedEnvironment};
pub use table::{
    Aggregator, Call, CastContext, Function, Implementation, Kind, Table, Volatility, table,
};
