//! Calls of administration: by the project's own database, or, while a server holds that, by the
//! server.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use backstay_auth::{Auth, Bearer, Call};
use backstay_engine::Engine;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde_json::Value;

use crate::host::{Mode, open_engine};
use crate::keyring::Keyring;
use crate::project::Project;
use crate::{migrating, signing_in};

/// Time for an answer of the server.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Where calls go.
pub(super) enum Administration {
    /// The database was free: the service runs in this process.
    Own { auth: Arc<Auth>, engine: Arc<dyn Engine> },
    /// A server holds the database.
    Server { client: reqwest::Client, base: String, key: String },
}

impl Administration {
    /// Opens the project's database, or finds the server that holds it.
    ///
    /// # Errors
    /// A database that can be neither opened nor reached.
    pub(super) async fn open(project: &Project) -> miette::Result<Self> {
        project.prepare_state()?;
        let settings = &project.loaded.settings;
        let keyring = Keyring::open(&project.state, &settings.auth)?;
        match open_engine(project, "backstay user").await {
            Ok(engine) => {
                migrating::bring_up_to_date(&engine, project, false).await?;
                let shared = Arc::clone(&engine);
                let auth = signing_in::service(project, Mode::Serve, shared, &keyring, None)?;
                Ok(Self::Own { auth, engine })
            }
            Err(report) => {
                let base = holder(project).unwrap_or_else(|| signing_in::local_url(settings));
                let client = reqwest::Client::builder()
                    .no_proxy()
                    .timeout(ANSWER_TIME_MAX)
                    .build()
                    .into_diagnostic()?;
                let alive = client.get(format!("{base}/healthz")).send().await;
                if !alive.is_ok_and(|answer| answer.status().is_success()) {
                    return Err(report);
                }
                Ok(Self::Server { client, base, key: keyring.shown()?.secret })
            }
        }
    }

    /// Calls the service as an administrator.
    ///
    /// # Errors
    /// Its refusal, in its own words.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> miette::Result<Value> {
        let sent = body.map(Value::to_string).unwrap_or_default();
        let (status, answer) = match self {
            Self::Own { auth, .. } => {
                let (path, query) = path.split_once('?').unwrap_or((path, ""));
                let call = Call {
                    method,
                    path,
                    query,
                    headers: &[("x-supabase-api-version", "2024-01-01")],
                    body: sent.as_bytes(),
                    bearer: Bearer::Key("service_role".to_owned()),
                    key_role: Some("service_role".to_owned()),
                    client: IpAddr::V4(Ipv4Addr::LOCALHOST),
                    request_id: "command",
                };
                let answer = auth.serve(&call).await;
                (answer.status, answer.body)
            }
            Self::Server { client, base, key } => {
                let method = method.parse().into_diagnostic()?;
                let answer = client
                    .request(method, format!("{base}/auth/v1{path}"))
                    .bearer_auth(key)
                    .header("apikey", key)
                    .header("x-supabase-api-version", "2024-01-01")
                    .body(sent)
                    .send()
                    .await
                    .into_diagnostic()
                    .wrap_err("the server that holds the database does not answer")?;
                (answer.status().as_u16(), answer.bytes().await.into_diagnostic()?.to_vec())
            }
        };
        let told: Value = serde_json::from_slice(&answer).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(told);
        }
        let message = told["message"].as_str().unwrap_or("the service refused");
        Err(miette!("{message} ({status} {})", told["code"].as_str().unwrap_or_default()))
    }

    /// Closes the database, if it is open here.
    ///
    /// # Errors
    /// As the engine reports.
    pub(super) async fn close(&self) -> miette::Result<()> {
        match self {
            Self::Own { engine, .. } => engine.close().await.into_diagnostic(),
            Self::Server { .. } => Ok(()),
        }
    }
}

/// Where the server that holds the database listens, as it wrote into the lock: its host and port
/// may have been given on its command line.
fn holder(project: &Project) -> Option<String> {
    let mut lock = project.database().into_os_string();
    lock.push(".lock");
    let written = std::fs::read_to_string(lock).ok()?;
    let (_, address) = written.trim().rsplit_once(" on ")?;
    let (host, port) = address.rsplit_once(':')?;
    let mut settings = project.loaded.settings.clone();
    settings.server.host = host.to_owned();
    settings.server.port = port.parse().ok()?;
    Some(signing_in::local_url(&settings))
}
