//! PostgREST's dialect, both ways: an HTTP call becomes a [`Request`], rows become a response.
//!
//! Owns: the grammar of the query string, the typed tree of a request, bodies, preferences and
//! media types, the shape of answers, and every `PGRST…` error.
//! May depend on: `model`. Pure: no I/O, no clock, no catalogue; nothing here knows which tables
//! exist or who asks.
//!
//! Invariants: a [`Request`] holds everything that was said, so that no later stage looks at the
//! HTTP call again; literals stay text until `plan` gives them a type; every list, tree and depth
//! has a limit.
//!
//! The way of a call:
//!
//! 1. [`parse`] reads a [`Call`]. `plan` turns the [`Request`] into a plan, answering with the
//!    errors in [`Request::deferred`] where they rank.
//! 2. [`Request::detach`] parts the request into its shape and its literals; a plan belongs to the
//!    shape. [`Shape::choose`] picks the form of the answer with what the plan knows ([`Facts`]).
//! 3. After the engine ran and before it commits, [`Shape::check`] says whether it may.
//! 4. [`Shape::encode`] writes the [`Response`]; any error on the way becomes one by
//!    [`response::error`]. [`response::options`] and [`response::openapi`] answer what has no rows.

mod call;
pub mod condition;
pub mod errors;
mod grammar;
mod literal;
pub mod media;
pub mod node;
pub mod payload;
pub mod preferences;
mod query;
pub mod request;
pub mod response;
mod settings;
mod suggest;
#[cfg(test)]
mod testing;
mod tree;

pub use call::{Call, parse};
pub use condition::{Condition, Filter, FullText, IsValue, Operation, Operator, Quantifier};
pub use literal::{Literal, Literals};
pub use media::{Accepted, Handled, Handler, MadeBy, Media, PlanMedia};
pub use node::{
    Aggregate, AggregateFunction, Column, CountRows, Embed, Field, Join, Node, NullsOrder,
    OrderTarget, OrderTerm, PathKey, PathStep, SelectItem,
};
pub use payload::Payload;
pub use preferences::{Count, Missing, Preferences, Resolution, Return, Transaction};
pub use request::{
    Action, Argument, ArgumentValue, BodyKind, Conflict, Deferred, Delete, FunctionCall, Insert,
    OptionsTarget, Put, RawBody, Read, Request, Update,
};
pub use response::{Counts, Facts, Outcome, Response, ResultKind, Shape};
pub use settings::{Limits, Settings, TransactionEnd};
pub use suggest::{LOOSE_SCORE_MIN, RELATION_SCORE_MIN, nearest};
