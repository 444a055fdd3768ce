//! The rows of the function table, one file a family.

mod aggregates;
mod arguments;
pub(crate) mod arithmetic;
mod arrays;
mod binary;
#[cfg(test)]
mod cases;
pub(crate) mod casts;
mod comparisons;
mod datetime;
mod enums;
mod formatting;
mod json;
mod math;
pub(crate) mod numeric;
mod patterns;
mod ranges;
mod session;
mod sets;
mod text;
mod textsearch;
mod vectors;
mod windows;

use crate::Table;

/// Fills the table.
pub(crate) fn register(table: &mut Table) {
    arithmetic::register(table);
    math::register(table);
    comparisons::register(table);
    casts::register(table);
    datetime::register(table);
    formatting::register(table);
    text::register(table);
    patterns::register(table);
    textsearch::register(table);
    json::register(table);
    arrays::register(table);
    ranges::register(table);
    binary::register(table);
    session::register(table);
    aggregates::register(table);
    sets::register(table);
    windows::register(table);
    enums::register(table);
    vectors::register(table);
}
