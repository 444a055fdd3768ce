//! Noticing that a file of the project was saved.

use std::path::Path;
use std::time::Duration;

use miette::{IntoDiagnostic as _, WrapErr as _};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{self, Receiver};

use crate::project::Project;

/// Saves within this time count as one: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(120);

/// Watches migrations, seeds, settings and templates. The receiver gets a word after each round of
/// saves; dropping the watcher ends it.
///
/// # Errors
/// If the system gives no watch.
pub(super) fn watch(project: &Project) -> miette::Result<(RecommendedWatcher, Receiver<()>)> {
    let (touched, mut touches) = mpsc::channel::<()>(64);
    let state = project.state.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let counts = !event.kind.is_access()
            && event.paths.iter().any(|path| !path.starts_with(&state) && is_source(path));
        if counts {
            // A full channel has a word in it already.
            let _ = touched.try_send(());
        }
    })
    .into_diagnostic()
    .wrap_err("files cannot be watched")?;
    let migrations = project.source.join("migrations");
    // What is not there yet cannot be watched, and the first migration shall be noticed.
    std::fs::create_dir_all(&migrations)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot make {}", migrations.display()))?;
    let templates = project.source.join("templates");
    let pages = templates.join("pages");
    for folder in [&project.root, &project.source, &migrations, &templates, &pages] {
        if folder.is_dir() {
            watcher
                .watch(folder, RecursiveMode::NonRecursive)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot watch {}", folder.display()))?;
        }
    }
    let (settled, rounds) = mpsc::channel(1);
    tokio::spawn(async move {
        while touches.recv().await.is_some() {
            while tokio::time::timeout(SETTLE, touches.recv())
                .await
                .is_ok_and(|more| more.is_some())
            {}
            if settled.send(()).await.is_err() {
                break;
            }
        }
    });
    Ok((watcher, rounds))
}

fn is_source(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    matches!(ending, "sql" | "toml" | "html") || name == ".env"
}
