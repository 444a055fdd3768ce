//! What must hold of every file and every room; see CONTRIBUTING.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// The rooms, lowest first: a room may use only rooms above it in this list.
const ROOMS: &[&str] = &[
    "model",
    "expr",
    "catalog",
    "scalar",
    "typing",
    "pgsql",
    "rest",
    "plan",
    "policy",
    "client-types",
    "sql",
    "executor",
    "engine",
    "engine-sqlite",
    "engine-postgres",
    "migrate",
    "records",
    "auth",
    "http",
    "backstay",
];

/// Rooms without I/O, clock, randomness of their own, runtime or driver.
const PURE: &[&str] = &[
    "model",
    "expr",
    "catalog",
    "scalar",
    "typing",
    "pgsql",
    "rest",
    "plan",
    "policy",
    "client-types",
    "sql",
];

/// What must not appear anywhere below a pure room.
const IMPURE: &[&str] = &["tokio", "rusqlite", "axum", "hyper", "tracing", "tokio-postgres"];

/// Who may use an engine.
const KNOWS_ENGINES: &[&str] = &["backstay"];

/// Lines of a source file without its tests.
const LINES_MAX: usize = 600;

/// Licences that are accepted, as words of an SPDX expression.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
    "0BSD",
    "CC0-1.0",
    "Unlicense",
    "BSL-1.0",
    "LLVM-exception",
];

/// All findings, one a line; none when all is well.
pub(crate) fn run(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for folder in ["crates", "bench", "fuzz", "xtask"] {
        for file in rust_files(&root.join(folder))? {
            findings.extend(check_file(root, &file)?);
        }
    }
    for room in ROOMS {
        findings.extend(check_dependencies(root, room)?);
    }
    findings.extend(check_packages(root)?);
    Ok(findings)
}

fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                files.extend(rust_files(&path)?);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn check_file(root: &Path, file: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(file)?;
    let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        findings.push(format!("{name}: begins without a //! header"));
    }
    if text.starts_with("//! Placeholder") {
        findings.push(format!("{name}: is a placeholder"));
    }
    if file.file_name().is_some_and(|name| name == "mod.rs") {
        findings.push(format!("{name}: use foo.rs beside a folder foo/"));
    }
    let is_test = name.contains("/tests") || name.ends_with("tests.rs");
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    if lines > LINES_MAX && !is_test {
        findings.push(format!("{name}: {lines} lines without tests, at most {LINES_MAX}"));
    }
    Ok(findings)
}

fn check_dependencies(root: &Path, room: &str) -> anyhow::Result<Vec<String>> {
    let manifest = fs::read_to_string(root.join("crates").join(room).join("Cargo.toml"))?;
    let dependencies = manifest
        .split("[dependencies]")
        .nth(1)
        .unwrap_or_default()
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let position = |name: &str| ROOMS.iter().position(|known| *known == name);
    let mut findings = Vec::new();
    for line in dependencies {
        let package = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let Some(other) = package.strip_prefix("backstay-") else { continue };
        match (position(other), position(room)) {
            (Some(theirs), Some(ours)) if theirs < ours => {}
            _ => findings.push(format!("crates/{room} must not use {other}: it is not above it")),
        }
        if other.starts_with("engine-") && !KNOWS_ENGINES.contains(&room) {
            findings.push(format!("crates/{room} must not know the engine {other}"));
        }
    }
    Ok(findings)
}

/// Licences of everything, and what stands below the pure rooms, from cargo's own metadata.
fn check_packages(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !is_accepted(licence) {
            findings.push(format!("the licence of {name} is not accepted: `{licence}`"));
        }
    }
    let nodes = metadata["resolve"]["nodes"].as_array().context("no graph")?;
    let name_of = |id: &str| {
        packages.iter().find(|package| package["id"] == id).and_then(|p| p["name"].as_str())
    };
    for room in PURE {
        let package = format!("backstay-{room}");
        let start = packages.iter().find(|p| p["name"] == package.as_str()).map(|p| &p["id"]);
        let mut open: Vec<&str> = start.and_then(|id| id.as_str()).into_iter().collect();
        let mut seen = open.clone();
        while let Some(id) = open.pop() {
            if let Some(name) = name_of(id).filter(|name| IMPURE.contains(name)) {
                findings.push(format!("crates/{room} is pure and must not reach {name}"));
            }
            for next in below(nodes, id) {
                if !seen.contains(&next) {
                    seen.push(next);
                    open.push(next);
                }
            }
        }
    }
    Ok(findings)
}

/// What a package needs to run (not what its tests or its build need).
fn below<'m>(nodes: &'m [serde_json::Value], id: &str) -> Vec<&'m str> {
    let Some(node) = nodes.iter().find(|node| node["id"] == id) else { return Vec::new() };
    node["deps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|dependency| {
            dependency["dep_kinds"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        })
        .filter_map(|dependency| dependency["pkg"].as_str())
        .collect()
}

/// `A OR B` needs one, `A AND B` both.
fn is_accepted(expression: &str) -> bool {
    let accepted = |word: &str| {
        word.split(" WITH ").all(|part| LICENCES.contains(&part.trim_matches(['(', ')', ' '])))
    };
    expression.replace('/', " OR ").split(" AND ").all(|all| all.split(" OR ").any(accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let findings = run(&root).expect("runs");
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn licence_expressions_are_read() {
        assert!(is_accepted("MIT OR Apache-2.0"));
        assert!(is_accepted("MIT/Apache-2.0"));
        assert!(is_accepted("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(is_accepted("GPL-3.0 OR MIT"));
        assert!(!is_accepted("GPL-3.0"));
        assert!(!is_accepted("MIT AND GPL-3.0"));
    }
}
