//! `backstay migrate`: look at, apply, make and check migrations.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Subcommand;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::Folder;
use crate::host::{open_beside, open_engine};
use crate::log::{self, say};
use crate::migrating;
use crate::project::Project;
use crate::serving::runtime;

/// `backstay migrate ACTION [DIR]`.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Which migrations there are and which were applied.
    Status {
        #[command(flatten)]
        folder: Folder,
    },
    /// Apply what is new.
    Up {
        #[command(flatten)]
        folder: Folder,
    },
    /// Make an empty migration with the next number.
    New {
        /// What it does, as a name.
        name: String,
        /// The project's folder.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// Remove the local database with all its rows, then apply all migrations and the seed.
    Reset {
        #[command(flatten)]
        folder: Folder,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Report everything in all migrations that the engine cannot do. Changes nothing.
    Check {
        #[command(flatten)]
        folder: Folder,
    },
}

pub(crate) fn run(action: &Action) -> miette::Result<ExitCode> {
    match action {
        Action::Status { folder } => status(&Project::open(folder.path())?),
        Action::Up { folder } => up(&Project::open(folder.path())?, false),
        Action::New { name, dir } => new(&Project::open(dir)?, name),
        Action::Reset { folder, yes } => reset(&Project::open(folder.path())?, *yes),
        Action::Check { folder } => check(&Project::open(folder.path())?),
    }
}

fn status(project: &Project) -> miette::Result<ExitCode> {
    let lines = runtime()?.block_on(async {
        if !project.has_database() {
            return migrating::status(None, project).await;
        }
        let engine = open_beside(project).await?;
        let lines = migrating::status(Some(&engine), project).await;
        engine.close().await.into_diagnostic()?;
        lines
    })?;
    for line in &lines {
        say(line);
    }
    if lines.is_empty() {
        say("There are no migrations.");
    }
    Ok(ExitCode::SUCCESS)
}

fn up(project: &Project, seed: bool) -> miette::Result<ExitCode> {
    project.prepare_state()?;
    runtime()?.block_on(async {
        let engine = open_engine(project, "backstay migrate up").await?;
        let done = migrating::bring_up_to_date(&engine, project, seed).await;
        engine.close().await.into_diagnostic()?;
        done
    })?;
    say("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

fn new(project: &Project, name: &str) -> miette::Result<ExitCode> {
    let plain: String = name
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    if plain.is_empty() {
        return Err(miette!("`{name}` is no name for a migration"));
    }
    let folder = project.source.join("migrations");
    let file = folder.join(format!("{}_{plain}.sql", next_version(project)?));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, format!("-- {}\n", name.trim())))
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {}", file.display()))?;
    say(&format!("Made {}", file.display()));
    Ok(ExitCode::SUCCESS)
}

/// One above the highest number, as wide as the others; a Supabase project counts by time.
pub(crate) fn next_version(project: &Project) -> miette::Result<String> {
    let digits = |name: &str| -> String {
        let file = Path::new(name).file_name().and_then(|file| file.to_str()).unwrap_or_default();
        file.chars().take_while(char::is_ascii_digit).collect()
    };
    let known: Vec<String> = project.migrations()?.iter().map(|file| digits(&file.name)).collect();
    let highest = known.iter().filter(|digits| !digits.is_empty()).max_by_key(|d| (d.len(), *d));
    if project.supabase || highest.is_some_and(|digits| digits.len() >= 14) {
        let now = jiff::Timestamp::try_from(SystemTime::now()).into_diagnostic()?;
        return Ok(now.strftime("%Y%m%d%H%M%S").to_string());
    }
    let number: u64 = match highest {
        Some(digits) => digits.parse().into_diagnostic()?,
        None => 0,
    };
    let width = highest.map_or(4, String::len);
    Ok(format!("{:0width$}", number + 1))
}

fn reset(project: &Project, yes: bool) -> miette::Result<ExitCode> {
    if project.loaded.settings.database.is_postgres() {
        return reset_server(project, yes);
    }
    let file = project.database();
    if file.exists() && !yes && !confirmed(&format!("{} with all its rows", file.display()))? {
        return Ok(ExitCode::FAILURE);
    }
    if file.exists() {
        // Opening it takes the lock, so that no running server loses its file.
        runtime()?.block_on(async {
            let engine = open_engine(project, "backstay migrate reset").await?;
            engine.close().await.into_diagnostic()
        })?;
        for ending in ["", "-wal", "-shm"] {
            let path = PathBuf::from(format!("{}{ending}", file.display()));
            if path.exists() {
                fs::remove_file(&path)
                    .into_diagnostic()
                    .wrap_err_with(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    up(project, true)
}

/// Empties a database on a server. One that Backstay has not made is left alone.
fn reset_server(project: &Project, yes: bool) -> miette::Result<ExitCode> {
    let emptied = runtime()?.block_on(async {
        let engine = open_engine(project, "backstay migrate reset").await?;
        let emptied = migrating::empty(&engine, |what| Ok(yes || confirmed(what)?)).await;
        engine.close().await.into_diagnostic()?;
        emptied
    })?;
    if emptied { up(project, true) } else { Ok(ExitCode::FAILURE) }
}

fn confirmed(what: &str) -> miette::Result<bool> {
    say(&format!("This removes {what}. Type yes to go on:"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).into_diagnostic()?;
    let yes = answer.trim() == "yes";
    if !yes {
        say("Nothing was changed.");
    }
    Ok(yes)
}

fn check(project: &Project) -> miette::Result<ExitCode> {
    let mut findings = Vec::new();
    if !project.loaded.settings.database.is_postgres() {
        findings = migrating::check(project)?;
    }
    if project.has_database() {
        findings.extend(runtime()?.block_on(check_database(project))?);
    }
    for finding in &findings {
        log::show(finding);
    }
    if findings.is_empty() {
        say("All migrations can be applied.");
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{} found.", findings.len()));
    Ok(ExitCode::FAILURE)
}

/// What only the database can tell: which migrations it has, and on a server what it can parse.
async fn check_database(project: &Project) -> miette::Result<Vec<miette::Report>> {
    let engine = open_beside(project).await?;
    let mut findings = Vec::new();
    if project.loaded.settings.database.is_postgres() {
        findings = migrating::check_by_database(&engine, project).await?;
    }
    let parted = migrating::parted(&engine, project).await?;
    findings
        .extend(parted.into_iter().map(|what| miette!(help = migrating::PARTED_REMEDY, "{what}")));
    engine.close().await.into_diagnostic()?;
    Ok(findings)
}
