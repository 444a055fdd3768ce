//! Bringing a database up to a project's migrations, and telling people what went wrong where.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_engine::{Engine, Format, Options, Session};
use backstay_migrate::{
    Applied, FileSteps, Finding, Form, Migration, MigrationError, Plan, Progress, Seed, Stage,
    State, bootstrap,
};
use backstay_model::{Details, Error};
use backstay_policy::{Caller, authorize};
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report, miette};

use crate::log::say;
use crate::project::Project;

/// Bootstraps the database, applies what is new, and, if `seed`, loads the seed into a database
/// that has had none.
///
/// # Errors
/// The first file that fails, with its place; nothing of it was applied.
pub(crate) async fn bring_up_to_date(
    engine: &Arc<dyn Engine>,
    project: &Project,
    seed: bool,
) -> miette::Result<()> {
    let _alone = engine.exclusive().await.map_err(told)?;
    prepare(engine, project).await?;
    let (files, notes) = migrations(project)?;
    let mut plan = Plan::new(files, &history(engine).await?).map_err(told)?;
    if seed {
        // Somebody has just made the file and is about to fill it.
        plan.pending.retain(|migration| {
            backstay_pgsql::parse_migration(&migration.text).map_or(true, |all| !all.is_empty())
        });
    }
    for note in notes.iter().chain(&plan.notes) {
        tracing::warn!("{note}");
    }
    if !engine.capabilities().runs_scripts {
        refuse_what_cannot_be_done(engine, &plan.pending)?;
    }
    let mut applied = Vec::new();
    for migration in plan.pending {
        apply(engine, &migration, &applied).await?;
        say(&format!("  applied {}", migration.path));
        applied.push(migration.path);
    }
    if seed { sow(engine, project).await } else { Ok(()) }
}

/// Refuses a database that lacks migrations of the project.
///
/// # Errors
/// The first that is missing; an unreadable project or database.
pub(crate) async fn require_up_to_date(
    engine: &Arc<dyn Engine>,
    project: &Project,
) -> miette::Result<()> {
    let plan = Plan::new(migrations(project)?.0, &history(engine).await?).map_err(told)?;
    match plan.pending.first() {
        None => Ok(()),
        Some(missing) => Err(miette!(
            help = "apply it with `backstay migrate up`",
            "{} is not applied to {}",
            missing.path,
            engine.name()
        )),
    }
}

/// Refuses a database that a move has not finished.
///
/// # Errors
/// If so.
pub(crate) fn refuse_half_moved(engine: &Arc<dyn Engine>) -> miette::Result<()> {
    match Stage::of(&engine.catalog()) {
        None | Some(Stage::Done) => Ok(()),
        Some(Stage::Schema | Stage::Rows) => Err(miette!(
            help = "run `backstay move` again: it goes on where it was",
            "rows are still to be moved into {}",
            engine.name()
        )),
    }
}

/// Marks how far a move into the database has come.
///
/// # Errors
/// As the engine reports.
pub(crate) async fn mark(engine: &Arc<dyn Engine>, stage: Stage) -> miette::Result<()> {
    let steps = stage.mark(form(engine)).map_err(told)?;
    engine.change(session(), Box::new(steps)).await.map_err(told)
}

async fn apply(
    engine: &Arc<dyn Engine>,
    migration: &Migration,
    applied: &[String],
) -> miette::Result<()> {
    let make = |form| FileSteps::migration(migration, form).map_err(|error| failed(*error));
    let steps = make(form(engine))?;
    let progress = steps.progress();
    let done = engine.change(session(), Box::new(steps)).await;
    if engine.capabilities().runs_scripts && done.as_ref().is_err_and(|e| e.code == UNSAFE_USE) {
        // A label of an enum is used right after it was added.
        let steps = make(Form::VerbatimWithCommits)?;
        let progress = steps.progress();
        let done = engine.change(session(), Box::new(steps)).await;
        return finish(done, &progress, applied);
    }
    finish(done, &progress, applied)
}

/// `unsafe_new_enum_value_usage`.
const UNSAFE_USE: &str = "55P04";

fn form(engine: &Arc<dyn Engine>) -> Form {
    if engine.capabilities().runs_scripts { Form::Verbatim } else { Form::Analysed }
}

