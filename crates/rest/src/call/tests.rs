//! Tests of whole calls: order of checks, actions, and where parameters go.

use backstay_model::Details;

use super::*;
use crate::testing::{read, settings, show_node, tree};
use crate::{ArgumentValue, BodyKind};

fn check(url: &str, expected: &str) {
    assert_eq!(tree(url), expected, "{url}");
}

/// A call with headers and a body.
fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> backstay_model::Result<Request> {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    parse(&mut Call { method, path, query, headers, body: body.as_bytes().into() }, &settings())
}

fn code(result: backstay_model::Result<Request>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.code.into_owned(),
    }
}

#[test]
fn the_first_failing_check_decides() {
    let shop = ("content-profile", "nowhere");
    assert_eq!(code(send("BREW", "/a/b?x=bad", &[shop], "")), "PGRST125");
    assert_eq!(code(send("BREW", "/a?x=bad", &[shop], "")), "PGRST106");
    assert_eq!(code(send("BREW", "/a?x=bad", &[], "")), "PGRST117");
    assert_eq!(code(send("BREW", "/rpc/a?x=bad", &[], "")), "PGRST101");
    assert_eq!(code(send("PATCH", "/rpc/a", &[], "{}")), "PGRST101");
    assert_eq!(code(send("POST", "/", &[], "{}")), "PGRST117");
    assert_eq!(code(send("PUT", "/a?x=bad&limit=1", &[], "")), "PGRST100");
    assert_eq!(code(send("PUT", "/a?limit=1", &[], "")), "PGRST114");
    assert_eq!(code(send("POST", "/a?limit=-1", &[], "")), "PGRST103");
    assert_eq!(code(send("POST", "/a?b.x=eq.1", &[], "")), "PGRST102");
    let request = send("POST", "/a?b.x=eq.1", &[], "{}").unwrap();
    assert_eq!(request.deferred.embed_path.unwrap().code, "PGRST108");
}

#[test]
fn paths_are_decoded_and_slashes_tolerated() {
    for (path, expected) in [
        ("", OptionsTarget::Root),
        ("/", OptionsTarget::Root),
        ("/products", OptionsTarget::Relation("products".to_owned())),
        ("products/", OptionsTarget::Relation("products".to_owned())),
        ("/unit%20price", OptionsTarget::Relation("unit price".to_owned())),
        ("/a%2Fb", OptionsTarget::Relation("a/b".to_owned())),
        ("/rpc/f", OptionsTarget::Function("f".to_owned())),
    ] {
        assert_eq!(target(path).unwrap(), expected, "{path}");
    }
    assert_eq!(target("/a/b").unwrap_err().message, "Invalid path specified in request URL");
    assert!(target("/rpc/a/b").is_err());
}

#[test]
fn the_profile_header_of_the_method_chooses_the_schema() {
    let headers = [("accept-profile", "shop"), ("content-profile", "public")];
    assert_eq!(send("GET", "/a", &headers, "").unwrap().schema, "shop");
    assert_eq!(send("DELETE", "/a", &headers, "").unwrap().schema, "public");
    assert_eq!(send("GET", "/a", &[], "").unwrap().schema, "public");
    let error = send("GET", "/a", &[("accept-profile", "auth")], "").unwrap_err();
    assert_eq!(error.message, "Invalid schema: auth");
    assert_eq!(error.hint.unwrap(), "Only the following schemas are exposed: public, shop");
}

#[test]
fn parameters_go_to_the_embed_they_name() {
    check(
        "customers?select=id,orders(id,order_lines(qty))&orders.state=eq.paid\
         &orders.order=placed_at.desc&orders.limit=3&orders.order_lines.qty=gt.1\
         &orders.or=(bill_to.is.null,ship_to.not.is.null)&limit=5&offset=2",
        "id=<id>, orders(id=<id>, order_lines(qty=<qty> where <qty> > [1]) \
         where <state> = [paid] & (<bill_to> is Null or not <ship_to> is Null) \
         order <placed_at> desc limit 3) limit 5 offset 2",
    );
    check(
        "customers?select=id,o:orders(id)&o.id=eq.1&orders.not.and=(id.eq.2,id.eq.3)",
        "id=<id>, o:orders(id=<id> where <id> = [1] & not (<id> = [2] and <id> = [3]))",
    );
    check(
        "a?select=\"b c\"(d)&\"b c\".\"x.y\"=eq.1&\"b c\".order=d",
        "b c(d=<d> where <x.y> = [1] order <d>)",
    );
}

