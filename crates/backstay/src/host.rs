//! A project being served: the engine, brought up to date, with the rooms wired around it.

mod names;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backstay_auth::Inbox;
use backstay_engine::Engine;
use backstay_engine_postgres::PostgresEngine;
use backstay_engine_sqlite::SqliteEngine;
use backstay_http::cors::Origins;
use backstay_http::gateway::{Gateway, GatewaySettings};
use backstay_http::listener::ConnectionLimits;
use backstay_http::token::Expectations;
use backstay_http::{App, BodyBudget, Limits, Metrics, SessionChecks, Site};
use backstay_records::{OpenApi, Records, RecordsSettings, StatementTimeouts};
use miette::{IntoDiagnostic as _, miette};
use tokio::task::JoinHandle;

use crate::keyring::{Keyring, Shown};
use crate::project::Project;
use crate::settings::{Durability, OpenApiMode, Settings, TxEnd};
use crate::{migrating, signing_in};

/// How a project is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// While people work on it.
    Dev,
    /// For real.
    Serve,
}

/// A project with its engine open.
pub(crate) struct Host {
    engine: Arc<dyn Engine>,
    keyring: Keyring,
    local_keys: bool,
    /// Mails that `dev` caught; kept when the settings are read again.
    inbox: Option<Arc<Inbox>>,
}

/// Time that requests in flight get at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

impl Host {
    /// Opens the project's database (made if there is none) and its keys.
    ///
    /// # Errors
    /// Everything that stands in the way, each with its remedy.
    pub(crate) async fn open(project: &Project, mode: Mode) -> miette::Result<Self> {
        project.prepare_state()?;
        let settings = &project.loaded.settings;
        let local_keys =
            project.supabase && mode == Mode::Dev && is_loopback(&settings.server.host);
        let mut keyring = Keyring::open(&project.state, &settings.auth)?;
        if local_keys {
            keyring = keyring.with_local_keys(&settings.auth);
        }
        let engine = open_engine(project, &holder(settings, mode)).await?;
        let inbox = (mode == Mode::Dev).then(Arc::default);
        Ok(Self { engine, keyring, local_keys, inbox })
    }

    /// Brings the database up to the project's migrations; in `dev` an empty one gets the seed.
    ///
    /// # Errors
    /// The first migration that fails, with its place; nothing of it was applied.
    pub(crate) async fn bring_up_to_date(
        &self,
        project: &Project,
        mode: Mode,
    ) -> miette::Result<()> {
        migrating::refuse_half_moved(&self.engine)?;
        migrating::bring_up_to_date(&self.engine, project, mode == Mode::Dev).await
    }

    /// What the database is, for people.
    pub(crate) fn engine_name(&self) -> String {
        self.engine.name()
    }

