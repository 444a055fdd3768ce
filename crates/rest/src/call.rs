//! From an HTTP call to a [`Request`], in PostgREST's order of checks.

mod body;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use backstay_model::Result;
use percent_encoding::percent_decode_str;

use crate::media::parse_accept;
use crate::query::{self, Free, Parameters};
use crate::settings::{Settings, TransactionEnd};
use crate::tree::{self, RootRows};
use crate::{
    Action, Condition, Conflict, Deferred, Delete, FunctionCall, Insert, Missing, Node, Operation,
    Operator, OptionsTarget, Preferences, Put, Read, Request, Transaction, Update, errors,
};

/// A call to the data API, as HTTP brought it.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path below the base (`/rest/v1`), still percent-encoded; with or without a slash before
    /// and after.
    pub path: &'a str,
    /// What follows the `?`, still percent-encoded.
    pub query: Option<&'a str>,
    /// Names in lower case, and values; a name may stand there several times.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty if there was none. [`parse`] takes it.
    pub body: Cow<'a, [u8]>,
}

impl<'a> Call<'a> {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.header_values(name).next()
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(header, _)| *header == name);
        named.map(|(_, value)| *value)
    }
}

/// Reads a call, and takes its body: a large one is held once.
///
/// # Errors
/// In this order: `PGRST125` (path), `PGRST106` (schema), `PGRST117`/`PGRST101` (method),
/// `PGRST100` (query string), `PGRST103`/`PGRST114` (ranges), `PGRST102` (body). Errors that rank
/// behind the look-up of the relation are left in [`Request::deferred`]; `Accept` and preferences
/// are checked by [`crate::Shape::choose`], after planning.
pub fn parse(call: &mut Call<'_>, settings: &Settings) -> Result<Request> {
    let target = target(call.path)?;
    let method = Method::of(call.method);
    let mut schema = schema(call, &method, settings)?;
    let Some(method) = method else { return Err(unsupported(&target, call.method)) };
    let preferences = Preferences::parse(call.header_values("prefer"));
    let mut pairs = query::decode(call.query.unwrap_or_default());
    // The key of the project may come as a parameter; it is no filter.
    pairs.retain(|(key, _)| key != "apikey");
    let mut content_location = None;
    let (action, deferred) = match (target, method) {
        (OptionsTarget::Root, Method::Get | Method::Head) => match &settings.root_spec {
            Some(function) => {
                let name = function.rsplit('.').next().unwrap_or_default();
                if let Some((named, _)) = function.split_once('.') {
                    named.clone_into(&mut schema);
                }
                self::function(call, name.to_owned(), &pairs, settings)?
            }
            None => (Action::Root, Deferred::default()),
        },
        (target, Method::Options) => (Action::Options(target), Deferred::default()),
        (OptionsTarget::Relation(name), Method::Get | Method::Head) => {
            content_location = Some(query::content_location(&name, &pairs));
            read(call, name, &pairs, settings)?
        }
        (OptionsTarget::Relation(name), method) => {
            write(call, &Writing { name, method, preferences: &preferences }, &pairs, settings)?
        }
        (OptionsTarget::Function(name), Method::Get | Method::Head | Method::Post) => {
            function(call, name, &pairs, settings)?
        }
        (target, _) => return Err(unsupported(&target, call.method)),
    };
    Ok(Request {
        schema,
        action,
        rollback: rolls_back(settings.transaction_end, &preferences),
        preferences,
        accept: parse_accept(call.header_values("accept")),
        head: method == Method::Head,
        deferred,
        content_location,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Post,
    Patch,
    Put,
    Delete,
    Options,
}

impl Method {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PATCH" => Self::Patch,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => return None,
        })
    }
}

fn unsupported(target: &OptionsTarget, method: &str) -> backstay_model::Error {
    match target {
        OptionsTarget::Function(_) => errors::function_method(method),
        OptionsTarget::Root | OptionsTarget::Relation(_) => errors::method(method),
    }
}

/// What the path names.
fn target(path: &str) -> Result<OptionsTarget> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    match segments.as_slice() {
        [only] if only.is_empty() => Ok(OptionsTarget::Root),
        [relation] => Ok(OptionsTarget::Relation(relation.clone())),
        [rpc, function] if rpc == "rpc" && !function.is_empty() => {
            Ok(OptionsTarget::Function(function.clone()))
        }
        _ => Err(errors::invalid_path()),
    }
}

fn schema(call: &Call<'_>, method: &Option<Method>, settings: &Settings) -> Result<String> {
    let header = match method {
        Some(Method::Get | Method::Head | Method::Options) => "accept-profile",
        _ => "content-profile",
    };
    match call.header(header) {
        Some(name) if settings.schemas.iter().any(|schema| schema == name) => Ok(name.to_owned()),
        Some(name) => Err(errors::schema_not_exposed(name, &settings.schemas)),
        None => match settings.schemas.first() {
            Some(schema) => Ok(schema.clone()),
            None => Err(errors::schema_not_exposed("", &settings.schemas)),
        },
    }
}

