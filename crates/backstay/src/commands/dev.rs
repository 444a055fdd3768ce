//! `backstay dev`: a project while people work on it. Saved migrations are applied, the settings
//! reloaded, the seed loaded once into an empty database; a mistake is shown and waited out.

mod greeting;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;

use backstay_http::{App, Routes};
use parking_lot::RwLock;
use tokio::sync::mpsc::Receiver;

use crate::Serving;
use crate::host::{Host, Mode, is_loopback};
use crate::log::{self, Style, say};
use crate::project::Project;
use crate::serving::{Doors, runtime, with_overrides};

pub(crate) fn run(serving: &Serving) -> miette::Result<ExitCode> {
    log::start(Style::People)?;
    let typed = serving.host.as_ref();
    let mut project = with_overrides(Project::open(serving.folder.path())?, typed, serving.port);
    runtime()?.block_on(async {
        let doors = Doors::open(&project).await?;
        project.loaded.settings.server.port = doors.port();
        let host = Arc::new(Host::open(&project, Mode::Dev).await?);
        if let Err(report) = host.bring_up_to_date(&project, Mode::Dev).await {
            log::show(&report);
            say("Mend it and save: it is tried again.");
        }
        let app = host.application(&project, Mode::Dev)?;
        greeting::say_hello(&host, &app, &project, &doors.url()).await?;
        let current = Arc::new(RwLock::new(Routes::new(Arc::clone(&app))));
        let keys = host.watch_keys(&project, &app)?;
        let (watcher, saved) = watch::watch(&project)?;
        let reloading = tokio::spawn(reload(
            saved,
            Arc::clone(&host),
            (serving.folder.path().to_owned(), serving.host.clone(), doors.port()),
            Arc::clone(&current),
        ));
        doors.serve(&project, move || current.read().clone()).await?;
        drop(watcher);
        reloading.abort();
        keys.abort();
        host.close().await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// What it takes to read the project again: folder, `--host`, the port that is listened on.
type Typed = (std::path::PathBuf, Option<String>, u16);

async fn reload(
    mut saved: Receiver<()>,
    host: Arc<Host>,
    typed: Typed,
    current: Arc<RwLock<Routes>>,
) {
    let mut watching: Option<tokio::task::JoinHandle<()>> = None;
    while saved.recv().await.is_some() {
        match again(&host, &typed).await {
            Ok((app, keys)) => {
                if let Some(old) = watching.replace(keys) {
                    old.abort();
                }
                *current.write() = Routes::new(app);
            }
            Err(report) => log::show(&report),
        }
    }
}

/// The application with the settings of now, and what notices rotated keys for it.
async fn again(
    host: &Host,
    (folder, typed, port): &Typed,
) -> miette::Result<(Arc<App>, tokio::task::JoinHandle<()>)> {
    let project = with_overrides(Project::open(folder)?, typed.as_ref(), Some(*port));
    host.bring_up_to_date(&project, Mode::Dev).await?;
    let app = host.application(&project, Mode::Dev)?;
    let keys = host.watch_keys(&project, &app)?;
    Ok((app, keys))
}

/// Is the server reachable from other machines?
fn is_open(project: &Project) -> bool {
    !is_loopback(&project.loaded.settings.server.host)
}
