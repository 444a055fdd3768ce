//! Mails on their way: kept in a table until the mail server took them, so that neither its
//! failure nor the end of the process loses one.
//!
//! A call puts its mail into a queue and goes on. One task moves the queue into the table; another
//! sends what is due there. Whoever sends a mail puts it off first, for longer than sending takes:
//! so no two nodes send it, and one that was cut off is sent by the next that looks.
//! What is kept is sealed, and dropped when the code in it is void.

use std::sync::Arc;
use std::time::Duration;

use backstay_model::Result;
use backstay_records::ServiceTables;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Mutex, mpsc, oneshot};
use uuid::Uuid;

use super::{SEND_TIME_MAX, Sender, Sent, Written};
use crate::tables::outbox::{self, Waiting};
use crate::values::now;
use crate::vault::Vault;

/// Limit: mails that wait to be kept.
const QUEUE_MAX: usize = 1_000;
/// What mails are sealed for.
const PURPOSE: &str = "mail";
/// How long a mail belongs to the node that sends it.
const LEASE: Duration = Duration::from_secs(4 * SEND_TIME_MAX.as_secs());
/// The pause after the first failure; it doubles with each.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// How often a node looks for mails that others left.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// What is in the queue.
enum Queued {
    Mail(Written),
    /// Everything before it is in the table.
    Flushed(oneshot::Sender<()>),
}

/// Where calls put their mails.
pub(super) struct Outbox {
    queue: mpsc::Sender<Queued>,
    keeper: Arc<Keeper>,
}

/// What both tasks need.
struct Keeper {
    tables: ServiceTables,
    vault: Vault,
    sender: Sender,
    /// Life of the codes in mails.
    life: Duration,
    /// Set when the process ends; held while a mail is sent.
    stopped: Mutex<bool>,
}

impl Outbox {
    /// Begins to send. Must be called within the runtime.
    pub(super) fn start(
        (tables, vault): (ServiceTables, Vault),
        sender: Sender,
        life: Duration,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let (wake, woken) = mpsc::channel(1);
        let keeper = Arc::new(Keeper { tables, vault, sender, life, stopped: Mutex::new(false) });
        tokio::spawn(keep(Arc::clone(&keeper), waiting, wake));
        tokio::spawn(send(Arc::clone(&keeper), woken));
        Self { queue, keeper }
    }

    /// Puts a mail into the queue; `false` if that is full.
    pub(super) fn put(&self, mail: Written) -> bool {
        self.queue.try_send(Queued::Mail(mail)).is_ok()
    }

    /// Waits until everything that was put is in the table, and nothing is being sent any more.
    pub(super) async fn flush(&self) {
        let (told, done) = oneshot::channel();
        if self.queue.send(Queued::Flushed(told)).await.is_ok() && done.await.is_err() {
            tracing::error!("the task that keeps mails ended");
        }
        *self.keeper.stopped.lock().await = true;
    }
}

/// Moves the queue into the table.
async fn keep(keeper: Arc<Keeper>, mut queue: mpsc::Receiver<Queued>, wake: mpsc::Sender<()>) {
    while let Some(queued) = queue.recv().await {
        match queued {
            Queued::Mail(mail) => {
                match contained(keep_one(Arc::clone(&keeper), mail.clone())).await {
                    // A full channel has woken the other task already.
                    Ok(()) => drop(wake.try_send(())),
                    Err(error) => {
                        tracing::error!(%error, "a mail could not be kept: it is tried once");
                        keeper.sender.send(&mail).await;
                    }
                }
            }
            // Whoever waited may be gone.
            Queued::Flushed(told) => drop(told.send(())),
        }
    }
}

/// Sends what is due, until the other task ends.
async fn send(keeper: Arc<Keeper>, mut woken: mpsc::Receiver<()>) {
    loop {
        let keeper = Arc::clone(&keeper);
        let looked =
            contained(async move { keeper.send_due().await.map_err(|error| error.to_string()) });
        let pause = looked.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "mails that wait could not be looked for");
            LOOK_EVERY
        });
        if let Ok(None) = tokio::time::timeout(pause, woken.recv()).await {
            return;
        }
    }
}

async fn keep_one(keeper: Arc<Keeper>, mail: Written) -> Result<(), String> {
    keeper.keep(&mail).await
}

/// Runs `work` in a task of its own: one that panics ends nothing else.
async fn contained<T: Send + 'static>(
    work: impl Future<Output = Result<T, String>> + Send + 'static,
) -> Result<T, String> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

impl Keeper {
    async fn keep(&self, mail: &Written) -> std::result::Result<(), String> {
        let Written { to, subject, html, text } = mail;
        let body = json!({"to": to, "subject": subject, "html": html, "text": text}).to_string();
        let sealed = self.vault.seal(PURPOSE, body.as_bytes()).map_err(|error| error.message)?;
        let expires_at = now().checked_add(self.life).map_err(|error| error.to_string())?;
        let (id, due_at) = (Uuid::new_v4(), now());
        let mail = Waiting { id, sealed, attempts: 0, due_at, expires_at };
        self.tables.write(move |tx| outbox::put(tx, &mail)).await.map_err(|error| error.to_string())
    }

    fn open(&self, mail: &Waiting) -> Option<Written> {
        let body = self.vault.try_open(PURPOSE, &mail.sealed)?;
        serde_json::from_slice(&body).ok()
    }

    /// Sends all mails that are due, one after the other; the time until the next is.
    async fn send_due(&self) -> Result<Duration> {
        loop {
            let Some(mail) = self.tables.read(outbox::first).await? else { return Ok(LOOK_EVERY) };
            let until = mail.due_at.duration_since(now());
            if until.is_positive() || *self.stopped.lock().await {
                return Ok(until.unsigned_abs().min(LOOK_EVERY));
            }
            self.send(mail).await?;
        }
    }

    /// Sends one mail, unless another node does.
    async fn send(&self, mail: Waiting) -> Result<()> {
        let stopped = self.stopped.lock().await;
        if *stopped {
            return Ok(());
        }
        let attempts = mail.attempts + 1;
        let leased = later(LEASE);
        let seen = mail.clone();
        let ours =
            self.tables.write(move |tx| outbox::put_off(tx, &seen, leased, attempts)).await?;
        if !ours {
            return Ok(());
        }
        let mail = Waiting { due_at: leased, attempts, ..mail };
        let done = match self.open(&mail) {
            _ if mail.expires_at <= now() => {
                tracing::error!(attempts, "a mail was dropped: what it says is void by now");
                true
            }
            // Another node may have its key; its time will end it otherwise.
            None => {
                tracing::error!("a mail waits that no key of this node opens");
                false
            }
            Some(written) => self.sender.send(&written).await != Sent::Later,
        };
        self.tables
            .write(move |tx| match done {
                true => outbox::delete(tx, mail.id),
                false => outbox::put_off(tx, &mail, later(pause(attempts)), attempts).map(|_| ()),
            })
            .await?;
        if !done {
            tracing::warn!(attempts, "a mail waits to be tried again");
        }
        Ok(())
    }
}

fn later(duration: Duration) -> Timestamp {
    // Durations are ours and small.
    now().checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The pause after this many failures.
fn pause(attempts: i64) -> Duration {
    let doubled = u32::try_from(attempts - 1).unwrap_or_default().min(16);
    PAUSE.saturating_mul(1 << doubled).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_minutes() {
        let pauses: Vec<u64> = [1, 2, 3, 9, 10, 1000].map(|n| pause(n).as_secs()).to_vec();
        assert_eq!(pauses, [2, 4, 8, 512, 600, 600]);
    }
}
