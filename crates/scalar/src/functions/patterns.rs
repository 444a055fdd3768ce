//! `LIKE`, `SIMILAR TO` and regular expressions.

mod compiled;
mod like;
mod matches;
mod similar;
mod translate;

use backstay_model::{Result, Value};

use crate::{Call, Table};

pub(super) use compiled::{Flags, compile};
pub(super) use matches::{regexp_matches, regexp_split_to_table};

pub(super) fn register(table: &mut Table) {
    like_operators(table);
    regex_operators(table);
    matches::register(table);
    similar::register(table);
}

type Matcher = fn(&Call<'_>) -> Result<bool>;

/// `negated` stands beside each operator because a row of the table has no state of its own.
macro_rules! operator_pair {
    ($table:expr, $yes:literal, $no:literal, $args:literal, $matcher:path) => {
        $table.operator(concat!($yes, $args)).scalar(|call| {
            let matcher: Matcher = $matcher;
            matcher(call).map(Value::Bool)
        });
        $table.operator(concat!($no, $args)).scalar(|call| {
            let matcher: Matcher = $matcher;
            matcher(call).map(|found| Value::Bool(!found))
        });
    };
}

fn like_operators(table: &mut Table) {
    operator_pair!(table, "~~", "!~~", "(text, text) boolean", like::like);
    operator_pair!(table, "~~", "!~~", "(bytea, bytea) boolean", like::like_bytes);
    operator_pair!(table, "~~*", "!~~*", "(text, text) boolean", like::ilike);
    // citext forgets case in every comparison, patterns included.
    operator_pair!(table, "~~", "!~~", "(citext, citext) boolean", like::ilike);
    operator_pair!(table, "~~", "!~~", "(citext, text) boolean", like::ilike);
    operator_pair!(table, "~~*", "!~~*", "(citext, citext) boolean", like::ilike);
    operator_pair!(table, "~~*", "!~~*", "(citext, text) boolean", like::ilike);
    table.function("like(text, text) boolean").scalar(|call| like::like(call).map(Value::Bool));
    table
        .function("notlike(text, text) boolean")
        .scalar(|call| like::like(call).map(|found| Value::Bool(!found)));
    table.function("like_escape(text, text) text").scalar(like::like_escape);
}

fn matches_case(call: &Call<'_>) -> Result<bool> {
    Ok(compile(call.text(1)?, Flags::default())?.is_match(call.text(0)?))
}

fn matches_any_case(call: &Call<'_>) -> Result<bool> {
    let flags = Flags { ignore_case: true, ..Flags::default() };
    Ok(compile(call.text(1)?, flags)?.is_match(call.text(0)?))
}

fn regex_operators(table: &mut Table) {
    operator_pair!(table, "~", "!~", "(text, text) boolean", matches_case);
    operator_pair!(table, "~*", "!~*", "(text, text) boolean", matches_any_case);
    operator_pair!(table, "~", "!~", "(citext, citext) boolean", matches_any_case);
    operator_pair!(table, "~", "!~", "(citext, text) boolean", matches_any_case);
    operator_pair!(table, "~*", "!~*", "(citext, citext) boolean", matches_any_case);
    operator_pair!(table, "~*", "!~*", "(citext, text) boolean", matches_any_case);
}

#[cfg(test)]
mod tests;
