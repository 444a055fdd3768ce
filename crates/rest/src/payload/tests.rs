//! Tests of bodies: each line is a body and the rows in it.

use super::*;

fn show(result: Result<Payload>) -> String {
    let payload = match result {
        Ok(payload) => payload,
        Err(error) => return format!("{}: {}", error.code, error.message),
    };
    let rows: Vec<String> = payload
        .rows()
        .map(|row| row.map(|cell| cell.unwrap_or("-")).collect::<Vec<_>>().join(","))
        .collect();
    format!("{} | {}", payload.columns().join(","), rows.join(" ; "))
}

fn json(body: &str) -> String {
    show(Payload::from_json(body.as_bytes().to_vec(), None, &Limits::default()))
}

fn json_with(columns: &[&str], body: &str) -> String {
    let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
    show(Payload::from_json(body.as_bytes().to_vec(), Some(&columns), &Limits::default()))
}

fn csv(body: &str) -> String {
    show(Payload::from_csv(body.as_bytes(), None, &Limits::default()))
}

const INVALID: &str = "PGRST102: Empty or invalid json";
const DIFFER: &str = "PGRST102: All object keys must match";

#[test]
fn values_keep_their_text() {
    for (body, expected) in [
        (r#"{"a":1}"#, "a | 1"),
        (r#" { "a" : 1.50 , "b" : [1, 2] } "#, "a,b | 1.50,[1, 2]"),
        (
            r#"{"n":123456789012345678901234567890.10,"e":1E+5}"#,
            "n,e | 123456789012345678901234567890.10,1E+5",
        ),
        (r#"{"a":null,"b":"x\u00e9\n","c":{"k":{}}}"#, r#"a,b,c | null,"x\u00e9\n",{"k":{}}"#),
        (r#"{"a":1,"a":2}"#, "a | 2"),
        (r#"{"\u0061":1,"a":2}"#, "a | 2"),
        (r#"[{"a":1,"b":2},{"b":3,"a":4}]"#, "a,b | 1,2 ; 4,3"),
        (r#"[{"a":1,"b":2},{"b":3,"a":4,"b":5}]"#, "a,b | 1,2 ; 4,5"),
    ] {
        assert_eq!(json(body), expected, "{body}");
    }
}

#[test]
fn rows_may_be_empty() {
    assert_eq!(json("{}"), " | ");
    assert_eq!(
        Payload::from_json(b"{}".to_vec(), None, &Limits::default()).unwrap().row_count(),
        1
    );
    assert_eq!(
        Payload::from_json(b"[{},{}]".to_vec(), None, &Limits::default()).unwrap().row_count(),
        2
    );
    assert_eq!(
        Payload::from_json(b"[]".to_vec(), None, &Limits::default()).unwrap().row_count(),
        0
    );
}

#[test]
fn scalars_count_as_no_rows() {
    for body in ["5", "\"x\"", "null", "true", "1.5"] {
        let payload =
            Payload::from_json(body.as_bytes().to_vec(), None, &Limits::default()).unwrap();
        assert_eq!(payload.row_count(), 0, "{body}");
    }
    assert!(json_with(&["a"], "5").starts_with("22023"));
}

#[test]
fn what_is_no_json_is_refused() {
    for body in ["", "  ", "{", "[{}", "{\"a\":}", "{} x", "[1,", "nul", "{'a':1}", "[{},]"] {
        assert_eq!(json(body), INVALID, "{body}");
    }
    let not_text = Payload::from_json(b"{\"a\":\"\xff\"}".to_vec(), None, &Limits::default());
    assert_eq!(show(not_text), INVALID);
}

#[test]
fn keys_must_match_without_a_column_list() {
    for body in [
        r#"[{"a":1},{"b":1}]"#,
        r#"[{"a":1},{}]"#,
        r#"[{},{"a":1}]"#,
        r#"[{"a":1},{"a":1,"b":2}]"#,
        r#"[{"a":1},5]"#,
        "[1,2]",
    ] {
        assert_eq!(json(body), DIFFER, "{body}");
    }
    assert_eq!(json(r#"[{"a":1},{"b":1},"#), INVALID);
    assert_eq!(json("[1,"), INVALID);
}

#[test]
fn a_column_list_picks_and_tells_absent_from_null() {
    assert_eq!(
        json_with(&["a", "b"], r#"[{"b":1,"x":[{}]},{"a":null},{}]"#),
        "a,b | -,1 ; null,- ; -,-"
    );
    assert!(
        json_with(&["a"], r#"[{"a":1},5]"#).starts_with("22023: argument of json_to_recordset")
    );
}

#[test]
fn deep_values_are_refused_without_overflowing_the_stack() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(json(&nested(128)).starts_with("a | ["));
    for body in [nested(129), nested(100_000)] {
        assert_eq!(json(&body), INVALID);
    }
    let objects = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    assert_eq!(json(&objects), INVALID);
    assert_eq!(json(&("[".repeat(100_000) + &"]".repeat(100_000))), DIFFER);
    assert_eq!(json(&"[".repeat(100_000)), INVALID);
    assert_eq!(json("{\"a\":\"[[{\\\"[\"}"), "a | \"[[{\\\"[\"");
}

#[test]
fn csv_cells_are_texts_or_null() {
    for (body, expected) in [
        ("a,b\n1,x", "a,b | \"1\",\"x\""),
        ("a,b\r\n1,NULL\r\n,\r\n", "a,b | \"1\",null ; \"\",\"\""),
        ("a\n\"x,\"\"y\"\"\nz\"\n", "a | \"x,\\\"y\\\"\\nz\""),
        ("a,b", "a,b | "),
        ("a,b\n1", "PGRST102: All lines must have same number of fields"),
        ("a\n\"x", "PGRST102: parse error (malformed CSV)"),
        ("", "PGRST102: parse error (not enough input)"),
    ] {
        assert_eq!(csv(body), expected, "{body}");
    }
    let columns = ["b".to_owned(), "c".to_owned()];
    assert_eq!(
        show(Payload::from_csv(b"a,b\n1,2", Some(&columns), &Limits::default())),
        "b,c | \"2\",-"
    );
}

#[test]
fn a_form_is_one_row_of_texts() {
    let fields = [("a", "1"), ("b", "x y"), ("a", "2")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(show(Payload::from_form(&fields, None)), "a,b | \"2\",\"x y\"");
}

#[test]
fn only_the_first_row_is_kept_on_demand() {
    let mut payload =
        Payload::from_json(br#"[{"a":1},{"a":2}]"#.to_vec(), None, &Limits::default()).unwrap();
    payload.truncate_to_first();
    assert_eq!(show(Ok(payload)), "a | 1");
}

#[test]
fn cells_outside_the_rows_are_absent() {
    let payload = Payload::from_json(b"{\"a\":1}".to_vec(), None, &Limits::default()).unwrap();
    assert_eq!(payload.cell(0, 1), None);
    assert_eq!(payload.cell(1, 0), None);
    assert_eq!(payload.cell(usize::MAX, 0), None);
}

#[test]
fn many_empty_rows_of_many_columns_are_refused() {
    let limits = Limits { payload_cells: 6, ..Limits::default() };
    let columns = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
    let read =
        |body: &str| show(Payload::from_json(body.as_bytes().to_vec(), Some(&columns), &limits));
    assert_eq!(read("[{},{\"a\":1}]"), "a,b,c | -,-,- ; 1,-,-");
    assert_eq!(read("[{},{},{}]"), "PGRST102: The body is too large");
    let csv = Payload::from_csv(b"a\n1\n2\n3", Some(&columns), &limits);
    assert_eq!(show(csv), "PGRST102: The body is too large");
}
