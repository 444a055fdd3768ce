//! What `dev` and `serve` share: the listener, the runtime, the signals.

use std::time::Duration;

use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::Serving;
use crate::project::Project;

/// Puts `--host` and `--port` on top of the settings.
pub(crate) fn with_overrides(mut project: Project, serving: &Serving) -> Project {
    let server = &mut project.loaded.settings.server;
    if let Some(host) = &serving.host {
        server.host.clone_from(host);
    }
    if let Some(port) = serving.port {
        server.port = port;
    }
    project
}

/// Listens, or says who might be in the way.
///
/// # Errors
/// A port in use, an address that is not this machine's.
pub(crate) async fn bind(project: &Project) -> miette::Result<TcpListener> {
    let server = &project.loaded.settings.server;
    match TcpListener::bind((server.host.as_str(), server.port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(miette!(
            help =
                "stop what listens there, or choose another port with --port (0 for any free one)",
            "port {} on {} is in use",
            server.port,
            server.host
        )),
        Err(error) => Err(error)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot listen on {}:{}", server.host, server.port)),
    }
}

/// The runtime of the server.
///
/// # Errors
/// If the system gives no threads.
pub(crate) fn runtime() -> miette::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("backstay")
        .thread_keep_alive(Duration::from_secs(10))
        .build()
        .into_diagnostic()
}

/// Ready at the first SIGTERM or SIGINT; a second one ends the process at once (what was
/// acknowledged is on disk already).
pub(crate) async fn until_stopped() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; end the process by force");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: requests in flight are finished");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(1);
    });
}
