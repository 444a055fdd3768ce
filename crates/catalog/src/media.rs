//! Media types that a database makes itself: domains that are named like one, the functions that
//! return them, and the aggregates that make one of many rows.
//!
//! Source: rest.md section 12.3 of the protocol notes.

use backstay_expr::RelationId;
use backstay_model::Type;

use crate::{Catalog, TypeKind};

/// An aggregate whose result is a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaAggregate {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The relation whose rows it takes; `None` for rows of any kind (`anyelement`).
    pub relation: Option<RelationId>,
    /// What it makes: a domain.
    pub result: Type,
}

impl Catalog {
    /// The media type that a type stands for: the name of a domain such as `text/html` or `*/*`.
    pub fn media_type(&self, ty: &Type) -> Option<&str> {
        let Type::Domain(id) = ty else { return None };
        let definition = self.types.get(id)?;
        let named = matches!(definition.kind, TypeKind::Domain(_)) && is_media(&definition.name);
        named.then_some(definition.name.as_str())
    }
}

fn is_media(name: &str) -> bool {
    let letters = |text: &str, also: &[u8]| {
        let known = |b: u8| b.is_ascii_alphanumeric() || also.contains(&b);
        !text.is_empty() && text.bytes().all(known)
    };
    let two = |(kind, form)| letters(kind, b".-") && letters(form, b".-+");
    name == "*/*" || name.split_once('/').is_some_and(two)
}

#[cfg(test)]
mod tests {
    use super::is_media;

    #[test]
    fn names_of_media_types_are_known() {
        for name in ["text/html", "*/*", "application/vnd.twkb", "image/svg+xml"] {
            assert!(is_media(name), "{name}");
        }
        for name in ["email", "/", "text/", "image/*", "text/html; charset=utf-8", "a/b/c"] {
            assert!(!is_media(name), "{name}");
        }
    }
}
