//! `backstay new NAME`: a project that runs.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use miette::{IntoDiagnostic, WrapErr, miette};

use crate::log::say;

/// The files of a new project.
const FILES: &[(&str, &str)] = &[
    ("backstay.toml", include_str!("new/backstay.toml")),
    ("migrations/0001_posts.sql", include_str!("new/0001_posts.sql")),
    ("seed.sql", include_str!("new/seed.sql")),
    ("public/index.html", include_str!("new/index.html")),
    (".gitignore", ".backstay/\n.env\n"),
];

pub(crate) fn run(name: &str) -> miette::Result<ExitCode> {
    let folder = Path::new(name);
    let plain = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if plain.is_empty() || plain.chars().any(char::is_control) {
        return Err(miette!("`{name}` is no name for a project"));
    }
    if folder.exists() {
        return Err(miette!(help = "choose another name", "{name} exists already"));
    }
    for (file, text) in FILES {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text.replace("PROJECT", &plain.replace('"', "'"))))
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write {}", path.display()))?;
    }
    say(&format!("Made {name}. Now:\n\n  cd {name}\n  backstay dev\n"));
    Ok(ExitCode::SUCCESS)
}
