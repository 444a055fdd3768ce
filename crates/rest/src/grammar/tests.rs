//! Tests of the grammar: each line is a query string and what it means.

use proptest::prelude::*;

use super::filter::{Place, op_expr};
use super::name::{names, tree_path};
use super::*;
use crate::settings::Limits;
use crate::testing::{show_field, tree};
use crate::{Condition, Literal, Operation};

fn check(query: &str, expected: &str) {
    assert_eq!(tree(&format!("t?{query}")), expected, "{query}");
}

#[test]
fn select_items() {
    for (select, expected) in [
        ("", "*"),
        ("*", "*"),
        ("id,title", "id=<id>, title=<title>"),
        ("id, title ,*", "id=<id>, title=<title>, *"),
        ("unit price", "unit price=<unit price>"),
        ("\"unit, \\\"price\\\"\"", "unit, \"price\"=<unit, \"price\">"),
        ("label:title", "label=<title>"),
        ("\"Unit price\":price", "Unit price=<price>"),
        ("price::text", "price=<price>::text"),
        ("x:price::double precision", "x=<price>::double precision"),
        ("a-b,1st,$x", "a-b=<a-b>, 1st=<1st>, $x=<$x>"),
        ("café,اسم,名前", "café=<café>, اسم=<اسم>, 名前=<名前>"),
        ("order,select,count,and", "order=<order>, select=<select>, count=<count>, and=<and>"),
        ("count()", "count=rows"),
        ("n:count()::text", "n=rows::text"),
        ("price.sum()", "sum=<price>.sum"),
        ("total:price::int.sum()::text", "total=<price>::int.sum::text"),
        ("specs->>weight::int.avg()", "avg=<specs>->><weight>::int.avg"),
    ] {
        check(&format!("select={}", select.replace(' ', "%20")), expected);
    }
}

#[test]
fn json_paths() {
    for (select, expected) in [
        ("specs->dims->>width", "width=<specs>-><dims>->><width>"),
        ("tags->0", "tags=<tags>->0"),
        ("tags->>-1", "tags=<tags>->>-1"),
        ("a->b->0", "b=<a>-><b>->0"),
        ("a->0->b", "b=<a>->0-><b>"),
        ("a->1st", "1st=<a>-><1st>"),
        ("a->k-1", "k-1=<a>-><k-1>"),
        ("a->>\"net.weight\"", "net.weight=<a>->><net.weight>"),
        ("x:a->0::int", "x=<a>->0::int"),
        ("tags->0 , id", "tags=<tags>->0, id=<id>"),
        ("o(tags->0)", "o(tags=<tags>->0)"),
    ] {
        check(&format!("select={select}"), expected);
    }
}

#[test]
fn embeds() {
    for (select, expected) in [
        ("brands(name)", "brands(name=<name>)"),
        ("*,brands(*)", "*, brands(*)"),
        ("brand:brand_id(name)", "brand:brand_id(name=<name>)"),
        ("a!inner(b)", "a!inner(b=<b>)"),
        ("a!left(b)", "a(b=<b>)"),
        ("a!hint(b)", "a!hint(b=<b>)"),
        ("a!hint!inner(b)", "a!hint!inner(b=<b>)"),
        ("a!inner!hint(b)", "a!hint!inner(b=<b>)"),
        ("a!\"inner\"(b)", "a!inner(b=<b>)"),
        ("a()", "a()"),
        ("a( )", "a()"),
        ("...brands(brand:name)", "...brands(brand=<name>)"),
        ("...a!h!inner(...b(c))", "...a!h!inner(...b(c=<c>))"),
        ("orders(count)", "orders(count=<count>)"),
        ("orders(count())", "orders(count=rows)"),
        ("a(b(c),d),e", "a(b(c=<c>), d=<d>), e=<e>"),
        ("\"my table\"(id)", "my table(id=<id>)"),
    ] {
        check(&format!("select={select}"), expected);
    }
}

