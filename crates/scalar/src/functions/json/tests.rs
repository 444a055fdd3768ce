//! JSON functions against PostgreSQL's answers.

#[test]
fn json_functions_answer_as_postgresql() {
    super::super::cases::check(include_str!("../cases/json.txt"));
}
