//! `@@`: does a document satisfy a query?

use backstay_model::Value;

use super::{config, documents, query, vector};
use crate::Table;
use crate::io::nested::tsquery::Node;
use crate::io::nested::tsvector::{Position, TsVector};

pub(super) fn register(table: &mut Table) {
    for symbol in ["@@(tsvector, tsquery) boolean", "@@@(tsvector, tsquery) boolean"] {
        table.operator(symbol).total().scalar(|call| {
            Ok(Value::Bool(matches(&vector(call, 0)?, query(call, 1)?.root.as_ref())))
        });
    }
    table
        .operator("@@(tsquery, tsvector) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(matches(&vector(call, 1)?, query(call, 0)?.root.as_ref()))));
    table.operator("@@(text, tsquery) boolean").stable().total().scalar(|call| {
        let (config, _) = config(call, usize::MAX)?;
        let document = documents::document(config, call.text(0)?);
        Ok(Value::Bool(matches(&document, query(call, 1)?.root.as_ref())))
    });
    table.operator("@@(text, text) boolean").stable().total().scalar(|call| {
        let (config, _) = config(call, usize::MAX)?;
        let document = documents::document(config, call.text(0)?);
        let wanted = documents::document(config, call.text(1)?);
        let all = wanted.lexemes.iter().all(|(lexeme, _)| document.positions(lexeme).is_some());
        Ok(Value::Bool(all && !wanted.lexemes.is_empty()))
    });
}

/// Does the document satisfy the query? Nothing satisfies the empty one.
pub(super) fn matches(document: &TsVector, query: Option<&Node>) -> bool {
    query.is_some_and(|query| holds(document, query))
}

fn holds(document: &TsVector, node: &Node) -> bool {
    match node {
        Node::Term { text, weights, prefix } => {
            let fits = |positions: &[Position]| {
                *weights == 0
                    || positions.iter().any(|position| weights & (1 << position.weight) != 0)
            };
            if *prefix {
                document.with_prefix(text).any(|(_, positions)| fits(positions))
            } else {
                document.positions(text).is_some_and(fits)
            }
        }
        Node::Not(inner) => !holds(document, inner),
        Node::And(a, b) => holds(document, a) && holds(document, b),
        Node::Or(a, b) => holds(document, a) || holds(document, b),
        Node::Phrase(..) => {
            let places = places(document, node);
            places.negated || !places.at.is_empty()
        }
    }
}

/// Where a part of a phrase matches.
#[derive(Default)]
struct Places {
    /// Ascending positions of the last word.
    at: Vec<i32>,
    /// It matches everywhere but there.
    negated: bool,
    /// Distance from the first to the last word.
    width: i32,
}

fn places(document: &TsVector, node: &Node) -> Places {
    match node {
        Node::Term { text, weights, prefix } => {
            let fits =
                |position: &&Position| *weights == 0 || weights & (1 << position.weight) != 0;
            let mut at: Vec<i32> = if *prefix {
                let found = document.with_prefix(text).flat_map(|(_, positions)| positions);
                found.filter(fits).map(|position| i32::from(position.at)).collect()
            } else {
                let found = document.positions(text).unwrap_or_default().iter();
                found.filter(fits).map(|position| i32::from(position.at)).collect()
            };
            at.sort_unstable();
            at.dedup();
            Places { at, ..Places::default() }
        }
        Node::Not(inner) => {
            let inner = places(document, inner);
            Places { negated: !inner.negated, ..inner }
        }
        Node::Phrase(a, b, distance) => {
            let (a, b) = (places(document, a), places(document, b));
            let shift = i32::from(*distance) + b.width;
            let width = shift + a.width;
            both(moved(a, shift), b, width)
        }
        Node::And(a, b) => {
            let (a, b) = (places(document, a), places(document, b));
            let width = a.width.max(b.width);
            let (shift_a, shift_b) = (width - a.width, width - b.width);
            both(moved(a, shift_a), moved(b, shift_b), width)
        }
        Node::Or(a, b) => {
            let (a, b) = (places(document, a), places(document, b));
            let width = a.width.max(b.width);
            let (shift_a, shift_b) = (width - a.width, width - b.width);
            either(moved(a, shift_a), moved(b, shift_b), width)
        }
    }
}

fn moved(mut places: Places, by: i32) -> Places {
    places.at.iter_mut().for_each(|at| *at += by);
    places
}

fn common(a: &[i32], b: &[i32]) -> Vec<i32> {
    a.iter().copied().filter(|at| b.binary_search(at).is_ok()).collect()
}

fn only(a: &[i32], b: &[i32]) -> Vec<i32> {
    a.iter().copied().filter(|at| b.binary_search(at).is_err()).collect()
}

fn union(a: Vec<i32>, b: Vec<i32>) -> Vec<i32> {
    let mut all = a;
    all.extend(b);
    all.sort_unstable();
    all.dedup();
    all
}

fn both(a: Places, b: Places, width: i32) -> Places {
    let (at, negated) = match (a.negated, b.negated) {
        (false, false) => (common(&a.at, &b.at), false),
        (true, false) => (only(&b.at, &a.at), false),
        (false, true) => (only(&a.at, &b.at), false),
        (true, true) => (union(a.at, b.at), true),
    };
    Places { at, negated, width }
}

fn either(a: Places, b: Places, width: i32) -> Places {
    let (at, negated) = match (a.negated, b.negated) {
        (false, false) => (union(a.at, b.at), false),
        (true, false) => (only(&a.at, &b.at), true),
        (false, true) => (only(&b.at, &a.at), true),
        (true, true) => (common(&a.at, &b.at), true),
    };
    Places { at, negated, width }
}
