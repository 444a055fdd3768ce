//! `ts_rank`: how well a document satisfies a query, in PostgreSQL's single-precision arithmetic.

use backstay_model::{Error, Result, Value};

use super::{query, vector};
use crate::io::nested::tsquery::Node;
use crate::io::nested::tsvector::{POSITION_MAX, Position, TsVector};
use crate::{Call, Table};

/// What the weights D, C, B and A count by default.
pub(super) const WEIGHTS: [f32; 4] = [0.1, 0.2, 0.4, 1.0];

pub(super) fn register(table: &mut Table) {
    for signature in ["ts_rank(tsvector, tsquery) real", "ts_rank(tsvector, tsquery, integer) real"]
    {
        table.function(signature).total().scalar(|call| rank(call, WEIGHTS, 0));
    }
    for signature in [
        "ts_rank(real[], tsvector, tsquery) real",
        "ts_rank(real[], tsvector, tsquery, integer) real",
    ] {
        table.function(signature).scalar(|call| rank(call, weights(call)?, 1));
    }
}

pub(super) fn weights(call: &Call<'_>) -> Result<[f32; 4]> {
    let array = call.array(0)?;
    let bad = |message: &str| Error::new("2202E", message.to_owned());
    if array.dims.len() != 1 {
        return Err(bad("array of weight must be one-dimensional"));
    }
    if array.elements.len() < WEIGHTS.len() {
        return Err(bad("array of weight is too short"));
    }
    let mut weights = WEIGHTS;
    for (slot, value) in weights.iter_mut().zip(&array.elements) {
        *slot = match value {
            #[expect(clippy::cast_possible_truncation, reason = "a real is a single")]
            Value::Float(weight) if *weight <= 1.0 => {
                if *weight >= 0.0 {
                    *weight as f32
                } else {
                    *slot
                }
            }
            Value::Float(_) => return Err(Error::new("22023", "weight out of range")),
            _ => return Err(Error::new("22004", "array of weight must not contain nulls")),
        };
    }
    Ok(weights)
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn rank(call: &Call<'_>, weights: [f32; 4], first: usize) -> Result<Value> {
    let document = vector(call, first)?;
    let flags = if call.args.len() > first + 2 { call.int(first + 2)? } else { 0 };
    let Some(root) = query(call, first + 1)?.root else { return Ok(Value::Float(0.0)) };
    if document.lexemes.is_empty() {
        return Ok(Value::Float(0.0));
    }
    let mut terms = Vec::new();
    collect(&root, &mut terms);
    terms.sort_unstable();
    terms.dedup();
    let together = matches!(root, Node::And(..) | Node::Phrase(..)) && terms.len() > 1;
    let mut rank = if together {
        rank_together(&document, &terms, weights)
    } else {
        rank_any(&document, &terms, weights)
    };
    if rank < 0.0 {
        rank = 1e-20;
    }
    let words: usize = document.lexemes.iter().map(|(_, at)| at.len().max(1)).sum();
    let unique = document.lexemes.len();
    if flags & 1 != 0 {
        rank /= log2_of_next(words);
    }
    if flags & 2 != 0 {
        rank /= words as f32;
    }
    if flags & 8 != 0 {
        rank /= unique as f32;
    }
    if flags & 16 != 0 {
        rank /= log2_of_next(unique);
    }
    if flags & 32 != 0 {
        rank /= rank + 1.0;
    }
    Ok(Value::Float(f64::from(rank)))
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
pub(super) fn log2_of_next(count: usize) -> f32 {
    kept(((count + 1) as f64).ln() / std::f64::consts::LN_2)
}

type Term<'a> = (&'a str, bool);

fn collect<'a>(node: &'a Node, out: &mut Vec<Term<'a>>) {
    match node {
        Node::Term { text, prefix, .. } => out.push((text, *prefix)),
        Node::Not(inner) => collect(inner, out),
        Node::And(a, b) | Node::Or(a, b) | Node::Phrase(a, b, _) => {
            collect(a, out);
            collect(b, out);
        }
    }
}

/// Lexemes without positions count as standing at the very end.
const NOWHERE: [Position; 1] = [Position { at: POSITION_MAX, weight: 0 }];

/// The positions of each lexeme that a term finds; `true` if they are made up.
fn found<'a>(document: &'a TsVector, term: Term<'_>) -> Vec<(&'a [Position], bool)> {
    let shown = |positions: &'a [Position]| {
        if positions.is_empty() { (&NOWHERE[..], true) } else { (positions, false) }
    };
    if term.1 {
        let lexemes = document.lexemes.iter().filter(|(lexeme, _)| lexeme.starts_with(term.0));
        lexemes.map(|(_, positions)| shown(positions)).collect()
    } else {
        document.positions(term.0).map(shown).into_iter().collect()
    }
}

/// PostgreSQL computes each step in double and keeps a single.
#[expect(clippy::cast_possible_truncation, reason = "a rank is a single")]
fn kept(number: f64) -> f32 {
    number as f32
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn rank_any(document: &TsVector, terms: &[Term<'_>], weights: [f32; 4]) -> f32 {
    // The limit of the sum of 1/i².
    const LIMIT: f64 = 1.644_934_066_85;
    let mut rank = 0.0_f32;
    for term in terms {
        for (positions, _) in found(document, *term) {
            let (mut sum, mut best, mut best_at) = (0.0_f32, -1.0_f32, 0);
            for (index, position) in positions.iter().enumerate() {
                let weight = weights[usize::from(position.weight & 3)];
                sum += weight / ((index + 1) * (index + 1)) as f32;
                if weight > best {
                    (best, best_at) = (weight, index);
                }
            }
            let score = best + sum - best / ((best_at + 1) * (best_at + 1)) as f32;
            rank = kept(f64::from(rank) + f64::from(score) / LIMIT);
        }
    }
    if terms.is_empty() { rank } else { rank / terms.len() as f32 }
}

fn rank_together(document: &TsVector, terms: &[Term<'_>], weights: [f32; 4]) -> f32 {
    let weight = |position: &Position| weights[usize::from(position.weight & 3)];
    let mut rank = -1.0_f32;
    let mut earlier: Vec<(&[Position], bool)> = Vec::new();
    for term in terms {
        let lexemes = found(document, *term);
        for (positions, nowhere) in &lexemes {
            for (others, others_nowhere) in &earlier {
                for a in *positions {
                    for b in *others {
                        let mut distance = a.at.abs_diff(b.at);
                        if distance == 0 {
                            if !nowhere && !others_nowhere {
                                continue;
                            }
                            distance = POSITION_MAX;
                        }
                        let closeness = (weight(a) * weight(b) * near(distance)).sqrt();
                        rank = if rank < 0.0 {
                            closeness
                        } else {
                            kept(1.0 - (1.0 - f64::from(rank)) * (1.0 - f64::from(closeness)))
                        };
                    }
                }
            }
        }
        earlier.extend(lexemes.last().copied());
    }
    rank
}

fn near(distance: u16) -> f32 {
    if distance > 100 {
        return 1e-30;
    }
    kept(1.0 / (1.005 + 0.05 * (f64::from(distance) / 1.5 - 2.0).exp()))
}
