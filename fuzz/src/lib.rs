//! Fuzzing of every parser of outside input.
//!
//! Owns: [`explore()`], which mutates seeds and keeps what behaves in a new way, and the targets that
//! it is let loose on. `tests/targets.rs` runs a bounded share of each, `make nightly` a million.
//! May depend on: every room.
//!
//! A target names what its input came to: the code and words of an error, or that it was taken. A
//! name that was not seen before makes its input a seed, so that the search goes where the parsers
//! branch, on the stable compiler and in the build that the other tests use. A panic is a finding,
//! and so is an internal error: nothing that comes from outside may cause one.
//!
//! What was found stands in `regressions/<target>/`, and is tried first.

mod explore;
mod headers;
mod literals;
mod mutate;
mod requests;
mod scripts;
mod seeds;
mod tokens;

pub use explore::{Finding, Seeds, Summary, explore, search};
pub use headers::Headers;
pub use literals::literals;
pub use requests::Requests;
pub use scripts::Scripts;
pub use seeds::{conformance_requests, files, regressions};
pub use tokens::tokens;
