//! Backstay as a process of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

use crate::load;
use crate::scenarios::{ITEMS, OWNERS, owner, request};
use crate::storm;

/// A running server.
pub(crate) struct Server {
    binary: String,
    project: PathBuf,
    process: Child,
    /// Where it listens.
    pub(crate) address: String,
    /// From start to the first answer.
    pub(crate) started_ms: f64,
    /// The key of the anonymous role.
    pub(crate) publishable: String,
    /// The key of the role that passes every policy.
    pub(crate) secret: String,
    /// What signs tokens.
    pub(crate) jwt_secret: String,
}

impl Server {
    /// Starts `backstay serve` on a free port, over the database that `url` names, and waits for its
    /// first answer.
    pub(crate) async fn start(binary: &str, project: &Path, url: &str) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let keys = keys(binary, project)?;
        let started = Instant::now();
        let process = Command::new(binary)
            .args(["serve", "--port", &port.to_string()])
            .arg(project)
            .env("BACKSTAY_LOG", "warn")
            .env("BACKSTAY_DATABASE_URL", url)
            .envs(storm::LIFTED)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {binary}"))?;
        let question = request("GET", "/rest/v1/extra_01", &format!("apikey: {}\r\n", keys.1), "");
        loop {
            match load::once(&address, &question).await {
                Ok((200, _)) => break,
                _ if started.elapsed() > Duration::from_secs(20) => bail!("it does not answer"),
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
        let started_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(Self {
            binary: binary.to_owned(),
            project: project.to_owned(),
            process,
            address,
            started_ms,
            publishable: keys.0,
            secret: keys.1,
            jwt_secret: keys.2,
        })
    }

    /// The process's id.
    pub(crate) fn id(&self) -> anyhow::Result<u32> {
        self.process.id().context("the server ended")
    }

    /// Resident memory.
    pub(crate) fn memory_mib(&self) -> anyhow::Result<f64> {
        let id = self.id()?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let kib: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
            .context("no VmRSS")?;
        Ok(kib / 1024.0)
    }

    /// Tokens of the first `count` owners.
    pub(crate) fn tokens(&self, count: u64) -> anyhow::Result<Vec<String>> {
        (0..count)
            .map(|number| {
                let out = std::process::Command::new(&self.binary)
                    .args(["keys", "token", "--sub", &owner(number), "--expires-in", "36000"])
                    .arg("--dir")
                    .arg(&self.project)
                    .output()?;
                Ok(String::from_utf8(out.stdout)?.trim().to_owned())
            })
            .collect()
    }

    /// Makes the rows that the scenarios read.
    pub(crate) async fn fill(&mut self) -> anyhow::Result<()> {
        let owners = (0..OWNERS)
            .map(|n| format!("{{\"id\":\"{}\",\"name\":\"owner {n}\"}}", owner(n)))
            .collect::<Vec<_>>();
        self.post("owners", &owners).await?;
        for first in (1..=ITEMS).step_by(5_000) {
            let items = (first..first + 5_000)
                .map(|n| {
                    let state = if n % 3 == 0 { "done" } else { "open" };
                    format!(
                        "{{\"id\":{n},\"owner_id\":\"{}\",\"title\":\"item {n}\",\"price\":{}.25,\
                         \"state\":\"{state}\"}}",
                        owner(n % OWNERS),
                        n % 100
                    )
                })
                .collect::<Vec<_>>();
            self.post("items", &items).await?;
            let notes = (first..first + 5_000)
                .flat_map(|n| {
                    (0..2).map(move |m| format!("{{\"item_id\":{n},\"body\":\"note {m} of {n}\"}}"))
                })
                .collect::<Vec<_>>();
            self.post("notes", &notes).await?;
        }
        Ok(())
    }

    async fn post(&self, table: &str, rows: &[String]) -> anyhow::Result<()> {
        let headers = format!("apikey: {}\r\n", self.secret);
        let body = format!("[{}]", rows.join(","));
        let target = format!("/rest/v1/{table}");
        let (status, body) =
            load::once(&self.address, &request("POST", &target, &headers, &body)).await?;
        if status != 201 {
            bail!("filling {table}: {status} {}", String::from_utf8_lossy(&body));
        }
        Ok(())
    }

    /// Stops it as an operator would.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.id()?;
        std::process::Command::new("kill").arg(id.to_string()).status()?;
        let status = tokio::time::timeout(Duration::from_secs(20), self.process.wait()).await??;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

/// The publishable key, the secret key, the tokens' secret.
fn keys(binary: &str, project: &Path) -> anyhow::Result<(String, String, String)> {
    let out = std::process::Command::new(binary)
        .args(["keys", "--json", "--dir"])
        .arg(project)
        .output()?;
    let keys: serde_json::Value = serde_json::from_slice(&out.stdout)
        .with_context(|| String::from_utf8_lossy(&out.stderr).into_owned())?;
    let key = |name: &str| keys[name].as_str().unwrap_or_default().to_owned();
    Ok((key("publishable"), key("secret"), key("jwt_secret")))
}
