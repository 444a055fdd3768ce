//! The embedded database: SQLite holds rows and indexes, Backstay holds the rules.
//!
//! Owns: the connections (readers and the one writer), stored forms of values, the functions and
//! collations that lowered SQL needs, the stored catalogue, and the answers' bytes.
//! May depend on: everything up to `engine`, `sql`, `executor`. The only room that knows `rusqlite`.
//!
//! Invariants: the SQLite schema has strict tables and indexes and nothing else; every write goes
//! through the executor on the one writer, but those of [`transfer`], which copies rows as they are; an answer to a write is sent after its commit.

mod backup;
mod bodies;
mod catalog_store;
mod collations;
mod connection;
mod doctor;
mod engine;
mod evaluate;
mod explain;
mod failure;
mod foreign;
mod frame;
mod functions;
mod json;
mod maintenance;
mod nodes;
mod open;
mod plans;
mod query;
mod reader;
mod requests;
mod rows;
mod schema;
mod sequences;
mod service;
mod session;
mod settings;
mod shared;
mod store;
mod stored;
mod table_sql;
mod transfer;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{back_up, put_in_place};
pub use engine::SqliteEngine;
pub use foreign::Foreign;
pub use settings::{Durability, Settings};
