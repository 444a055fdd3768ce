//! The scenarios: what an app does all day.

use std::sync::Arc;

use crate::load::Make;

/// Rows made before measuring.
pub(crate) const ITEMS: u64 = 100_000;
/// Owners of these rows.
pub(crate) const OWNERS: u64 = 100;

/// The scenario that `pgbench` is measured beside.
pub(crate) const READ_BY_KEY: &str = "read by key, JWT and policy";

/// Whose URLs the requests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// Backstay's.
    Backstay,
    /// Those of the peers.
    Peer,
}

/// One scenario.
pub(crate) struct Scenario {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Connections at once.
    pub(crate) connections: u64,
    /// Rows that one request writes.
    pub(crate) rows: u64,
    /// One request is answered after one durable commit.
    pub(crate) durable: bool,
    /// Makes requests.
    pub(crate) make: Make,
    /// What a peer must answer as Backstay does.
    pub(crate) same: Same,
}

/// What of two answers is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    /// All of it but times.
    Values,
    /// The names in it: which of many rows of one time come first is open.
    Names,
    /// Nothing: there is no body.
    Status,
}

/// The id of an owner.
pub(crate) fn owner(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// An HTTP/1.1 request.
pub(crate) fn request(method: &str, target: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: bench\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn scattered(number: u64, below: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % below
}

fn item(number: u64, owner_id: &str) -> String {
    format!(
        "{{\"owner_id\":\"{owner_id}\",\"title\":\"item {number}\",\"price\":{}.50}}",
        number % 90
    )
}

/// All scenarios; `tokens` are the owners' tokens, `key` the publishable key.
pub(crate) fn all(api: Api, tokens: &Arc<Vec<String>>, key: &str) -> Vec<Scenario> {
    let base = format!("apikey: {key}\r\n");
    let with = move |tokens: &Arc<Vec<String>>, owner: u64| {
        let token = &tokens[usize::try_from(owner).unwrap_or(0) % tokens.len()];
        format!("{base}Authorization: Bearer {token}\r\n")
    };
    // Item n belongs to owner n % OWNERS, so the token must be that owner's.
    let maker = |make: fn(Api, u64, &str, u64) -> Vec<u8>| -> Make {
        let (tokens, with) = (Arc::clone(tokens), with.clone());
        Arc::new(move |number| {
            let id = 1 + scattered(number, ITEMS);
            make(api, id, &with(&tokens, id % OWNERS), number)
        })
    };
    let scenario = |name: &'static str, (connections, rows), same, make| {
        let durable = name.ends_with("durable");
        Scenario { name, connections, rows, durable, make, same }
    };
    vec![
        scenario(READ_BY_KEY, (32, 0), Same::Values, maker(read)),
        scenario("list of 25, filter and order", (32, 0), Same::Names, maker(list)),
        scenario("the same list with two embeds", (32, 0), Same::Names, maker(embeds)),
        scenario("single insert, durable", (64, 1), Same::Status, maker(insert)),
        scenario("bulk insert of 1,000", (2, 1000), Same::Status, maker(bulk)),
        scenario("update by key, durable", (64, 1), Same::Status, maker(update)),
        scenario("mixed 90/10", (64, 0), Same::Status, maker(mixed)),
    ]
}

fn read(api: Api, id: u64, headers: &str, _: u64) -> Vec<u8> {
    let target = match api {
        Api::Backstay => format!("/rest/v1/items?id=eq.{id}"),
        Api::Peer => format!("/items/{id}"),
    };
    request("GET", &target, headers, "")
}

fn list(api: Api, _: u64, headers: &str, _: u64) -> Vec<u8> {
    let target = match api {
        Api::Backstay => {
            "/rest/v1/items?select=id,title,price,state,created_at&state=eq.open\
             &order=created_at.desc&limit=25"
        }
        Api::Peer => "/items?state=open&limit=25",
    };
    request("GET", target, headers, "")
}

fn embeds(api: Api, _: u64, headers: &str, _: u64) -> Vec<u8> {
    let target = match api {
        Api::Backstay => {
            "/rest/v1/items?select=id,title,price,owners(name),notes(id,body)&state=eq.open\
             &order=created_at.desc&limit=25"
        }
        Api::Peer => "/items/with-notes?state=open&limit=25",
    };
    request("GET", target, headers, "")
}

fn insert(api: Api, id: u64, headers: &str, number: u64) -> Vec<u8> {
    let target = match api {
        Api::Backstay => "/rest/v1/items",
        Api::Peer => "/items",
    };
    request("POST", target, headers, &item(number, &owner(id % OWNERS)))
}

fn bulk(api: Api, id: u64, headers: &str, number: u64) -> Vec<u8> {
    let rows: Vec<String> =
        (0..1000).map(|row| item(number * 1000 + row, &owner(id % OWNERS))).collect();
    let target = match api {
        Api::Backstay => "/rest/v1/items?columns=owner_id,title,price",
        Api::Peer => "/items",
    };
    request("POST", target, headers, &format!("[{}]", rows.join(",")))
}

fn update(api: Api, id: u64, headers: &str, number: u64) -> Vec<u8> {
    let body = format!("{{\"title\":\"changed {number}\"}}");
    let target = match api {
        Api::Backstay => format!("/rest/v1/items?id=eq.{id}"),
        Api::Peer => format!("/items/{id}"),
    };
    request("PATCH", &target, headers, &body)
}

fn mixed(api: Api, id: u64, headers: &str, number: u64) -> Vec<u8> {
    match number % 20 {
        7 => insert(api, id, headers, number),
        13 => update(api, id, headers, number),
        n if n % 4 == 0 => list(api, id, headers, number),
        _ => read(api, id, headers, number),
    }
}
