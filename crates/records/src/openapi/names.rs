//! Names inside documents: paths, references, and keys of components.

use std::fmt::Write as _;

/// The name as a segment of a path. Letters of any script stay; what means something in a URL or in
/// a path template is escaped.
pub(super) fn segment(name: &str) -> String {
    escape(name, |c| c.is_ascii_control() || " \"#%/<>?[\\]^`{|}".contains(c))
}

/// A reference to a part of the document.
pub(super) fn reference(place: &str, name: &str) -> String {
    let pointer = name.replace('~', "~0").replace('/', "~1");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c);
    format!("#/{place}/{}", escape(&pointer, |c| !plain(c)))
}

fn escape(text: &str, needed: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if needed(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// The name as (part of) a key of components, which may hold few characters. Different names give
/// different keys, and no key holds a dot.
pub(super) fn key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            key.push(c);
        } else {
            let _ = write!(key, "-{:x}-", u32::from(c));
        }
    }
    key
}

/// Names that a query string never takes as a filter or argument.
pub(super) fn is_reserved(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(name, "select" | "columns" | "on_conflict" | "apikey")
        || matches!(last, "order" | "limit" | "offset" | "and" | "or")
}

/// The name as the query string wants it: in double quotes where it would not be read whole.
pub(super) fn in_query(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
