//! Embedded relations: which relationship, how it joins, and what filters on it do.

use crate::get;

fn check(url: &str, expected: &str) {
    assert_eq!(get(url), expected, "{url}");
}

#[test]
fn a_parent_is_found_by_table_column_or_constraint() {
    let inner = "{name:0} select 2.name from brands 2 where 2.id = ^0";
    for target in ["brands", "brand_id", "products_brand_id_fkey"] {
        check(
            &format!("/products?select=title,{target}(name)"),
            &format!(
                "{{title:0, {target}: One by [1] ({inner})}} \
                 select 1.title, 1.brand_id from products 1 limit <1000>"
            ),
        );
    }
}

#[test]
fn children_are_found_by_the_parents_key() {
    check(
        "/customers?select=email,orders(id)&orders.state=eq.paid&orders.order=placed_at.desc&orders.limit=3",
        "{email:0, orders: Many by [1] ({id:0} select 2.id from orders 2 \
         where (2.customer_id = ^0 and 2.state = <2>) order by 2.placed_at desc nulls first limit <3>)} \
         select 1.email, 1.id from customers 1 limit <1000>",
    );
}

#[test]
fn a_junction_is_read_beside_the_far_side() {
    check(
        "/products?select=id,categories(name)",
        "{id:0, categories: Many by [0] ({name:0} select 2.name from categories 2, product_categories 3 \
         where (3.category_id = 2.id and 3.product_id = ^0) limit <1000>)} \
         select 1.id from products 1 limit <1000>",
    );
}

#[test]
fn a_unique_key_makes_an_object_of_both_sides() {
    check(
        "/products?select=id,product_notes(note)",
        "{id:0, product_notes: One by [0] ({note:0} select 2.note from product_notes 2 \
         where 2.product_id = ^0)} select 1.id from products 1 limit <1000>",
    );
}

#[test]
fn a_relation_is_its_own_parent_by_column_and_child_by_name() {
    check(
        "/categories?select=name,children:categories(name),parent:parent_id(name)",
        "{name:0, children: Many by [1] ({name:0} select 2.name from categories 2 where 2.parent_id = ^0 limit <1000>), \
         parent: One by [2] ({name:0} select 3.name from categories 3 where 3.id = ^0)} \
         select 1.name, 1.id, 1.parent_id from categories 1 limit <1000>",
    );
}

#[test]
fn a_view_has_the_relationships_of_its_columns() {
    check(
        "/cheap_products?select=title,brands(name)",
        "{title:0, brands: One by [1] ({name:0} select 2.name from brands 2 where 2.id = ^0)} \
         select 1.title, 1.maker from cheap_products 1 limit <1000>",
    );
}

#[test]
fn several_relationships_are_told_apart_by_hints() {
    let ambiguous = get("/orders?select=*,addresses(*)");
    assert!(ambiguous.starts_with(
        "Could not embed because more than one relationship was found for 'orders' and 'addresses' (PGRST201)"
    ));
    assert!(ambiguous.contains("orders_bill_to_fkey using orders(bill_to) and addresses(id)"));
    assert!(ambiguous.contains("'addresses!orders_ship_to_fkey'"));
    for hint in ["orders_bill_to_fkey", "bill_to"] {
        check(
            &format!("/orders?select=id,a:addresses!{hint}(city)"),
            "{id:0, a: One by [1] ({city:0} select 2.city from addresses 2 where 2.id = ^0)} \
             select 1.id, 1.bill_to from orders 1 limit <1000>",
        );
    }
}

#[test]
fn no_relationship_is_refused_with_a_hint() {
    check(
        "/products?select=*,brand(*)",
        "Could not find a relationship between 'products' and 'brand' in the schema cache (PGRST200)\n\
         details: Searched for a foreign key relationship between 'products' and 'brand' in the schema \
         'public', but no matches were found.\n\
         hint: Perhaps you meant 'brands' instead of 'brand'.",
    );
}

#[test]
fn the_same_target_twice_needs_names() {
    check(
        "/orders?select=customers(id),customers(email)",
        "table name \"orders_customers_1\" specified more than once (42712)",
    );
}

#[test]
fn an_unknown_column_in_an_embed_is_named_with_its_depth() {
    check(
        "/orders?select=order_lines(qti)",
        "column order_lines_1.qti does not exist (42703)\n\
         hint: Perhaps you meant to reference the column \"order_lines_1.qty\".",
    );
}

