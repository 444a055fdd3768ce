//! Queries: `to_tsquery` and its sisters.

use backstay_model::{Error, Result, Value};

use super::config::Config;
use super::tokens::tokens;
use super::{config, query, shown};
use crate::functions::text::count;
use crate::io::nested::tsquery::{Node, TsQuery};
use crate::{Call, Table};

/// Limit: words of a query given as plain text.
const WORDS_MAX: usize = 1_024;

pub(super) fn register(table: &mut Table) {
    for (one, two, run) in [
        (
            "to_tsquery(text) tsquery",
            "to_tsquery(text, text) tsquery",
            to_tsquery as fn(&Call<'_>) -> Result<Value>,
        ),
        ("plainto_tsquery(text) tsquery", "plainto_tsquery(text, text) tsquery", plain),
        ("phraseto_tsquery(text) tsquery", "phraseto_tsquery(text, text) tsquery", phrase),
        (
            "websearch_to_tsquery(text) tsquery",
            "websearch_to_tsquery(text, text) tsquery",
            websearch,
        ),
    ] {
        table.function(one).stable().scalar(run);
        table.function(two).scalar(run);
    }
    operators(table);
    table
        .function("numnode(tsquery) integer")
        .total()
        .scalar(|call| count(query(call, 0)?.root.as_ref().map_or(0, nodes)));
}

fn operators(table: &mut Table) {
    table.operator("&&(tsquery, tsquery) tsquery").scalar(|call| join(call, Node::And));
    table.operator("||(tsquery, tsquery) tsquery").scalar(|call| join(call, Node::Or));
    table
        .operator("<->(tsquery, tsquery) tsquery")
        .scalar(|call| join(call, |a, b| Node::Phrase(a, b, 1)));
    table
        .function("tsquery_phrase(tsquery, tsquery) tsquery")
        .scalar(|call| join(call, |a, b| Node::Phrase(a, b, 1)));
    table.function("tsquery_phrase(tsquery, tsquery, integer) tsquery").scalar(|call| {
        let distance = u16::try_from(call.int(2)?).ok().filter(|distance| *distance <= 16_384);
        let distance = distance.ok_or_else(|| {
            Error::new(
                "22023",
                "distance in phrase operator must be an integer value between zero and 16384 inclusive",
            )
        })?;
        join(call, |a, b| Node::Phrase(a, b, distance))
    });
    table.operator("!!(tsquery) tsquery").scalar(|call| {
        let root = query(call, 0)?.root.map(|root| Node::Not(Box::new(root)));
        shown(&TsQuery { root })
    });
}

fn join(call: &Call<'_>, with: impl Fn(Box<Node>, Box<Node>) -> Node) -> Result<Value> {
    let root = match (query(call, 0)?.root, query(call, 1)?.root) {
        (Some(a), Some(b)) => Some(with(Box::new(a), Box::new(b))),
        (one, other) => one.or(other),
    };
    shown(&TsQuery { root })
}

fn nodes(node: &Node) -> usize {
    match node {
        Node::Term { .. } => 1,
        Node::Not(inner) => 1 + nodes(inner),
        Node::And(a, b) | Node::Or(a, b) | Node::Phrase(a, b, _) => 1 + nodes(a) + nodes(b),
    }
}

/// A stop word: a term without text. It is taken out before anyone sees the query.
fn stop() -> Node {
    Node::Term { text: String::new(), weights: 0, prefix: false }
}

/// How the words of one text are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Glue {
    And,
    Phrase,
}

/// The words of a text as a query, stop words still in it as gaps.
fn words(config: Config, text: &str, (weights, prefix): (u8, bool), glue: Glue) -> Result<Node> {
    let mut query: Option<Node> = None;
    let mut add = |node: Node| {
        query = Some(match (query.take(), glue) {
            (None, _) => node,
            (Some(before), Glue::And) => Node::And(Box::new(before), Box::new(node)),
            (Some(before), Glue::Phrase) => Node::Phrase(Box::new(before), Box::new(node), 1),
        });
    };
    let tokens = tokens(text);
    if tokens.len() > WORDS_MAX {
        return Err(Error::new(
            "54000",
            format!("a query may not hold more than {WORDS_MAX} words"),
        ));
    }
    let (mut gap, mut found) = (0, false);
    for token in tokens {
        match config.lexeme(&token) {
            None => gap += 1,
            Some(text) => {
                if found {
                    (0..gap).for_each(|_| add(stop()));
                }
                (gap, found) = (0, true);
                add(Node::Term { text, weights, prefix });
            }
        }
    }
    Ok(query.unwrap_or_else(stop))
}

/// Takes stop words out; what they leave widens the distances around them.
fn clean(node: Node) -> TsQuery {
    TsQuery { root: without_stops(node).0 }
}

