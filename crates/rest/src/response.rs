//! From rows to a response: what must hold before the commit, then status, headers and body.

mod error;
mod nulls;
mod own;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use backstay_model::Result;

use crate::errors;
use crate::query::encode_part;
use crate::settings::Settings;
use crate::{Action, Handler, Media, Request, Resolution, Return};

pub use error::error;
pub use own::{Allowed, OpenApiVersion, openapi, openapi_version, options};

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// A reason phrase other than the standard one.
    pub reason: Option<String>,
    /// Names and values; a name may stand there several times.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Adds a header.
    pub fn push(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.headers.push((name.into(), value.into()));
    }

    /// The first header of this name, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| &**value)
    }
}

/// What kind of result an action has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// Rows of a relation or of a function that returns a set of rows.
    Rows,
    /// Bare values, as an array (a set of scalars).
    Values,
    /// One object (a function that returns one composite value).
    Object,
    /// One bare value.
    Value,
    /// Nothing.
    Void,
}

impl ResultKind {
    fn is_set(self) -> bool {
        matches!(self, Self::Rows | Self::Values)
    }
}

/// What the plan knows and the request does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What the action gives.
    pub result: ResultKind,
    /// Inserts: does the relation have a primary key, or was `on_conflict` given?
    pub conflict_target: bool,
    /// The media types that the database makes itself of this result.
    pub handlers: Vec<Handler>,
}

/// How many rows an action has read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows in the body; for a write without representation the rows written.
    pub rows: u64,
    /// All rows regardless of limit and offset, if they were counted.
    pub total: Option<u64>,
    /// Rows that a write inserted.
    pub inserted: u64,
    /// Rows that a write updated or deleted.
    pub changed: u64,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// JSON (an array for [`ResultKind::Rows`] and [`ResultKind::Values`], else the bare value) or
    /// CSV; empty if there is nothing to show.
    pub body: Vec<u8>,
    /// How many rows.
    pub counts: Counts,
    /// Column and text of the primary key of the one inserted row; null is `None`.
    pub location: Option<Vec<(String, Option<String>)>>,
    /// `response.headers` and `response.status`, as functions and triggers set them.
    pub response_settings: Vec<(String, String)>,
    /// Where the same rows would be found again ([`crate::Literals`]).
    pub content_location: Option<String>,
}

/// The form of an answer, chosen before anything runs. It needs nothing else of the request.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    media: Media,
    deed: Deed,
    result: ResultKind,
    head: bool,
    /// The first row asked for.
    offset: u64,
    counted: bool,
    returning: Return,
    merges: bool,
    relation: String,
    max_affected: Option<u64>,
    /// Headers that are known already, without `Content-Type` and `Content-Range`.
    headers: Vec<(&'static str, Cow<'static, str>)>,
    content_profile: Option<String>,
}

/// What is done, as far as the form of the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Read,
    Insert,
    Update,
    Put,
    Delete,
    Call,
}

impl Shape {
    /// Chooses the form of the answer to a planned request (not to [`Action::Root`] and
    /// [`Action::Options`], whose answers are [`openapi`] and [`options`]).
    ///
    /// # Errors
    /// `PGRST107` (none of the accepted media types), `PGRST122` (unknown preferences under
    /// `handling=strict`), `PGRST128` (`max-affected` on a function that returns one value).
    pub fn choose(request: &Request, settings: &Settings, facts: Facts) -> Result<Self> {
        let (deed, relation) = deed(request);
        let preferences = &request.preferences;
        if request.is_write() {
            check_preferences(request)?;
        }
        let media = negotiate(request, settings, &facts.handlers)?;
        if !request.is_write() {
            check_preferences(request)?;
        }
        let max_affected = preferences.max_affected.filter(|_| preferences.is_strict());
        if deed == Deed::Call && max_affected.is_some() && !facts.result.is_set() {
            return Err(errors::max_affected_needs_set());
        }
        let mut headers = vec![("Vary", Cow::Borrowed("Accept, Prefer, Range"))];
        let applied = applied(request, settings, facts.conflict_target, deed);
        if !applied.is_empty() {
            headers.push(("Preference-Applied", applied.join(", ").into()));
        }
        Ok(Self {
            media,
            deed,
            result: facts.result,
            head: request.head,
            offset: request.node().map_or(0, |node| node.offset),
            counted: preferences.count.is_some(),
            returning: preferences.returning.unwrap_or(Return::Minimal),
            merges: preferences.resolution == Some(Resolution::MergeDuplicates),
            relation: relation.to_owned(),
            max_affected,
            headers,
            content_profile: (settings.schemas.len() > 1).then(|| request.schema.clone()),
        })
    }

