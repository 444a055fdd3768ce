//! Seeds from the repository: what the tests and examples hold is what people write.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder of the repository with this ending.
///
/// # Panics
/// If there is none: a search without seeds finds nothing.
pub fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let found = read(&root().join(folder), ending);
    assert!(!found.is_empty(), "no *.{ending} in {folder}");
    found
}

/// What a target was found to stumble over.
pub fn regressions(target: &str) -> Vec<Vec<u8>> {
    read(&root().join("fuzz/regressions").join(target), "bin")
}

fn read(folder: &Path, ending: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|known| known == ending))
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// The requests of the conformance cases, one an input: `GET /path?query`.
pub fn conformance_requests() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for file in files("tests/conformance", "yaml") {
        let text = String::from_utf8_lossy(&file).into_owned();
        for line in text.lines() {
            let Some((_, rest)) = line.split_once("request: ") else { continue };
            let request = match rest.strip_prefix(['"', '\'']) {
                Some(quoted) => quoted.split(['"', '\'']).next().unwrap_or_default(),
                None => rest,
            };
            let body = line.split_once("body: ").map_or("", |(_, body)| body);
            found.push(format!("{request}\nprefer: return=representation\n\n{body}").into_bytes());
        }
    }
    found
}
