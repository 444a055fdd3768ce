//! Errors of names that are not in the catalogue, or are there more than once.

use backstay_model::{Details, Error};

use super::body::push_json_string;
use crate::BodyKind;

/// `PGRST204` (400): a key of a body, or of `columns=`, is no column.
pub fn column_not_found(column: &str, relation: &str) -> Error {
    let message =
        format!("Could not find the '{column}' column of '{relation}' in the schema cache");
    Error::new("PGRST204", message)
}

/// `PGRST205` (404). `nearest` is the name of a relation of the same schema.
pub fn relation_not_found(schema: &str, name: &str, nearest: Option<&str>) -> Error {
    let message = format!("Could not find the table '{schema}.{name}' in the schema cache");
    let mut error = Error::new("PGRST205", message);
    if let Some(nearest) = nearest {
        error.hint = Some(format!("Perhaps you meant the table '{schema}.{nearest}'"));
        error.hint_names = Some((schema.to_owned(), nearest.to_owned()));
    }
    error
}

/// What is known about a relationship that was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingRelationship<'a> {
    /// The schema of the request.
    pub schema: &'a str,
    /// The embedding relation.
    pub parent: &'a str,
    /// The target as typed.
    pub child: &'a str,
    /// The hint after `!`, if any.
    pub hint: Option<&'a str>,
    /// A name to try: for the child if the parent has relationships, else for the parent.
    pub suggestion: Option<Suggestion<'a>>,
}

/// A better name for one side of a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suggestion<'a> {
    /// For the child.
    Child(&'a str),
    /// For the parent.
    Parent(&'a str),
}

/// `PGRST200` (400).
pub fn relationship_not_found(missing: &MissingRelationship<'_>) -> Error {
    let MissingRelationship { schema, parent, child, hint, suggestion } = *missing;
    let message = format!(
        "Could not find a relationship between '{parent}' and '{child}' in the schema cache"
    );
    let using = hint.map(|hint| format!(" using the hint '{hint}'")).unwrap_or_default();
    let details = format!(
        "Searched for a foreign key relationship between '{parent}' and '{child}'{using} in the \
         schema '{schema}', but no matches were found."
    );
    let mut error = Error::new("PGRST200", message).with_details(details);
    if let Some(suggestion) = suggestion {
        let (nearest, wrong) = match suggestion {
            Suggestion::Child(name) => (name, child),
            Suggestion::Parent(name) => (name, parent),
        };
        error.hint = Some(format!("Perhaps you meant '{nearest}' instead of '{wrong}'."));
        error.hint_names = Some((schema.to_owned(), nearest.to_owned()));
    }
    error
}

/// One of several relationships that an embed could mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmbiguousRelationship {
    /// `many-to-one`, `one-to-one`, `one-to-many`, `many-to-many`.
    pub cardinality: &'static str,
    /// `orders_bill_to_fkey using orders(bill_to) and addresses(id)`.
    pub relationship: String,
    /// What follows `!` to choose it: the constraint, or the junction.
    pub hint: String,
    /// The related relation's name.
    pub target: String,
}

/// `PGRST201` (300).
pub fn ambiguous_relationship(
    parent: &str,
    child: &str,
    candidates: &[AmbiguousRelationship],
) -> Error {
    let message = format!(
        "Could not embed because more than one relationship was found for '{parent}' and '{child}'"
    );
    let mut details = String::from("[");
    let mut choices = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        if details.len() > 1 {
            details.push(',');
        }
        details.push_str("{\"cardinality\":");
        push_json_string(&mut details, candidate.cardinality);
        details.push_str(",\"embedding\":");
        push_json_string(&mut details, &format!("{parent} with {}", candidate.target));
        details.push_str(",\"relationship\":");
        push_json_string(&mut details, &candidate.relationship);
        details.push('}');
        choices.push(format!("'{}!{}'", candidate.target, candidate.hint));
    }
    details.push(']');
    let hint = format!(
        "Try changing '{child}' to one of the following: {}. Find the desired relationship in the \
         'details' key.",
        choices.join(", ")
    );
    let mut error = Error::new("PGRST201", message).with_hint(hint);
    error.details = Some(Details::Json(details));
    error
}

/// What is known about a call that matches no function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingFunction<'a> {
    /// The schema of the request.
    pub schema: &'a str,
    /// The function's name.
    pub name: &'a str,
    /// The names of the arguments given, in any order.
    pub arguments: &'a [&'a str],
    /// The kind of the body on `POST`; `None` on `GET`.
    pub body: Option<BodyKind>,
    /// A better call: `find_products` or `find_products(max, q)`, without the schema.
    pub suggestion: Option<&'a str>,
}

/// `PGRST202` (404).
pub fn function_not_found(missing: &MissingFunction<'_>) -> Error {
    let MissingFunction { schema, name, arguments, body, suggestion } = *missing;
    let mut names: Vec<&str> = arguments.to_vec();
    names.sort_unstable();
    let list = names.join(", ");
    let plural = if names.len() > 1 { "s" } else { "" };
    let (called, with) = if names.is_empty() {
        (" without parameters".to_owned(), " without parameters".to_owned())
    } else {
        (format!("({list})"), format!(" with parameter{plural} {list}"))
    };
    let (called, searched) = match body {
        Some(BodyKind::Text) => (String::new(), " with a single unnamed text parameter".into()),
        Some(BodyKind::Xml) => (String::new(), " with a single unnamed xml parameter".into()),
        Some(BodyKind::Bytes) => (String::new(), " with a single unnamed bytea parameter".into()),
        Some(BodyKind::Json) => {
            (called, format!("{with} or with a single unnamed json/jsonb parameter"))
        }
        Some(BodyKind::Fields) | None => (called, with),
    };
    let message =
        format!("Could not find the function {schema}.{name}{called} in the schema cache");
    let details = format!(
        "Searched for the function {schema}.{name}{searched}, but no matches were found in the \
         schema cache."
    );
    let mut error = Error::new("PGRST202", message).with_details(details);
    if let Some(suggestion) = suggestion {
        let function = suggestion.split('(').next().unwrap_or(suggestion).trim_end();
        let function = function.strip_suffix(" without parameters").unwrap_or(function);
        error.hint = Some(format!("Perhaps you meant to call the function {schema}.{suggestion}"));
        error.hint_names = Some((schema.to_owned(), function.to_owned()));
    }
    error
}

/// `PGRST203` (300). Each candidate is a signature: `public.f(a => integer)`.
pub fn ambiguous_function(candidates: &[String]) -> Error {
    let message =
        format!("Could not choose the best candidate function between: {}", candidates.join(", "));
    Error::new("PGRST203", message).with_hint(
        "Try renaming the parameters or the function itself in the database so function \
         overloading can be resolved",
    )
}