#[test]
fn filters() {
    for (filter, expected) in [
        ("a=eq.1", "<a> = [1]"),
        ("a=neq.1", "<a> <> [1]"),
        ("a=gt.1", "<a> > [1]"),
        ("a=gte.1", "<a> >= [1]"),
        ("a=lt.1", "<a> < [1]"),
        ("a=lte.1", "<a> <= [1]"),
        ("a=like.*x*", "<a> ~~ [%x%]"),
        ("a=ilike.x%25*", "<a> ~~* [x%%]"),
        ("a=match.^x*", "<a> ~ [^x*]"),
        ("a=imatch.x", "<a> ~* [x]"),
        ("a=eq.*", "<a> = [*]"),
        ("a=cs.{1,2}", "<a> @> [{1,2}]"),
        ("a=cd.[1,2)", "<a> <@ [[1,2)]"),
        ("a=ov.{}", "<a> && [{}]"),
        ("a=sl.(1,2)", "<a> << [(1,2)]"),
        ("a=sr.(1,2)", "<a> >> [(1,2)]"),
        ("a=nxr.(1,2)", "<a> &< [(1,2)]"),
        ("a=nxl.(1,2)", "<a> &> [(1,2)]"),
        ("a=adj.(1,2)", "<a> -|- [(1,2)]"),
        ("a=is.null", "<a> is Null"),
        ("a=is.NOT_NULL", "<a> is NotNull"),
        ("a=is.True", "<a> is True"),
        ("a=is.unknown", "<a> is Unknown"),
        ("a=isdistinct.null", "<a> is distinct from [null]"),
        ("a=not.eq.1", "not <a> = [1]"),
        ("a=not.is.null", "not <a> is Null"),
        ("a=fts.cat%26dog", "<a> @@ to_tsquery(None) [cat&dog]"),
        ("a=plfts(german).x", "<a> @@ plainto_tsquery(Some(\"german\")) [x]"),
        ("a=phfts.x", "<a> @@ phraseto_tsquery(None) [x]"),
        ("a=wfts.x", "<a> @@ websearch_to_tsquery(None) [x]"),
        ("a=like(any).{*x*,y*}", "<a> ~~ Any [{%x%,y%}]"),
        ("a=not.gt(all).{3,5}", "not <a> > All [{3,5}]"),
        ("a->>b=eq.1", "<a>->><b> = [1]"),
        ("\"net.price\"=eq.3", "<net.price> = [3]"),
        ("\"x.order\"=eq.3", "<x.order> = [3]"),
        ("unit+price=eq.3", "<unit price> = [3]"),
        ("a=eq.", "<a> = []"),
        ("a=eq.not.null", "<a> = [not.null]"),
    ] {
        check(filter, &format!("* where {expected}"));
    }
}

#[test]
fn a_value_of_its_own_is_verbatim() {
    check("title=eq.\"A\",(B)", "* where <title> = [\"A\",(B)]");
    check("title=eq.\"x\"", "* where <title> = [\"x\"]");
    check("title=eq.%20x%20", "* where <title> = [ x ]");
}

#[test]
fn lists() {
    for (list, expected) in [
        ("(1,2)", "[\"1\", \"2\"]"),
        ("(\"x\")", "[\"x\"]"),
        ("(\"a,b\",c)", "[\"a,b\", \"c\"]"),
        ("(\"a\\\"b\\\\\")", "[\"a\\\"b\\\\\"]"),
        ("(a\"b,c)", "[\"a\\\"b\", \"c\"]"),
        ("(\"a\"b,c)", "[\"\\\"a\\\"b\", \"c\"]"),
        ("( a, b )", "[\"a\", \" b \"]"),
        ("()", "[]"),
        ("( )", "[]"),
        ("(\"\")", "[]"),
        ("(,a)", "[\"\", \"a\"]"),
        ("(\"\",\"\")", "[\"\", \"\"]"),
    ] {
        check(&format!("a=in.{list}"), &format!("* where <a> in {expected}"));
    }
    check("a=not.in.()", "* where not <a> in []");
}

