//! Mutations: bytes, words, pieces of other seeds, and repetition.

use fastrand::Rng;

/// Limit: bytes of an input. Longer ones meet the limits of sizes, which have tests of their own.
const BYTES_MAX: usize = 16 << 10;

/// Numbers and characters at which parsers break.
const EDGES: &[&str] = &[
    "0",
    "-1",
    "2147483648",
    "9223372036854775807",
    "18446744073709551616",
    "1e999",
    "NaN",
    "Infinity",
    "0.000000000000000000000000000000001",
    "''",
    "\"\"",
    "()",
    "{}",
    "[]",
    "(",
    "{",
    "[",
    ")",
    "}",
    "]",
    ",",
    ".",
    ":",
    "*",
    "%",
    "%00",
    "%ff",
    "%F0%9F%92%A9",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "é",
    "ß",
    "İ",
    "\u{202e}",
    "\u{feff}",
    "\u{10ffff}",
    "💩",
    "\\",
    "\\u0000",
    "\r\n",
    "\n",
    "\t",
    " ",
    "null",
    "true",
    "$$",
    "--",
    "/*",
    "*/",
    ";",
];

/// Makes inputs out of seeds.
pub(crate) struct Mutator {
    rng: Rng,
    words: Vec<&'static str>,
}

impl Mutator {
    pub(crate) fn new(start: u64, words: Vec<&'static str>) -> Self {
        Self { rng: Rng::with_seed(start), words }
    }

    /// A mutation of one of the seeds.
    pub(crate) fn next(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.rng.choice(seeds).cloned().unwrap_or_default();
        for _ in 0..=self.rng.u8(0..4) {
            self.once(&mut input, seeds);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn once(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.rng.usize(0..=input.len());
        match self.rng.u8(0..10) {
            0 => insert(input, at, self.rng.choice(EDGES).map_or(&b""[..], |edge| edge.as_bytes())),
            1..=3 => {
                let word = self.rng.choice(&self.words).map_or(&b""[..], |word| word.as_bytes());
                insert(input, at, word);
            }
            4 => {
                let piece = self.piece(seeds);
                insert(input, at, &piece);
            }
            5 => {
                let range = self.range(input.len());
                input.drain(range);
            }
            6 => {
                // Something repeated: nesting, chains, long lists.
                let range = self.range(input.len());
                let times = 1 << self.rng.u32(0..8);
                let piece = input[range].repeat(times);
                insert(input, at, &piece[..piece.len().min(BYTES_MAX)]);
            }
            7 => {
                let range = self.range(input.len());
                let piece = self.piece(seeds);
                input.splice(range, piece);
            }
            8 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.rng.u8(0..8);
                }
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = self.rng.u8(..);
                }
            }
        }
    }

    fn piece(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let other = self.rng.choice(seeds).cloned().unwrap_or_default();
        other[self.range(other.len())].to_vec()
    }

    /// A range, short ones more often.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.rng.usize(0..=length);
        let longest = if self.rng.bool() { 8 } else { length };
        let end = start + self.rng.usize(0..=longest.min(length - start));
        start..end
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}
