//! Text functions against PostgreSQL's answers.

#[test]
fn text_functions_answer_as_postgresql() {
    super::super::cases::check(include_str!("../cases/text.txt"));
}
