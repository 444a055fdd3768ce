//! Function calls.

use crate::{Asked, get, show};

fn post(url: &str, body: &str) -> String {
    show(&Asked { method: "POST", url, prefer: "", body })
}

#[test]
fn arguments_go_by_name_and_defaults_fill_in() {
    assert_eq!(post("/rpc/add_numbers", r#"{"b":2,"a":"1"}"#), "f104(<1>, <2>) -> integer");
    assert_eq!(get("/rpc/add_numbers?a=1&b=2"), "f104(<1>, <2>) read only -> integer");
    assert_eq!(post("/rpc/ship", r#"{"order_id":1}"#), "f105(<1>) -> void");
    assert_eq!(
        post("/rpc/add_numbers", r#"{"b":"x","a":1}"#),
        "invalid input syntax for type integer: \"x\" (22P02)"
    );
}

#[test]
fn rows_of_a_relation_are_read_like_the_relation() {
    assert_eq!(
        post(
            "/rpc/find_products?select=title,brands(name)&price=lt.9&order=price",
            r#"{"q":"lamp"}"#
        ),
        "f103(<lamp>, 10) -> rows {title:0, brands: One by [1] ({name:0} select 2.name from brands 2 \
         where 2.id = ^0)} select 1.title, 1.brand_id from f103(<lamp>, 10) 1 where 1.price < <9> \
         order by 1.price asc nulls last limit <1000>"
    );
    assert_eq!(
        post("/rpc/find_products?select=titel", r#"{"q":"lamp"}"#),
        "column find_products.titel does not exist (42703)\n\
         hint: Perhaps you meant to reference the column \"find_products.title\"."
    );
}

#[test]
fn bare_values_come_as_they_are() {
    assert_eq!(get("/rpc/ids?limit=3"), "f110() read only -> integer[] Some(3)");
}

#[test]
fn repeated_arguments_make_the_array() {
    assert_eq!(get("/rpc/sum_all?v=1&v=2"), "f109(<{1,2}>) read only -> integer");
    assert_eq!(post("/rpc/sum_all", r#"{"v":[1,2]}"#), "f109(<{1,2}>) -> integer");
}

#[test]
fn a_function_with_one_unnamed_parameter_takes_the_body() {
    assert_eq!(post("/rpc/take", r#"{"x":1}"#), "f108(<{\"x\":1}>) -> integer");
}

#[test]
fn several_functions_that_fit_are_refused() {
    assert_eq!(
        post("/rpc/f", r#"{"a":1}"#),
        "Could not choose the best candidate function between: public.f(a => integer), \
         public.f(a => text) (PGRST203)\n\
         hint: Try renaming the parameters or the function itself in the database so function \
         overloading can be resolved"
    );
}

#[test]
fn a_function_that_does_not_fit_is_refused_with_a_hint() {
    assert_eq!(
        post("/rpc/find_products", r#"{"query":"lamp"}"#),
        "Could not find the function public.find_products(query) in the schema cache (PGRST202)\n\
         details: Searched for the function public.find_products with parameter query or with a single \
         unnamed json/jsonb parameter, but no matches were found in the schema cache.\n\
         hint: Perhaps you meant to call the function public.find_products(max, q)"
    );
    let unknown = get("/rpc/find_product?q=lamp");
    assert!(
        unknown.ends_with("hint: Perhaps you meant to call the function public.find_products"),
        "{unknown}"
    );
}
