//! Window functions: their signatures. Engines compute them.

use crate::Table;

pub(super) fn register(table: &mut Table) {
    for signature in [
        "row_number() bigint",
        "rank() bigint",
        "dense_rank() bigint",
        "percent_rank() double precision",
        "cume_dist() double precision",
    ] {
        table.window(signature).native();
    }
    for signature in [
        "ntile(integer) integer",
        "lag(anyelement) anyelement",
        "lag(anyelement, integer) anyelement",
        "lag(anycompatible, integer, anycompatible) anycompatible",
        "lead(anyelement) anyelement",
        "lead(anyelement, integer) anyelement",
        "lead(anycompatible, integer, anycompatible) anycompatible",
        "first_value(anyelement) anyelement",
        "last_value(anyelement) anyelement",
        "nth_value(anyelement, integer) anyelement",
    ] {
        table.window(signature).native();
    }
}
