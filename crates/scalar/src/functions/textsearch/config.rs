//! Text search configurations: which words are dropped and how the others are stemmed.

use std::collections::HashMap;
use std::sync::OnceLock;

use backstay_model::{Error, Result};
use rust_stemmers::{Algorithm, Stemmer};

use super::tokens::{Kind, Token};
use crate::functions::text::lower;

/// A language: stemmer and stop words, as PostgreSQL ships them.
struct Language {
    name: &'static str,
    algorithm: Algorithm,
    stop_words: &'static str,
}

const fn language(name: &'static str, algorithm: Algorithm, stop_words: &'static str) -> Language {
    Language { name, algorithm, stop_words }
}

static LANGUAGES: [Language; 18] = [
    language("english", Algorithm::English, include_str!("stop/english.stop")),
    language("arabic", Algorithm::Arabic, ""),
    language("danish", Algorithm::Danish, include_str!("stop/danish.stop")),
    language("dutch", Algorithm::Dutch, include_str!("stop/dutch.stop")),
    language("finnish", Algorithm::Finnish, include_str!("stop/finnish.stop")),
    language("french", Algorithm::French, include_str!("stop/french.stop")),
    language("german", Algorithm::German, include_str!("stop/german.stop")),
    language("greek", Algorithm::Greek, ""),
    language("hungarian", Algorithm::Hungarian, include_str!("stop/hungarian.stop")),
    language("italian", Algorithm::Italian, include_str!("stop/italian.stop")),
    language("norwegian", Algorithm::Norwegian, include_str!("stop/norwegian.stop")),
    language("portuguese", Algorithm::Portuguese, include_str!("stop/portuguese.stop")),
    language("romanian", Algorithm::Romanian, ""),
    language("russian", Algorithm::Russian, include_str!("stop/russian.stop")),
    language("spanish", Algorithm::Spanish, include_str!("stop/spanish.stop")),
    language("swedish", Algorithm::Swedish, include_str!("stop/swedish.stop")),
    language("tamil", Algorithm::Tamil, ""),
    language("turkish", Algorithm::Turkish, include_str!("stop/turkish.stop")),
];

/// Configurations that PostgreSQL has and for which no stemmer is at hand.
const WITHOUT_STEMMER: &[&str] = &[
    "armenian",
    "basque",
    "catalan",
    "hindi",
    "indonesian",
    "irish",
    "lithuanian",
    "nepali",
    "serbian",
    "yiddish",
];

/// A text search configuration.
#[derive(Clone, Copy)]
pub(super) struct Config {
    /// `None` for `simple`.
    language: Option<&'static Language>,
}

impl Config {
    pub(super) fn english() -> Self {
        Self { language: LANGUAGES.first() }
    }

    /// The configuration with this name, `pg_catalog.` allowed before it.
    ///
    /// # Errors
    /// `42704` if there is none, `0A000` if PostgreSQL has it and we do not.
    pub(super) fn named(name: &str) -> Result<Self> {
        let bare = lower(name.trim().trim_matches('"'));
        let bare = bare.strip_prefix("pg_catalog.").unwrap_or(&bare);
        if bare == "simple" {
            return Ok(Self { language: None });
        }
        if let Some(language) = LANGUAGES.iter().find(|language| language.name == bare) {
            return Ok(Self { language: Some(language) });
        }
        if WITHOUT_STEMMER.contains(&bare) {
            return Err(Error::unsupported(format!("text search configuration \"{bare}\"")));
        }
        Err(Error::new("42704", format!("text search configuration \"{name}\" does not exist")))
    }

    /// The lexeme of a token; nothing for a stop word.
    pub(super) fn lexeme(self, token: &Token<'_>) -> Option<String> {
        let word = lower(token.text);
        let Some(language) = self.language else { return Some(word) };
        if token.kind == Kind::Other {
            return Some(word);
        }
        // Words of Latin letters inside Russian text are taken as English.
        let language =
            if language.name == "russian" && word.is_ascii() { &LANGUAGES[0] } else { language };
        if is_stop_word(language, &word) {
            return None;
        }
        Some(Stemmer::create(language.algorithm).stem(&word).into_owned())
    }
}

type StopWords = HashMap<&'static str, Vec<&'static str>>;

fn is_stop_word(language: &Language, word: &str) -> bool {
    static WORDS: OnceLock<StopWords> = OnceLock::new();
    let all = WORDS.get_or_init(|| {
        let words = |language: &Language| {
            let mut words: Vec<&str> =
                language.stop_words.lines().map(str::trim).filter(|w| !w.is_empty()).collect();
            words.sort_unstable();
            (language.name, words)
        };
        LANGUAGES.iter().map(words).collect()
    });
    all.get(language.name).is_some_and(|words| words.binary_search(&word).is_ok())
}
