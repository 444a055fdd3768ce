//! Binding of whole statements over a small catalogue.

mod errors;
mod fixture;
mod routines;
mod show;
mod trees;