    /// The keys to show.
    ///
    /// # Errors
    /// If a token cannot be signed.
    pub(crate) fn keys(&self) -> miette::Result<Shown> {
        self.keyring.shown()
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// The routes over this host, with the project's settings of now.
    ///
    /// # Errors
    /// Unusable keys and settings.
    pub(crate) fn application(&self, project: &Project, mode: Mode) -> miette::Result<Arc<App>> {
        self.wired(project, mode).map_err(|report| project.loaded.places.show(report))
    }

    fn wired(&self, project: &Project, mode: Mode) -> miette::Result<Arc<App>> {
        let settings = &project.loaded.settings;
        names::check(project, &self.engine.catalog(), mode)?;
        let private = signing_in::private_keys(project)?;
        let verifying = self.keyring.verifying(jwt_keys(project).as_deref(), &private)?;
        let shown = self.keyring.shown()?;
        let engine = Arc::clone(&self.engine);
        let inbox = self.inbox.as_ref();
        signing_in::require_secrets(project, mode)?;
        let auth = signing_in::service(project, mode, engine, &self.keyring, inbox)?;
        Ok(Arc::new(App {
            auth,
            inbox: self.inbox.clone(),
            trusted_proxies: trusted_proxies(settings)?,
            sessions: SessionChecks::default(),
            leaving: AtomicBool::new(false),
            gateway: Gateway::new(gateway(settings, mode), verifying),
            records: Records::new(Arc::clone(&self.engine), records(settings)),
            engine: Arc::clone(&self.engine),
            origins: Origins::new(&settings.api.cors_origins),
            limits: Limits {
                body_bytes_max: settings.limits.body_bytes,
                url_bytes_max: settings.limits.url_bytes,
                body_timeout: Duration::from_millis(settings.limits.request_ms),
            },
            body_budget: BodyBudget::new(settings.limits.bodies_bytes),
            metrics: Metrics::default(),
            instance: instance(),
            site: Site {
                folder: project.site(),
                project: settings.project_id.clone(),
                publishable_key: shown.publishable,
            },
            server_timing: settings.server.server_timing,
        }))
    }

    /// Notices rotated keys while the server runs, and gives them to the application.
    ///
    /// # Errors
    /// Settings that give keys twice.
    pub(crate) fn watch_keys(
        &self,
        project: &Project,
        app: &Arc<App>,
    ) -> miette::Result<JoinHandle<()>> {
        let (state, auth) = (project.state.clone(), project.loaded.settings.auth.clone());
        let (jwt_keys, local_keys, app) = (jwt_keys(project), self.local_keys, Arc::clone(app));
        let private = signing_in::private_keys(project)?;
        Ok(tokio::spawn(async move {
            let mut known = Keyring::modified(&state);
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let now = Keyring::modified(&state);
                if now == known {
                    continue;
                }
                known = now;
                let read = Keyring::open(&state, &auth).and_then(|keyring| {
                    let keyring = if local_keys { keyring.with_local_keys(&auth) } else { keyring };
                    let verifying = keyring.verifying(jwt_keys.as_deref(), &private)?;
                    Ok((verifying, keyring.signing(&private)?))
                });
                match read {
                    Ok((verifying, signing)) => {
                        app.gateway.replace_keys(verifying);
                        app.auth.replace_keys(signing);
                        tracing::info!("keys were changed; the new ones hold from now on");
                    }
                    Err(error) => tracing::error!(%error, "the changed keys cannot be used"),
                }
            }
        }))
    }

    /// Writes what is due and closes the database.
    ///
    /// # Errors
    /// As the engine reports.
    pub(crate) async fn close(&self) -> miette::Result<()> {
        self.engine.close().await.into_diagnostic()
    }
}

/// Opens the engine that `database.url` names.
///
/// # Errors
/// A file in use, damaged, read-only, on a full disk…; a server that cannot be reached, a login that
/// is refused.
pub(crate) async fn open_engine(
    project: &Project,
    holder: &str,
) -> miette::Result<Arc<dyn Engine>> {
    if project.loaded.settings.database.is_postgres() {
        return open_postgres(project).await;
    }
    let settings = stored(project, holder);
    Ok(Arc::new(SqliteEngine::open(settings).map_err(migrating::told)?))
}

/// Opens it only to read, beside a server that has it open.
///
/// # Errors
/// As [`open_engine`], but for a file in use.
pub(crate) async fn open_beside(project: &Project) -> miette::Result<Arc<dyn Engine>> {
    if project.loaded.settings.database.is_postgres() {
        return open_postgres(project).await;
    }
    let settings = stored(project, "");
    Ok(Arc::new(SqliteEngine::open_beside(settings).map_err(migrating::told)?))
}

/// Opens the PostgreSQL database that `database.url` names.
///
/// # Errors
/// As [`open_engine`].
async fn open_postgres(project: &Project) -> miette::Result<Arc<dyn Engine>> {
    let database = &project.loaded.settings.database;
    let settings = backstay_engine_postgres::Settings {
        url: database.url.clone(),
        connections_max: database.connections,
        queue_max: database.queue,
        queue_timeout: Duration::from_millis(database.queue_ms),
        prepared_statements: database.prepared_statements,
    };
    Ok(Arc::new(PostgresEngine::open(settings).await.map_err(migrating::told)?))
}

/// How the project's file of embedded SQLite is opened.
pub(crate) fn stored(project: &Project, holder: &str) -> backstay_engine_sqlite::Settings {
    use backstay_engine_sqlite::Durability as Stored;
    backstay_engine_sqlite::Settings {
        path: project.database(),
        durability: match project.loaded.settings.database.durability {
            Durability::Full => Stored::Full,
            Durability::Normal => Stored::Normal,
            Durability::Off => Stored::Off,
        },
        holder: holder.to_owned(),
    }
}

