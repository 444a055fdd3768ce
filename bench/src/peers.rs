//! Peers: the tracker of the scenarios as one writes it with other frameworks, in the settings in
//! which they usually go into production; `bench/peers/` has their sources.
//!
//! `backstay-bench peers PATH-OF-BACKSTAY FOLDER [SECONDS]`; the folder has the peers' libraries and
//! gets the figures, as `results.json`.
//!
//! All servers of one database are up at the same time and each scenario goes through them in turn,
//! [`ROUNDS`] times, so that what else the machine does meets them alike; the best round counts, since
//! it only ever slows. Before anything is measured, every peer has to answer as Backstay does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::load::{self, Measured};
use crate::postgres::Postgres;
use crate::scenarios::{self, Api, ITEMS, OWNERS, Same, Scenario, request};
use crate::server::Server;

/// How often each scenario goes through the servers.
const ROUNDS: usize = 3;

/// How a framework is started.
struct Framework {
    name: &'static str,
    folder: &'static str,
    /// Commands that make tables and rows; `OWNERS` and `ITEMS` are put in.
    fill: &'static [&'static [&'static str]],
    /// The server; `ADDRESS` is put in.
    serve: &'static [&'static str],
}

const FRAMEWORKS: [Framework; 3] = [
    Framework {
        name: "Django REST framework",
        folder: "django",
        fill: &[
            &["python", "manage.py", "migrate", "--run-syncdb", "--verbosity", "0"],
            &["python", "manage.py", "fill", "OWNERS", "ITEMS"],
        ],
        serve: &["gunicorn", "tracker.wsgi", "--workers=2", "--threads=8", "--bind=ADDRESS"],
    },
    Framework {
        name: "Flask, SQLAlchemy",
        folder: "flask",
        fill: &[&["python", "fill.py", "OWNERS", "ITEMS"]],
        serve: &["gunicorn", "app:app", "--workers=2", "--threads=8", "--bind=ADDRESS"],
    },
    Framework {
        name: "Express",
        folder: "express",
        fill: &[&["node", "fill.js", "OWNERS", "ITEMS"]],
        serve: &["node", "server.js"],
    },
];

/// Measures on SQLite, then on PostgreSQL; prints the figures and writes `results.json`.
pub(crate) async fn measure(binary: &str, installed: &str, seconds: f64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("project");
    crate::copy(Path::new("bench/project"), &project)?;
    let run = Run { binary, project, installed: fs::canonicalize(installed)?, seconds };
    let sqlite = run.all(Database::Sqlite(folder.path())).await?;
    let postgres = Postgres::start(folder.path())?.context("PostgreSQL is not installed")?;
    let postgresql = run.all(Database::Postgresql(&postgres)).await?;
    let results = json!({
        "cores": std::thread::available_parallelism()?.get(),
        "seconds": seconds,
        "rounds": ROUNDS,
        "sqlite": sqlite,
        "postgresql": postgresql,
    });
    fs::write(run.installed.join("results.json"), serde_json::to_vec_pretty(&results)?)?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Database<'d> {
    /// A file for each in this folder.
    Sqlite(&'d Path),
    /// A database for each in this server.
    Postgresql(&'d Postgres),
}

struct Run<'r> {
    binary: &'r str,
    project: PathBuf,
    installed: PathBuf,
    seconds: f64,
}

impl Run<'_> {
    async fn all(&self, database: Database<'_>) -> anyhow::Result<Value> {
        let (url, title) = match database {
            Database::Sqlite(_) => (String::new(), "SQLite"),
            Database::Postgresql(postgres) => (postgres.url(), "PostgreSQL"),
        };
        let mut server = Server::start(self.binary, &self.project, &url).await?;
        let tokens = Arc::new(server.tokens(OWNERS)?);
        server.fill().await?;
        let ours = scenarios::all(Api::Backstay, &tokens, &server.publishable);
        let theirs = scenarios::all(Api::Peer, &tokens, &server.publishable);
        let mut answers = Vec::new();
        for scenario in &ours {
            answers.push(load::once(&server.address, &(scenario.make)(1)).await?);
        }
        let mut peers = Vec::new();
        for framework in &FRAMEWORKS {
            let peer = self.start(framework, database, &server.jwt_secret).await?;
            for (answer, scenario) in answers.iter().zip(&theirs) {
                same_answer(answer, &peer.address, scenario)
                    .await
                    .with_context(|| format!("{} on {title}", framework.name))?;
            }
            peers.push(peer);
        }
        let mut rows = Vec::new();
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let mut best = vec![Measured::default(); 1 + peers.len()];
            for _ in 0..ROUNDS {
                let places = peers.iter().map(|peer| (&peer.address, theirs));
                let places = std::iter::once((&server.address, ours)).chain(places);
                for (best, (address, scenario)) in best.iter_mut().zip(places) {
                    let measured = self.one(address, scenario).await?;
                    if best.micros.is_empty() || measured.rate() > best.rate() {
                        *best = measured;
                    }
                }
            }
            let names = std::iter::once("Backstay").chain(peers.iter().map(|peer| peer.name));
            let measured: Vec<Value> =
                names.zip(&best).map(|(name, one)| figures(name, one)).collect();
            rows.push(json!({ "scenario": ours.name, "measured": measured }));
        }
        let mut memory = vec![json!({ "name": "Backstay", "mib": memory_mib(server.id()?)? })];
        for peer in &peers {
            memory.push(json!({ "name": peer.name, "mib": memory_mib(peer.id()?)? }));
        }
        print(title, &rows, &memory)?;
        for peer in peers {
            peer.stop().await?;
        }
        server.stop().await?;
        Ok(json!({ "scenarios": rows, "memory": memory }))
    }

    /// One scenario on one server, after a short run that nobody counts.
    async fn one(&self, address: &str, scenario: &Scenario) -> anyhow::Result<Measured> {
        let make =
            |seconds| load::run(address, scenario.connections, seconds, Arc::clone(&scenario.make));
        make(self.seconds / 8.0).await?;
        make(self.seconds).await
    }

    async fn start(
        &self,
        framework: &Framework,
        database: Database<'_>,
        jwt_secret: &str,
    ) -> anyhow::Result<Peer> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let variables = match database {
            Database::Sqlite(folder) => {
                let file = folder.join(framework.folder).with_extension("sqlite");
                vec![("SQLITE_PATH", file.display().to_string())]
            }
            Database::Postgresql(postgres) => postgres.database(framework.folder)?.to_vec(),
        };
        let command = |words: &[&str]| {
            let mut words = words.iter().map(|word| {
                word.replace("OWNERS", &OWNERS.to_string())
                    .replace("ITEMS", &ITEMS.to_string())
                    .replace("ADDRESS", &address)
            });
            let program = words.next().unwrap_or_default();
            let installed = self.installed.join("bin").join(&program);
            let mut command =
                Command::new(if installed.exists() { installed } else { program.into() });
            command
                .args(words)
                .current_dir(Path::new("bench/peers").join(framework.folder))
                .env("JWT_SECRET", jwt_secret)
                .env("PORT", port.to_string())
                .env("NODE_ENV", "production")
                .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
                .kill_on_drop(true);
            command
        };
        for words in framework.fill {
            let status = command(words).status().await?;
            ensure!(status.success(), "{}: {words:?} ended with {status}", framework.name);
        }
        let process = command(framework.serve).stderr(Stdio::null()).spawn()?;
        let started = Instant::now();
        while load::once(&address, &request("GET", "/items/1", "", "")).await.is_err() {
            ensure!(started.elapsed().as_secs() < 30, "{} does not answer", framework.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Peer { name: framework.name, address, process })
    }
}

