//! PostgreSQL as the engine.
//!
//! Owns: the only use of PostgreSQL's driver: what a database holds ([`introspect`]), plans as
//! PostgreSQL's SQL, connections, transactions.
//! May depend on: everything up to `engine`.
//!
//! Invariants: row policies, grants, triggers and checks are the database's own, under the role of the
//! caller; a connection goes back to the pool only after its transaction has ended; literals and
//! claims are parameters; ids of the catalogue are PostgreSQL's oids and column numbers its attribute
//! numbers.

mod change;
mod connection;
mod current;
mod definitions;
mod doctor;
mod engine;
mod explain;
mod failure;
mod foreign;
mod grants;
pub mod introspect;
mod pool;
mod prepared;
mod render;
mod run;
mod service;
mod settings;
mod statements;
mod transaction;
mod transfer;

pub use engine::PostgresEngine;
pub use foreign::Foreign;
pub use settings::Settings;
