//! Reading one relation: select, filters, order, limits.

use crate::{Asked, get, show};

fn check(url: &str, expected: &str) {
    assert_eq!(get(url), expected, "{url}");
}

#[test]
fn columns_aliases_and_all() {
    check(
        "/brands",
        "{id:0, name:1, country:2} select 1.id, 1.name, 1.country from brands 1 limit <1000>",
    );
    check(
        "/brands?select=label:name,id",
        "{label:0, id:1} select 1.name, 1.id from brands 1 limit <1000>",
    );
    check(
        "/orders?select=id,order_total",
        "{id:0, order_total:1} select 1.id, f101(1.*) from orders 1 limit <1000>",
    );
}

#[test]
fn names_that_do_not_exist_are_refused_with_a_hint() {
    check(
        "/prodcts",
        "Could not find the table 'public.prodcts' in the schema cache (PGRST205)\n\
         hint: Perhaps you meant the table 'public.products'",
    );
    check(
        "/products?select=prise",
        "column products.prise does not exist (42703)\n\
         hint: Perhaps you meant to reference the column \"products.price\".",
    );
    check("/products?wholly=eq.1", "column products.wholly does not exist (42703)");
    check("/products?order=wholly", "column products.wholly does not exist (42703)");
    check("/products?select=price::moneyz", "type \"moneyz\" does not exist (42704)");
}

#[test]
fn filters_read_literals_as_the_columns_type() {
    let rows = "{id:0} select 1.id from products 1 where";
    check("/products?select=id&id=eq.7", &format!("{rows} 1.id = <7> limit <1000>"));
    check(
        "/products?select=id&price=gte.5&price=lt.9",
        &format!("{rows} (1.price >= <5> and 1.price < <9>) limit <1000>"),
    );
    check(
        "/products?select=id&title=not.like.*lamp*",
        &format!("{rows} not ~~(1.title, <%lamp%>) limit <1000>"),
    );
    check("/products?select=id&id=eq.x", "invalid input syntax for type integer: \"x\" (22P02)");
    check(
        "/products?select=id&id=eq.99999999999",
        "value \"99999999999\" is out of range for type integer (22003)",
    );
    check(
        "/orders?select=id&state=eq.lost",
        "invalid input value for enum order_state: \"lost\" (22P02)",
    );
    check(
        "/orders?select=id&state=eq.paid",
        "{id:0} select 1.id from orders 1 where 1.state = <2> limit <1000>",
    );
}

#[test]
fn an_operator_that_the_type_lacks_is_refused() {
    check(
        "/products?id=like.1*",
        "operator does not exist: integer ~~ unknown (42883)\n\
         hint: No operator matches the given name and argument types. You might need to add explicit type casts.",
    );
}

#[test]
fn lists_and_quantifiers_are_one_parameter() {
    let rows = "{id:0} select 1.id from products 1 where";
    check("/products?select=id&id=in.(1,2)", &format!("{rows} 1.id = any <{{1,2}}> limit <1000>"));
    check("/products?select=id&id=in.()", &format!("{rows} false limit <1000>"));
    check("/products?select=id&id=not.in.()", &format!("{rows} true limit <1000>"));
    check(
        "/products?select=id&price=gt(all).{3,5}",
        &format!("{rows} 1.price > all <{{3,5}}> limit <1000>"),
    );
    check(
        "/products?select=id&title=like(any).{*a,b*}",
        &format!("{rows} 1.title ~~(text,text) any <{{%a,b%}}> limit <1000>"),
    );
}

#[test]
fn tests_for_null_and_truth() {
    let rows = "{id:0} select 1.id from customers 1 where";
    check("/customers?select=id&vip=is.true", &format!("{rows} 1.vip is true limit <1000>"));
    check("/customers?select=id&email=is.null", &format!("{rows} 1.email is null limit <1000>"));
    check(
        "/customers?select=id&email=not.is.null",
        &format!("{rows} not 1.email is null limit <1000>"),
    );
    check(
        "/customers?email=is.true",
        "argument of IS TRUE must be type boolean, not type text (42804)",
    );
    check(
        "/customers?select=id&email=isdistinct.a",
        &format!("{rows} 1.email is distinct from <a> limit <1000>"),
    );
}

#[test]
fn logic_trees_keep_their_shape() {
    check(
        "/orders?select=id&or=(id.eq.1,and(state.eq.paid,not.or(bill_to.is.null,ship_to.is.null)))",
        "{id:0} select 1.id from orders 1 where (1.id = <1> or (1.state = <2> and \
         not (1.bill_to is null or 1.ship_to is null))) limit <1000>",
    );
}

#[test]
fn paths_into_json() {
    check(
        "/products?select=specs->dims->>width,tags->0&specs->weight=gt.3&order=specs->>colour",
        "{width:0, tags:1} select ->>(->(1.specs, dims), width), ->(to_jsonb(1.tags), 0) \
         from products 1 where ->(1.specs, weight) > <3> \
         order by ->>(1.specs, colour) asc nulls last limit <1000>",
    );
}

#[test]
fn casts_name_any_known_type() {
    check(
        "/products?select=price::text,created_at::date",
        "{price:0, created_at:1} select 1.price::text, 1.created_at::date from products 1 limit <1000>",
    );
}

#[test]
fn orders_say_where_nulls_go() {
    check(
        "/products?select=id&order=price.desc,title,sku.desc.nullslast&limit=5&offset=2",
        "{id:0} select 1.id from products 1 order by 1.price desc nulls first \
         order by 1.title asc nulls last order by 1.sku desc nulls last limit <5> offset <2>",
    );
}

#[test]
fn a_count_ignores_limit_and_offset() {
    let asked = Asked {
        method: "GET",
        url: "/products?select=id&id=gt.1&limit=5",
        prefer: "count=exact",
        body: "",
    };
    assert_eq!(
        show(&asked),
        "{id:0} select 1.id from products 1 where 1.id > <1> limit <5>\n\
         count: select count() from products 2 where 2.id > <1>"
    );
}

#[test]
fn aggregates_group_by_the_other_columns() {
    check(
        "/orders?select=state,count()",
        "{state:0, count:1} select 1.state, count() from orders 1 group by 1.state limit <1000>",
    );
    check(
        "/products?select=total:price.sum(),price::int.max()::text",
        "{total:0, max:1} select sum(1.price), max(1.price::integer)::text from products 1 limit <1000>",
    );
    check("/orders?select=count", "{count:0} select count() from orders 1 limit <1000>");
    check(
        "/orders?select=state,count()&order=id",
        "column \"orders.id\" must appear in the GROUP BY clause or be used in an aggregate function (42803)",
    );
}