fn figures(name: &str, measured: &Measured) -> Value {
    json!({
        "name": name,
        "rate": measured.rate(),
        "p99_ms": measured.quantile_ms(990),
        "refused": measured.refused,
    })
}

/// A running peer.
struct Peer {
    name: &'static str,
    address: String,
    process: Child,
}

impl Peer {
    fn id(&self) -> anyhow::Result<u32> {
        self.process.id().with_context(|| format!("{} ended", self.name))
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        std::process::Command::new("kill").arg(self.id()?.to_string()).status()?;
        tokio::time::timeout(Duration::from_secs(40), self.process.wait()).await??;
        Ok(())
    }
}

/// Fails unless a peer answers a scenario's first request as Backstay did.
async fn same_answer(
    (status, body): &(u16, Vec<u8>),
    address: &str,
    scenario: &Scenario,
) -> anyhow::Result<()> {
    let name = scenario.name;
    let (their_status, their_body) = load::once(address, &(scenario.make)(1)).await?;
    ensure!(*status == their_status, "{name}: {their_status} for {status}");
    if scenario.same == Same::Status {
        return Ok(());
    }
    let read = |body: &[u8]| -> anyhow::Result<Vec<Value>> {
        let mut rows = match serde_json::from_slice(body)? {
            Value::Array(rows) => rows,
            row => vec![row],
        };
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            for (name, value) in row.iter_mut() {
                if name == "created_at" || scenario.same == Same::Names {
                    *value = Value::Null;
                }
            }
        }
        Ok(rows)
    };
    let (ours, theirs) = (read(body)?, read(&their_body)?);
    if ours.is_empty() || ours != theirs {
        bail!("{name}: {} for {}", json!(theirs), json!(ours));
    }
    Ok(())
}

/// Memory of a process and its children; what they share counts once.
fn memory_mib(id: u32) -> anyhow::Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let kib: f64 = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok())
        .context("no Pss")?;
    let mut sum = kib / 1024.0;
    for child in fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?.split_whitespace() {
        sum += memory_mib(child.parse()?)?;
    }
    Ok(sum)
}

fn print(title: &str, rows: &[Value], memory: &[Value]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let out = &mut std::io::stdout().lock();
    write!(out, "\n{:30}", format!("on {title}, requests/s"))?;
    for one in memory {
        write!(out, " {:>22}", one["name"].as_str().unwrap_or_default())?;
    }
    for row in rows {
        write!(out, "\n{:30}", row["scenario"].as_str().unwrap_or_default())?;
        for one in row["measured"].as_array().into_iter().flatten() {
            let refused = one["refused"].as_u64().unwrap_or_default();
            let note = if refused > 0 { format!(" ({refused} refused)") } else { String::new() };
            let rate = format!("{:.0}{note}", one["rate"].as_f64().unwrap_or_default());
            write!(out, " {rate:>22}")?;
        }
    }
    write!(out, "\n{:30}", "memory afterwards, MiB")?;
    for one in memory {
        write!(out, " {:>22.0}", one["mib"].as_f64().unwrap_or_default())?;
    }
    writeln!(out)?;
    Ok(())
}