/// One line a migration; without a database all are new.
///
/// # Errors
/// An unreadable project or database.
pub(crate) async fn status(
    engine: Option<&Arc<dyn Engine>>,
    project: &Project,
) -> miette::Result<Vec<String>> {
    let (files, notes) = migrations(project)?;
    let applied = match engine {
        Some(engine) => history(engine).await?,
        None => Vec::new(),
    };
    let lines = Plan::status(&files, &applied).into_iter().map(|one| {
        let state = match one.state {
            State::Applied => "applied",
            State::Pending => "new",
            State::Changed => "CHANGED",
            State::Missing => "MISSING",
        };
        match files.iter().find(|file| file.version == one.version) {
            Some(file) => format!("{state:8} {}", file.path),
            None => format!("{state:8} {}_{}", one.version, one.name),
        }
    });
    Ok(lines.chain(notes).collect())
}

/// What to do about what [`parted`] finds.
pub(crate) const PARTED_REMEDY: &str =
    "restore the file as it was applied; no server starts before";

/// Applied migrations whose files were changed since, or are gone.
///
/// # Errors
/// An unreadable project or database.
pub(crate) async fn parted(
    engine: &Arc<dyn Engine>,
    project: &Project,
) -> miette::Result<Vec<String>> {
    let (files, _) = migrations(project)?;
    let all = Plan::status(&files, &history(engine).await?).into_iter();
    let told = all.filter_map(|one| {
        let name = format!("{}_{}", one.version, one.name);
        match one.state {
            State::Changed => Some(format!("CHANGED {name}: the file is not as it was applied")),
            State::Missing => Some(format!("MISSING {name}: it was applied, and its file is gone")),
            State::Applied | State::Pending => None,
        }
    });
    Ok(told.collect())
}

/// Everything in all migrations that cannot be done, each with its place.
///
/// # Errors
/// An unreadable project.
pub(crate) fn check(project: &Project) -> miette::Result<Vec<Report>> {
    let (files, notes) = migrations(project)?;
    for note in notes {
        say(&format!("Note: {note}"));
    }
    let catalog = bootstrap::catalog().map_err(told)?;
    let findings = backstay_migrate::check(&files, &catalog);
    Ok(findings.into_iter().map(|finding| found(finding, &files)).collect())
}

/// The catalogue that the project's migrations make of an empty database.
///
/// # Errors
/// The first statement that cannot be done; an unreadable project.
pub(crate) fn planned_catalog(project: &Project) -> miette::Result<Catalog> {
    let (files, _) = migrations(project)?;
    let catalog = bootstrap::catalog().map_err(told)?;
    let (catalog, findings) = backstay_migrate::outcome(&files, &catalog);
    match findings.into_iter().next() {
        None => Ok(catalog),
        Some(first) => Err(found(first, &files)),
    }
}

/// Everything in all migrations that the database cannot parse, each with its place; it may be older
/// than what they were written for.
///
/// # Errors
/// An unreadable project or database.
pub(crate) async fn check_by_database(
    engine: &Arc<dyn Engine>,
    project: &Project,
) -> miette::Result<Vec<Report>> {
    let (files, notes) = migrations(project)?;
    for note in notes {
        say(&format!("Note: {note}"));
    }
    let mut reports = Vec::new();
    for file in &files {
        for (offset, text) in backstay_migrate::statements(&file.text) {
            if let Err(error) = engine.parse(&text).await {
                let finding = backstay_migrate::unparsed(file, offset, error);
                reports.push(found(finding, &files));
            }
        }
    }
    Ok(reports)
}

/// The schema as a script.
///
/// # Errors
/// As the database raises.
pub(crate) async fn pull(engine: &Arc<dyn Engine>) -> miette::Result<String> {
    let definitions = engine.definitions().await.map_err(told)?;
    backstay_migrate::pull(&engine.catalog(), &definitions).map_err(told)
}

/// Records a migration in a database that holds its work already.
///
/// # Errors
/// A database with other migrations.
pub(crate) async fn record(
    engine: &Arc<dyn Engine>,
    project: &Project,
    path: &str,
    text: &str,
) -> miette::Result<()> {
    let _alone = engine.exclusive().await.map_err(told)?;
    prepare(engine, project).await?;
    if !history(engine).await?.is_empty() {
        return Err(miette!(
            help = "restore its files, or name the database with --from to pull it as it is",
            "the database has migrations of its own, whose files are gone"
        ));
    }
    let Some(migration) = Migration::new(path, text) else {
        return Err(miette!("{path} is no name of a migration"));
    };
    let steps = FileSteps::record_only(&migration, form(engine)).map_err(|error| failed(*error))?;
    engine.change(session(), Box::new(steps)).await.map_err(told)
}

