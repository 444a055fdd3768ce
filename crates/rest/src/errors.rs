//! Every error of the dialect, one constructor a code, with PostgREST's words.
//!
//! [`status`] maps codes to HTTP; [`body`] writes the JSON that clients read.

mod body;
mod lookup;
mod status;
mod tokens;

use backstay_model::Error;

pub(crate) use body::push_json_string;
pub use body::{Verbosity, body};
pub use lookup::{
    AmbiguousRelationship, MissingFunction, MissingRelationship, Suggestion, ambiguous_function,
    ambiguous_relationship, column_not_found, function_not_found, relation_not_found,
    relationship_not_found,
};
pub use status::{authenticate, status};
pub use tokens::{anonymous_disabled, invalid_claims, invalid_token, no_jwt_secret};

/// `PGRST000` (503).
pub fn no_connection(details: impl Into<String>) -> Error {
    Error::new("PGRST000", "Database connection error.").with_details(details)
}

/// `PGRST001` (503).
pub fn client_error(details: impl Into<String>) -> Error {
    Error::new("PGRST001", "Database client error. Retrying the connection.").with_details(details)
}

/// `PGRST002` (503).
pub fn catalogue_not_loaded() -> Error {
    Error::new("PGRST002", "Could not query the database for the schema cache. Retrying.")
}

/// `PGRST003` (504).
pub fn pool_timeout() -> Error {
    Error::new("PGRST003", "Timed out acquiring connection from connection pool.")
}

/// `PGRST100` (400): `what` (`filter`, `select parameter`, …) could not be read; `column` counts
/// characters of `text` from 1.
pub fn syntax(what: &str, text: &str, column: usize, details: impl Into<String>) -> Error {
    let message = format!("\"failed to parse {what} ({text})\" (line 1, column {column})");
    Error::new("PGRST100", message).with_details(details)
}

/// `PGRST101` (405).
pub fn function_method(method: &str) -> Error {
    Error::new("PGRST101", format!("Cannot use the {method} method on RPC"))
}

/// `PGRST102` (400): the body cannot be read; `message` says why.
pub fn invalid_body(message: impl Into<String>) -> Error {
    Error::new("PGRST102", message.into())
}

/// `PGRST102` (400): not JSON, or nothing.
pub fn invalid_json() -> Error {
    invalid_body("Empty or invalid json")
}

/// `PGRST102` (400): the objects of an array do not all have the same keys.
pub fn keys_differ() -> Error {
    invalid_body("All object keys must match")
}

fn range(details: impl Into<String>) -> Error {
    Error::new("PGRST103", "Requested range not satisfiable").with_details(details)
}

/// `PGRST103` (416): a negative limit, or a limit and a Range header that share no row.
pub fn negative_limit() -> Error {
    range("Limit should be greater than or equal to zero.")
}

/// `PGRST103` (416): a Range header that ends before it begins.
pub fn range_bounds() -> Error {
    range(
        "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
    )
}

/// `PGRST103` (416): counted, and the offset lies beyond the last row. The answer carries
/// `Content-Range: */<total>`.
pub fn offset_beyond_end(offset: u64, total: u64) -> Error {
    range(format!("An offset of {offset} was requested, but there are only {total} rows."))
}

/// `PGRST105` (405).
pub fn put_filters() -> Error {
    let message = "Filters must include all and only primary key columns with 'eq' operators";
    Error::new("PGRST105", message)
}

/// `PGRST106` (406).
pub fn schema_not_exposed(schema: &str, exposed: &[String]) -> Error {
    let hint = format!("Only the following schemas are exposed: {}", exposed.join(", "));
    Error::new("PGRST106", format!("Invalid schema: {schema}")).with_hint(hint)
}

/// `PGRST107` (406): none of these can be produced.
pub fn media_types<'a>(accepted: impl IntoIterator<Item = &'a str>) -> Error {
    let list: Vec<&str> = accepted.into_iter().collect();
    let message = format!("None of these media types are available: {}", list.join(", "));
    Error::new("PGRST107", message)
}

