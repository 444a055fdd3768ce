//! A migration file.

use backstay_model::{Error, Result};
use sha2::{Digest, Sha256};

/// A file of `migrations/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The digits that the file's name begins with.
    pub version: String,
    /// What follows them, without `.sql`.
    pub name: String,
    /// The path as messages show it.
    pub path: String,
    /// The file's text.
    pub text: String,
    /// SHA-256 of the text, in hexadecimal.
    pub checksum: String,
}

impl Migration {
    /// A migration, if the file is called like one (`<digits>_<name>.sql`).
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Option<Self> {
        let (path, text) = (path.into(), text.into());
        let file = path.rsplit(['/', '\\']).next().unwrap_or(&path);
        let (version, name) = file.strip_suffix(".sql")?.split_once('_')?;
        let digits = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Self {
            version: version.to_owned(),
            name: name.to_owned(),
            checksum: checksum(&text),
            path: path.clone(),
            text,
        })
    }
}

/// Sorts by the order in which migrations run (the text order of their file names).
///
/// # Errors
/// `BKS` error for two files of one version.
pub(crate) fn ordered(mut migrations: Vec<Migration>) -> Result<Vec<Migration>> {
    migrations.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    for pair in migrations.windows(2) {
        if let [first, second] = pair
            && first.version == second.version
        {
            return Err(Error::new(
                "BKS301",
                format!("two migrations have the version {}", first.version),
            )
            .with_details(format!("{} and {}", first.path, second.path))
            .with_hint("Give one of the files another number."));
        }
    }
    Ok(migrations)
}

/// SHA-256 of a text, in hexadecimal.
pub fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The commands of `psql` that dumps contain; they say nothing about the database.
const META: &[&str] = &[
    "restrict",
    "unrestrict",
    "connect",
    "c",
    "set",
    "unset",
    "echo",
    "encoding",
    "timing",
    "pset",
    "if",
    "else",
    "elif",
    "endif",
    "qecho",
    "warn",
];

/// The text with lines of `psql` commands blanked out, all places kept.
pub(crate) fn without_psql_lines(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let command = line
            .strip_prefix('\\')
            .map(|rest| rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default());
        if command.is_some_and(|command| META.contains(&command)) {
            let kept = line.trim_end_matches(['\n', '\r']).len();
            result.push_str(&" ".repeat(kept));
            result.push_str(&line[kept..]);
        } else {
            result.push_str(line);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_begin_with_digits_are_migrations() {
        let version = |path: &str| Migration::new(path, "").map(|one| (one.version, one.name));
        let found = |v: &str, n: &str| Some((v.to_owned(), n.to_owned()));
        assert_eq!(version("migrations/0001_shop.sql"), found("0001", "shop"));
        assert_eq!(version("20240101120000_a_b.sql"), found("20240101120000", "a_b"));
        assert_eq!(version("migrations/shop.sql"), None);
        assert_eq!(version("1_x.txt"), None);
        assert_eq!(version("_x.sql"), None);
    }

    #[test]
    fn psql_lines_are_blanked_and_places_stay() {
        let text = "\\restrict abc\nselect 1;\n";
        let clean = without_psql_lines(text);
        assert_eq!(clean, "             \nselect 1;\n");
        assert_eq!(clean.len(), text.len());
        assert_eq!(without_psql_lines("\\nothing\n"), "\\nothing\n");
    }

    #[test]
    fn two_files_of_one_version_are_an_error() {
        let files = ["1_a.sql", "1_b.sql"].map(|path| Migration::new(path, "").unwrap());
        let error = ordered(files.to_vec()).unwrap_err();
        assert_eq!(error.message, "two migrations have the version 1");
    }
}
