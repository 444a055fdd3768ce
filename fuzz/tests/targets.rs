//! A bounded share of the search on each target; with `BACKSTAY_NIGHTLY=1` a million inputs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backstay_fuzz::{
    Headers, Requests, Scripts, Seeds, conformance_requests, files, literals, search, tokens,
};

const REQUEST_STACK: usize = 2 << 20;
const SCRIPT_STACK: usize = 8 << 20;

fn shop() -> String {
    let text = files("tests/conformance", "sql").concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn requests_end_in_answers() {
    let words = vec![
        "select=",
        "&order=",
        "&limit=",
        "&offset=",
        "&or=(",
        "&and=(",
        "not.",
        "eq.",
        "in.(",
        "like.",
        "ilike(any).{",
        "fts(english).",
        "is.null",
        "cs.{",
        "ov.[",
        "->",
        "->>",
        "::text",
        "::int[]",
        "!inner(",
        "!left(",
        "...",
        "count()",
        ".sum()",
        ".nullsfirst",
        "*,",
        "products",
        "brands",
        "categories",
        "orders",
        "on_conflict=",
        "columns=",
        "\nprefer: ",
        "\naccept: ",
        "\nrange: 0-1",
        "resolution=merge-duplicates",
        "missing=default",
        "count=exact",
        "handling=strict",
        "max-affected=1",
        "timezone=UTC",
        "text/csv",
        "application/vnd.pgrst.object+json",
        "application/vnd.pgrst.plan",
        "\ncontent-type: ",
        "application/x-www-form-urlencoded",
        "POST /",
        "PATCH /",
        "DELETE /",
        "PUT /",
        "/rpc/",
        "\n\n",
        "[{\"",
        "\":",
        "\"}]",
    ];
    let seeds = Seeds { inputs: conformance_requests(), words };
    let requests = Requests::new(&shop()).unwrap();
    search("requests", seeds, (6_000, REQUEST_STACK), move |input| requests.serve(input));
}

#[test]
fn literals_are_read_or_refused() {
    let texts = [
        "1.5e3",
        "2024-02-29 12:00:00.5+02:30",
        "infinity",
        "0044-03-15 BC",
        "P1Y2M3DT4H5M6.7S",
        "1 year 2 mons -3 days 04:05:06",
        "{1,NULL,\"a b\"}",
        "[1,5)",
        "empty",
        "(1.5,2)",
        "10.0.0.0/8",
        "08:00:2b:01:02:03",
        "{\"a\": [1, null, \"x\"]}",
        "'a':1A,2B 'b'",
        "a & !b | (c <-> d:*)",
        "\\x00ff",
        "B101",
        "$1,234.56",
        "[1,2.5,-3]",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "now",
        "tomorrow 10:00 Europe/Berlin",
        "Jan 8, 1999 04:05 PM PST",
        "[0:1]={1,2}",
    ];
    let inputs =
        (0..40u8).flat_map(|kind| texts.map(|text| [&[kind], text.as_bytes()].concat())).collect();
    let words = vec![
        "NULL",
        "infinity",
        "-infinity",
        "BC",
        "AD",
        "T",
        "Z",
        "+00",
        "-12:34:56",
        "days",
        "ago",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ",",
        "\"",
        "\\",
        ":",
        "/",
        "&",
        "|",
        "!",
        "<->",
        ":*",
        "e10",
        "_",
        "0x",
        "0b",
        "epoch",
        "allballs",
        "12:00",
        "2000-01-01",
        "Europe/Berlin",
    ];
    let seeds = Seeds { inputs, words };
    search("literals", seeds, (60_000, REQUEST_STACK), literals);
}

#[test]
fn migrations_are_checked() {
    let mut inputs = files("tests/conformance", "sql");
    inputs.extend(files("tests/security", "sql"));
    inputs.extend(files("examples/shop/migrations", "sql"));
    inputs.extend(files("tests/types", "sql"));
    // Single statements are mutated to more effect than whole files.
    let statements: Vec<Vec<u8>> = inputs
        .iter()
        .flat_map(|file| file.split(|byte| *byte == b';').map(|one| [one, b";"].concat()))
        .collect();
    let words = vec![
        "select ",
        " from ",
        " where ",
        " group by ",
        " order by ",
        " limit ",
        " with ",
        " as (",
        "create table ",
        "alter table ",
        " add column ",
        " references ",
        " check (",
        " default ",
        " generated always as (",
        ") stored",
        "create policy ",
        " using (",
        " with check (",
        " union all ",
        " join ",
        " lateral ",
        " over (",
        "case when ",
        " end",
        "array[",
        "::int",
        " in (",
        "exists (",
        "products",
        "orders",
        "brands",
        "id",
        "price",
        "not null",
        "primary key",
        " on conflict ",
        "insert into ",
        " returning ",
        "update ",
        " set ",
        "delete from ",
        "do $$ begin ",
        " end $$;",
        "create function f() returns ",
        " language sql as $$ ",
        "grant ",
        " to anon",
        "drop ",
        " cascade",
        "coalesce(",
        "count(*)",
        "jsonb_build_object(",
        "now()",
        "auth.uid()",
        "null",
    ];
    let scripts = Scripts::new(&shop()).unwrap();
    let seeds = Seeds { inputs: statements, words };
    search("migrations", seeds, (4_000, SCRIPT_STACK), move |input| scripts.migration(input));
}

#[test]
fn bodies_are_read() {
    let files = files("tests/plpgsql", "sql");
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    for file in &files {
        let text = String::from_utf8_lossy(file).into_owned();
        inputs.extend(text.split("$$").skip(1).step_by(2).map(|body| body.as_bytes().to_vec()));
    }
    assert!(inputs.len() > 20);
    let words = vec![
        "declare ",
        " begin ",
        " end;",
        " if ",
        " then ",
        " elsif ",
        " else ",
        " end if;",
        " loop ",
        " end loop;",
        "for i in 1..10",
        "for r in select ",
        "foreach x in array ",
        "while ",
        "exit when ",
        "continue;",
        "return ",
        "return query ",
        "return next ",
        "raise ",
        "exception when others then ",
        "perform ",
        "execute ",
        " using ",
        " into strict ",
        ":=",
        "<<a>>",
        "case ",
        " when ",
        "end case;",
        "get diagnostics ",
        "open c for ",
        "fetch ",
        "close ",
        "assert ",
        "null;",
        "%rowtype",
        "%type",
        "constant ",
        "not null",
        "alias for $1",
        "cursor for ",
        "reverse ",
        " by ",
        "format('%s', ",
    ];
    let scripts = Scripts::new(&shop()).unwrap();
    let seeds = Seeds { inputs, words };
    search("bodies", seeds, (4_000, SCRIPT_STACK), move |input| scripts.body(input));
}

#[test]
fn tokens_are_refused() {
    let inputs = [
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoiYW5vbiIsImV4cCI6MTkwMDAwMDAwMH0.c2lnbmF0dXJl",
        "eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.",
        "",
        "a.b.c",
        "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.e30.AAAA",
    ];
    let inputs = inputs.map(|text| text.as_bytes().to_vec()).to_vec();
    let words = vec![".", "eyJ", "e30", "=", "-", "_", "W10", "bnVsbA", "eyJhbGciOiJub25lIn0"];
    search("tokens", Seeds { inputs, words }, (20_000, REQUEST_STACK), |input| {
        let name = tokens(input);
        assert!(!name.starts_with("a token"), "{name}");
        name
    });
}

#[test]
fn headers_let_nobody_in() {
    let inputs = [
        "authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.AAAA\napikey: x",
        "authorization: bearer sb_secret_0123456789\norigin: https://app.example",
        "apikey: sb_publishable_0123456789\ncookie: a=b; c=\"d\"\nx-forwarded-for: 1.2.3.4, ::1",
        "access-control-request-method: POST\naccess-control-request-headers: apikey, x-a\norigin: null",
        "authorization: Basic YTpi\nauthorization: Bearer a.b.c",
    ];
    let inputs = inputs.map(|text| text.as_bytes().to_vec()).to_vec();
    let words = vec![
        "\nauthorization: ",
        "\napikey: ",
        "\norigin: ",
        "\naccess-control-request-method: ",
        "\naccess-control-request-headers: ",
        "Bearer ",
        "bearer\t",
        "sb_secret_",
        "sb_publishable_",
        "eyJ",
        ".",
        ",",
        "https://app.example",
        "null",
    ];
    let headers = Headers::new();
    search("headers", Seeds { inputs, words }, (20_000, REQUEST_STACK), move |input| {
        let name = headers.read(input);
        assert!(!name.contains("Ok(Identity"), "a caller whom nobody knows was let in: {name}");
        name
    });
}