#[test]
fn unknown_embeds_are_refused_later() {
    let request = read("GET", "/customers?select=id&orderz.id=eq.1").unwrap();
    let error = request.deferred.embed_path.unwrap();
    assert_eq!(error.message, "'orderz' is not an embedded resource in this request");
    assert_eq!(
        error.hint.unwrap(),
        "Verify that 'orderz' is included in the 'select' query parameter."
    );
    for url in ["/a?select=b(c)&b.d.x=eq.1", "/a?b.order=x", "/a?b.limit=1", "/a?order=b(x)"] {
        let request = read("GET", url).unwrap();
        assert_eq!(request.deferred.embed_path.unwrap().code, "PGRST108", "{url}");
    }
}

#[test]
fn targets_of_aliased_embeds_can_be_refused() {
    let mut settings = settings();
    settings.legacy_targets = false;
    let query = Some("select=o:orders(id)&orders.id=eq.1");
    let mut call = Call { method: "GET", path: "/a", query, headers: &[], body: b"".into() };
    let error = parse(&mut call, &settings).unwrap().deferred.embed_path.unwrap();
    let details = "Target names are not allowed in filters if they have an alias".to_owned();
    assert_eq!(error.details, Some(Details::Text(details)));
    assert_eq!(error.hint.unwrap(), "Change 'orders' to 'o' in filters, orders or limits.");
}

#[test]
fn null_filters_on_embeds_are_recognized() {
    check("a?select=id,b()&b=is.null", "id=<id>, b() where embed 1 is null");
    check("a?select=b()&b=not.is.null", "b() where embed 0 is not null");
    check("a?select=b()&b=is.not_null", "b() where embed 0 is not null");
    check(
        "a?select=x:b(),c(d(),*)&or=(x.not.is.null,y.eq.1)&c.d=is.null",
        "x:b(), c(d(), * where embed 0 is null) where (embed 0 is not null or <y> = [1])",
    );
    check("a?select=b()&b=eq.1&c=is.null", "b() where <b> = [1] & <c> is Null");
}

#[test]
fn orders_by_embedded_columns_name_the_embed() {
    check(
        "a?select=*,b(c)&order=b(s->w).desc.nullslast,id",
        "*, b(c=<c>) order embed 1 <s>-><w> desc nulls Last, <id>",
    );
}

#[test]
fn limits_and_ranges_are_combined() {
    check("a?limit=10&limit=20", "* limit 20");
    check("a?limit=x&offset=-5", "*");
    check("a?limit=0&offset=7", "* limit 0");
    check("a?limit=-1", "PGRST103: Requested range not satisfiable");
    for (query, range, expected) in [
        ("", "0-24", "* limit 25"),
        ("", "25-", "* offset 25"),
        ("limit=10", "5-100", "* limit 5 offset 5"),
        ("limit=10&offset=20", "0-24", "* limit 5 offset 20"),
        ("limit=0", "5-9", "* limit 0"),
        ("", "bytes=0-4", "*"),
    ] {
        let request = send("GET", &format!("/a?{query}"), &[("range", range)], "").unwrap();
        assert_eq!(show_node(request.node().unwrap()), expected, "{query} {range}");
    }
    let error = send("GET", "/a", &[("range", "9-5")], "").unwrap_err();
    assert!(format!("{:?}", error.details).contains("The lower boundary must be lower"));
    assert_eq!(code(send("GET", "/a?limit=5", &[("range", "9-12")], "")), "PGRST103");
    let head = send("HEAD", "/a", &[("range", "0-4")], "").unwrap();
    assert_eq!(head.node().unwrap().limit, None);
}