#[test]
fn inner_embeds_keep_parents_with_a_match() {
    check(
        "/orders?select=id,customers!inner(email)&customers.vip=is.true",
        "{id:0, customers: One by [1] ({email:0} select 2.email from customers 2 \
         where (2.id = ^0 and 2.vip is true))} select 1.id, 1.customer_id from orders 1 \
         where exists(select 1 from customers 3 where (3.id = 1.customer_id and 3.vip is true)) limit <1000>",
    );
}

#[test]
fn inner_embeds_inside_each_other_reach_the_root() {
    check(
        "/orders?select=id,order_lines!inner(products!inner())&order_lines.products.sku=eq.A",
        "{id:0} select 1.id from orders 1 where exists(select 1 from order_lines 2 \
         where (2.order_id = 1.id and exists(select 1 from products 3 \
         where (3.id = 2.product_id and 3.sku = <A>)))) limit <1000>",
    );
}

#[test]
fn presence_of_an_embed_is_a_condition() {
    check(
        "/products?select=id,brands()&brands=is.null",
        "{id:0} select 1.id from products 1 where not exists(select 1 from brands 2 \
         where 2.id = 1.brand_id) limit <1000>",
    );
    check(
        "/products?select=id,brands(),categories()&or=(brands.not.is.null,price.lt.5)",
        "{id:0} select 1.id from products 1 where (exists(select 1 from brands 2 \
         where 2.id = 1.brand_id) or 1.price < <5>) limit <1000>",
    );
}

#[test]
fn a_limit_of_none_and_an_offset_matter_to_inner_embeds() {
    check(
        "/customers?select=id,orders!inner()&orders.limit=0",
        "{id:0} select 1.id from customers 1 where false limit <1000>",
    );
    check(
        "/customers?select=id,orders!inner()&orders.offset=2",
        "{id:0} select 1.id from customers 1 where exists(select 1 from orders 2 \
         where 2.customer_id = 1.id offset <2>) limit <1000>",
    );
}

#[test]
fn an_order_by_an_embedded_column_sorts_the_parent() {
    check(
        "/products?select=id,brands(name)&order=brands(name).desc.nullslast",
        "{id:0, brands: One by [1] ({name:0} select 2.name from brands 2 where 2.id = ^0)} \
         select 1.id, 1.brand_id from products 1 order by (select 3.name from brands 3 \
         where 3.id = 1.brand_id) desc nulls last limit <1000>",
    );
    check(
        "/products?select=id,categories(name)&order=categories(name)",
        "A related order on 'categories' is not possible (PGRST118)\n\
         details: 'products' and 'categories' do not form a many-to-one or one-to-one relationship",
    );
}

#[test]
fn spreads_lift_their_members() {
    check(
        "/products?select=title,...brands(brand:name)",
        "{title:0, ...One by [1] ({brand:0} select 2.name from brands 2 where 2.id = ^0)} \
         select 1.title, 1.brand_id from products 1 limit <1000>",
    );
}

#[test]
fn spreads_beside_aggregates_are_groups() {
    check(
        "/order_lines?select=...products(title),qty.sum()",
        "{title:0, sum:1} select 2.title, sum(1.qty) from order_lines 1 left join products 2 \
         on 2.id = 1.product_id group by 2.title limit <1000>",
    );
}

#[test]
fn the_old_count_counts_embedded_rows() {
    check(
        "/customers?select=email,orders(count)",
        "{email:0, orders: Many by [1] ({count:0} select count() from orders 2 \
         where 2.customer_id = ^0 limit <1000>)} select 1.email, 1.id from customers 1 limit <1000>",
    );
}

#[test]
fn a_function_of_the_row_is_a_relationship() {
    check(
        "/orders?select=id,last_lines(qty)",
        "{id:0, last_lines: Many by [1] ({qty:0} select 2.qty from f102(^0) 2 limit <1000>)} \
         select 1.id, 1.* from orders 1 limit <1000>",
    );
}

#[test]
fn a_filter_on_an_embed_that_is_not_selected_is_refused() {
    check(
        "/customers?select=id&orderz.state=eq.paid",
        "'orderz' is not an embedded resource in this request (PGRST108)\n\
         hint: Verify that 'orderz' is included in the 'select' query parameter.",
    );
}
