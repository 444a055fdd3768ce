//! A load generator that costs little: requests are bytes made beforehand, answers are read just far
//! enough to know their status and their end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Makes the n-th request of a connection.
pub(crate) type Make = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    /// Requests answered with a 2xx.
    pub(crate) answered: u64,
    /// Other answers; a run with any is worth nothing.
    pub(crate) refused: u64,
    /// Latencies in microseconds, ascending.
    pub(crate) micros: Vec<u32>,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Measured {
    /// Requests a second.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    /// A latency quantile in milliseconds.
    pub(crate) fn quantile_ms(&self, per_mille: usize) -> f64 {
        let at = (self.micros.len() * per_mille / 1000).min(self.micros.len().saturating_sub(1));
        self.micros.get(at).map_or(0.0, |micros| f64::from(*micros) / 1e3)
    }
}

/// Drives `connections` connections for `seconds`.
pub(crate) async fn run(
    address: &str,
    connections: u64,
    seconds: f64,
    make: Make,
) -> anyhow::Result<Measured> {
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(seconds);
    let mut tasks = Vec::new();
    for number in 0..connections {
        let (make, address) = (Arc::clone(&make), address.to_owned());
        tasks.push(tokio::spawn(async move { connection(&address, number, until, make).await }));
    }
    let mut all = Measured::default();
    for task in tasks {
        let part = task.await.context("a connection's task")??;
        all.answered += part.answered;
        all.refused += part.refused;
        all.micros.extend(part.micros);
    }
    all.micros.sort_unstable();
    all.seconds = started.elapsed().as_secs_f64();
    Ok(all)
}

async fn connection(
    address: &str,
    number: u64,
    until: Instant,
    make: Make,
) -> anyhow::Result<Measured> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut part = Measured::default();
    let mut count = 0;
    while Instant::now() < until {
        let request = make(number * 10_000_000 + count);
        count += 1;
        let sent = Instant::now();
        let status = ask(&mut stream, &mut buffer, &request).await?;
        part.micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if (200..300).contains(&status) {
            part.answered += 1;
        } else {
            part.refused += 1;
        }
    }
    Ok(part)
}

/// Sends a request on an open connection and answers its status.
pub(crate) async fn ask(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    request: &[u8],
) -> anyhow::Result<u16> {
    stream.write_all(request).await?;
    Ok(read_answer(stream, buffer).await?.0)
}

/// Sends one request on a connection of its own: status and body.
pub(crate) async fn once(address: &str, request: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    stream.write_all(request).await?;
    let mut buffer = Vec::new();
    let (status, body) = read_answer(&mut stream, &mut buffer).await?;
    Ok((status, buffer[body].to_vec()))
}

async fn read_answer(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<(u16, std::ops::Range<usize>)> {
    buffer.clear();
    let head = loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = std::str::from_utf8(&buffer[..head]).context("headers that are no text")?;
    let status = text.get(9..12).and_then(|code| code.parse().ok()).context("no status")?;
    let length: usize = text
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        })
        .unwrap_or(0);
    while buffer.len() < head + length {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection in a body");
        }
    }
    Ok((status, head..head + length))
}