#[test]
fn rows_are_capped_at_every_level_of_reads() {
    let mut settings = settings();
    settings.max_rows = Some(100);
    let query = Some("select=id,b(c)&limit=500&b.limit=7");
    let mut call = Call { method: "GET", path: "/a", query, headers: &[], body: b"".into() };
    let request = parse(&mut call, &settings).unwrap();
    assert_eq!(show_node(request.node().unwrap()), "id=<id>, b(c=<c> limit 7) limit 100");
    let mut call = Call { method: "DELETE", query: Some("select=id,b(c)&limit=5"), ..call };
    let request = parse(&mut call, &settings).unwrap();
    assert_eq!(show_node(request.node().unwrap()), "id=<id>, b(c=<c> limit 100)");
}

#[test]
fn the_key_of_the_project_is_no_filter() {
    check("a?apikey=secret&id=eq.1", "* where <id> = [1]");
}

#[test]
fn aggregates_are_refused_later_where_they_are_off() {
    let settings = Settings { aggregates: false, ..settings() };
    let refused = |query: &str| {
        let mut call =
            Call { method: "GET", path: "/a", query: Some(query), headers: &[], body: b"".into() };
        parse(&mut call, &settings).unwrap().deferred.aggregate.is_some()
    };
    assert!(refused("select=price.sum()"));
    assert!(refused("select=b(count())"));
    assert!(!refused("select=b(count),count"));
}

