//! `backstay backup`: database and keys in one file, as of one moment.

use std::path::PathBuf;
use std::process::ExitCode;

use backstay_engine_sqlite::back_up;
use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::archive::{self, Kind, Manifest};
use crate::host::stored;
use crate::keyring::Keyring;
use crate::log::say;
use crate::project::Project;
use crate::{Folder, migrating, pg_tools};

/// `backstay backup [DIR] --to FILE`.
#[derive(Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    folder: Folder,
    /// The file to write; it must not exist.
    #[arg(long)]
    to: PathBuf,
}

pub(crate) fn run(backup: &Backup) -> miette::Result<ExitCode> {
    let project = Project::open(backup.folder.path())?;
    if backup.to.exists() {
        return Err(miette!(
            help = "name another file, for example with the date in it",
            "{} exists already",
            backup.to.display()
        ));
    }
    let database = &project.loaded.settings.database;
    let beside = backup.to.parent().filter(|folder| !folder.as_os_str().is_empty());
    // The copy may be large: it goes where the backup goes, which has room for it.
    let staging = tempfile::tempdir_in(beside.unwrap_or(std::path::Path::new(".")))
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write beside {}", backup.to.display()))?;
    let (manifest, data) = if database.is_postgres() {
        let dump = staging.path().join(archive::DUMP);
        pg_tools::dump(&database.url, &dump)?;
        (Manifest::new(Kind::Postgres, None), dump)
    } else {
        let copy = staging.path().join(archive::DATABASE);
        let format = back_up(&stored(&project, ""), &copy).map_err(migrating::told)?;
        (Manifest::new(Kind::Sqlite, Some(format)), copy)
    };
    let keys = Keyring::path(&project.state);
    let mut parts = vec![data.as_path()];
    if keys.is_file() {
        parts.push(&keys);
    }
    archive::write(&backup.to, &manifest, &parts)?;
    say(&format!("Wrote {}. It holds secrets: keep it like a password.", backup.to.display()));
    Ok(ExitCode::SUCCESS)
}
