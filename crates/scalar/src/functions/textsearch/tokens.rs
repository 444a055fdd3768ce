//! Cutting text into words, numbers, addresses and paths, as PostgreSQL's default parser does.

use std::sync::OnceLock;

use regex::Regex;

/// How a token is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters only, alone or as part of a compound: stemmed.
    Word,
    /// Numbers, mixtures, addresses, paths: only put in lower case.
    Other,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Byte offset in the text.
    pub(super) start: usize,
}

/// The shapes that are tried at each place, in this order.
struct Shapes {
    tag: Regex,
    protocol: Regex,
    email: Regex,
    url: Regex,
    host: Regex,
    file: Regex,
    number: Regex,
    compound: Regex,
    word: Regex,
}

fn shapes() -> Option<&'static Shapes> {
    static SHAPES: OnceLock<Option<Shapes>> = OnceLock::new();
    SHAPES
        .get_or_init(|| {
            let shape = |pattern: &str| Regex::new(&format!("^(?:{pattern})")).ok();
            Some(Shapes {
                tag: shape(r"</?[A-Za-z!?][^<>]*>|&#?[A-Za-z0-9]+;")?,
                protocol: shape(r"[A-Za-z][A-Za-z0-9]*://")?,
                email: shape(
                    r"[\p{L}\p{N}][\p{L}\p{N}._+-]*@[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+",
                )?,
                url: shape(
                    r"((?:[\p{L}\p{N}_-]+\.)+[A-Za-z]{2,}(?::\d+)?)(/[^\s<>\x22']*)",
                )?,
                host: shape(r"[\p{L}][\p{L}\p{N}_-]*(?:\.[\p{L}\p{N}_-]+)*\.[A-Za-z]{2,}(?::\d+)?")?,
                file: shape(
                    r"/?[\p{L}\p{N}_][\p{L}\p{N}_.-]*(?:/[\p{L}\p{N}_.-]+)+|/[\p{L}\p{N}_.-]+|[\p{L}]+\d+(?:\.\d+)+",
                )?,
                number: shape(
                    r"[+-]?\d+(?:\.\d+)?[eE][+-]?\d+|\d+(?:\.\d+){2,}|[+-]?\d+\.\d+|[+-]?\d+",
                )?,
                compound: shape(
                    r"[\p{L}\p{M}\p{N}]*[\p{L}\p{M}][\p{L}\p{M}\p{N}]*(?:-[\p{L}\p{M}\p{N}]*[\p{L}\p{M}][\p{L}\p{M}\p{N}]*)+",
                )?,
                word: shape(r"[\p{L}\p{M}\p{N}]+")?,
            })
        })
        .as_ref()
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric()
}

/// The tokens of a text in their order; a compound comes before its parts.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let Some(shapes) = shapes() else { return out };
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        at += if is_word_char(c) || matches!(c, '/' | '<' | '&' | '+' | '-') {
            take(shapes, text, at, &mut out)
        } else {
            c.len_utf8()
        };
    }
    out
}

fn kind_of(text: &str) -> Kind {
    if text.chars().any(|c| c.is_numeric()) { Kind::Other } else { Kind::Word }
}

/// Takes what stands at a place and answers its length.
fn take<'a>(shapes: &Shapes, text: &'a str, at: usize, out: &mut Vec<Token<'a>>) -> usize {
    let rest = &text[at..];
    let mut other = |length: usize| {
        out.push(Token { kind: Kind::Other, text: &rest[..length], start: at });
        length
    };
    let first = rest.chars().next().unwrap_or(' ');
    if matches!(first, '<' | '&') {
        return shapes.tag.find(rest).map_or(1, |found| found.end());
    }
    if let Some(found) = shapes.protocol.find(rest) {
        return found.end();
    }
    if let Some(found) = shapes.email.find(rest) {
        return other(found.end());
    }
    if let Some(found) = shapes.url.captures(rest) {
        let length = other(found.get(0).map_or(1, |whole| whole.end()));
        for part in found.iter().skip(1).flatten().filter(|part| part.as_str() != "/") {
            out.push(Token { kind: Kind::Other, text: part.as_str(), start: at + part.start() });
        }
        return length;
    }
    if let Some(found) = shapes.host.find(rest) {
        return other(found.end());
    }
    if let Some(found) = shapes.file.find(rest) {
        return other(found.end());
    }
    if let Some(found) = shapes.number.find(rest) {
        let glued = rest[found.end()..].chars().next().is_some_and(char::is_alphabetic);
        if !glued {
            return other(found.end());
        }
    }
    if let Some(found) = shapes.compound.find(rest) {
        let length = compound(found.as_str(), at, out);
        // A hyphen behind a compound joins; it is no sign of a number.
        return length + usize::from(rest[length..].starts_with('-'));
    }
    match shapes.word.find(rest) {
        Some(found) => {
            let word = found.as_str();
            out.push(Token { kind: kind_of(word), text: word, start: at });
            word.len()
        }
        None => first.len_utf8(),
    }
}

fn compound<'a>(text: &'a str, at: usize, out: &mut Vec<Token<'a>>) -> usize {
    out.push(Token { kind: kind_of(text), text, start: at });
    let mut start = 0;
    for part in text.split('-') {
        out.push(Token { kind: kind_of(part), text: part, start: at + start });
        start += part.len() + 1;
    }
    text.len()
}
