//! pg_trgm: likeness of texts by their trigrams.

use std::collections::{BTreeSet, HashMap};

use backstay_model::{Array, Value};

use crate::functions::text::lower;
use crate::{Call, Table};

/// Limit: trigrams of the longer text that `word_similarity` looks at.
const WINDOW_MAX: usize = 4_096;

pub(super) fn register(table: &mut Table) {
    for signature in ["similarity(text, text) real", "extensions.similarity(text, text) real"] {
        table
            .function(signature)
            .total()
            .scalar(|call| Ok(Value::Float(similarity(call.text(0)?, call.text(1)?))));
    }
    for signature in
        ["word_similarity(text, text) real", "extensions.word_similarity(text, text) real"]
    {
        table
            .function(signature)
            .total()
            .scalar(|call| Ok(Value::Float(word_similarity(call.text(0)?, call.text(1)?))));
    }
    for signature in ["show_trgm(text) text[]", "extensions.show_trgm(text) text[]"] {
        table.function(signature).total().scalar(|call| {
            let found: BTreeSet<String> = trigrams(call.text(0)?).into_iter().collect();
            let found = found.into_iter().map(Value::Text).collect();
            Ok(Value::Array(Array::from_elements(found)))
        });
    }
    operators(table);
}

fn operators(table: &mut Table) {
    table.operator("%(text, text) boolean").stable().total().scalar(|call| {
        let threshold = threshold(call, "pg_trgm.similarity_threshold", 0.3);
        Ok(Value::Bool(similarity(call.text(0)?, call.text(1)?) >= threshold))
    });
    table.operator("<%(text, text) boolean").stable().total().scalar(|call| {
        let threshold = threshold(call, "pg_trgm.word_similarity_threshold", 0.6);
        Ok(Value::Bool(word_similarity(call.text(0)?, call.text(1)?) >= threshold))
    });
    table.operator("%>(text, text) boolean").stable().total().scalar(|call| {
        let threshold = threshold(call, "pg_trgm.word_similarity_threshold", 0.6);
        Ok(Value::Bool(word_similarity(call.text(1)?, call.text(0)?) >= threshold))
    });
    table
        .operator("<->(text, text) real")
        .total()
        .scalar(|call| Ok(distance(similarity(call.text(0)?, call.text(1)?))));
    table
        .operator("<<->(text, text) real")
        .total()
        .scalar(|call| Ok(distance(word_similarity(call.text(0)?, call.text(1)?))));
    table
        .operator("<->>(text, text) real")
        .total()
        .scalar(|call| Ok(distance(word_similarity(call.text(1)?, call.text(0)?))));
}

fn threshold(call: &Call<'_>, name: &str, default: f64) -> f64 {
    let set = call.env.setting(name).and_then(|value| value.parse::<f64>().ok());
    single(set.unwrap_or(default))
}

/// Rounded as `real` is.
#[expect(clippy::cast_possible_truncation, reason = "a real is a single")]
fn single(number: f64) -> f64 {
    f64::from(number as f32)
}

#[expect(clippy::cast_possible_truncation, reason = "a real is a single")]
fn distance(likeness: f64) -> Value {
    Value::Float(f64::from(1.0 - likeness as f32))
}

/// All trigrams in the order of the text: each word with two blanks before and one behind.
fn trigrams(text: &str) -> Vec<String> {
    let text = lower(text);
    let mut out = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let padded: Vec<char> = "  ".chars().chain(word.chars()).chain([' ']).collect();
        out.extend(padded.windows(3).map(|three| three.iter().collect::<String>()));
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "counts of trigrams are small")]
fn ratio(common: usize, union: usize) -> f64 {
    if union == 0 { 0.0 } else { single(common as f64 / union as f64) }
}

fn similarity(a: &str, b: &str) -> f64 {
    let a: BTreeSet<String> = trigrams(a).into_iter().collect();
    let b: BTreeSet<String> = trigrams(b).into_iter().collect();
    let common = a.intersection(&b).count();
    ratio(common, a.len() + b.len() - common)
}

/// The greatest likeness of the first text to any stretch of the second.
fn word_similarity(a: &str, b: &str) -> f64 {
    let wanted: BTreeSet<String> = trigrams(a).into_iter().collect();
    let all = trigrams(b);
    let all = &all[..all.len().min(WINDOW_MAX)];
    // A best stretch begins and ends with a wanted trigram.
    let starts: Vec<usize> = (0..all.len()).filter(|at| wanted.contains(&all[*at])).collect();
    let mut best = 0.0_f64;
    for start in &starts {
        let mut seen: HashMap<&str, ()> = HashMap::new();
        let mut common = 0;
        // Beyond this width even a complete match is less alike than what is known.
        let width_max = if best > 0.0 { width_limit(wanted.len(), best) } else { usize::MAX };
        for trigram in all[*start..].iter() {
            if seen.insert(trigram, ()).is_none() && wanted.contains(trigram) {
                common += 1;
                best = best.max(ratio(common, wanted.len() + seen.len() - common));
            }
            if seen.len() > width_max {
                break;
            }
        }
    }
    best
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of trigrams are small and positive"
)]
fn width_limit(wanted: usize, best: f64) -> usize {
    (wanted as f64 / best).ceil() as usize + 1
}