/// Limits of connections.
pub(crate) fn connection_limits(settings: &Settings) -> ConnectionLimits {
    let limits = &settings.limits;
    ConnectionLimits {
        connections_max: limits.connections,
        header_bytes_max: limits.header_bytes + limits.url_bytes,
        header_timeout: Duration::from_millis(limits.idle_ms),
        drain: DRAIN,
    }
}

fn holder(settings: &Settings, mode: Mode) -> String {
    let command = if mode == Mode::Dev { "dev" } else { "serve" };
    format!("backstay {command} on {}:{}", settings.server.host, settings.server.port)
}

fn gateway(settings: &Settings, mode: Mode) -> GatewaySettings {
    let auth = &settings.auth;
    let role_claim = if auth.role_claim.is_empty() { "role" } else { &auth.role_claim };
    GatewaySettings {
        require_key: settings.api.require_key.unwrap_or(mode == Mode::Serve),
        role_claim: role_claim
            .trim_start_matches(['$', '.'])
            .split('.')
            .map(str::to_owned)
            .collect(),
        expectations: Expectations {
            audience: (!auth.jwt_audience.is_empty()).then(|| auth.jwt_audience.clone()),
        },
        ..GatewaySettings::default()
    }
}

fn records(settings: &Settings) -> RecordsSettings {
    let (api, limits) = (&settings.api, &settings.limits);
    let mut dialect = backstay_rest::Settings::new(api.schemas.clone());
    dialect.max_rows = (api.max_rows > 0).then_some(api.max_rows);
    dialect.aggregates = api.aggregates;
    dialect.plans = api.plan;
    dialect.root_spec = (!api.root_spec.is_empty()).then(|| api.root_spec.clone());
    dialect.transaction_end = match api.tx_end {
        TxEnd::Commit => backstay_rest::TransactionEnd::Commit,
        TxEnd::CommitAllowOverride => backstay_rest::TransactionEnd::CommitAllowOverride,
        TxEnd::Rollback => backstay_rest::TransactionEnd::Rollback,
        TxEnd::RollbackAllowOverride => backstay_rest::TransactionEnd::RollbackAllowOverride,
    };
    dialect.limits.embed_depth = limits.embed_depth;
    dialect.limits.embeds = limits.embeds;
    dialect.limits.logic_depth = limits.logic_depth;
    dialect.limits.list_elements = limits.list_elements;
    let time = |millis: u64| (millis > 0).then(|| Duration::from_millis(millis));
    RecordsSettings {
        dialect,
        meaning: backstay_plan::ApiSettings {
            extra_search_path: api.extra_search_path.clone(),
            refuse_unfiltered_writes: api.require_filter,
        },
        pre_request: (!api.pre_request.is_empty()).then(|| api.pre_request.clone()),
        anonymous_role: "anon".to_owned(),
        require_row_security: api.require_rls,
        openapi: OpenApi {
            mode: match api.openapi {
                OpenApiMode::FollowPrivileges => backstay_records::OpenApiMode::FollowPrivileges,
                OpenApiMode::IgnorePrivileges => backstay_records::OpenApiMode::IgnorePrivileges,
                OpenApiMode::Disabled => backstay_records::OpenApiMode::Disabled,
            },
            base_path: "/rest/v1".to_owned(),
        },
        statement_timeouts: StatementTimeouts {
            anonymous: time(limits.anon_statement_ms),
            others: time(limits.statement_ms),
        },
        app_settings: settings.app.clone(),
    }
}

/// The addresses of `server.trusted_proxies`.
fn trusted_proxies(settings: &Settings) -> miette::Result<Vec<IpAddr>> {
    let read = |text: &String| {
        text.parse::<IpAddr>().map_err(|_| {
            miette!(
                help = "list the addresses of your proxies, like \"10.0.0.1\"",
                "`server.trusted_proxies` holds `{text}`, which is no IP address"
            )
        })
    };
    settings.server.trusted_proxies.iter().map(read).collect()
}

fn jwt_keys(project: &Project) -> Option<std::path::PathBuf> {
    let file = &project.loaded.settings.auth.jwt_keys;
    (!file.is_empty()).then(|| project.root.join(file))
}

/// Is it an address that only this machine reaches?
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The start of request ids: different for every start.
fn instance() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", since.as_millis())
}
