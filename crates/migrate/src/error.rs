//! Where a migration failed.

use std::fmt;

use backstay_model::Error;

/// A place in a text, counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset.
    pub fn of(text: &str, offset: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line, column: before[start..].chars().count() + 1 }
    }
}

/// What of a run had been applied when it failed: each file is all or nothing, but for those with
/// statements that cannot run in a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Paths of the files that were applied.
    pub files: Vec<String>,
    /// The file that failed had such a statement before: what stands up to it is applied.
    pub partly: bool,
}

/// A migration, seed or bootstrap file that failed, with all that is needed to show the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationError {
    /// The file.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Byte offset in `text` that the error is about.
    pub offset: usize,
    /// The same as line and column.
    pub place: Place,
    /// The statement, without its semicolon; empty where the text could not be parsed.
    pub statement: String,
    /// What happened.
    pub error: Error,
    /// What remains.
    pub applied: Applied,
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "{}:{line}:{column}: {}", self.file, self.error)
    }
}

impl std::error::Error for MigrationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a\nbü c";
        assert_eq!(Place::of(text, 0), Place { line: 1, column: 1 });
        assert_eq!(Place::of(text, 2), Place { line: 2, column: 1 });
        assert_eq!(Place::of(text, 6), Place { line: 2, column: 4 });
        assert_eq!(Place::of(text, 99), Place { line: 2, column: 5 });
    }
}
