//! Schema statements, text in and text out. What is expected was taken from PostgreSQL 15.

mod corpus;
mod harness;
mod rights;
mod tables;
mod work;