#[test]
fn logic_trees() {
    for (logic, expected) in [
        ("or=(a.lt.5,a.gt.500)", "(<a> < [5] or <a> > [500])"),
        ("and=(a.eq.1)", "(<a> = [1])"),
        ("not.or=(a.eq.1,b.is.null)", "not (<a> = [1] or <b> is Null)"),
        (
            "or=(a.eq.1,and(b.eq.2,not.or(c.is.null,d.is.true)))",
            "(<a> = [1] or (<b> = [2] and not (<c> is Null or <d> is True)))",
        ),
        ("or=(a.eq.\"x\",a.eq.\"a,b\")", "(<a> = [x] or <a> = [a,b])"),
        (
            "or=(a.ilike.*d*,b.cs.{x,y},c.in.(4,5))",
            "(<a> ~~* [%d%] or <b> @> [{x,y}] or <c> in [\"4\", \"5\"])",
        ),
        ("or=(s->>c.eq.red,s->w.gt.3)", "(<s>->><c> = [red] or <s>-><w> > [3])"),
        (
            "or=(t.fts(english).d,t.not.match.^A)",
            "(<t> @@ to_tsquery(Some(\"english\")) [d] or not <t> ~ [^A])",
        ),
        ("or=(a.like(any).{*x*,y},b.eq.1)", "(<a> ~~ Any [{%x%,y}] or <b> = [1])"),
        (
            "and=(order.eq.1,or.eq.2,and.eq.3,not.eq.4)",
            "(<order> = [1] and <or> = [2] and <and> = [3] and <not> = [4])",
        ),
        ("or=( a.eq.1 , b.in.(1) )", "(<a> = [1 ] or <b> in [\"1\"])"),
        ("or=(a.eq.\"x\"y,b.eq.)", "(<a> = [\"x\"y] or <b> = [])"),
        ("or=(\"net.price\".eq.1)", "(<net.price> = [1])"),
        ("or=(a.cs.{\"k\":{\"l\":1}},b.eq.1)", "(<a> @> [{\"k\":{\"l\":1}}] or <b> = [1])"),
    ] {
        check(logic, &format!("* where {expected}"));
    }
}

#[test]
fn orders() {
    for (order, expected) in [
        ("a", "<a>"),
        ("a.asc,b.desc", "<a>, <b> desc"),
        ("a.nullsfirst", "<a> nulls First"),
        ("a.desc.nullslast", "<a> desc nulls Last"),
        ("s->w.desc", "<s>-><w> desc"),
        ("\"a.b\".desc", "<a.b> desc"),
        ("a, b", "<a>, <b>"),
    ] {
        check(&format!("order={order}"), &format!("* order {expected}"));
    }
    check("order=b&order=a", "* order <b>");
}

#[test]
fn column_lists() {
    let read = |text: &str| names("columns parameter", text, &Limits::default());
    assert_eq!(read("\"sku\", unit price,sku").unwrap(), ["sku", "unit price"]);
    assert!(read("").is_err());
    assert!(read("a,").is_err());
}

#[test]
fn mistakes_are_named_with_their_column() {
    for (query, message) in [
        ("price=more.3", "\"failed to parse filter (more.3)\" (line 1, column 1)"),
        ("price=not.more.3", "\"failed to parse filter (not.more.3)\" (line 1, column 5)"),
        ("a=eq", "\"failed to parse filter (eq)\" (line 1, column 3)"),
        ("a=in.(1,2", "\"failed to parse filter (in.(1,2)\" (line 1, column 8)"),
        ("a=is.nullish", "\"failed to parse filter (is.nullish)\" (line 1, column 4)"),
        ("a=neq(any).{1}", "\"failed to parse filter (neq(any).{1})\" (line 1, column 4)"),
        ("or=()", "\"failed to parse logic tree (())\" (line 1, column 4)"),
        ("not.or=()", "\"failed to parse logic tree (())\" (line 1, column 8)"),
        ("or=(a.eq.1", "\"failed to parse logic tree ((a.eq.1)\" (line 1, column 10)"),
        ("and=(a.nop.1)", "\"failed to parse logic tree ((a.nop.1))\" (line 1, column 7)"),
        ("order=id.ascending", "\"failed to parse order (id.ascending)\" (line 1, column 4)"),
        ("order=", "\"failed to parse order ()\" (line 1, column 1)"),
        ("select=id,(", "\"failed to parse select parameter (id,()\" (line 1, column 4)"),
        ("select=id,", "\"failed to parse select parameter (id,)\" (line 1, column 4)"),
        ("select=a(b", "\"failed to parse select parameter (a(b)\" (line 1, column 4)"),
        ("select=a)", "\"failed to parse select parameter (a))\" (line 1, column 2)"),
        ("select=a!x!y(b)", "\"failed to parse select parameter (a!x!y(b))\" (line 1, column 4)"),
        ("select=é.sum", "\"failed to parse select parameter (é.sum)\" (line 1, column 6)"),
        ("a..b=eq.1", "\"failed to parse tree path (a..b)\" (line 1, column 3)"),
        ("a!b.or=(x.eq.1)", "\"failed to parse logic path (a!b.or)\" (line 1, column 2)"),
        ("columns=", "\"failed to parse columns parameter ()\" (line 1, column 1)"),
        ("on_conflict=,", "\"failed to parse on_conflict parameter (,)\" (line 1, column 1)"),
    ] {
        check(query, &format!("PGRST100: {message}"));
    }
}

