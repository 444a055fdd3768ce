//! `backstay new NAME`: a project that runs, in a folder of its own or (`.`) in this one.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use miette::{IntoDiagnostic, WrapErr, miette};

use crate::log::say;

const IGNORE: &str = ".gitignore";

/// The files of a new project.
const FILES: &[(&str, &str)] = &[
    ("backstay.toml", include_str!("new/backstay.toml")),
    ("migrations/0001_posts.sql", include_str!("new/0001_posts.sql")),
    ("seed.sql", include_str!("new/seed.sql")),
    ("public/index.html", include_str!("new/index.html")),
    (IGNORE, ".backstay/\n.env\n"),
];

pub(crate) fn run(name: &str) -> miette::Result<ExitCode> {
    let folder = Path::new(name);
    let here = folder == Path::new(".");
    let named = if here { std::env::current_dir().into_diagnostic()? } else { folder.to_owned() };
    let plain = named.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if plain.is_empty() || plain.chars().any(char::is_control) {
        return Err(miette!("`{name}` is no name for a project"));
    }
    if !here && folder.exists() {
        let help = "choose another name, or run `backstay new .` in it";
        return Err(miette!(help = help, "{name} exists already"));
    }
    // A repository's own list of what to ignore stays as it is: `.backstay/` ignores itself.
    let free = |path: &Path| !path.exists() || path.ends_with(IGNORE);
    if let Some((taken, _)) = FILES.iter().find(|(file, _)| !free(&folder.join(file))) {
        return Err(miette!(help = "choose another folder", "{taken} exists already"));
    }
    for (file, text) in FILES {
        let path = folder.join(file);
        if path.exists() {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text.replace("PROJECT", &plain.replace('"', "'"))))
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write {}", path.display()))?;
    }
    let enter = if here { String::new() } else { format!("  cd {name}\n") };
    say(&format!("Made {plain}. Now:\n\n{enter}  backstay dev\n"));
    Ok(ExitCode::SUCCESS)
}