/// An error of a room, for people.
pub(crate) fn told(error: Error) -> Report {
    Report::new(diagnostic(&error))
}

/// Nothing is applied while something in the files cannot be done at all: a partly applied project
/// is worse than a refused one.
fn refuse_what_cannot_be_done(
    engine: &Arc<dyn Engine>,
    pending: &[Migration],
) -> miette::Result<()> {
    let mut findings = backstay_migrate::check(pending, &engine.catalog()).into_iter();
    match findings.next() {
        None => Ok(()),
        Some(first) => {
            let more = findings.count();
            if more > 0 {
                say(&format!("{more} more: `backstay migrate check` shows them all."));
            }
            Err(found(first, pending))
        }
    }
}

async fn prepare(engine: &Arc<dyn Engine>, project: &Project) -> miette::Result<()> {
    if engine.capabilities().runs_scripts {
        return prepare_native(engine, project).await;
    }
    match bootstrap::pending(&engine.catalog()).map_err(told)? {
        None => Ok(()),
        Some(steps) => engine.change(session(), Box::new(steps)).await.map_err(told),
    }
}

/// Removes everything of the project from a database on a server; `agreed` is asked first.
///
/// # Errors
/// A database that holds tables and no records of Backstay's.
pub(crate) async fn empty(
    engine: &Arc<dyn Engine>,
    agreed: impl FnOnce(&str) -> miette::Result<bool>,
) -> miette::Result<bool> {
    let _alone = engine.exclusive().await.map_err(told)?;
    let catalog = engine.catalog();
    let is_ours = backstay_migrate::applied_plan(&catalog).is_some();
    if !is_ours && catalog.relations.values().next().is_some() {
        return Err(miette!(
            help = "drop the database yourself if nothing in it is needed",
            "{} holds tables that no project of Backstay's made",
            engine.name()
        ));
    }
    if !agreed(&format!("everything in {}", engine.name()))? {
        return Ok(false);
    }
    let steps = backstay_migrate::ResetSteps::default();
    engine.change(session(), Box::new(steps)).await.map_err(told)?;
    Ok(true)
}

/// Makes the roles that grants of a restored database name, where the server lacks them.
///
/// # Errors
/// As the database reports.
pub(crate) async fn make_roles(engine: &Arc<dyn Engine>) -> miette::Result<()> {
    let steps = bootstrap::native_roles();
    engine.change(session(), Box::new(steps)).await.map_err(told)
}

/// What the login may not make is written down for somebody who may.
async fn prepare_native(engine: &Arc<dyn Engine>, project: &Project) -> miette::Result<()> {
    let Some(steps) = bootstrap::pending_native(&engine.catalog()) else { return Ok(()) };
    let missing = steps.missing();
    engine.change(session(), Box::new(steps)).await.map_err(told)?;
    let missing = missing.take();
    if missing.is_empty() {
        return Ok(());
    }
    let file = project.state.join("missing.sql");
    std::fs::write(&file, missing.join("\n\n") + "\n")
        .map_err(|error| miette!("cannot write {}: {error}", file.display()))?;
    say(&format!(
        "\"{}\" may not make everything that Supabase's clients and policies rely on: {} statements \
         are left, and written to {} for somebody who may run them",
        engine.login(),
        missing.len(),
        file.display()
    ));
    Ok(())
}

async fn history(engine: &Arc<dyn Engine>) -> miette::Result<Vec<Applied>> {
    match read(engine, backstay_migrate::applied_plan(&engine.catalog())).await? {
        None => Ok(Vec::new()),
        Some(rows) => backstay_migrate::applied_rows(&rows).map_err(told),
    }
}

/// The seed files in order. One that was loaded is not loaded again; a changed one is reported.
async fn sow(engine: &Arc<dyn Engine>, project: &Project) -> miette::Result<()> {
    #[derive(serde::Deserialize)]
    struct Sown {
        path: String,
        hash: String,
    }
    let sown: Vec<Sown> =
        match read(engine, backstay_migrate::seeds_plan(&engine.catalog())).await? {
            None => Vec::new(),
            Some(rows) => serde_json::from_slice(&rows)
                .map_err(|error| miette!("the history of seeds cannot be read: {error}"))?,
        };
    for file in project.seeds()? {
        let seed = Seed { path: file.name.clone(), text: file.text };
        match sown.iter().find(|one| one.path == seed.path) {
            Some(one) if one.hash != seed.hash() => tracing::warn!(
                "{} was changed after it was loaded; `backstay migrate reset` loads it anew",
                file.name
            ),
            Some(_) => {}
            None => {
                let steps = FileSteps::seed(&seed, form(engine)).map_err(|error| failed(*error))?;
                let progress = steps.progress();
                let done = engine.change(session(), Box::new(steps)).await;
                finish(done, &progress, &[])?;
                say(&format!("  loaded {}", file.name));
            }
        }
    }
    Ok(())
}

