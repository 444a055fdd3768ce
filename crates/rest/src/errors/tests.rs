//! Tests of the error texts and their statuses.

use super::*;
use crate::BodyKind;

fn text(error: &Error) -> String {
    String::from_utf8(body(error, Verbosity::Full)).unwrap()
}

#[test]
fn bodies_have_exactly_the_four_keys() {
    assert_eq!(
        text(&not_single(0)),
        r#"{"code":"PGRST116","details":"The result contains 0 rows","hint":null,"message":"Cannot coerce the result to a single JSON object"}"#
    );
    let terse = body(&not_single(0), Verbosity::Terse);
    assert_eq!(
        String::from_utf8(terse).unwrap(),
        r#"{"code":"PGRST116","message":"Cannot coerce the result to a single JSON object"}"#
    );
}

#[test]
fn a_missing_relationship_is_explained() {
    let error = relationship_not_found(&MissingRelationship {
        schema: "public",
        parent: "products",
        child: "brand",
        hint: None,
        suggestion: Some(Suggestion::Child("brands")),
    });
    assert_eq!(
        text(&error),
        r#"{"code":"PGRST200","details":"Searched for a foreign key relationship between 'products' and 'brand' in the schema 'public', but no matches were found.","hint":"Perhaps you meant 'brands' instead of 'brand'.","message":"Could not find a relationship between 'products' and 'brand' in the schema cache"}"#
    );
}

#[test]
fn an_ambiguous_relationship_lists_its_candidates() {
    let candidate = |name: &str, column: &str| AmbiguousRelationship {
        cardinality: "many-to-one",
        relationship: format!("{name} using orders({column}) and addresses(id)"),
        hint: name.to_owned(),
        target: "addresses".to_owned(),
    };
    let error = ambiguous_relationship(
        "orders",
        "addresses",
        &[candidate("orders_bill_to_fkey", "bill_to"), candidate("orders_ship_to_fkey", "ship_to")],
    );
    assert_eq!(
        text(&error),
        r#"{"code":"PGRST201","details":[{"cardinality":"many-to-one","embedding":"orders with addresses","relationship":"orders_bill_to_fkey using orders(bill_to) and addresses(id)"},{"cardinality":"many-to-one","embedding":"orders with addresses","relationship":"orders_ship_to_fkey using orders(ship_to) and addresses(id)"}],"hint":"Try changing 'addresses' to one of the following: 'addresses!orders_bill_to_fkey', 'addresses!orders_ship_to_fkey'. Find the desired relationship in the 'details' key.","message":"Could not embed because more than one relationship was found for 'orders' and 'addresses'"}"#
    );
}

#[test]
fn a_missing_function_is_explained() {
    let mut missing = MissingFunction {
        schema: "public",
        name: "find_products",
        arguments: &["query"],
        body: Some(BodyKind::Json),
        suggestion: Some("find_products(max, q)"),
    };
    assert_eq!(
        text(&function_not_found(&missing)),
        r#"{"code":"PGRST202","details":"Searched for the function public.find_products with parameter query or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.","hint":"Perhaps you meant to call the function public.find_products(max, q)","message":"Could not find the function public.find_products(query) in the schema cache"}"#
    );
    missing.body = None;
    missing.arguments = &[];
    let error = function_not_found(&missing);
    assert_eq!(
        error.message,
        "Could not find the function public.find_products without parameters in the schema cache"
    );
}

#[test]
fn states_map_to_statuses() {
    for (code, message, anonymous, expected) in [
        ("42501", "permission denied for table t", false, 403),
        ("42501", "permission denied for table t", true, 401),
        ("23505", "", false, 409),
        ("23503", "", false, 409),
        ("23502", "", false, 400),
        ("22P02", "", false, 400),
        ("42703", "", false, 400),
        ("42883", "", false, 404),
        ("42P01", "", false, 404),
        ("42P17", "", false, 500),
        ("21000", "UPDATE requires a WHERE clause", false, 400),
        ("21000", "more than one row", false, 500),
        ("22023", "role \"x\" does not exist", false, 401),
        ("22023", "invalid value for parameter \"TimeZone\": \"X\"", false, 400),
        ("25006", "", false, 405),
        ("25001", "", false, 500),
        ("53100", "", false, 507),
        ("53400", "", false, 500),
        ("53300", "", false, 503),
        ("57014", "", false, 500),
        ("57P01", "", false, 503),
        ("P0001", "", false, 400),
        ("P0002", "", false, 500),
        ("PT402", "", false, 402),
        ("PTxyz", "", false, 500),
        ("0A000", "", false, 400),
        ("PGRST116", "", false, 406),
        ("PGRST103", "", false, 416),
        ("PGRST201", "", false, 300),
        ("PGRST205", "", false, 404),
        ("", "", false, 400),
        ("é", "", false, 400),
    ] {
        assert_eq!(status(code, message, anonymous), expected, "{code} {message}");
    }
}

#[test]
fn a_bad_token_is_explained_in_the_header() {
    let expired = invalid_claims("JWT expired");
    assert_eq!(
        authenticate(&expired, 401).unwrap(),
        "Bearer error=\"invalid_token\", error_description=\"JWT expired\""
    );
    assert_eq!(authenticate(&anonymous_disabled(), 401).unwrap(), "Bearer");
    assert_eq!(authenticate(&no_jwt_secret(), 500), None);
}
