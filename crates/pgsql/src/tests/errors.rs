//! What is refused, and how: `errors.txt` holds PostgreSQL's own answers.

use backstay_catalog::SearchPath;

use super::{fixture, trees};
use crate::{BindOptions, Binder, parse_one};

#[test]
fn wrong_statements_are_refused_in_postgresql_s_words() {
    let catalog = fixture::catalog();
    let path = SearchPath::of_migrations();
    let mut lines = include_str!("errors.txt").lines().peekable();
    while let Some(sql) = lines.next() {
        let mut expected = lines.next().unwrap().trim().to_owned();
        if let Some(hint) = lines.next_if(|line| line.starts_with("  hint: ")) {
            expected += &format!(" {}", hint.trim());
        }
        let error = parse_one(sql)
            .and_then(|statement| {
                Binder::new(&catalog, &path, BindOptions::default()).bind_statement(&statement.node)
            })
            .unwrap_err();
        let place = error.position.map_or_else(String::new, |at| format!(" @{at}"));
        let hint = error.hint.map_or_else(String::new, |hint| format!(" hint: {hint}"));
        assert_eq!(format!("{} {}{place}{hint}", error.code, error.message), expected, "for {sql}");
    }
}

#[test]
fn what_is_not_supported_says_so() {
    for (sql, message) in [
        ("select id from albums group by rollup (id)", "GROUPING SETS, ROLLUP and CUBE"),
        (
            "select * from (with x as (delete from albums returning id) select * from x) y",
            "must be at the top level",
        ),
        ("select title collate \"de_DE\" from albums", "collation \"de_DE\""),
        ("select * from albums tablesample system (10)", "TABLESAMPLE"),
        ("merge into albums using artists on true when matched then delete", "MERGE"),
        ("select unnest(tags), unnest(tags) from albums", "more than one set-returning"),
    ] {
        let answer = trees::bind(sql);
        assert!(answer.contains(message) && answer.contains("(0A000)"), "{sql}: {answer}");
    }
}
