//! `ts_rank_cd`: ranks by covers, the shortest stretches of a document that satisfy a query.

use backstay_model::{Result, Value};

use super::matching::matches;
use super::rank::{WEIGHTS, log2_of_next, weights};
use super::{query, vector};
use crate::io::nested::tsquery::Node;
use crate::io::nested::tsvector::{Position, TsVector};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    for signature in
        ["ts_rank_cd(tsvector, tsquery) real", "ts_rank_cd(tsvector, tsquery, integer) real"]
    {
        table.function(signature).total().scalar(|call| rank(call, WEIGHTS, 0));
    }
    for signature in [
        "ts_rank_cd(real[], tsvector, tsquery) real",
        "ts_rank_cd(real[], tsvector, tsquery, integer) real",
    ] {
        table.function(signature).scalar(|call| rank(call, weights(call)?, 1));
    }
}

/// A position of the document where words of the query stand.
struct Place {
    position: Position,
    /// The lexemes there.
    lexemes: Vec<String>,
}

/// A stretch of places.
struct Cover {
    first: usize,
    last: usize,
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
#[expect(clippy::cast_possible_truncation, reason = "a rank is a single")]
fn rank(call: &Call<'_>, weights: [f32; 4], first: usize) -> Result<Value> {
    let document = vector(call, first)?;
    let flags = if call.args.len() > first + 2 { call.int(first + 2)? } else { 0 };
    let Some(root) = query(call, first + 1)?.root else { return Ok(Value::Float(0.0)) };
    let places = places(&document, &root);
    let (mut rank, mut covers, mut closeness, mut before) = (0.0_f64, 0_u32, 0.0_f64, 0.0_f64);
    let mut from = 0;
    while let Some(cover) = next_cover(&places, &root, &mut from) {
        let inside = &places[cover.first..=cover.last];
        let weight =
            |place: &Place| 1.0 / f64::from(weights[usize::from(place.position.weight & 3)]);
        let inverse: f64 = inside.iter().map(weight).sum();
        let (begin, end) = (inside[0].position.at, inside[inside.len() - 1].position.at);
        let (words, span) = (inside.len() as i64 - 1, i64::from(end) - i64::from(begin));
        let noise = if span < words { words / 2 } else { span - words };
        rank += inside.len() as f64 / inverse / (1 + noise) as f64;
        let middle = (f64::from(begin) + f64::from(end)) / 2.0;
        if covers > 0 && middle > before {
            closeness += 1.0 / (middle - before);
        }
        (before, covers) = (middle, covers + 1);
    }
    let words: usize = document.lexemes.iter().map(|(_, at)| at.len().max(1)).sum();
    let unique = document.lexemes.len();
    if flags & 1 != 0 {
        rank /= ((words + 1) as f64).ln();
    }
    if flags & 2 != 0 && words > 0 {
        rank /= words as f64;
    }
    if flags & 4 != 0 && covers > 0 && closeness > 0.0 {
        rank /= f64::from(covers) / closeness;
    }
    if flags & 8 != 0 && unique > 0 {
        rank /= unique as f64;
    }
    if flags & 16 != 0 && unique > 0 {
        rank /= f64::from(log2_of_next(unique));
    }
    if flags & 32 != 0 {
        rank /= rank + 1.0;
    }
    Ok(Value::Float(f64::from(rank as f32)))
}

/// Where words of the query stand, in order. Lexemes without positions stand nowhere.
fn places(document: &TsVector, root: &Node) -> Vec<Place> {
    let mut found = Vec::new();
    gather(document, root, &mut found);
    found.sort_by_key(|(position, _): &(Position, String)| position.at);
    let mut places: Vec<Place> = Vec::new();
    for (position, lexeme) in found {
        match places.last_mut() {
            Some(last) if last.position.at == position.at => {
                if !last.lexemes.contains(&lexeme) {
                    last.lexemes.push(lexeme);
                }
            }
            _ => places.push(Place { position, lexemes: vec![lexeme] }),
        }
    }
    places
}

fn gather(document: &TsVector, node: &Node, found: &mut Vec<(Position, String)>) {
    match node {
        Node::Term { text, weights, prefix } => {
            let fits =
                |position: &&Position| *weights == 0 || weights & (1 << position.weight) != 0;
            let lexemes = document.lexemes.iter().filter(|(lexeme, _)| {
                if *prefix { lexeme.starts_with(text.as_str()) } else { lexeme == text }
            });
            for (lexeme, positions) in lexemes {
                found.extend(positions.iter().filter(fits).map(|one| (*one, lexeme.clone())));
            }
        }
        Node::Not(inner) => gather(document, inner, found),
        Node::And(a, b) | Node::Or(a, b) | Node::Phrase(a, b, _) => {
            gather(document, a, found);
            gather(document, b, found);
        }
    }
}

/// The next shortest stretch from `from` on: first its end, then its beginning.
fn next_cover(places: &[Place], root: &Node, from: &mut usize) -> Option<Cover> {
    let last = (*from..places.len()).find(|last| satisfied(&places[*from..=*last], root))?;
    let first = (*from..=last).rev().find(|first| satisfied(&places[*first..=last], root))?;
    *from = first + 1;
    Some(Cover { first, last })
}

/// Do these places satisfy the query?
fn satisfied(places: &[Place], node: &Node) -> bool {
    match node {
        Node::Term { text, prefix, .. } => {
            let fits = |lexeme: &String| {
                if *prefix { lexeme.starts_with(text.as_str()) } else { lexeme == text }
            };
            places.iter().any(|place| place.lexemes.iter().any(fits))
        }
        Node::Not(inner) => !satisfied(places, inner),
        Node::And(a, b) => satisfied(places, a) && satisfied(places, b),
        Node::Or(a, b) => satisfied(places, a) || satisfied(places, b),
        Node::Phrase(..) => matches(&stretch(places), Some(node)),
    }
}

/// The places as a document of their own.
fn stretch(places: &[Place]) -> TsVector {
    let mut lexemes: Vec<(String, Vec<Position>)> = Vec::new();
    for place in places {
        for lexeme in &place.lexemes {
            match lexemes.iter_mut().find(|(known, _)| known == lexeme) {
                Some((_, positions)) => positions.push(place.position),
                None => lexemes.push((lexeme.clone(), vec![place.position])),
            }
        }
    }
    lexemes.sort();
    TsVector { lexemes }
}
