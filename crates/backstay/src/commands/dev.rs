//! `backstay dev`: a project while people work on it. Saved migrations are applied, the settings
//! reloaded, the seed loaded once into an empty database; a mistake is shown and waited out.

mod greeting;
mod watch;

use std::path::Path;
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
    log::start(Style::People);
    let project = with_overrides(Project::open(&serving.folder.dir)?, serving);
    runtime()?.block_on(async {
        let doors = Doors::open(&project).await?;
        let host = Arc::new(Host::open(&project, Mode::Dev).await?);
        if let Err(report) = host.bring_up_to_date(&project, Mode::Dev).await {
            log::show(&report);
            say("Mend it and save: it is tried again.");
        }
        let app = host.application(&project, Mode::Dev)?;
        greeting::say_hello(&host, &app, &project, &doors.url()).await?;
        let current = Arc::new(RwLock::new(Routes::new(Arc::clone(&app))));
        let keys = host.watch_keys(&project, &app);
        let (watcher, saved) = watch::watch(&project)?;
        let reloading = tokio::spawn(reload(
            saved,
            Arc::clone(&host),
            (serving.folder.dir.clone(), serving.host.clone(), serving.port),
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

/// What was typed, to read the project again: folder, `--host`, `--port`.
type Typed = (std::path::PathBuf, Option<String>, Option<u16>);

async fn reload(
    mut saved: Receiver<()>,
    host: Arc<Host>,
    typed: Typed,
    current: Arc<RwLock<Routes>>,
) {
    let mut keys: Option<tokio::task::JoinHandle<()>> = None;
    while saved.recv().await.is_some() {
        match again(&host, &typed).await {
            Ok((project, app)) => {
                if let Some(old) = keys.take() {
                    old.abort();
                }
                keys = Some(host.watch_keys(&project, &app));
                *current.write() = Routes::new(app);
            }
            Err(report) => log::show(&report),
        }
    }
}

async fn again(host: &Host, typed: &Typed) -> miette::Result<(Project, Arc<App>)> {
    let project = read_again(&typed.0, typed)?;
    host.bring_up_to_date(&project, Mode::Dev).await?;
    let app = host.application(&project, Mode::Dev)?;
    Ok((project, app))
}

fn read_again(folder: &Path, typed: &Typed) -> miette::Result<Project> {
    let mut project = Project::open(folder)?;
    let server = &mut project.loaded.settings.server;
    if let Some(host) = &typed.1 {
        server.host.clone_from(host);
    }
    if let Some(port) = typed.2 {
        server.port = port;
    }
    Ok(project)
}

/// Is the server reachable from other machines?
fn is_open(project: &Project) -> bool {
    !is_loopback(&project.loaded.settings.server.host)
}
