//! Functions of dates, times and intervals.

mod build;
mod clock;
mod parts;
mod spans;
mod truncate;
pub(crate) mod units;

use crate::Table;

pub(super) fn register(table: &mut Table) {
    clock::register(table);
    parts::register(table);
    truncate::register(table);
    build::register(table);
    spans::register(table);
}
