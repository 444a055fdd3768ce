//! What a request means against the catalogue: names become ids, literals become typed parameters,
//! embeds become joins.
//!
//! Owns: [`Plan`] and `build` (`rest::Request` + catalogue → `Plan`).
//! May depend on: `model`, `expr`, `catalog`, `scalar`, `typing`, `rest`. Pure.
//!
//! Invariants: a plan knows no caller and no engine; a column that does not exist cannot be
//! expressed in it; nothing reads the HTTP request after it.

mod build;
mod builder;
mod fields;
mod filters;
mod functions;
mod joins;
mod lineage;
mod nodes;
mod order;
pub mod plan;
mod relationships;
mod resolved;
mod settings;
mod source;
mod values;
mod writes;

pub use build::{Built, build};
pub use lineage::{Reference, primary_key, references, shown_columns};
pub use plan::{
    Call, CallResult, Cells, Child, ChildKind, Member, MemberKind, Node, Operation, Plan, Read,
    Write,
};
pub use settings::ApiSettings;
pub use values::Recipe;
