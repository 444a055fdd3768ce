//! Measures Backstay against the floor in one run:
//! `backstay-bench PATH-OF-BACKSTAY [SECONDS [SCENARIO]]`, where a part of a scenario's name will do.
//!
//! `backstay-bench peers PATH-OF-BACKSTAY FOLDER [SECONDS]` measures it beside other frameworks: see
//! [`peers`].
//!
//! `backstay-bench storm PATH-OF-BACKSTAY` measures reads while everybody signs in: see [`storm`].
//!
//! Prints the disk's sync time, then a row a scenario: requests a second, latencies, memory, and
//! the ratio to a bare reply of the same bytes under the same load on the same machine. The scenarios
//! run on embedded SQLite, then on PostgreSQL, there beside `pgbench` doing the read by key.

mod floor;
mod load;
mod peers;
mod postgres;
mod scenarios;
mod server;
mod storm;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::load::Measured;
use crate::postgres::Postgres;
use crate::scenarios::{Api, Scenario};
use crate::server::Server;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["floor", folder] => runtime.block_on(floor::serve(folder)),
        ["storm", binary] => runtime.block_on(storm::measure(binary, 200)),
        ["storm", binary, logins] => runtime.block_on(storm::measure(binary, logins.parse()?)),
        ["peers", binary, installed] => runtime.block_on(peers::measure(binary, installed, 2.0)),
        ["peers", binary, installed, seconds] => {
            runtime.block_on(peers::measure(binary, installed, seconds.parse()?))
        }
        [binary] => runtime.block_on(bench(binary, 5.0, "")),
        [binary, seconds] => runtime.block_on(bench(binary, seconds.parse()?, "")),
        [binary, seconds, name] => runtime.block_on(bench(binary, seconds.parse()?, name)),
        _ => bail!("usage: backstay-bench [storm|peers] PATH-OF-BACKSTAY [SECONDS [SCENARIO]]"),
    }
}

async fn bench(binary: &str, seconds: f64, wanted: &str) -> anyhow::Result<()> {
    let out = &mut std::io::stdout().lock();
    let folder = tempfile::tempdir()?;
    let sync_ms = sync_ms(folder.path())?;
    writeln!(out, "one sync of this disk: {sync_ms:.2} ms")?;
    let size = fs::metadata(binary).with_context(|| format!("no {binary}"))?.len();
    writeln!(out, "binary: {:.1} MB", megabytes(size))?;
    let project = folder.path().join("project");
    copy(Path::new("bench/project"), &project)?;
    let mut run =
        Run { binary, project: &project, url: "", folder: folder.path(), seconds, sync_ms, wanted };
    run.all(out).await?;
    let Some(postgres) = Postgres::start(folder.path())? else {
        writeln!(out, "\nPostgreSQL is not installed here, so it is not measured")?;
        return Ok(());
    };
    writeln!(out, "\non PostgreSQL:")?;
    let url = postgres.url();
    run.url = &url;
    if let Some(rate) = run.all(out).await? {
        let floor = postgres.read_by_key(32, seconds)?;
        writeln!(
            out,
            "pgbench -M prepared, the same read: {floor:.0}/s, ratio {:.2}",
            rate / floor
        )?;
    }
    Ok(())
}

/// What is run, where, and for how long.
struct Run<'r> {
    binary: &'r str,
    project: &'r Path,
    /// `database.url`; empty for embedded SQLite.
    url: &'r str,
    folder: &'r Path,
    seconds: f64,
    /// What one sync of the disk takes.
    sync_ms: f64,
    /// Part of the names of the scenarios to run.
    wanted: &'r str,
}

