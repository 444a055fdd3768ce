//! A storm of logins: how long reads by key take while everybody signs in at once.
//!
//! `backstay-bench storm PATH-OF-BACKSTAY [LOGINS]` prints the reads' latencies idle and during the
//! storm, and their ratio. Limits of requests are lifted; reads come at a steady pace, since readers
//! that wait for each other would hide a slow server.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::net::TcpStream;

use crate::load::{self, Measured};
use crate::scenarios::{self, request};
use crate::server::Server;

/// Connections that read.
const READERS: u64 = 8;
/// Time between two reads of a connection.
const PACE: Duration = Duration::from_millis(5);
/// How long reads are measured without a storm.
const IDLE: Duration = Duration::from_secs(5);
const PASSWORD: &str = "correct horse battery";

/// Limits that would stop a storm, as variables.
pub(crate) const LIFTED: [(&str, &str); 3] = [
    ("BACKSTAY_AUTH_RATE_LIMIT_TOKEN_REFRESH", "0"),
    ("BACKSTAY_AUTH_RATE_LIMIT_SIGN_IN_SIGN_UPS", "0"),
    ("BACKSTAY_AUTH_RATE_LIMIT_TOKEN_VERIFICATIONS", "0"),
];

/// Measures and prints.
pub(crate) async fn measure(binary: &str, logins: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("project");
    crate::copy(Path::new("bench/project"), &project)?;
    let mut server = Server::start(binary, &project, "").await?;
    server.fill().await?;
    let tokens = Arc::new(server.tokens(scenarios::OWNERS)?);
    let all = scenarios::all(scenarios::Api::Backstay, &tokens, &server.publishable);
    let read = all.iter().find(|one| one.name == scenarios::READ_BY_KEY);
    let make = Arc::clone(&read.context("no read by key")?.make);
    make_users(&server, logins).await?;

    let over = Arc::new(AtomicBool::new(false));
    let idle = tokio::spawn(reads(server.address.clone(), Arc::clone(&make), Arc::clone(&over)));
    tokio::time::sleep(IDLE).await;
    over.store(true, Ordering::Relaxed);
    let idle = idle.await??;

    let over = Arc::new(AtomicBool::new(false));
    let during = tokio::spawn(reads(server.address.clone(), make, Arc::clone(&over)));
    let started = Instant::now();
    let mut storm = Vec::new();
    for number in 0..logins {
        let (address, login) = (server.address.clone(), login(&server, number));
        storm.push(tokio::spawn(async move { load::once(&address, &login).await }));
    }
    let mut failed = 0;
    for one in storm {
        failed += u64::from(one.await??.0 != 200);
    }
    let took = started.elapsed();
    over.store(true, Ordering::Relaxed);
    let during = during.await??;

    let out = &mut std::io::stdout().lock();
    writeln!(out, "{logins} logins at once took {:.1} s; {failed} failed", took.as_secs_f64())?;
    for (name, one) in [("idle", &idle), ("in the storm", &during)] {
        let (count, refused) = (one.answered, one.refused);
        let (p50, p99) = (one.quantile_ms(500), one.quantile_ms(990));
        writeln!(
            out,
            "reads {name}: {count}, {refused} refused, p50 {p50:.2} ms, p99 {p99:.2} ms"
        )?;
    }
    writeln!(out, "ratio of the p99: {:.2}", during.quantile_ms(990) / idle.quantile_ms(990))?;
    server.stop().await
}

fn email(number: u64) -> String {
    format!("user{number}@example.com")
}

fn login(server: &Server, number: u64) -> Vec<u8> {
    let headers = format!("apikey: {}\r\n", server.publishable);
    let body = format!("{{\"email\":\"{}\",\"password\":\"{PASSWORD}\"}}", email(number));
    request("POST", "/auth/v1/token?grant_type=password", &headers, &body)
}

async fn make_users(server: &Server, count: u64) -> anyhow::Result<()> {
    let headers = format!("apikey: {0}\r\nAuthorization: Bearer {0}\r\n", server.secret);
    for number in 0..count {
        let body = format!(
            "{{\"email\":\"{}\",\"password\":\"{PASSWORD}\",\"email_confirm\":true}}",
            email(number)
        );
        let made = request("POST", "/auth/v1/admin/users", &headers, &body);
        let (status, body) = load::once(&server.address, &made).await?;
        if status != 200 {
            bail!("making users: {status} {}", String::from_utf8_lossy(&body));
        }
    }
    Ok(())
}

/// Reads at a steady pace until it is over.
async fn reads(
    address: String,
    make: load::Make,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Measured> {
    let mut tasks = Vec::new();
    for number in 0..READERS {
        let (address, make, over) = (address.clone(), Arc::clone(&make), Arc::clone(&over));
        tasks.push(tokio::spawn(async move { reader(&address, number, &make, &over).await }));
    }
    let mut all = Measured::default();
    for task in tasks {
        let part = task.await??;
        all.answered += part.answered;
        all.refused += part.refused;
        all.micros.extend(part.micros);
    }
    all.micros.sort_unstable();
    Ok(all)
}

async fn reader(
    address: &str,
    number: u64,
    make: &load::Make,
    over: &AtomicBool,
) -> anyhow::Result<Measured> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut part = Measured::default();
    let mut clock = tokio::time::interval(PACE);
    for count in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        clock.tick().await;
        let sent = Instant::now();
        let status =
            load::ask(&mut stream, &mut buffer, &make(number * 10_000_000 + count)).await?;
        part.micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if (200..300).contains(&status) {
            part.answered += 1;
        } else {
            part.refused += 1;
        }
    }
    Ok(part)
}
