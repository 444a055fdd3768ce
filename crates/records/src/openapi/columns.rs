//! Columns: their defaults, and whether a value must be given.

use backstay_catalog::{Catalog, Column};
use backstay_model::Type;
use serde_json::{Value, json};

use super::types::under_domains;

/// Must a new row give a value for it?
pub(super) fn must_be_given(catalog: &Catalog, column: &Column) -> bool {
    column.not_null
        && column.default.is_none()
        && column.identity.is_none()
        && column.generated.is_none()
        && !has_domain_default(catalog, &column.ty)
}

fn has_domain_default(catalog: &Catalog, ty: &Type) -> bool {
    let Type::Domain(id) = ty else { return false };
    match catalog.types.get(id).map(|known| &known.kind) {
        Some(backstay_catalog::TypeKind::Domain(domain)) => {
            domain.default.is_some() || has_domain_default(catalog, &domain.base)
        }
        _ => false,
    }
}

/// The default as a JSON value of the column's type, if it is a constant.
pub(super) fn constant_default(catalog: &Catalog, column: &Column) -> Option<Value> {
    let text = column.default_text.as_deref()?;
    let (ty, _) = under_domains(catalog, &column.ty, None);
    let (written, quoted) = constant(text);
    match &ty {
        Type::Bool => match written.to_ascii_lowercase().as_str() {
            "true" => Some(json!(true)),
            "false" => Some(json!(false)),
            _ => None,
        },
        Type::Int2 | Type::Int4 | Type::Int8 => {
            written.trim().parse::<i64>().ok().map(|number| json!(number))
        }
        Type::Numeric | Type::Float4 | Type::Float8 => {
            serde_json::from_str::<serde_json::Number>(written.trim()).ok().map(Value::Number)
        }
        Type::Json | Type::Jsonb => serde_json::from_str(&written).ok().filter(|_| quoted),
        Type::Array(_) => (quoted && written == "{}").then(|| json!([])),
        _ => quoted.then(|| json!(written)),
    }
}

/// The default of a text column in Swagger 2.0 is its text, an expression or not, as PostgREST has
/// it; other types have constants only.
pub(super) fn swagger_default(catalog: &Catalog, column: &Column) -> Option<Value> {
    let (ty, _) = under_domains(catalog, &column.ty, None);
    let expression = || {
        column.default_text.as_ref().filter(|_| super::types::swagger_type(&ty) == Some("string"))
    };
    constant_default(catalog, column).or_else(|| expression().map(|text| json!(text)))
}

/// A literal without quotes, parentheses and cast, and whether it was in quotes; anything else as
/// it is.
fn constant(text: &str) -> (String, bool) {
    let text = text.trim();
    let Some(rest) = unwrapped(text).strip_prefix('\'') else {
        let bare = unwrapped(text).split("::").next().unwrap_or(text);
        return (unwrapped(bare).to_owned(), false);
    };
    let mut content = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.as_str().starts_with('\'') {
                chars.next();
            } else {
                let behind = chars.as_str().trim_start();
                let cast = behind.strip_prefix("::").is_some_and(is_type_name);
                return if behind.is_empty() || cast {
                    (content, true)
                } else {
                    (text.to_owned(), false)
                };
            }
        }
        content.push(c);
    }
    (text.to_owned(), false)
}

fn unwrapped(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(text)
}

fn is_type_name(text: &str) -> bool {
    let belongs = |c: char| c.is_alphanumeric() || "_ .\"[](),".contains(c);
    !text.is_empty() && text.chars().all(belongs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, quoted: bool) {
        assert_eq!(constant(text), (expected.to_owned(), quoted), "{text}");
    }

    #[test]
    fn literals_lose_quotes_and_casts() {
        check("'placed'", "placed", true);
        check("'placed'::public.order_state", "placed", true);
        check("'it''s'::character varying(20)", "it's", true);
        check("0", "0", false);
        check("'-1'::integer", "-1", true);
        check("(-1)", "-1", false);
        check("(-1)::bigint", "-1", false);
        check("1.50::numeric", "1.50", false);
    }

    #[test]
    fn expressions_stay_as_they_are() {
        check("now()", "now()", false);
        check("'a' || 'b'", "'a' || 'b'", false);
    }
}