fn rolls_back(end: TransactionEnd, preferences: &Preferences) -> bool {
    match end {
        TransactionEnd::Commit => false,
        TransactionEnd::Rollback => true,
        TransactionEnd::CommitAllowOverride => {
            preferences.transaction == Some(Transaction::Rollback)
        }
        TransactionEnd::RollbackAllowOverride => {
            preferences.transaction != Some(Transaction::Commit)
        }
    }
}

fn read(
    call: &Call<'_>,
    relation: String,
    pairs: &[(String, String)],
    settings: &Settings,
) -> Result<(Action, Deferred)> {
    let mut parameters = query::parameters(pairs, Free::Filters, &settings.limits)?;
    parameters.range = range(call);
    let (node, deferred) = tree::build(&mut parameters, RootRows::Read, settings)?;
    Ok((Action::Read(Read { relation, node }), deferred))
}

/// The rows of a `Range` header, which only `GET` heeds.
fn range(call: &Call<'_>) -> Option<(u64, Option<u64>)> {
    if call.method != "GET" {
        return None;
    }
    call.header("range").and_then(query::range_header)
}

/// A write to a relation.
struct Writing<'a> {
    name: String,
    method: Method,
    preferences: &'a Preferences,
}

fn write(
    call: &mut Call<'_>,
    writing: &Writing<'_>,
    pairs: &[(String, String)],
    settings: &Settings,
) -> Result<(Action, Deferred)> {
    let limits = &settings.limits;
    let mut parameters = query::parameters(pairs, Free::Filters, limits)?;
    let mut keys = None;
    let rows = match writing.method {
        Method::Put => {
            if parameters.limits.iter().chain(&parameters.offsets).any(|(path, _)| path.is_empty())
            {
                return Err(errors::put_limit());
            }
            parameters.columns = None;
            keys = put_keys(&parameters);
            RootRows::Inserted
        }
        Method::Post => RootRows::Inserted,
        _ => RootRows::Written,
    };
    let (node, deferred) = tree::build(&mut parameters, rows, settings)?;
    let relation = writing.name.clone();
    let missing_default = writing.preferences.missing == Some(Missing::Default);
    let columns = parameters.columns.as_deref();
    let action = match writing.method {
        Method::Delete => Action::Delete(Delete { relation, node }),
        Method::Patch => {
            let mut payload = body::rows(call, columns, limits)?;
            payload.truncate_to_first();
            Action::Update(Update { relation, payload, missing_default, node })
        }
        Method::Put => {
            let payload = body::rows(call, None, limits)?;
            Action::Put(Put { relation, payload, missing_default, keys, node })
        }
        Method::Post => {
            let payload = body::rows(call, columns, limits)?;
            let conflict = writing
                .preferences
                .resolution
                .map(|resolution| Conflict { resolution, target: parameters.on_conflict });
            Action::Insert(Insert { relation, payload, missing_default, conflict, node })
        }
        Method::Get | Method::Head | Method::Options => {
            return Err(errors::method(call.method));
        }
    };
    Ok((action, deferred))
}

/// The columns and literals of the root's filters, if all of them are plain `eq`.
fn put_keys(parameters: &Parameters) -> Option<Vec<(String, String)>> {
    let mut keys = Vec::new();
    for (_, condition) in parameters.conditions.iter().filter(|(path, _)| path.is_empty()) {
        let Condition::Filter(filter) = condition else { return None };
        match &filter.operation {
            Operation::Compare { operator: Operator::Eq, quantifier: None, value }
                if !filter.negated && filter.field.path.is_empty() =>
            {
                keys.push((filter.field.name.clone(), value.as_text().to_owned()));
            }
            _ => return None,
        }
    }
    Some(keys)
}

fn function(
    call: &mut Call<'_>,
    function: String,
    pairs: &[(String, String)],
    settings: &Settings,
) -> Result<(Action, Deferred)> {
    let limits = &settings.limits;
    let posted = call.method == "POST";
    let free = if posted { Free::Filters } else { Free::ArgumentsOrFilters };
    let mut parameters = query::parameters(pairs, free, limits)?;
    parameters.range = range(call);
    let (node, deferred): (Node, _) = tree::build(&mut parameters, RootRows::Read, settings)?;
    let (arguments, body) = if posted {
        let (arguments, body) = body::arguments(call, parameters.columns.as_deref(), limits)?;
        (arguments, Some(body))
    } else {
        (std::mem::take(&mut parameters.arguments).into_arguments(), None)
    };
    let action = FunctionCall { function, arguments, body, read_only: !posted, node };
    Ok((Action::Call(action), deferred))
}
