//! `ts_headline`: the part of a text that shows why it was found.
//!
//! Engine difference: the window starts at the first word found, grows to the last one within
//! `MaxWords`, and is filled up to `MinWords`; PostgreSQL weighs several windows.

use backstay_model::{Error, Result, Value};

use super::config::Config;
use super::tokens::tokens;
use super::{config, query};
use crate::functions::text::text;
use crate::io::nested::tsquery::Node;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table.function("ts_headline(text, tsquery) text").stable().scalar(|call| {
        let (config, _) = config(call, usize::MAX)?;
        headline(call, config, 0, None)
    });
    table.function("ts_headline(text, tsquery, text) text").stable().scalar(|call| {
        let (config, _) = config(call, usize::MAX)?;
        headline(call, config, 0, Some(2))
    });
    table
        .function("ts_headline(text, text, tsquery) text")
        .scalar(|call| headline(call, Config::named(call.text(0)?)?, 1, None));
    table
        .function("ts_headline(text, text, tsquery, text) text")
        .scalar(|call| headline(call, Config::named(call.text(0)?)?, 1, Some(3)));
}

struct Options {
    start: String,
    stop: String,
    words_max: usize,
    words_min: usize,
    all: bool,
}

impl Options {
    fn parse(given: &str) -> Result<Self> {
        let mut options = Self {
            start: "<b>".to_owned(),
            stop: "</b>".to_owned(),
            words_max: 35,
            words_min: 15,
            all: false,
        };
        for pair in given.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = value.trim().trim_matches('"');
            let number =
                || value.parse::<usize>().map_err(|_| Error::invalid_input("integer", value));
            match name.trim().to_ascii_lowercase().as_str() {
                "startsel" => value.clone_into(&mut options.start),
                "stopsel" => value.clone_into(&mut options.stop),
                "maxwords" => options.words_max = number()?,
                "minwords" => options.words_min = number()?,
                "highlightall" => {
                    options.all = matches!(
                        value.to_ascii_lowercase().as_str(),
                        "1" | "on" | "true" | "t" | "y" | "yes"
                    );
                }
                "shortword" | "maxfragments" | "fragmentdelimiter" => {}
                other => {
                    let message = format!("unrecognized headline parameter: \"{other}\"");
                    return Err(Error::new("22023", message));
                }
            }
        }
        if options.words_min >= options.words_max {
            return Err(Error::new("22023", "MinWords should be less than MaxWords"));
        }
        Ok(options)
    }
}

fn headline(
    call: &Call<'_>,
    config: Config,
    first: usize,
    options: Option<usize>,
) -> Result<Value> {
    let given = call.text(first)?;
    let options = Options::parse(options.map_or(Ok(""), |index| call.text(index))?)?;
    let mut wanted = Vec::new();
    if let Some(root) = query(call, first + 1)?.root {
        collect(root, &mut wanted);
    }
    let is_wanted = |lexeme: &str| {
        let found = |(text, prefix): &(String, bool)| {
            lexeme == text || *prefix && lexeme.starts_with(text.as_str())
        };
        wanted.iter().any(found)
    };
    // Parts of compounds overlap the compound itself; each place is shown once.
    let mut words: Vec<(usize, usize, bool)> = Vec::new();
    for token in tokens(given) {
        let hit = config.lexeme(&token).is_some_and(|lexeme| is_wanted(&lexeme));
        let end = token.start + token.text.len();
        match words.last_mut() {
            Some(last) if token.start < last.1 => last.2 |= hit,
            _ => words.push((token.start, end, hit)),
        }
    }
    let (from, to) = if options.all { (0, words.len()) } else { window(&words, &options) };
    let shown = words.get(from..to).unwrap_or_default();
    let whole = options.all;
    let mut at = if whole { 0 } else { shown.first().map_or(0, |word| word.0) };
    let mut out = String::new();
    for (start, end, hit) in shown {
        out.push_str(&given[at..*start]);
        if *hit {
            out.push_str(&options.start);
        }
        out.push_str(&given[*start..*end]);
        if *hit {
            out.push_str(&options.stop);
        }
        at = *end;
    }
    if whole || to == words.len() {
        out.push_str(&given[at..]);
    }
    text(out)
}

fn collect(node: Node, out: &mut Vec<(String, bool)>) {
    match node {
        Node::Term { text, prefix, .. } => out.push((text, prefix)),
        Node::Not(_) => {}
        Node::And(a, b) | Node::Or(a, b) | Node::Phrase(a, b, _) => {
            collect(*a, out);
            collect(*b, out);
        }
    }
}

/// The words that are shown.
fn window(words: &[(usize, usize, bool)], options: &Options) -> (usize, usize) {
    let hits = || words.iter().enumerate().filter(|(_, word)| word.2).map(|(index, _)| index);
    let Some(first) = hits().next() else {
        return (0, options.words_min.min(words.len()));
    };
    let last = hits().take_while(|index| index - first < options.words_max).last().unwrap_or(first);
    let to = (last + 1).max(first + options.words_min).min(words.len());
    let from =
        if to - first < options.words_min { to.saturating_sub(options.words_min) } else { first };
    (from, to)
}
