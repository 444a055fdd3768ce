//! `backstay doctor`: what is wrong or weak about a project, each with its remedy; with `--policy`,
//! why somebody may or may not touch rows.

mod policy;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use miette::IntoDiagnostic as _;

use crate::host::{is_loopback, open_beside};
use crate::log::say;
use crate::migrating;
use crate::project::Project;
use crate::serving::runtime;
use crate::signing_in;

/// `backstay doctor [DIR] [--policy TABLE --as USER …]`.
#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    folder: crate::Folder,
    #[command(flatten)]
    question: Option<policy::Question>,
}

/// A finding and what to do about it.
struct Finding {
    what: String,
    remedy: &'static str,
}

pub(crate) fn run(doctor: &Doctor) -> miette::Result<ExitCode> {
    match &doctor.question {
        Some(question) => policy::run(doctor.folder.path(), question),
        None => check(doctor.folder.path()),
    }
}

fn check(folder: &Path) -> miette::Result<ExitCode> {
    let project = Project::open(folder)?;
    // A connection to a mail server is prepared, which wants a runtime.
    runtime()?.block_on(async { signing_in::check(&project) })?;
    let mut findings = weak_settings(&project);
    findings.extend(migrating::check(&project)?.into_iter().map(|finding| Finding {
        what: finding.to_string(),
        remedy: "`backstay migrate check` shows the line",
    }));
    if project.has_database() {
        findings.extend(data(&project)?);
    }
    for finding in &findings {
        say(&format!("- {}\n  {}", finding.what, finding.remedy));
    }
    if findings.is_empty() {
        say("Nothing found.");
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{} found.", findings.len()));
    Ok(ExitCode::FAILURE)
}

fn weak_settings(project: &Project) -> Vec<Finding> {
    let settings = &project.loaded.settings;
    let open = !is_loopback(&settings.server.host);
    let mut findings = Vec::new();
    let mut found = |what: &str, remedy: &'static str| {
        findings.push(Finding { what: what.to_owned(), remedy });
    };
    if !settings.api.require_rls {
        found(
            "tables without row security are open to everybody (api.require_rls = false)",
            "enable row level security on each table, then set it to true",
        );
    }
    if settings.database.durability != crate::settings::Durability::Full {
        found(
            "acknowledged writes may be lost with the power (database.durability)",
            "set it to \"full\"",
        );
    }
    if open && settings.api.require_key == Some(false) {
        found(
            "requests without a key are served on an open address (api.require_key = false)",
            "leave the setting out, or set it to true",
        );
    }
    if open && settings.api.cors_origins.iter().any(|origin| origin == "*") {
        found(
            "every web page may call this server (api.cors_origins = [\"*\"])",
            "list the origins of your front ends",
        );
    }
    findings
}

/// What the database itself says; a server may have it open.
fn data(project: &Project) -> miette::Result<Vec<Finding>> {
    let remedy = if project.loaded.settings.database.is_postgres() {
        "mend it in the database, with a user that may"
    } else {
        "restore the newest backup that `backstay doctor` finds nothing in"
    };
    let (found, history) = runtime()?.block_on(async {
        let engine = open_beside(project).await?;
        let found = engine.check().await;
        let history = migrating::parted(&engine, project).await;
        engine.close().await.into_diagnostic()?;
        Ok::<_, miette::Report>((found.into_diagnostic()?, history?))
    })?;
    let history =
        history.into_iter().map(|what| Finding { what, remedy: migrating::PARTED_REMEDY });
    Ok(found.into_iter().map(|what| Finding { what, remedy }).chain(history).collect())
}
