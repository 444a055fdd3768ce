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

#[cfg(test)]
mod tests {
    #[test]
    fn mathematics_and_dates_answer_as_postgresql() {
        crate::functions::cases::check(include_str!("cases/math_datetime.txt"));
    }
}