    /// The chosen media type: the engine writes CSV for [`Media::Csv`], the made value alone for
    /// [`Media::Handled`], JSON for all others, and is asked for its plan for [`Media::Plan`].
    pub fn media(&self) -> &Media {
        &self.media
    }

    /// Decides after everything ran, and before the commit, whether it may stand.
    ///
    /// # Errors
    /// `PGRST116` (not one row for a single object), `PGRST124` (more rows than `max-affected`),
    /// `PGRST115` (`PUT` wrote no row), `PGRST103` (offset beyond the counted rows),
    /// `PGRST111`/`PGRST112` (`response.headers`, `response.status`). All demand a rollback.
    pub fn check(&self, counts: Counts, response_settings: &[(String, String)]) -> Result<()> {
        if matches!(self.media, Media::Plan(_)) {
            return Ok(());
        }
        let single = self.media.is_single() && self.deed != Deed::Put && self.result.is_set();
        if single && counts.rows != 1 {
            return Err(errors::not_single(counts.rows));
        }
        let affected = match self.deed {
            Deed::Update | Deed::Delete => counts.changed,
            Deed::Call => counts.rows,
            Deed::Read | Deed::Insert | Deed::Put => 0,
        };
        if self.max_affected.is_some_and(|most| affected > most) {
            return Err(errors::max_affected(affected));
        }
        if self.deed == Deed::Put && counts.inserted + counts.changed != 1 {
            return Err(errors::put_payload());
        }
        if matches!(self.deed, Deed::Read | Deed::Call)
            && let Some(total) = counts.total
            && self.offset > total
        {
            return Err(errors::offset_beyond_end(self.offset, total));
        }
        own::read(response_settings).map(|_| ())
    }

    /// Writes the answer. [`Shape::check`] has said yes to the counts.
    pub fn encode(&self, outcome: Outcome) -> Response {
        let Outcome { body, counts, location, response_settings, content_location } = outcome;
        let mut response = Response { status: self.status(counts), ..Response::default() };
        response.headers.reserve(8);
        if let Some(range) = self.content_range(counts) {
            response.push("Content-Range", range);
        }
        if self.has_body() {
            response.push("Content-Type", self.media.content_type());
            if let Some(schema) = &self.content_profile {
                response.push("Content-Profile", schema.clone());
            }
            if !self.head {
                response.body = self.body(body);
            }
        }
        if self.deed == Deed::Insert
            && self.returning == Return::HeadersOnly
            && let Some(key) = location
            && counts.rows == 1
        {
            response.push("Location", place(&self.relation, &key));
        }
        for (name, value) in &self.headers {
            response.push(name, value.clone());
        }
        if let Some(location) = content_location {
            response.push("Content-Location", location);
        }
        match own::read(&response_settings) {
            Ok(own) => own.apply(&mut response),
            // The check before the commit refuses these.
            Err(_) => response.status = 500,
        }
        response
    }

    fn has_body(&self) -> bool {
        if matches!(self.media, Media::Plan(_)) {
            return true;
        }
        match self.deed {
            Deed::Read => true,
            Deed::Call => self.result != ResultKind::Void,
            Deed::Insert | Deed::Update | Deed::Put | Deed::Delete => {
                self.returning == Return::Representation
            }
        }
    }

    fn body(&self, body: Vec<u8>) -> Vec<u8> {
        let body =
            if self.media.is_single() && self.result.is_set() { unwrap_single(body) } else { body };
        let holds_objects = matches!(self.result, ResultKind::Rows | ResultKind::Object);
        if self.media.strips_nulls() && holds_objects { nulls::strip(&body) } else { body }
    }

    fn status(&self, counts: Counts) -> u16 {
        if matches!(self.media, Media::Plan(_)) {
            return 200;
        }
        match self.deed {
            Deed::Call if self.result == ResultKind::Void => 204,
            Deed::Read | Deed::Call => match counts.total {
                Some(total) if counts.rows < total => 206,
                _ => 200,
            },
            Deed::Insert if self.merges && counts.inserted == 0 => 200,
            Deed::Insert => 201,
            Deed::Put if self.has_body() && counts.inserted > 0 => 201,
            Deed::Update | Deed::Put | Deed::Delete => {
                if self.has_body() {
                    200
                } else {
                    204
                }
            }
        }
    }

