//! The engine through its own front door: SQL in, JSON out.

mod batches;
mod fixture;
mod guards;
mod indexes;
mod project;
mod queries;
mod schema;
mod types;
