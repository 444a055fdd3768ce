//! The accept loop: connections with limits on their number, their headers and their idleness.
//!
//! A loop of our own, because the framework's never closes connections that dribble their headers.

mod target;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use self::target::{Lenient, Targets};
use crate::Routes;

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Open at once.
    pub connections_max: usize,
    /// Bytes of a request's line and headers.
    pub header_bytes_max: usize,
    /// Time for a request's headers to arrive, idle time before them included.
    pub header_timeout: Duration,
    /// Time that requests in flight get at shutdown.
    pub drain: Duration,
}

/// Serves until `shutdown` is ready, then lets requests in flight finish. `routes` is asked for each
/// request, so that they may be replaced.
///
/// # Errors
/// Only if the listener itself breaks.
pub async fn serve(
    listener: TcpListener,
    routes: impl Fn() -> Routes + Clone + Send + Sync + 'static,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let builder = Arc::new(builder(&limits));
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(limit = limits.connections_max, "too many connections, one refused");
            drop(stream);
            continue;
        };
        let stream = (stream, limits.header_timeout);
        let connection = connect(&builder, stream, peer, routes.clone());
        let watched = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%peer, %error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still ran when the time for them was over");
    }
    Ok(())
}

fn builder(limits: &ConnectionLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes_max.max(8 * 1024))
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(200)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

fn connect<'b, R: Fn() -> Routes + Send + Sync + 'static>(
    builder: &'b auto::Builder<TokioExecutor>,
    (stream, patience): (TcpStream, Duration),
    peer: SocketAddr,
    routes: R,
) -> auto::Connection<
    'b,
    TokioIo<Lenient<TcpStream>>,
    impl hyper::service::Service<
        hyper::Request<hyper::body::Incoming>,
        Response = axum::response::Response,
        Error = std::convert::Infallible,
        Future: Send,
    > + use<R>,
    TokioExecutor,
> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "no-delay could not be set");
    }
    let targets = Targets::default();
    let stream = Lenient::new(stream, targets.clone(), patience);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        if let Some(uri) = targets.restore(request.uri()) {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let routes = routes();
        async move { Ok(routes.answer(request.map(Body::new)).await) }
    });
    builder.serve_connection(TokioIo::new(stream), service)
}

/// A client that went away is nothing; having no descriptors left needs a moment.
async fn pause_after(error: &io::Error) {
    let harmless = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !harmless {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
