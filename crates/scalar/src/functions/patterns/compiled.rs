//! Compiled regular expressions: options and the cache.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use backstay_model::{Error, Result};
use lru::LruCache;
use regex::{Regex, RegexBuilder};

use super::translate::translate;

/// Limit: bytes of a pattern.
const PATTERN_BYTES_MAX: usize = 16 * 1024;
/// Limit: bytes of a compiled program.
const PROGRAM_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Limit: groups inside one another.
const NESTING_MAX: u32 = 200;
/// Limit: compiled patterns kept by the process.
const CACHED_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// The options of a regular expression, as letters in the last argument or at its start set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Flags {
    /// `i`.
    pub(crate) ignore_case: bool,
    /// `n`, `p`: dots and negated brackets do not match a newline.
    pub(crate) dot_stops_at_newline: bool,
    /// `n`, `w`: anchors match at newlines.
    pub(crate) anchors_at_lines: bool,
    /// `x`: blanks and comments in the pattern mean nothing.
    pub(crate) expanded: bool,
    /// `q`: the pattern is plain text.
    pub(crate) literal: bool,
    /// `g`: all matches.
    pub(crate) global: bool,
}

impl Flags {
    /// Reads option letters.
    ///
    /// # Errors
    /// `22023` for an unknown letter.
    pub(crate) fn parse(letters: &str) -> Result<Self> {
        let mut flags = Self::default();
        for letter in letters.chars() {
            if letter == 'g' {
                flags.global = true;
            } else if !flags.set(letter) {
                return Err(Error::new(
                    "22023",
                    format!("invalid regular expression option: \"{letter}\""),
                ));
            }
        }
        Ok(flags)
    }

    /// Sets the option of one letter; `false` if there is none.
    pub(super) fn set(&mut self, letter: char) -> bool {
        let (dot, lines) = match letter {
            'n' | 'm' => (true, true),
            's' => (false, false),
            'p' => (true, false),
            'w' => (false, true),
            'i' => {
                self.ignore_case = true;
                return true;
            }
            'c' => {
                self.ignore_case = false;
                return true;
            }
            'x' => {
                self.expanded = true;
                return true;
            }
            't' => {
                self.expanded = false;
                return true;
            }
            'q' => {
                self.literal = true;
                return true;
            }
            'e' => return true,
            _ => return false,
        };
        self.dot_stops_at_newline = dot;
        self.anchors_at_lines = lines;
        true
    }
}

/// `2201B` in PostgreSQL's words.
pub(super) fn invalid(what: &str) -> Error {
    Error::new("2201B", format!("invalid regular expression: {what}"))
}

type Cache = Mutex<LruCache<(String, Flags), Arc<Regex>>>;

/// The compiled pattern, from the cache if it was used lately.
///
/// # Errors
/// `2201B` if it is no regular expression, too large, or needs lookaround or backreferences.
pub(crate) fn compile(pattern: &str, flags: Flags) -> Result<Arc<Regex>> {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(|| Mutex::new(LruCache::new(CACHED_MAX)));
    let key = (pattern.to_owned(), Flags { global: false, ..flags });
    if let Some(known) = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(Arc::clone(known));
    }
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(invalid("regular expression is too complex"));
    }
    let (translated, flags) = translate(pattern, key.1)?;
    let compiled = RegexBuilder::new(&translated)
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(!flags.dot_stops_at_newline)
        .multi_line(flags.anchors_at_lines)
        .size_limit(PROGRAM_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => invalid("regular expression is too complex"),
            _ => invalid("regular expression failed"),
        })?;
    let compiled = Arc::new(compiled);
    let kept = Arc::clone(&compiled);
    cache.lock().unwrap_or_else(PoisonError::into_inner).put(key, kept);
    Ok(compiled)
}
