//! Answers that need no rows, and what functions set for the answer themselves.

use backstay_model::Result;
use serde_json::{Map, Value};

use super::Response;
use crate::{Media, Request, errors};

/// Headers and status that functions and triggers set for the running request.
#[derive(Debug, Default)]
pub(super) struct OwnSettings {
    headers: Vec<(String, String)>,
    status: Option<u16>,
}

/// Reads `response.headers` and `response.status`.
pub(super) fn read(settings: &[(String, String)]) -> Result<OwnSettings> {
    let mut own = OwnSettings::default();
    for (name, text) in settings.iter().filter(|(_, text)| !text.is_empty()) {
        match name.as_str() {
            "response.headers" => {
                own.headers = headers(text).ok_or_else(errors::response_headers)?
            }
            "response.status" => {
                let status = text.trim().parse().ok().filter(|s| (200..=599).contains(s));
                own.status = Some(status.ok_or_else(errors::response_status)?);
            }
            _ => {}
        }
    }
    Ok(own)
}

fn headers(text: &str) -> Option<Vec<(String, String)>> {
    let list: Vec<Map<String, Value>> = serde_json::from_str(text).ok()?;
    let mut headers = Vec::with_capacity(list.len());
    for object in list {
        let mut members = object.into_iter();
        match (members.next(), members.next()) {
            (Some((name, Value::String(value))), None) if is_header(&name, &value) => {
                headers.push((name, value));
            }
            _ => return None,
        }
    }
    Some(headers)
}

/// Could it stand in an answer without breaking it up?
pub(super) fn is_header(name: &str, value: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty()
        && name.bytes().all(token)
        && !value.chars().any(|c| c.is_control() && c != '\t')
}

impl OwnSettings {
    /// Puts them over what the server would have said.
    pub(super) fn apply(self, response: &mut Response) {
        for (name, _) in &self.headers {
            response.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        }
        let headers = self.headers.into_iter();
        response.headers.extend(headers.map(|(name, value)| (name.into(), value.into())));
        if let Some(status) = self.status {
            response.status = status;
        }
    }
}

/// What may be done with a relation or function, for `OPTIONS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// The root.
    Root,
    /// A relation.
    Relation {
        /// Rows can be inserted.
        insert: bool,
        /// Rows can be updated.
        update: bool,
        /// Rows can be deleted.
        delete: bool,
        /// It has a primary key.
        primary_key: bool,
    },
    /// A function.
    Function {
        /// It is volatile.
        volatile: bool,
    },
}

/// The answer to `OPTIONS`.
pub fn options(allowed: Allowed) -> Response {
    let mut methods = vec!["OPTIONS"];
    match allowed {
        Allowed::Root => methods.extend(["GET", "HEAD"]),
        Allowed::Function { volatile: true } => methods.push("POST"),
        Allowed::Function { volatile: false } => methods.extend(["GET", "HEAD", "POST"]),
        Allowed::Relation { insert, update, delete, primary_key } => {
            methods.extend(["GET", "HEAD"]);
            let also = [
                (insert, "POST"),
                (insert && update && primary_key, "PUT"),
                (update, "PATCH"),
                (delete, "DELETE"),
            ];
            methods.extend(also.into_iter().filter(|(can, _)| *can).map(|(_, method)| method));
        }
    }
    let mut response = Response { status: 200, ..Response::default() };
    response.push("Allow", methods.join(","));
    response.push("Access-Control-Allow-Origin", "*");
    response
}

/// A form of the description of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenApiVersion {
    /// Swagger 2.0, what PostgREST's tools read.
    Two,
    /// OpenAPI 3.1.
    ThreeOne,
}

/// The form of the description that the caller wants.
///
/// # Errors
/// `PGRST107` if the caller accepts none.
pub fn openapi_version(request: &Request) -> Result<OpenApiVersion> {
    for accepted in &request.accept {
        match accepted.media {
            Media::Any | Media::Json | Media::OpenApi => return Ok(OpenApiVersion::Two),
            Media::OpenApi31 => return Ok(OpenApiVersion::ThreeOne),
            Media::ArrayStripped
            | Media::Object
            | Media::ObjectStripped
            | Media::Csv
            | Media::Plan(_)
            | Media::Handled(_)
            | Media::Other(_) => {}
        }
    }
    Err(errors::media_types(request.accept.iter().map(|accepted| accepted.text.as_str())))
}

/// The answer to a read of the root: the description of the API in this form.
pub fn openapi(request: &Request, version: OpenApiVersion, document: Vec<u8>) -> Response {
    let media = match version {
        OpenApiVersion::Two => Media::OpenApi,
        OpenApiVersion::ThreeOne => Media::OpenApi31,
    };
    let mut response = Response { status: 200, ..Response::default() };
    response.push("Content-Type", media.content_type());
    response.push("Vary", "Accept");
    if !request.head {
        response.body = document;
    }
    response
}
