//! Generated types: what a catalogue holds, as types for the code that calls its API.
//!
//! Owns: [`typescript()`] and [`python()`], texts in the shape of `supabase gen types`.
//! May depend on: `model`, `catalog`, `plan`, `policy`. Pure: a catalogue in, a text out.
//!
//! Invariant: the same catalogue gives the same text, so that a regenerated file differs only where
//! the schema does. Grants and policies do not count: the types are those of the schema.

mod contents;
mod layout;
mod python;
mod typescript;

pub use python::python;
pub use typescript::typescript;

/// The version of PostgREST whose dialect is spoken, as typed clients want to know it.
const POSTGREST_VERSION: &str = "14.1";