fn finish(done: Result<(), Error>, progress: &Progress, applied: &[String]) -> miette::Result<()> {
    for (place, notice) in progress.take_notices() {
        tracing::info!("line {}: {notice}", place.line);
    }
    done.map_err(|error| failed(progress.explain(error, applied)))
}

/// The rows of a history as JSON; `None` while there is none.
async fn read(
    engine: &Arc<dyn Engine>,
    plan: Option<backstay_plan::Plan>,
) -> miette::Result<Option<Vec<u8>>> {
    let Some(plan) = plan else { return Ok(None) };
    let catalog = engine.catalog();
    let plan = authorize(&catalog, &Caller::system("migrate"), plan).map_err(told)?;
    let options = Options::plain(Format::Json);
    let (session, plan) = (session(), Arc::new(plan));
    let answer = engine.run(&session, &catalog, &plan, options).await.map_err(told)?;
    Ok(Some(answer.body))
}

fn session() -> Session {
    Session { caller: Caller::system("migrate"), settings: Arc::default(), statement_timeout: None }
}

/// The project's migrations, and a note for each file that is called otherwise.
fn migrations(project: &Project) -> miette::Result<(Vec<Migration>, Vec<String>)> {
    let mut notes = Vec::new();
    let mut files = Vec::new();
    for file in project.migrations()? {
        match Migration::new(file.name.clone(), file.text) {
            Some(migration) => files.push(migration),
            None => notes
                .push(format!("{} is not applied: its name is not <digits>_<name>.sql", file.name)),
        }
    }
    Ok((files, notes))
}

fn failed(error: MigrationError) -> Report {
    let place = (error.place.line, error.place.column);
    let remains = if error.applied.partly {
        "What stands before the last statement that cannot run in a transaction was applied: make the \
         file fit that, and run it again."
    } else {
        "Nothing of the file was applied: mend it, and run it again."
    };
    let mut told = error.error;
    told.hint =
        Some(told.hint.map_or_else(|| remains.to_owned(), |hint| format!("{hint}\n{remains}")));
    located(&told, error.file, error.text, error.offset, place)
}

fn found(finding: Finding, files: &[Migration]) -> Report {
    let text = files
        .iter()
        .find(|file| file.path == finding.file)
        .map(|file| file.text.clone())
        .unwrap_or_default();
    let line_start: usize =
        text.split_inclusive('\n').take(finding.line.saturating_sub(1)).map(str::len).sum();
    let column = finding.column.saturating_sub(1);
    let offset = line_start
        + text
            .get(line_start..)
            .unwrap_or_default()
            .chars()
            .take(column)
            .map(char::len_utf8)
            .sum::<usize>();
    let mut error = Error::new(finding.code, finding.message);
    error.hint = finding.hint;
    located(&error, finding.file, text, offset, (finding.line, finding.column))
}

fn located(
    error: &Error,
    file: String,
    text: String,
    offset: usize,
    (line, column): (usize, usize),
) -> Report {
    let rest = text.get(offset..).unwrap_or_default();
    let length = rest.find([';', '\n']).unwrap_or(rest.len()).clamp(1, 60);
    let end = (offset + length).min(text.len());
    let mut diagnostic = diagnostic(error);
    diagnostic.message = format!("{file}:{line}:{column}: {}", error.message);
    if offset < end && text.is_char_boundary(end) {
        diagnostic = diagnostic.with_label(LabeledSpan::at(offset..end, "here"));
    }
    Report::new(diagnostic).with_source_code(NamedSource::new(file, text))
}

fn diagnostic(error: &Error) -> MietteDiagnostic {
    let mut diagnostic = MietteDiagnostic::new(&error.message).with_code(&*error.code);
    let details = match &error.details {
        Some(Details::Text(text) | Details::Json(text)) => Some(text.as_str()),
        None => None,
    };
    let help: Vec<&str> = [details, error.hint.as_deref()].into_iter().flatten().collect();
    if !help.is_empty() {
        diagnostic = diagnostic.with_help(help.join("\n"));
    }
    diagnostic
}
