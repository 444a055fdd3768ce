//! The writer against the referee's tables. Expected texts are PostgreSQL 15's own.

mod actions;
mod computed;
mod conflicts;
mod order;
mod policies;
mod requests;
