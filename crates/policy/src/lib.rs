//! Row policies and grants: which rows and columns a caller may read or change.
//!
//! Takes a [`Plan`](backstay_plan::Plan), query or statement and returns it [`Authorized`], with views and SQL functions
//! expanded and every policy that applies folded in, relations of embeds and sub-selects included.
//! Nothing else can build [`Authorized`], so whatever reaches an engine has been here.
//!
//! May depend on: `model`, `expr`, `catalog`, `scalar`, `typing`, `plan`. Pure: no I/O, no clock, no async.
//!
//! Invariant: authorizing narrows a plan and never widens it.

mod authorize;
mod authorized;
mod caller;
mod doors;
mod explain;
mod inline;
mod permissions;
mod renumber;
mod rights;
mod rows;
mod views;
mod walk;
mod writes;

pub use authorize::{
    authorize, authorize_body, authorize_query, authorize_statement, authorize_stored,
};
pub use authorized::Authorized;
pub use caller::{Caller, Enforcement};
pub use doors::authorize_for_database;
pub use explain::{Gate, PoliciesOf, gate};
pub use permissions::{Permissions, executable, permissions};
pub use rights::{column_visible, visible, without_hidden_names};
