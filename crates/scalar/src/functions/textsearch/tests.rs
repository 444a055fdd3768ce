//! Text search against PostgreSQL's answers.

#[test]
fn text_search_answers_as_postgresql() {
    super::super::cases::check(include_str!("../cases/textsearch.txt"));
}