impl Run<'_> {
    /// Runs the scenarios; answers the rate of the read by key, if it is one of them.
    async fn all(&self, out: &mut impl std::io::Write) -> anyhow::Result<Option<f64>> {
        let Self { binary, project, url, folder, seconds, sync_ms, wanted } = *self;
        drop(Server::start(binary, project, url).await?);
        let mut server = Server::start(binary, project, url).await?;
        writeln!(out, "first answer after start with 20 tables: {:.0} ms", server.started_ms)?;
        writeln!(out, "idle memory: {:.1} MiB", server.memory_mib()?)?;
        let tokens = Arc::new(server.tokens(scenarios::OWNERS)?);
        server.fill().await?;
        let all = scenarios::all(Api::Backstay, &tokens, &server.publishable);
        let floor = Floor::start(folder, &server, &all).await?;
        let mut read_by_key = None;
        writeln!(
            out,
            "\n{:32} {:>9} {:>8} {:>8} {:>9} {:>9} {:>6}",
            "scenario", "req/s", "p50 ms", "p99 ms", "MiB", "floor/s", "ratio"
        )?;
        let chosen = all.iter().enumerate().filter(|(_, scenario)| scenario.name.contains(wanted));
        for (number, scenario) in chosen {
            let floor = floor.measure(number, scenario, seconds).await?;
            let ours = load::run(
                &server.address,
                scenario.connections,
                seconds,
                Arc::clone(&scenario.make),
            )
            .await?;
            if ours.refused > 0 {
                bail!("{}: {} requests were refused", scenario.name, ours.refused);
            }
            row(out, scenario, &ours, &floor, server.memory_mib()?)?;
            if scenario.durable {
                ceiling(out, scenario, sync_ms)?;
            }
            if scenario.name == scenarios::READ_BY_KEY {
                read_by_key = Some(ours.rate());
            }
        }
        server.stop().await?;
        Ok(read_by_key)
    }
}

fn row(
    out: &mut impl std::io::Write,
    scenario: &Scenario,
    ours: &Measured,
    floor: &Measured,
    memory: f64,
) -> anyhow::Result<()> {
    writeln!(
        out,
        "{:32} {:>9.0} {:>8.2} {:>8.2} {:>9.1} {:>9.0} {:>6.2}",
        scenario.name,
        ours.rate(),
        ours.quantile_ms(500),
        ours.quantile_ms(990),
        memory,
        floor.rate(),
        ours.rate() / floor.rate()
    )?;
    if scenario.rows > 1 {
        #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
        let rows = ours.rate() * scenario.rows as f64;
        writeln!(out, "{:32} {rows:>9.0} rows/s", "")?;
    }
    Ok(())
}

/// With all connections waiting for one sync, and nothing else taking time, this many requests a
/// second are stored; half of it, if lower than the named ratio, is the goal of durable writes.
fn ceiling(out: &mut impl std::io::Write, scenario: &Scenario, sync_ms: f64) -> anyhow::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a count of connections")]
    let most = scenario.connections as f64 / (sync_ms / 1e3);
    writeln!(out, "{:32} {most:>9.0} at most, by the disk's sync alone", "")?;
    Ok(())
}

/// The floor's process with the answers that Backstay gave.
struct Floor {
    address: String,
    _process: tokio::process::Child,
}

impl Floor {
    async fn start(folder: &Path, server: &Server, all: &[Scenario]) -> anyhow::Result<Self> {
        let bodies = folder.join("floor");
        if bodies.exists() {
            fs::remove_dir_all(&bodies)?;
        }
        fs::create_dir(&bodies)?;
        for (number, scenario) in all.iter().enumerate() {
            let (status, body) = load::once(&server.address, &(scenario.make)(1)).await?;
            if !(200..300).contains(&status) {
                bail!("{}: {status} {}", scenario.name, String::from_utf8_lossy(&body));
            }
            fs::write(bodies.join(format!("{number}.{status}")), body)?;
        }
        let process = tokio::process::Command::new(std::env::current_exe()?)
            .arg("floor")
            .arg(&bodies)
            .kill_on_drop(true)
            .spawn()?;
        let file = bodies.join("address");
        for _ in 0..500 {
            match fs::read_to_string(&file) {
                Ok(address) if !address.is_empty() => {
                    return Ok(Self { address, _process: process });
                }
                _ => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
        bail!("the floor did not start")
    }

    /// The same requests, but for the path: the floor knows answers by number.
    async fn measure(
        &self,
        number: usize,
        scenario: &Scenario,
        seconds: f64,
    ) -> anyhow::Result<Measured> {
        let make = Arc::clone(&scenario.make);
        let make: load::Make = Arc::new(move |count| {
            let request = String::from_utf8(make(count)).unwrap_or_default();
            let mut parts = request.splitn(3, ' ');
            let (method, _, rest) = (parts.next(), parts.next(), parts.next());
            format!("{} /{number} {}", method.unwrap_or("GET"), rest.unwrap_or("")).into_bytes()
        });
        load::run(&self.address, scenario.connections, seconds, make).await
    }
}

fn sync_ms(folder: &Path) -> anyhow::Result<f64> {
    let mut file = fs::File::create(folder.join("sync"))?;
    let block = [7; 4096];
    let mut times = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if entry.file_name() != ".backstay" {
                copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a file's size")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