#[test]
fn details_say_what_was_expected() {
    let error = filter::filter("more.3", &Limits::default()).unwrap_err();
    let expected = "unexpected \"m\" expecting \"not\" or operator (eq, gt, ...)";
    assert_eq!(error.details, Some(backstay_model::Details::Text(expected.to_owned())));
    assert_eq!(error.hint, None);
}

#[test]
fn going_over_a_limit_names_the_setting() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let many = |item: &str, count: usize| vec![item; count].join(",");
    for (query, allowed, setting) in [
        (format!("select={}", nested("a(", "b", ")", 32)), true, ""),
        (format!("select={}", nested("a(", "b", ")", 33)), false, "limits.embed_depth"),
        (format!("select={}", many("a()", 101)), false, "limits.embeds"),
        (format!("and={}", nested("(and", "(a.eq.1)", ")", 63)), true, ""),
        (format!("and={}", nested("(and", "(a.eq.1)", ")", 64)), false, "limits.logic_depth"),
        (format!("and={}", nested("(and", "(a.eq.1)", ")", 1000)), false, "limits.logic_depth"),
        (format!("a=in.({})", many("1", 10_000)), true, ""),
        (format!("a=in.({})", many("1", 10_001)), false, "limits.list_elements"),
        (format!("select={}", many("a", 10_001)), false, "limits.list_elements"),
        (format!("select=a{}", "->b".repeat(129)), false, "limits.json_depth"),
    ] {
        let result = crate::testing::read("GET", &format!("t?{query}"));
        match result {
            Ok(_) => assert!(allowed, "{setting}"),
            Err(error) => {
                assert_eq!(error.code, "PGRST100");
                let details = format!("{:?}", error.details);
                assert!(!allowed && details.contains(setting), "{setting}: {details}");
            }
        }
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    #[test]
    fn a_quoted_element_comes_back(texts in proptest::collection::vec(".*", 2..5)) {
        let quoted: Vec<String> = texts.iter().map(|text| quote(text)).collect();
        let list = format!("in.({})", quoted.join(","));
        let (_, operation) = filter::filter(&list, &Limits::default()).unwrap();
        prop_assert_eq!(operation, Operation::In(Literal::list(texts)));
    }

    #[test]
    fn a_quoted_value_in_a_tree_comes_back(text in ".*") {
        let limits = Limits::default();
        let source = format!("isdistinct.{},x", quote(&text));
        let cursor = &mut Cursor::new("logic tree", &source, &limits);
        let (_, operation) = op_expr(cursor, Place::Tree).unwrap();
        prop_assert_eq!(operation, Operation::IsDistinct(text.into()));
        prop_assert_eq!(cursor.rest(), ",x");
    }

    #[test]
    fn a_plain_value_comes_back(text in ".*") {
        let (_, operation) = filter::filter(&format!("isdistinct.{text}"), &Limits::default()).unwrap();
        prop_assert_eq!(operation, Operation::IsDistinct(text.into()));
    }

    #[test]
    fn a_quoted_name_comes_back(path in proptest::collection::vec(".+", 0..3), name in ".+", key in ".+") {
        let mut source: String = path.iter().map(|name| quote(name) + ".").collect();
        source.push_str(&format!("{}->>{}", quote(&name), quote(&key)));
        let (found, field) = tree_path(&source, &Limits::default()).unwrap();
        prop_assert_eq!(found, path);
        prop_assert_eq!(show_field(&field), format!("<{name}>->><{key}>"));
    }

    #[test]
    fn no_text_makes_the_parsers_panic(key in ".*", value in ".*") {
        let limits = Limits::default();
        let _ = select::select(&value, &limits);
        let _ = filter::filter(&value, &limits);
        let _ = logic::logic(&key, &value, &limits);
        let _ = order::order(&value, &limits);
        let _ = tree_path(&key, &limits);
    }

    #[test]
    fn nothing_like_the_grammar_makes_the_parsers_panic(value in "[a-c(),.:!*\"\\\\{}>0-9 -]{0,24}") {
        let limits = Limits::default();
        let _ = select::select(&value, &limits);
        let _ = logic::logic("or", &format!("({value})"), &limits);
        let _ = order::order(&value, &limits);
        if let Ok((_, condition)) = logic::logic("and", &format!("(a.eq.{value})"), &limits) {
            prop_assert!(matches!(condition, Condition::All(_)));
        }
    }
}
