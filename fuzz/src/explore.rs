//! The search: seeds, mutations, and what behaves in a new way.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::mutate::Mutator;
use crate::seeds::regressions;

/// Limit: inputs that are kept as seeds.
const SEEDS_MAX: usize = 20_000;
/// Limit: names of behaviours that are told apart.
const NAMES_MAX: usize = 20_000;

/// Limit: characters of the slowest input that are shown.
const SHOWN_MAX: usize = 1000;

/// What a search starts with.
pub struct Seeds {
    /// Whole inputs.
    pub inputs: Vec<Vec<u8>>,
    /// Words that mean something in them.
    pub words: Vec<&'static str>,
}

/// What a search saw.
#[derive(Debug)]
pub struct Summary {
    /// Inputs that were tried.
    pub runs: u64,
    /// Behaviours that were told apart.
    pub behaviours: usize,
    /// The longest that one input took, on the clock: a busy machine shows here too.
    pub slowest: Duration,
    /// The start of that input.
    pub slowest_input: String,
}

/// An input that must not do what it did.
pub struct Finding {
    /// The input.
    pub input: Vec<u8>,
    /// What it did.
    pub what: String,
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  input: \"{}\"", self.what, self.input.escape_ascii())
    }
}

/// Looks for findings on a thread with a stack of this size: `runs` inputs, a million with
/// `BACKSTAY_NIGHTLY=1`. What was found before is tried first. `BACKSTAY_FUZZ_RUNS` and
/// `BACKSTAY_FUZZ_SEED` say how many otherwise, and begin another search.
///
/// # Panics
/// With the finding; if the target tells nothing apart.
pub fn search(
    name: &str,
    mut seeds: Seeds,
    (runs, stack_bytes): (u64, usize),
    target: impl Fn(&[u8]) -> String + Send + 'static,
) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let nightly = number("BACKSTAY_NIGHTLY") == Some(1);
    let runs = number("BACKSTAY_FUZZ_RUNS").unwrap_or(if nightly { 1_000_000 } else { runs });
    let start = number("BACKSTAY_FUZZ_SEED").unwrap_or(1);
    seeds.inputs.splice(0..0, regressions(name));
    let searching = std::thread::Builder::new()
        .stack_size(stack_bytes)
        .spawn(move || explore(seeds, (runs, start), &target))
        .expect("a thread");
    let found = searching.join().expect("the search itself does not panic");
    let summary = found.unwrap_or_else(|finding| panic!("{name}: {finding:?}"));
    eprintln!("{name}: {summary:?}");
    assert!(summary.behaviours > 1, "the target tells nothing apart");
}

/// Tries the seeds, then `runs` mutations of them. The target names what became of its input.
///
/// # Errors
/// The first input that makes the target panic or answer with an internal error (`XX…`).
pub fn explore(
    seeds: Seeds,
    (runs, start): (u64, u64),
    target: &dyn Fn(&[u8]) -> String,
) -> Result<Summary, Finding> {
    let mut known = BTreeSet::new();
    let mut kept = Vec::new();
    let (mut slowest, mut slowest_input) = (Duration::ZERO, String::new());
    let mut attempt = |input: &[u8], known: &mut BTreeSet<String>| -> Result<bool, Finding> {
        let began = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| target(input)));
        let took = began.elapsed();
        if took > slowest {
            slowest = took;
            slowest_input = input.escape_ascii().to_string().chars().take(SHOWN_MAX).collect();
        }
        let finding = |what: String| Finding { input: input.to_vec(), what };
        let name = done.map_err(|panic| finding(format!("panic: {}", message(&*panic))))?;
        if name.starts_with("XX") {
            return Err(finding(name));
        }
        Ok(known.len() < NAMES_MAX && known.insert(plain(&name)))
    };
    for input in &seeds.inputs {
        attempt(input, &mut known)?;
    }
    kept.extend(seeds.inputs);
    let mut mutator = Mutator::new(start, seeds.words);
    for _ in 0..runs {
        let input = mutator.next(&kept);
        if attempt(&input, &mut known)? && kept.len() < SEEDS_MAX {
            kept.push(input);
        }
    }
    Ok(Summary { runs, behaviours: known.len(), slowest, slowest_input })
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

/// A name without what stands in quotes and without numbers: those are the input's own.
fn plain(name: &str) -> String {
    let mut quoted = false;
    let mut kept = String::new();
    for c in name.chars().take(400) {
        quoted ^= matches!(c, '"' | '`' | '\'');
        if !quoted && !c.is_ascii_digit() {
            kept.push(c);
        }
    }
    kept
}
