//! Seeds: sample rows, run once.

use crate::migration::checksum;

/// A seed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The path as it is recorded and shown.
    pub path: String,
    /// The file's text.
    pub text: String,
}

impl Seed {
    /// SHA-256 of the text, in hexadecimal: a recorded seed whose hash differs is reported and not
    /// run again.
    pub fn hash(&self) -> String {
        checksum(&self.text)
    }
}
