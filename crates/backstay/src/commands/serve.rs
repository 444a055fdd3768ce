//! `backstay serve`: a project for real: no seed, structured logs, a shutdown that lets requests finish.

use std::process::ExitCode;

use backstay_http::Routes;

use crate::Serving;
use crate::host::{Host, Mode};
use crate::log::{self, Style, say};
use crate::project::Project;
use crate::serving::{Doors, runtime, with_overrides};

pub(crate) fn run(serving: &Serving) -> miette::Result<ExitCode> {
    log::start(Style::Machines)?;
    let mut project =
        with_overrides(Project::open(serving.folder.path())?, serving.host.as_ref(), serving.port);
    for note in &project.loaded.notes {
        tracing::warn!("{note}");
    }
    runtime()?.block_on(async {
        let doors = Doors::open(&project).await?;
        project.loaded.settings.server.port = doors.port();
        let host = Host::open(&project, Mode::Serve).await?;
        host.bring_up_to_date(&project, Mode::Serve).await?;
        let app = host.application(&project, Mode::Serve)?;
        let watching = host.watch_keys(&project, &app)?;
        say(&format!("{} on {} at {}", project.title(), host.engine_name(), doors.url()));
        let routes = Routes::new(app);
        doors.serve(&project, move || routes.clone()).await?;
        watching.abort();
        host.close().await?;
        Ok(ExitCode::SUCCESS)
    })
}
