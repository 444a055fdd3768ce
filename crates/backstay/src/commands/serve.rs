//! `backstay serve`: a project for real: no seed, structured logs, a shutdown that lets requests finish.

use std::process::ExitCode;

use backstay_http::{Routes, listener};
use miette::IntoDiagnostic as _;

use crate::Serving;
use crate::host::{Host, Mode, connection_limits};
use crate::log::{self, Style, say};
use crate::project::Project;
use crate::serving::{bind, runtime, until_stopped, with_overrides};

pub(crate) fn run(serving: &Serving) -> miette::Result<ExitCode> {
    log::start(Style::Machines);
    let project = with_overrides(Project::open(&serving.folder.dir)?, serving);
    for note in &project.loaded.notes {
        tracing::warn!("{note}");
    }
    runtime()?.block_on(async {
        let socket = bind(&project).await?;
        let address = socket.local_addr().into_diagnostic()?;
        let host = Host::open(&project, Mode::Serve).await?;
        host.bring_up_to_date(&project, Mode::Serve).await?;
        let app = host.application(&project, Mode::Serve)?;
        let watching = host.watch_keys(&project, &app);
        say(&format!("{} on {} at http://{address}", project.root.display(), host.engine_name()));
        let limits = connection_limits(&project.loaded.settings);
        let routes = Routes::new(app);
        listener::serve(socket, move || routes.clone(), limits, until_stopped())
            .await
            .into_diagnostic()?;
        watching.abort();
        host.close().await?;
        Ok(ExitCode::SUCCESS)
    })
}
