//! Aggregate functions.
//!
//! `finish` leaves the state as it is: an engine may ask for the result after every row of a window.

mod collect;
mod fold;
mod json;
mod regression;
mod statistics;
mod sums;

use crate::Table;

pub(super) fn register(table: &mut Table) {
    fold::register(table);
    sums::register(table);
    statistics::register(table);
    regression::register(table);
    collect::register(table);
    json::register(table);
}

#[cfg(test)]
mod tests;
