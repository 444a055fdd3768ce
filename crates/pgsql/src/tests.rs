//! Binding of whole statements over a small catalogue.

mod errors;
mod fixture;
mod show;
mod trees;
