//! Names in rendered SQL.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use backstay_expr::{CteId, RelId};
use backstay_model::{Type, TypeSource};

/// The name in double quotes.
pub fn quote(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    push_quoted(&mut out, name);
    out
}

/// Appends the name in double quotes.
pub(crate) fn push_quoted(out: &mut String, name: &str) {
    out.push('"');
    for c in name.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}

/// Appends the text as a literal.
pub(crate) fn push_literal(out: &mut String, text: &str) {
    out.push('\'');
    for c in text.chars() {
        if c == '\'' {
            out.push('\'');
        }
        out.push(c);
    }
    out.push('\'');
}

/// Appends the alias of a `FROM` entry.
pub(crate) fn push_alias(out: &mut String, rel: RelId) {
    let _ = write!(out, "r{}", rel.0);
}

/// Appends the name of a common table expression.
pub(crate) fn push_cte(out: &mut String, cte: CteId) {
    let _ = write!(out, "cte{}", cte.0);
}

/// Limit: bytes of a registered function's name; SQLite takes 255.
const FUNCTION_NAME_MAX: usize = 200;

/// The name of a registered function: its symbol, and the actual types where the symbol leaves
/// them open.
pub(crate) fn function_name(
    symbol: &str,
    polymorphic: bool,
    signature: (&[Type], &Type),
    types: &dyn TypeSource,
) -> String {
    if !polymorphic {
        return symbol.to_owned();
    }
    let (args, result) = signature;
    let args: Vec<String> = args.iter().map(|arg| type_key(arg, types)).collect();
    let name = format!("{symbol}:{}:{}", args.join(","), type_key(result, types));
    if name.len() <= FUNCTION_NAME_MAX { name } else { body_name(symbol, &name) }
}

/// A name for a type that survives renames.
pub(crate) fn type_key(ty: &Type, types: &dyn TypeSource) -> String {
    match ty {
        Type::Array(element) => format!("{}[]", type_key(element, types)),
        Type::Enum(id) => format!("enum{}", id.0),
        Type::Domain(id) => format!("domain{}", id.0),
        Type::Composite(id) => format!("row{}", id.0),
        _ => ty.name(types),
    }
}

/// A name for an expression that is computed outside the database.
pub(crate) fn body_name(tag: &str, body: &str) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("{tag}:{:016x}", hasher.finish())
}
