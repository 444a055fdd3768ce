//! Addresses: one canonical form for comparing and for sending.
//!
//! Source: auth.md 8.4 of the protocol notes; the pattern is that of HTML's `input type=email`.

use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Refusal, Result};

/// Limit: characters of an address.
const LENGTH_MAX: usize = 255;

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
    Regex::new(&format!(r"^[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{label}(?:\.{label})*$")).ok()
});

/// Trims and lower-cases an e-mail address.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn email(text: &str) -> Result<String> {
    let invalid = || Refusal::invalid("Unable to validate email address: invalid format");
    let text = text.trim();
    // Only ASCII is taken: letters that other rules fold into one another cannot make two of one.
    if text.is_empty() || text.len() > LENGTH_MAX || !text.is_ascii() {
        return Err(invalid());
    }
    let text = text.to_ascii_lowercase();
    let (local, _) = text.split_once('@').ok_or_else(invalid)?;
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    let fits = PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(&text));
    if fits && !dots && local.len() <= 64 { Ok(text) } else { Err(invalid()) }
}

/// The digits of a phone number, without its plus sign.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn phone(text: &str) -> Result<String> {
    let digits: String = text.trim().trim_start_matches('+').replace(' ', "");
    let fits = (2..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if fits {
        Ok(digits)
    } else {
        Err(Refusal::invalid("Invalid phone number format (E.164 required)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a05_one_canonical_form() {
        assert_eq!(email(" Ann.Lee+x@Example.COM ").unwrap(), "ann.lee+x@example.com");
        assert_eq!(email("a@localhost").unwrap(), "a@localhost");
    }

    #[test]
    fn a06_nothing_that_could_be_two_addresses_or_a_header() {
        for text in [
            "",
            "a",
            "@b.c",
            "a@",
            "a@b@c",
            "a@b.c,d@e.f",
            "a@b.c\r\nBcc: d@e.f",
            "<a@b.c>",
            "A <a@b.c>",
            "\"a b\"@c.d",
            "a@b..c",
            "a@-b.c",
            "a@b.c.",
            ".a@b.c",
            "a..b@c.d",
            "a@\u{212A}.example",
            "ann\u{131}@example.com",
            "a@ex\u{e4}mple.com",
            "a\0@b.c",
            "a b@c.d",
        ] {
            assert!(email(text).is_err(), "{text:?}");
        }
        assert!(email(&format!("{}@b.c", "a".repeat(300))).is_err());
    }

    #[test]
    fn numbers_are_kept_as_digits() {
        assert_eq!(phone("+44 7700 900123").unwrap(), "447700900123");
        for text in ["", "+", "0123", "abc", "1", "12345678901234567"] {
            assert!(phone(text).is_err(), "{text:?}");
        }
    }
}
