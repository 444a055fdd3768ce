//! `+ - * / % ^`, signs, and the bit operators.

mod decimals;
mod floats;
mod integers;
mod money;
pub(crate) mod temporal;

use crate::Table;

pub(crate) use floats::{checked, power, square_root};
pub(crate) use integers::{absolute, fit, in_range, remainder};

pub(super) fn register(table: &mut Table) {
    integers::register(table);
    floats::register(table);
    decimals::register(table);
    money::register(table);
    temporal::register(table);
}

#[cfg(test)]
mod tests {
    #[test]
    fn operators_and_casts_answer_as_postgresql() {
        crate::functions::cases::check(include_str!("cases/operators.txt"));
    }
}
