//! Every write, row by row, in PostgreSQL's order; and the evaluation of expressions over values.
//!
//! Owns: [`Store`] (the little a database must offer), the evaluator, the writer (defaults,
//! generated columns, row security, not-null, checks, keys, foreign keys with their actions,
//! conflicts, triggers), the running of SQL functions, and the interpreter of PL/pgSQL.
//! May depend on: `model` to `policy`, `scalar`. Knows no database.
//!
//! Invariant: whatever order PostgreSQL tests things in, this room does too, so that the first
//! error is the same.

pub mod eval;
mod integrity;
pub mod plpgsql;
pub mod referee;
mod routine;
pub mod state;
pub mod store;
pub mod write;

pub use eval::{eval, eval_rows, truth};
pub use integrity::check_constraints;
pub use routine::CALL_DEPTH_MAX;
pub use state::{Bodies, Mark, Notice, ProgramOf, Run, WriteEvent, WriteState};
pub use store::{Conflicting, Row, RowId, RowSource, Scope, Store};
pub use write::{Look, Written, delete_after, execute, finish};

#[cfg(test)]
#[cfg(test)]
mod testing;
