//! A project folder: where its parts lie and what they say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr, miette};

use crate::settings::{self, Loaded};

/// A project, read from its folder.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder that was named.
    pub(crate) root: PathBuf,
    /// Where `migrations/` and `seed.sql` lie: the root, or its `supabase/`.
    pub(crate) source: PathBuf,
    /// Local state: database, keys.
    pub(crate) state: PathBuf,
    /// It has a `supabase/config.toml`.
    pub(crate) supabase: bool,
    /// Its settings.
    pub(crate) loaded: Loaded,
}

/// A file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Its path as people should see it: relative to the project.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

impl Project {
    /// Reads the project in this folder.
    ///
    /// # Errors
    /// No project there, or bad settings.
    pub(crate) fn open(root: &Path) -> miette::Result<Self> {
        let ours = root.join("backstay.toml");
        let theirs = root.join("supabase").join("config.toml");
        let supabase = theirs.is_file();
        if !supabase && !ours.is_file() && !root.join("migrations").is_dir() {
            return Err(miette!(
                help =
                    "run it in a project's folder, name one, or make one with `backstay new NAME`",
                "{} holds no project (no backstay.toml, no migrations/, no supabase/config.toml)",
                root.display()
            ));
        }
        let variables = variables(root)?;
        let loaded = settings::load(&ours, supabase.then_some(theirs.as_path()), &variables)?;
        Ok(Self {
            root: root.to_owned(),
            source: if supabase { root.join("supabase") } else { root.to_owned() },
            state: root.join(".backstay"),
            supabase,
            loaded,
        })
    }

    /// What the project is called: as its settings say, else by its folder.
    pub(crate) fn title(&self) -> String {
        let named = &self.loaded.settings.project_id;
        if named.is_empty() { self.root.display().to_string() } else { named.clone() }
    }

    /// Makes the folder for local state, kept out of Git and from other users.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn prepare_state(&self) -> miette::Result<()> {
        let make = || -> std::io::Result<()> {
            fs::create_dir_all(&self.state)?;
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(&self.state, fs::Permissions::from_mode(0o700))?;
            }
            let ignore = self.state.join(".gitignore");
            if ignore.exists() { Ok(()) } else { fs::write(ignore, "*\n") }
        };
        make().into_diagnostic().wrap_err_with(|| {
            format!("cannot make the folder for local state, {}", self.state.display())
        })
    }

    /// The database file of embedded SQLite.
    pub(crate) fn database(&self) -> PathBuf {
        match self.loaded.settings.database.url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => self.root.join(path.trim_start_matches("//")),
            _ => self.state.join("data.db"),
        }
    }

    /// Is there a database already? A server's is taken to be.
    pub(crate) fn has_database(&self) -> bool {
        self.loaded.settings.database.is_postgres() || self.database().exists()
    }

    /// The files of `migrations/`, in the order of their names. Other names than
    /// `<digits>_<name>.sql` are for `migrate` to note.
    ///
    /// # Errors
    /// Unreadable folders and files, text that is not UTF-8.
    pub(crate) fn migrations(&self) -> miette::Result<Vec<SourceFile>> {
        let folder = self.source.join("migrations");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut names: Vec<PathBuf> = fs::read_dir(&folder)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot read {}", folder.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
            .collect();
        names.sort();
        names.iter().map(|path| self.read(path)).collect()
    }

    /// The seed files, in order; those that do not exist are left out.
    ///
    /// # Errors
    /// As [`Project::migrations`].
    pub(crate) fn seeds(&self) -> miette::Result<Vec<SourceFile>> {
        self.loaded
            .settings
            .db
            .seed
            .iter()
            .map(|name| self.source.join(name.trim_start_matches("./")))
            .filter(|path| path.is_file())
            .map(|path| self.read(&path))
            .collect()
    }

    /// The folder of the static site, if there is one.
    pub(crate) fn site(&self) -> Option<PathBuf> {
        let folder = self.root.join("public");
        folder.is_dir().then_some(folder)
    }

    fn read(&self, path: &Path) -> miette::Result<SourceFile> {
        let name = path.strip_prefix(&self.root).unwrap_or(path).display().to_string();
        let bytes =
            fs::read(path).into_diagnostic().wrap_err_with(|| format!("cannot read {name}"))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            miette!(
                help = "save the file as UTF-8",
                "{name} is not UTF-8: byte {} cannot be read",
                error.utf8_error().valid_up_to()
            )
        })?;
        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
        Ok(SourceFile { name, text })
    }
}

/// The environment, on top of the project's `.env`.
fn variables(root: &Path) -> miette::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for name in ["supabase/.env", ".env"] {
        let path = root.join(name);
        if path.is_file() {
            let text = fs::read_to_string(&path)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot read {}", path.display()))?;
            variables.extend(text.lines().filter_map(variable));
        }
    }
    variables.extend(
        std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    );
    Ok(variables)
}

/// One line of a `.env` file.
fn variable(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let value = value.trim();
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let bare = bare.or_else(|| value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')));
    Some((name.to_owned(), bare.unwrap_or(value).to_owned()))
}
