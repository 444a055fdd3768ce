//! PostgreSQL as engine: it keeps rows and rules itself.
//!
//! Owns: reading what a database holds ([`introspect`]).
//! May depend on: `model`, `expr`, `catalog`, `plan`, `policy`, `engine`.
//!
//! Invariants: row security, grants, triggers, defaults, checks and functions are the database's own;
//! ids of the catalogue are PostgreSQL's oids and column numbers its attribute numbers.

pub mod introspect;