/// The node without stop words, and the distances that its left and right neighbours must add.
fn without_stops(node: Node) -> (Option<Node>, u16, u16) {
    let (left, right, distance) = match node {
        Node::Term { ref text, .. } => {
            return (if text.is_empty() { None } else { Some(node) }, 0, 0);
        }
        Node::Not(inner) => {
            let (inner, left, right) = without_stops(*inner);
            return (inner.map(|inner| Node::Not(Box::new(inner))), left, right);
        }
        Node::And(ref left, ref right) | Node::Or(ref left, ref right) => {
            (left.clone(), right.clone(), None)
        }
        Node::Phrase(ref left, ref right, distance) => {
            (left.clone(), right.clone(), Some(distance))
        }
    };
    let (a, a_left, a_right) = without_stops(*left);
    let (b, b_left, b_right) = without_stops(*right);
    match (a, b, distance) {
        (None, None, Some(distance)) => {
            let gap = a_left.saturating_add(distance).saturating_add(b_left);
            (None, gap, gap)
        }
        (None, None, None) => (None, a_left.max(b_left), a_left.max(b_left)),
        (None, Some(b), Some(distance)) => {
            (Some(b), a_left.saturating_add(distance).saturating_add(b_left), b_right)
        }
        (None, Some(b), None) => (Some(b), b_left, b_right),
        (Some(a), None, Some(distance)) => {
            (Some(a), a_left, a_right.saturating_add(distance).saturating_add(b_right))
        }
        (Some(a), None, None) => (Some(a), a_left, a_right),
        (Some(a), Some(b), Some(distance)) => {
            let distance = distance.saturating_add(a_right).saturating_add(b_left);
            (Some(Node::Phrase(Box::new(a), Box::new(b), distance)), a_left, b_right)
        }
        (Some(a), Some(b), None) => {
            let (a, b) = (Box::new(a), Box::new(b));
            (
                Some(if matches!(node, Node::And(..)) { Node::And(a, b) } else { Node::Or(a, b) }),
                0,
                0,
            )
        }
    }
}

fn to_tsquery(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call, 1)?;
    let parsed = TsQuery::parse(call.text(index)?)?;
    match parsed.root {
        None => shown(&parsed),
        Some(root) => shown(&clean(normalize(config, root)?)),
    }
}

/// Replaces the terms of a query by their lexemes.
fn normalize(config: Config, node: Node) -> Result<Node> {
    let both = |a: Box<Node>, b: Box<Node>| -> Result<(Box<Node>, Box<Node>)> {
        Ok((Box::new(normalize(config, *a)?), Box::new(normalize(config, *b)?)))
    };
    Ok(match node {
        Node::Term { text, weights, prefix } => {
            words(config, &text, (weights, prefix), Glue::Phrase)?
        }
        Node::Not(inner) => Node::Not(Box::new(normalize(config, *inner)?)),
        Node::And(a, b) => both(a, b).map(|(a, b)| Node::And(a, b))?,
        Node::Or(a, b) => both(a, b).map(|(a, b)| Node::Or(a, b))?,
        Node::Phrase(a, b, distance) => both(a, b).map(|(a, b)| Node::Phrase(a, b, distance))?,
    })
}

fn plain(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call, 1)?;
    shown(&clean(words(config, call.text(index)?, (0, false), Glue::And)?))
}

fn phrase(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call, 1)?;
    shown(&clean(words(config, call.text(index)?, (0, false), Glue::Phrase)?))
}

/// What people type: words are all wanted, `"…"` is a phrase, `-` excludes, `or` offers a choice.
fn websearch(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call, 1)?;
    let mut choices: Vec<Node> = Vec::new();
    let mut wanted: Option<Node> = None;
    let mut rest = call.text(index)?;
    let mut parts = 0;
    loop {
        rest = rest
            .trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '"' | '-' | '_'));
        let mut negations = 0;
        while let Some(behind) = rest.strip_prefix('-') {
            negations += 1;
            rest = behind;
        }
        if rest.is_empty() {
            break;
        }
        parts += 1;
        if parts > WORDS_MAX {
            return Err(Error::new(
                "54000",
                format!("a query may not hold more than {WORDS_MAX} words"),
            ));
        }
        let (part, behind, quoted) = match rest.strip_prefix('"') {
            Some(inside) => {
                let (part, behind) = inside.split_once('"').unwrap_or((inside, ""));
                (part, behind, true)
            }
            None => {
                let end = rest.find(|c: char| {
                    c.is_whitespace() || matches!(c, '"' | '(' | ')' | '|' | '&' | '!' | '<' | ':')
                });
                let end =
                    end.unwrap_or(rest.len()).max(rest.chars().next().map_or(1, char::len_utf8));
                (&rest[..end], &rest[end..], false)
            }
        };
        rest = behind;
        let is_or = !quoted && negations == 0 && part.eq_ignore_ascii_case("or");
        if is_or && wanted.is_some() && !rest.trim().is_empty() {
            choices.extend(wanted.take());
            continue;
        }
        let mut node = words(config, part, (0, false), Glue::Phrase)?;
        for _ in 0..negations.min(2 + negations % 2) {
            node = Node::Not(Box::new(node));
        }
        wanted = Some(match wanted.take() {
            Some(before) => Node::And(Box::new(before), Box::new(node)),
            None => node,
        });
    }
    choices.extend(wanted);
    let root = choices.into_iter().reduce(|a, b| Node::Or(Box::new(a), Box::new(b)));
    shown(&root.map(clean).unwrap_or_default())
}
