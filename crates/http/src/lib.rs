//! The server: gateway, routes, and the one mapping from errors to HTTP.
//!
//! Owns: who is calling (keys, tokens, CORS, limits, request ids), the routes of every service,
//! static files, health, metrics, and the accept loop. The only room that knows the web framework.
//! May depend on: everything but engines and the binary.
//!
//! Invariant: nothing behind the gateway sees a raw key or token.

mod app;
mod body;
mod client;
pub mod cors;
mod envelope;
mod failure;
pub mod gateway;
pub mod keys;
pub mod listener;
mod metrics;
mod panics;
mod routes;
mod sessions;
pub mod tls;
pub mod token;

pub use app::{App, Limits, Routes, Site};
pub use body::BodyBudget;
pub use metrics::Metrics;
pub use panics::watch as watch_panics;
pub use sessions::SessionChecks;
