//! The spine: parse → plan → authorize → execute → encode, and nothing else.
//!
//! Owns: [`Records`], which serves a call of the data API for a caller, and [`ServiceTables`], by
//! which the services of Backstay reach their own tables.
//! May depend on: everything from `model` to `engine`, and no engine.
//!
//! Invariant: there is no other way from a request to the tables.

mod describe;
mod effective;
mod environment;
mod handlers;
mod openapi;
mod policies;
mod service;
mod settings;
mod spine;
mod templates;
mod who;

pub use policies::{Examined, Examiner, Outcome, Ruling};
pub use service::{Row, ServiceTables, Sql, Tx};
pub use settings::{OpenApi, OpenApiMode, RecordsSettings, StatementTimeouts};
pub use spine::{Records, Served, Timing};
pub use who::Who;
