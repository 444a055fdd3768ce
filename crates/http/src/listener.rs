//! The accept loop: connections with limits on their number, their headers and their idleness.
//!
//! With [`Tls`] the same over TLS: the client chooses HTTP/2 or HTTP/1.1 by ALPN.
//! A loop of our own, because the framework's never closes connections that dribble their headers.

mod leftover;
mod redirect;
mod target;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{EXPECT, STRICT_TRANSPORT_SECURITY};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use self::leftover::Shared;
pub use self::redirect::{Challenges, redirect};
use self::target::{Lenient, Targets};
use crate::Routes;
use crate::tls::Tls;

/// Limit: time for a TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Where connections come from.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// TLS, if it is spoken there.
    pub tls: Option<Arc<Tls>>,
}

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
    listener: Listener,
    routes: impl Fn() -> Routes + Send + Sync + 'static,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let handler = move |request, peer| routes().answer(request, peer);
    accept(listener, handler, limits, shutdown).await
}

async fn accept<H, F>(
    listener: Listener,
    handler: H,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    H: Fn(Request, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let Listener { socket, tls } = listener;
    let patience = limits.header_timeout;
    let attendant = Arc::new(Attendant { builder: builder(&limits), tls, patience, handler });
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
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
        let (attendant, watcher) = (Arc::clone(&attendant), graceful.watcher());
        tokio::spawn(async move {
            if let Err(error) = attendant.attend(stream, peer, watcher).await {
                tracing::debug!(%peer, %error, "connection ended");
            }
            drop(place);
        });
    }
    drop(socket);
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

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What the connections of a listener share.
struct Attendant<H> {
    builder: auto::Builder<TokioExecutor>,
    tls: Option<Arc<Tls>>,
    patience: Duration,
    handler: H,
}

impl<H, F> Attendant<H>
where
    H: Fn(Request, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    /// One connection from its first byte to its end.
    async fn attend(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
    ) -> Result<(), Cause> {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "no-delay could not be set");
        }
        let Some(tls) = &self.tls else {
            return self.converse(stream, peer, watcher).await;
        };
        // Boxed: its state is large, and connections without TLS should not carry it.
        Box::pin(async move {
            let limit = self.patience.min(HANDSHAKE_MAX);
            let acceptor = tls.acceptor().ok_or("there is no certificate yet")?;
            let stream = tokio::time::timeout(limit, acceptor.accept(stream)).await??;
            self.converse(stream, peer, watcher).await
        })
        .await
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        watcher: Watcher,
    ) -> Result<(), Cause> {
        let policy = self.tls.as_ref().and_then(|tls| tls.transport_security());
        let targets = Targets::default();
        let stream = Lenient::new(stream, targets.clone(), self.patience);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            if let Some(uri) = targets.restore(request.uri()) {
                *request.uri_mut() = uri;
            }
            let (request, rest) = with_rest(request);
            let (answer, policy) = ((self.handler)(request, peer), policy.clone());
            async move {
                let mut response = answer.await;
                if let Some(rest) = rest {
                    rest.finish().await;
                }
                if let Some(policy) = policy {
                    response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, policy);
                }
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        watcher.watch(self.builder.serve_connection(TokioIo::new(stream), service)).await
    }
}

/// The request, and its body once more where a rest of it might be left to read.
fn with_rest(request: hyper::Request<Incoming>) -> (Request, Option<Shared>) {
    if request.body().is_end_stream() {
        return (request.map(|_| Body::empty()), None);
    }
    // Reading the body of one who waits for a word first would be that word.
    if request.headers().contains_key(EXPECT) {
        return (request.map(Body::new), None);
    }
    let (head, body) = request.into_parts();
    let body = Shared::new(body);
    (Request::from_parts(head, Body::new(body.clone())), Some(body))
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