#[test]
fn writes_keep_what_they_need() {
    let prefer =
        [("prefer", "resolution=merge-duplicates, missing=default, return=representation")];
    let url = "/products?columns=\"sku\",\"price\"&on_conflict=sku&select=id&id=eq.9";
    let request = send("POST", url, &prefer, r#"[{"sku":"L-1","price":19.50,"x":1}]"#).unwrap();
    assert!(request.wants_representation());
    let Action::Insert(insert) = request.action else { panic!("{:?}", request.action) };
    assert_eq!(insert.payload.columns(), ["sku", "price"]);
    assert_eq!(insert.payload.cell(0, 1), Some("19.50"));
    assert!(insert.missing_default);
    let target = Some(vec!["sku".to_owned()]);
    let resolution = crate::Resolution::MergeDuplicates;
    assert_eq!(insert.conflict, Some(Conflict { resolution, target }));
    assert_eq!(show_node(&insert.node), "id=<id>");

    let request =
        send("PATCH", "/a?id=eq.1&b=is.null&select=b()&limit=3", &[], r#"[{"x":1},{"x":2}]"#);
    let Action::Update(update) = request.unwrap().action else { panic!() };
    assert_eq!(update.payload.row_count(), 1);
    assert_eq!(show_node(&update.node), "b() where <id> = [1] & <b> is Null");

    let request = send("DELETE", "/a?id=eq.1&order=id", &[], "{} not json").unwrap();
    let Action::Delete(delete) = request.action else { panic!() };
    assert_eq!(show_node(&delete.node), "* where <id> = [1] order <id>");
}

#[test]
fn a_put_names_its_key() {
    let keys = |query: &str| {
        let request = send("PUT", &format!("/a?{query}"), &[], r#"{"id":4}"#).unwrap();
        let Action::Put(put) = request.action else { panic!() };
        put.keys
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        keys("a=eq.1&b=eq.x&select=a&columns=z"),
        Some(vec![pair("a", "1"), pair("b", "x")])
    );
    assert_eq!(keys(""), Some(vec![]));
    for query in ["a=gt.1", "a=not.eq.1", "a=eq(any).{1}", "a->b=eq.1", "and=(a.eq.1)"] {
        assert_eq!(keys(query), None, "{query}");
    }
}

fn call_of(result: backstay_model::Result<Request>) -> FunctionCall {
    match result.unwrap().action {
        Action::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

fn arguments(call: &FunctionCall) -> String {
    let show = |argument: &crate::Argument| match &argument.value {
        ArgumentValue::Texts(texts) => format!("{}={}", argument.name, texts.as_list().join("|")),
        ArgumentValue::Json(json) => format!("{}:{}", argument.name, json.as_text()),
    };
    call.arguments.iter().map(show).collect::<Vec<_>>().join(" ")
}

#[test]
fn arguments_and_filters_may_share_a_name() {
    let call = call_of(send("GET", "/rpc/f?id=5&id=gt.2&ids={1,2}&v=1&v=2&select=id", &[], ""));
    assert_eq!(arguments(&call), "id=5 ids={1,2} v=1|2");
    assert_eq!(show_node(&call.node), "id=<id> where <id> > [2]");
    assert!(call.read_only && call.body.is_none());
    assert_eq!(code(send("POST", "/rpc/f?id=5", &[], "{}")), "PGRST100");
}

#[test]
fn a_posted_object_names_the_arguments() {
    let body = r#"{"q":"lamp","max":12345678901234567890.50,"n":null,"q":"desk"}"#;
    let call = call_of(send("POST", "/rpc/f?price=lt.9", &[], body));
    assert_eq!(arguments(&call), r#"q:"desk" max:12345678901234567890.50 n:null"#);
    assert_eq!(show_node(&call.node), "* where <price> < [9]");
    assert_eq!(call.body.unwrap().bytes.as_bytes(), body.as_bytes());
    assert_eq!(arguments(&call_of(send("POST", "/rpc/f", &[], ""))), "");
    let picked = call_of(send("POST", "/rpc/f?columns=q,z", &[], body));
    assert_eq!(arguments(&picked), r#"q:"desk" z:null"#);
    let listed = call_of(send("POST", "/rpc/f", &[], r#"[{"a":1},{"a":2}]"#));
    assert_eq!(arguments(&listed), "a:1");
}

#[test]
fn bodies_of_other_kinds_go_to_unnamed_parameters() {
    for (content_type, kind) in [
        ("text/plain", BodyKind::Text),
        ("text/xml; charset=utf-8", BodyKind::Xml),
        ("application/octet-stream", BodyKind::Bytes),
    ] {
        let call = call_of(send("POST", "/rpc/f", &[("content-type", content_type)], "x"));
        let body = call.body.unwrap();
        assert_eq!((body.kind, body.bytes.as_bytes()), (kind, b"x".as_slice()));
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(arguments(&call_of(send("POST", "/rpc/f", &form, "a=1+2&b=&a=3"))), "a=1 2|3 b=");
    let array = call_of(send("POST", "/rpc/f", &[], "[1,2]"));
    assert_eq!(array.body.unwrap().bytes.as_bytes(), b"[1,2]");
    assert_eq!(code(send("POST", "/rpc/f", &[], "nope")), "PGRST102");
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    assert_eq!(code(send("POST", "/rpc/f", &[], &deep)), "PGRST102");
}

#[test]
fn unreadable_content_types_are_refused() {
    let error = send("POST", "/a", &[("content-type", "text/xml")], "<a/>").unwrap_err();
    assert_eq!(error.message, "Content-Type not acceptable: text/xml");
    let json = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(code(send("POST", "/a", &json, "{}")), "ok");
}

#[test]
fn preferences_decide_how_the_transaction_ends() {
    let ends = |end: TransactionEnd, prefer: &str| {
        let settings = Settings { transaction_end: end, ..settings() };
        let headers = [("prefer", prefer)];
        let mut call =
            Call { method: "GET", path: "/a", query: None, headers: &headers, body: b"".into() };
        parse(&mut call, &settings).unwrap().rollback
    };
    assert!(!ends(TransactionEnd::Commit, "tx=rollback"));
    assert!(ends(TransactionEnd::CommitAllowOverride, "tx=rollback"));
    assert!(ends(TransactionEnd::RollbackAllowOverride, ""));
    assert!(!ends(TransactionEnd::RollbackAllowOverride, "tx=commit"));
}

#[test]
fn reads_say_where_they_would_be_found() {
    let request = read("GET", "/products?select=id&a=eq.1").unwrap();
    assert_eq!(request.content_location.unwrap(), "/products?a=eq.1&select=id");
}

#[test]
fn empty_payloads_have_no_rows() {
    let request = send("POST", "/a", &[], "[]").unwrap();
    let Action::Insert(insert) = request.action else { panic!() };
    assert_eq!(insert.payload.row_count(), 0);
    assert!(insert.payload.columns().is_empty());
}
