//! Inserts, upserts, updates, deletes.

use crate::{Asked, show};

fn check(method: &str, url: &str, prefer: &str, body: &str, expected: &str) {
    assert_eq!(show(&Asked { method, url, prefer, body }), expected, "{method} {url} {body}");
}

#[test]
fn rows_are_read_as_the_columns_types() {
    check(
        "POST",
        "/products",
        "",
        r#"{"sku":"A","price":"12.5","tags":["x"]}"#,
        "insert products (sku, price, tags) (A, 12.50, {x})",
    );
    check(
        "POST",
        "/products",
        "",
        r#"{"id":"x"}"#,
        "invalid input syntax for type integer: \"x\" (22P02)",
    );
    check(
        "POST",
        "/products",
        "",
        r#"{"colour":1}"#,
        "Could not find the 'colour' column of 'products' in the schema cache (PGRST204)",
    );
}

#[test]
fn absent_keys_are_null_or_defaults() {
    let body = r#"[{"sku":"A"},{"price":null}]"#;
    let url = "/products?columns=sku,price";
    check("POST", url, "", body, "insert products (sku, price) (A, null) (null, null)");
    let expected = "insert products (sku, price) (A, default) (default, null)";
    check("POST", url, "missing=default", body, expected);
}

#[test]
fn no_rows_and_empty_rows() {
    check("POST", "/products", "", "[]", "insert products () ");
    check("POST", "/products", "", "{}", "insert products () ()");
}

#[test]
fn the_representation_reads_the_written_rows() {
    check(
        "POST",
        "/products?select=id,brands(name)",
        "return=representation",
        r#"{"sku":"A"}"#,
        "insert products (sku) (A)\nshows: {id:0, brands: One by [1] \
         ({name:0} select 4.name from brands 4 where 4.id = ^0)} \
         select 3.id, 3.brand_id from products 3",
    );
    let url = "/products";
    check(
        "POST",
        url,
        "return=headers-only",
        r#"{"sku":"A"}"#,
        "insert products (sku) (A)\nlocation: [1]",
    );
}

#[test]
fn an_upsert_sets_what_was_supplied() {
    let merge = "resolution=merge-duplicates";
    check(
        "POST",
        "/products",
        merge,
        r#"{"id":1,"sku":"A"}"#,
        "insert products (id, sku) (1, A) on conflict (id) set id, sku\nupsert",
    );
    check(
        "POST",
        "/products?on_conflict=sku",
        "resolution=ignore-duplicates",
        r#"{"sku":"A"}"#,
        "insert products (sku) (A) on conflict (sku) nothing",
    );
    check(
        "POST",
        "/products?on_conflict=title",
        merge,
        r#"{"sku":"A"}"#,
        "there is no unique or exclusion constraint matching the ON CONFLICT specification (42P10)",
    );
    let unknown = "column \"nope\" does not exist (42703)";
    check("POST", "/products?on_conflict=nope", merge, r#"{"sku":"A"}"#, unknown);
    check(
        "POST",
        "/order_lines?on_conflict=product_id,order_id",
        merge,
        r#"{"order_id":1,"product_id":2,"qty":3}"#,
        "insert order_lines (order_id, product_id, qty) (1, 2, 3) \
         on conflict (product_id, order_id) set order_id, product_id, qty\nupsert",
    );
}

#[test]
fn an_update_chooses_before_and_shows_after() {
    check(
        "PATCH",
        "/products?sku=eq.A&select=id&order=id",
        "return=representation",
        r#"{"title":"T","price":3}"#,
        "update products set title = <T>, price = <3.00> where 1.sku = <A>\n\
         shows: {id:0} select 2.id from products 2 order by 2.id asc nulls last",
    );
    check("PATCH", "/products?sku=eq.A", "", "{}", "update products set  where false");
}

#[test]
fn a_delete_may_be_for_all_rows() {
    check("DELETE", "/products?id=in.(1,2)", "", "", "delete products where 1.id = any <{1,2}>");
    check("DELETE", "/products", "", "", "delete products");
}

#[test]
fn a_put_is_for_the_row_of_its_key() {
    check(
        "PUT",
        "/brands?id=eq.4",
        "",
        r#"{"id":4,"name":"Oak"}"#,
        "insert brands (id, name) (4, Oak) on conflict (id) set id, name\nupsert",
    );
    let filters =
        "Filters must include all and only primary key columns with 'eq' operators (PGRST105)";
    check("PUT", "/brands?name=eq.Oak", "", r#"{"id":4}"#, filters);
    check("PUT", "/brands?id=gt.4", "", r#"{"id":4}"#, filters);
    let mismatch = "Payload values do not match URL in primary key column(s) (PGRST115)";
    check("PUT", "/brands?id=eq.5", "", r#"{"id":4,"name":"Oak"}"#, mismatch);
    check("PUT", "/brands?id=eq.5", "", r#"{"name":"Oak"}"#, mismatch);
}
