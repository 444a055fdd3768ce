//! What `dev` and `serve` share: the listeners, the runtime, the signals.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use backstay_http::Routes;
use backstay_http::listener::{self, Challenges, Listener};
use backstay_http::tls::{Tls, TlsSettings};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::acme::Authority;
use crate::host::connection_limits;
use crate::project::Project;

/// Time to keep what waits, when the server stops.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(5);

/// Puts `--host` and `--port` on top of the settings.
pub(crate) fn with_overrides(
    mut project: Project,
    host: Option<&String>,
    port: Option<u16>,
) -> Project {
    let server = &mut project.loaded.settings.server;
    if let Some(host) = host {
        server.host.clone_from(host);
    }
    if let Some(port) = port {
        server.port = port;
    }
    project
}

/// Where a project is reached.
pub(crate) struct Doors {
    address: SocketAddr,
    listener: Listener,
    /// Where plain HTTP is sent to TLS.
    redirect: Option<TcpListener>,
    /// Who gives the certificate, if it is not made by hand.
    authority: Option<Authority>,
}

impl Doors {
    /// Listens, or says what is in the way.
    ///
    /// # Errors
    /// A port in use, an address that is not this machine's, an unusable certificate.
    pub(crate) async fn open(project: &Project) -> miette::Result<Self> {
        let server = &project.loaded.settings.server;
        let authority = Authority::of(project)?;
        let tls = load_tls(project, authority.as_ref())?;
        let socket = bind(&server.host, server.port).await?;
        let redirect = match server.http_redirect_port {
            0 => None,
            port => Some(bind(&server.host, port).await?),
        };
        let address = socket.local_addr().into_diagnostic()?;
        Ok(Self { address, listener: Listener { socket, tls }, redirect, authority })
    }

    /// The port that is listened on, where the settings ask for any.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address for people and clients.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.listener.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until a signal says stop.
    ///
    /// # Errors
    /// Only if a listener itself breaks.
    pub(crate) async fn serve(
        self,
        project: &Project,
        routes: impl Fn() -> Routes + Send + Sync + 'static,
    ) -> miette::Result<()> {
        let limits = connection_limits(&project.loaded.settings);
        let certificate = self.listener.tls.clone();
        let (port, redirect, authority) = (self.address.port(), self.redirect, self.authority);
        let challenges = Challenges::default();
        let answered = challenges.clone();
        let redirected = async move {
            match redirect {
                Some(socket) => {
                    let never = std::future::pending();
                    listener::redirect(socket, (port, answered), limits, never).await
                }
                None => std::future::pending().await,
            }
        };
        let certified = async move {
            match authority {
                Some(authority) => authority.keep(&challenges).await,
                None => std::future::pending().await,
            }
        };
        let routes = Arc::new(routes);
        let (told, last) = (Arc::clone(&routes), Arc::clone(&routes));
        let delay = Duration::from_millis(project.loaded.settings.server.shutdown_delay_ms);
        let stopped = async move {
            until_stopped().await;
            told().leave();
            tokio::time::sleep(delay).await;
        };
        let served = tokio::select! {
            served = listener::serve(self.listener, move || routes(), limits, stopped) => served,
            broken = redirected => broken,
            never = renew(certificate) => match never {},
            never = certified => match never {},
        };
        if tokio::time::timeout(FLUSH_TIME_MAX, last().flush()).await.is_err() {
            tracing::error!("mails that waited could not be kept: the database does not answer");
        }
        served.into_diagnostic()
    }
}

fn load_tls(project: &Project, authority: Option<&Authority>) -> miette::Result<Option<Arc<Tls>>> {
    let tls = &project.loaded.settings.server.tls;
    if let Some(authority) = authority {
        let (cert, key) = (authority.certificate(), authority.certificate());
        let settings = TlsSettings { cert, key, hsts_seconds: tls.hsts_seconds };
        return Ok(Some(Arc::new(Tls::awaiting(settings))));
    }
    if tls.cert.is_empty() {
        return Ok(None);
    }
    let settings = TlsSettings {
        cert: project.root.join(&tls.cert),
        key: project.root.join(&tls.key),
        hsts_seconds: tls.hsts_seconds,
    };
    let loaded = Tls::load(settings).into_diagnostic().wrap_err("TLS cannot be spoken")?;
    Ok(Some(Arc::new(loaded)))
}

/// Takes a new certificate into use at SIGHUP, or within a second after its files were changed.
async fn renew(tls: Option<Arc<Tls>>) -> std::convert::Infallible {
    let (Some(tls), Ok(mut hangup)) = (tls, signal(SignalKind::hangup())) else {
        return std::future::pending().await;
    };
    let mut known = tls.modified();
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(Duration::from_secs(1)) => false,
        };
        let now = tls.modified();
        if now == [None, None] && !tls.is_ready() || !asked && now == known {
            continue;
        }
        known = now;
        match tls.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            // Half of a renewal, perhaps: the other file follows and is noticed too.
            Err(error) => tracing::error!(%error, "the old certificate stays in use"),
        }
    }
}

async fn bind(host: &str, port: u16) -> miette::Result<TcpListener> {
    match TcpListener::bind((host, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(miette!(
            help =
                "stop what listens there, or choose another port with --port (0 for any free one)",
            "port {port} on {host} is in use"
        )),
        Err(error) => {
            Err(error).into_diagnostic().wrap_err_with(|| format!("cannot listen on {host}:{port}"))
        }
    }
}

/// Threads that serve connections, for each core. A short read runs where its connection is served
/// and keeps that thread, so with as many threads as cores a core would idle while requests wait.
const WORKERS_PER_CORE: usize = 2;

/// The runtime of the server.
///
/// # Errors
/// If the system gives no threads.
pub(crate) fn runtime() -> miette::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores * WORKERS_PER_CORE)
        .enable_all()
        .thread_name("backstay")
        .thread_keep_alive(Duration::from_secs(10))
        .build()
        .into_diagnostic()
}

/// Ready at the first SIGTERM or SIGINT; a second one ends the process at once (what was
/// acknowledged is on disk already).
async fn until_stopped() {
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