/// `PGRST108` (400): a filter, order or limit on an embed that `select` does not name.
pub fn not_embedded(name: &str) -> Error {
    let hint = format!("Verify that '{name}' is included in the 'select' query parameter.");
    Error::new("PGRST108", format!("'{name}' is not an embedded resource in this request"))
        .with_hint(hint)
}

/// `PGRST108` (400): an aliased embed is named by its target while that is switched off.
pub fn target_of_aliased_embed(target: &str, alias: &str) -> Error {
    let message = format!("'{target}' is not an embedded resource in this request");
    Error::new("PGRST108", message)
        .with_details("Target names are not allowed in filters if they have an alias")
        .with_hint(format!("Change '{target}' to '{alias}' in filters, orders or limits."))
}

/// `PGRST111` (500).
pub fn response_headers() -> Error {
    let message = "response.headers guc must be a JSON array composed of objects with a single \
                   key and a string value";
    Error::new("PGRST111", message)
}

/// `PGRST112` (500).
pub fn response_status() -> Error {
    Error::new("PGRST112", "response.status guc must be a valid status code")
}

/// `PGRST114` (400).
pub fn put_limit() -> Error {
    Error::new("PGRST114", "limit/offset querystring parameters are not allowed for PUT")
}

/// `PGRST115` (400).
pub fn put_payload() -> Error {
    Error::new("PGRST115", "Payload values do not match URL in primary key column(s)")
}

/// `PGRST116` (406): a single object was asked for.
pub fn not_single(rows: u64) -> Error {
    Error::new("PGRST116", "Cannot coerce the result to a single JSON object")
        .with_details(format!("The result contains {rows} rows"))
}

/// `PGRST117` (405).
pub fn method(method: &str) -> Error {
    Error::new("PGRST117", format!("Unsupported HTTP method: {method}"))
}

/// `PGRST118` (400): a related order over a to-many relationship.
pub fn related_order(origin: &str, target: &str) -> Error {
    let details =
        format!("'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship");
    Error::new("PGRST118", format!("A related order on '{target}' is not possible"))
        .with_details(details)
}

/// `PGRST121` (500): what a function raised as its own answer cannot be read.
pub fn raised_answer(details: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new("PGRST121", "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error")
        .with_details(details)
        .with_hint(hint)
}

/// `PGRST122` (400).
pub fn invalid_preferences(unknown: &[String]) -> Error {
    Error::new("PGRST122", "Invalid preferences given with handling=strict")
        .with_details(format!("Invalid preferences: {}", unknown.join(", ")))
}

/// `PGRST123` (400).
pub fn aggregates_disabled() -> Error {
    Error::new("PGRST123", "Use of aggregate functions is not allowed")
}

/// `PGRST124` (400).
pub fn max_affected(rows: u64) -> Error {
    Error::new("PGRST124", "Query result exceeds max-affected preference constraint")
        .with_details(format!("The query affects {rows} rows"))
}

/// `PGRST125` (404).
pub fn invalid_path() -> Error {
    Error::new("PGRST125", "Invalid path specified in request URL")
}

/// `PGRST126` (404).
pub fn root_disabled() -> Error {
    Error::new("PGRST126", "Root endpoint metadata is disabled")
}

/// `PGRST127` (400): `details` say what cannot be done here.
pub fn not_implemented(details: impl Into<String>) -> Error {
    Error::new("PGRST127", "Feature not implemented").with_details(details)
}

/// `PGRST128` (400).
pub fn max_affected_needs_set() -> Error {
    let message = "Function must return SETOF or TABLE when max-affected preference is used with \
                   handling=strict";
    Error::new("PGRST128", message)
}

/// `PGRSTX00` (500).
pub fn internal() -> Error {
    Error::new("PGRSTX00", "Internal server error")
}

/// `22023` (400): `Prefer: timezone=…` names no time zone.
pub fn invalid_time_zone(name: &str) -> Error {
    Error::new("22023", format!("invalid value for parameter \"TimeZone\": \"{name}\""))
}

#[cfg(test)]
mod tests;
