//! The application: what routes share, and the table of routes.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use axum::http::header;
use axum::response::Response;
use axum::routing::{any, get};
use backstay_auth::{Auth, Inbox};
use backstay_engine::Engine;
use backstay_records::Records;
use tower::ServiceExt as _;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use crate::body::BodyBudget;
use crate::cors::Origins;
use crate::envelope::envelope;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::routes;
use crate::sessions::SessionChecks;

/// What all routes share.
pub struct App {
    /// Who is calling.
    pub gateway: Gateway,
    /// The data API.
    pub records: Records,
    /// Sign-in.
    pub auth: Arc<Auth>,
    /// Mails that were caught instead of sent, in `dev`.
    pub inbox: Option<Arc<Inbox>>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// For gauges and readiness.
    pub engine: Arc<dyn Engine>,
    /// CORS.
    pub origins: Origins,
    /// Limits.
    pub limits: Limits,
    /// What the bodies of all requests may hold together.
    pub body_budget: BodyBudget,
    /// Counters.
    pub metrics: Metrics,
    /// The start of request ids, different for every start of the server.
    pub instance: String,
    /// The static site.
    pub site: Site,
    /// Send `Server-Timing`.
    pub server_timing: bool,
    /// Which sessions held a moment ago.
    pub sessions: SessionChecks,
    /// The server stops soon: no new callers, please.
    pub leaving: AtomicBool,
}

/// Limits of requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes_max: usize,
    /// Bytes of the path and query.
    pub url_bytes_max: usize,
    /// Time for a body to arrive.
    pub body_timeout: Duration,
}

/// The static site and what it may know of the project.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The folder.
    pub folder: Option<PathBuf>,
    /// The project's name.
    pub project: String,
    /// The key that may stand in a web page.
    pub publishable_key: String,
}

/// Answers smaller than this are not compressed, in bytes.
const COMPRESS_ABOVE: u16 = 1024;

/// The routes over an application.
#[derive(Clone)]
pub struct Routes {
    app: Arc<App>,
    router: Router,
}

impl Routes {
    /// All routes.
    pub fn new(app: Arc<App>) -> Self {
        Self { router: router(Arc::clone(&app)), app }
    }

    /// Tells whoever asks for readiness that the server stops soon; requests are served as before.
    pub fn leave(&self) {
        self.app.leaving.store(true, Ordering::Relaxed);
    }

    /// Waits until nothing that was promised is lost by the end of the process. To be called when
    /// no request is served any more.
    pub async fn flush(&self) {
        self.app.auth.flush().await;
    }

    /// Answers a request.
    pub(crate) async fn answer(self, request: Request, peer: SocketAddr) -> Response {
        let Self { app, router } = self;
        let app = &app;
        // Boxed: this is the greater part of a request's state, which would be copied a few times on
        // its way through what surrounds it.
        let inner = |mut request: Request, id| {
            Box::pin(async move {
                // Most requests are for the data API: they are spared the layers of the router, but
                // for compression where the client takes it.
                if is_data_api(request.uri().path())
                    && !request.headers().contains_key(header::ACCEPT_ENCODING)
                {
                    return routes::rest::answer(app, request).await;
                }
                let extensions = request.extensions_mut();
                extensions.insert(id);
                extensions.insert(ConnectInfo(peer));
                let Ok(response) = Box::pin(router.oneshot(request)).await;
                response
            })
        };
        envelope(app, request, inner).await
    }
}

fn is_data_api(path: &str) -> bool {
    path.strip_prefix("/rest/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn router(app: Arc<App>) -> Router {
    let rest = any(routes::rest::serve);
    let auth = any(routes::auth::serve);
    Router::new()
        .route("/rest/v1", rest.clone())
        .route("/rest/v1/", rest.clone())
        .route("/rest/v1/{*path}", rest)
        .route("/auth/v1", auth.clone())
        .route("/auth/v1/{*path}", auth)
        .route("/healthz", get(routes::health::alive))
        .route("/readyz", get(routes::health::ready))
        .route("/metrics", get(routes::health::metrics))
        .route("/backstay.json", get(routes::site::project))
        .merge(routes::pages::routes(app.auth.has_pages()))
        .merge(routes::docs::routes())
        .merge(routes::dev_mail::routes())
        .fallback(routes::site::serve)
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESS_ABOVE)))
        .with_state(app)
}

/// Seconds since 1970, as tokens count.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