    fn content_range(&self, counts: Counts) -> Option<String> {
        let rows = counts.rows;
        let written = || if self.counted { rows.to_string() } else { "*".to_owned() };
        Some(match self.deed {
            Deed::Read | Deed::Call => {
                let total =
                    counts.total.map_or(Cow::Borrowed("*"), |total| total.to_string().into());
                match (self.result.is_set(), rows) {
                    (false, _) => format!("0-0/{total}"),
                    (true, 0) => format!("*/{total}"),
                    (true, _) => format!("{}-{}/{total}", self.offset, self.offset + (rows - 1)),
                }
            }
            Deed::Update if rows > 0 => format!("0-{}/{}", rows - 1, written()),
            Deed::Insert | Deed::Update | Deed::Delete => format!("*/{}", written()),
            Deed::Put => return None,
        })
    }
}

fn deed(request: &Request) -> (Deed, &str) {
    match &request.action {
        Action::Read(read) => (Deed::Read, &read.relation),
        Action::Insert(insert) => (Deed::Insert, &insert.relation),
        Action::Update(update) => (Deed::Update, &update.relation),
        Action::Put(put) => (Deed::Put, &put.relation),
        Action::Delete(delete) => (Deed::Delete, &delete.relation),
        Action::Call(call) => (Deed::Call, &call.function),
        Action::Root | Action::Options(_) => (Deed::Read, ""),
    }
}

fn check_preferences(request: &Request) -> Result<()> {
    let preferences = &request.preferences;
    if preferences.is_strict() && !preferences.unknown.is_empty() {
        return Err(errors::invalid_preferences(&preferences.unknown));
    }
    Ok(())
}

/// The first accepted media type that can be produced.
fn negotiate(request: &Request, settings: &Settings, handlers: &[Handler]) -> Result<Media> {
    for accepted in &request.accept {
        if let Some(handled) = accepted.handled(handlers) {
            return Ok(handled);
        }
        match &accepted.media {
            Media::Any => return Ok(Media::Json),
            Media::Plan(_) if settings.plans => return Ok(accepted.media.clone()),
            Media::Json
            | Media::ArrayStripped
            | Media::Object
            | Media::ObjectStripped
            | Media::Csv => return Ok(accepted.media.clone()),
            Media::Plan(_)
            | Media::OpenApi
            | Media::OpenApi31
            | Media::Handled(_)
            | Media::Other(_) => {}
        }
    }
    Err(errors::media_types(request.accept.iter().map(|accepted| accepted.text.as_str())))
}

/// The tokens of `Preference-Applied`.
fn applied(
    request: &Request,
    settings: &Settings,
    conflict_target: bool,
    deed: Deed,
) -> Vec<String> {
    let preferences = &request.preferences;
    let mut tokens: Vec<String> = Vec::new();
    let mut push = |token: Option<&str>| tokens.extend(token.map(str::to_owned));
    if deed == Deed::Insert && conflict_target {
        push(preferences.resolution.map(|resolution| resolution.token()));
    }
    if matches!(deed, Deed::Insert | Deed::Update) {
        push(preferences.missing.map(|missing| missing.token()));
    }
    if request.is_write() {
        push(preferences.returning.map(|returning| returning.token()));
    }
    push(preferences.count.map(|count| count.token()));
    if settings.transaction_end.allows_override() {
        push(preferences.transaction.map(|transaction| transaction.token()));
    }
    push(
        preferences
            .strict
            .map(|strict| if strict { "handling=strict" } else { "handling=lenient" }),
    );
    push(preferences.timezone.as_ref().map(|zone| format!("timezone={zone}")).as_deref());
    if preferences.is_strict() && matches!(deed, Deed::Update | Deed::Delete | Deed::Call) {
        push(preferences.max_affected.map(|most| format!("max-affected={most}")).as_deref());
    }
    tokens
}

/// The one element of a JSON array, without the brackets.
fn unwrap_single(mut body: Vec<u8>) -> Vec<u8> {
    let trimmed = body.trim_ascii();
    if let Some(inner) = trimmed.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        let inner = inner.trim_ascii();
        // The element lies inside the buffer, which is moved rather than copied.
        let start = inner.as_ptr() as usize - body.as_ptr() as usize;
        let end = start + inner.len();
        body.truncate(end);
        body.drain(..start);
    }
    body
}

/// The path and filters that lead to a row.
fn place(relation: &str, key: &[(String, Option<String>)]) -> String {
    let mut location = format!("/{}", encode_part(relation));
    for (index, (column, value)) in key.iter().enumerate() {
        location.push(if index == 0 { '?' } else { '&' });
        location.push_str(&encode_part(column));
        location.push('=');
        match value {
            Some(value) => {
                location.push_str("eq.");
                location.push_str(&encode_part(value));
            }
            None => location.push_str("is.null"),
        }
    }
    location
}
