//! `backstay restore`: a backup in the place of a project's database and keys, checked before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use backstay_engine::Engine as _;
use backstay_engine_sqlite::{Settings, SqliteEngine, put_in_place};
use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::archive::{self, Kind, Manifest};
use crate::host::{open_engine, stored};
use crate::keyring::Keyring;
use crate::log::{self, Style, say};
use crate::pg_tools::Restoring;
use crate::project::Project;
use crate::serving::runtime;
use crate::{Folder, migrating, pg_tools};

/// `backstay restore FILE [DIR] [--force]`.
#[derive(Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
    /// Replace a database and keys that are there; SQLite's are kept beside the new ones.
    #[arg(long)]
    force: bool,
}

const HOLDER: &str = "backstay restore";

pub(crate) fn run(restore: &Restore) -> miette::Result<ExitCode> {
    log::start(Style::People)?;
    let project = Project::open(restore.folder.path())?;
    project.prepare_state()?;
    let postgres = project.loaded.settings.database.is_postgres();
    // The database is renamed from here into its place: it must be the same file system.
    let target = if postgres { project.state.clone() } else { folder_of(&project.database())? };
    let staging = tempfile::tempdir_in(&target)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write in {}", target.display()))?;
    let manifest = archive::unpack(&restore.file, staging.path())?;
    demand_same_engine(&manifest, postgres)?;
    let (old, new) = (Keyring::path(&project.state), staging.path().join(archive::KEYS));
    let brings_keys = new.is_file() && fs::read(&new).ok() != fs::read(&old).ok();
    if old.is_file() && brings_keys && !restore.force {
        return Err(refused(&format!("{} holds other keys", old.display())));
    }
    match manifest.engine {
        Kind::Sqlite => sqlite(&project, &staging.path().join(archive::DATABASE), restore.force)?,
        Kind::Postgres => runtime()?.block_on(server(
            &project,
            &staging.path().join(archive::DUMP),
            restore.force,
        ))?,
    }
    if brings_keys {
        archive::replace(&new, &old)?;
    }
    let Manifest { made_at, program, .. } = &manifest;
    say(&format!("Restored the backup of {made_at}, which Backstay {program} made."));
    Ok(ExitCode::SUCCESS)
}

fn refused(what: &str) -> miette::Report {
    miette!(help = "with --force the backup takes their place", "{what}")
}

fn folder_of(database: &Path) -> miette::Result<PathBuf> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    fs::create_dir_all(&folder)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn demand_same_engine(manifest: &Manifest, postgres: bool) -> miette::Result<()> {
    let (what, wanted) = match (manifest.engine, postgres) {
        (Kind::Sqlite, false) | (Kind::Postgres, true) => return Ok(()),
        (Kind::Sqlite, true) => ("embedded SQLite", "leave database.url empty"),
        (Kind::Postgres, false) => ("PostgreSQL", "set database.url to a PostgreSQL database"),
    };
    Err(miette!(
        help = format!("{wanted} in the project that it is restored to"),
        "the backup is of {what}, and the project runs on another database"
    ))
}

fn sqlite(project: &Project, staged: &Path, force: bool) -> miette::Result<()> {
    let file = project.database();
    if fs::metadata(&file).is_ok_and(|data| data.len() > 0) && !force {
        return Err(refused(&format!("there is a database already: {}", file.display())));
    }
    let settings = stored(project, HOLDER);
    runtime()?.block_on(verify(Settings { path: staged.to_owned(), ..settings.clone() }))?;
    if let Some(kept) = put_in_place(&settings, staged).map_err(migrating::told)? {
        say(&format!("The database that was there is kept as {}.", kept.display()));
    }
    Ok(())
}

/// Opens the copy as a server would, which upgrades one of an older program, and looks at every page
/// and constraint.
async fn verify(settings: Settings) -> miette::Result<()> {
    let engine = SqliteEngine::open(settings).map_err(migrating::told)?;
    let found = engine.check().await.map_err(migrating::told)?;
    engine.close().await.map_err(migrating::told)?;
    match found.first() {
        None => Ok(()),
        Some(first) => Err(miette!(
            help = "nothing was changed; try an older backup",
            "the database in the backup is damaged: {first}"
        )),
    }
}

async fn server(project: &Project, dump: &Path, force: bool) -> miette::Result<()> {
    let engine = open_engine(project, HOLDER).await?;
    let filled = engine.catalog().relations.values().next().is_some();
    let name = engine.name();
    if filled && !force {
        return Err(refused(&format!("{name} holds tables already")));
    }
    let superuser = engine.catalog().roles.get(engine.login()).is_some_and(|role| role.superuser);
    migrating::make_roles(&engine).await?;
    engine.close().await.map_err(migrating::told)?;
    let how = Restoring { clean: filled, superuser };
    let left_out = pg_tools::restore(&project.loaded.settings.database.url, dump, &how)?;
    if !left_out.is_empty() {
        say("Left out, since only a superuser may make it:");
        left_out.iter().for_each(|entry| say(&format!("  {entry}")));
    }
    Ok(())
}
