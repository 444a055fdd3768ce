//! `backstay pull`: the schema of a database that is there as a project's first migration.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::commands::migrate::next_version;
use crate::host::open_engine;
use crate::log::say;
use crate::migrating;
use crate::project::Project;
use crate::serving::runtime;

/// `backstay pull [DIR] [--from DATABASE]`.
#[derive(Args)]
pub(crate) struct Pull {
    #[command(flatten)]
    folder: crate::Folder,
    /// Another database than the project's own: postgres://…, or the file of an SQLite project.
    #[arg(long)]
    from: Option<String>,
}

pub(crate) fn run(pull: &Pull) -> miette::Result<ExitCode> {
    let project = Project::open(pull.folder.path())?;
    if !project.migrations()?.is_empty() {
        return Err(miette!(
            help =
                "pull into an empty project: `backstay new NAME`, remove its migration, pull there",
            "the project has migrations already"
        ));
    }
    project.prepare_state()?;
    let source = match &pull.from {
        None => Project::open(pull.folder.path())?,
        Some(from) => elsewhere(pull.folder.path(), from)?,
    };
    let name = format!("migrations/{}_pulled.sql", next_version(&project)?);
    let file = project.source.join(&name);
    runtime()?.block_on(async {
        let engine = open_engine(&source, "backstay pull").await?;
        let pulled = migrating::pull(&engine).await;
        let done = match pulled {
            Ok(text) => {
                write(&file, &text)?;
                // The project's own database has what the file makes.
                match pull.from {
                    None => migrating::record(&engine, &project, &name, &text).await,
                    Some(_) => Ok(()),
                }
            }
            Err(report) => Err(report),
        };
        engine.close().await.into_diagnostic()?;
        done
    })?;
    say(&format!("Made {}", file.display()));
    Ok(ExitCode::SUCCESS)
}

/// The project as it would be on another database.
///
/// # Errors
/// An unreadable project; `from` is neither a file nor a URL.
pub(crate) fn elsewhere(dir: &Path, from: &str) -> miette::Result<Project> {
    let mut project = Project::open(dir)?;
    let is_url = from.contains("://") || from.starts_with("sqlite:");
    if !is_url && !Path::new(from).is_file() {
        return Err(miette!("{from} is no file and no postgres:// URL"));
    }
    let url = if is_url {
        from.to_owned()
    } else {
        let path = fs::canonicalize(from).into_diagnostic()?;
        format!("sqlite:{}", path.display())
    };
    project.loaded.settings.database.url = url;
    Ok(project)
}

fn write(file: &Path, text: &str) -> miette::Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, text))
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {}", file.display()))
}
