//! Threads that do nothing but compute hashes, at a low priority: a storm of logins does not slow
//! reads, and logins still get a share of processors that reads keep busy.
//!
//! They are not the runtime's own threads for slow work: those serve everybody, and a thread
//! cannot take its priority back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use crate::error::{Refusal, Result};

/// A tenth of the usual weight. The lowest priority has a seventieth: logins would starve.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

type Work = Box<dyn FnOnce() + Send>;

/// The threads; they start with the first work, and end when this is dropped.
pub(super) struct Threads {
    count: usize,
    /// One permit for each thread: who stops waiting has left nothing in a queue.
    permits: Arc<Semaphore>,
    queue: OnceLock<Mutex<Sender<Work>>>,
}

impl Threads {
    pub(super) fn new(count: usize) -> Self {
        Self { count, permits: Arc::new(Semaphore::new(count)), queue: OnceLock::new() }
    }

    /// Does the work there.
    ///
    /// # Errors
    /// If it panics, or the system gives no thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Refusal::internal)?;
        let (tell, told) = oneshot::channel();
        let all: Work = Box::new(move || {
            let done = work();
            drop(permit);
            // Who asked may have left.
            let _ = tell.send(done);
        });
        let queue = self.queue.get_or_init(|| Mutex::new(start(self.count)));
        queue.lock().send(all).map_err(|_| Refusal::internal("no thread computes hashes"))?;
        told.await.map_err(Refusal::internal)
    }
}

fn start(count: usize) -> Sender<Work> {
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let receiver = Arc::clone(&receiver);
        let started = std::thread::Builder::new()
            .name("backstay-hash".to_owned())
            .spawn(move || compute(&receiver));
        if let Err(error) = started {
            tracing::error!(%error, "a thread that computes hashes cannot be started");
        }
    }
    sender
}

fn compute(queue: &Mutex<Receiver<Work>>) {
    step_back();
    loop {
        // Waiting with the lock held: the others wait for it instead.
        let next = queue.lock().recv();
        let Ok(work) = next else { return };
        // The one who asked is told by the end of their channel.
        let _ = catch_unwind(AssertUnwindSafe(work));
    }
}

/// Gives this thread its priority.
fn step_back() {
    // Elsewhere it would be the priority of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "hashes are computed at the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_at_a_low_priority_and_a_panic_ends_no_thread() {
        let threads = Threads::new(1);
        for _ in 0..3 {
            assert!(threads.run(|| -> u8 { panic!("of the test") }).await.is_err());
        }
        assert_eq!(threads.run(|| 7).await.unwrap(), 7);
        #[cfg(target_os = "linux")]
        {
            let there = threads.run(|| rustix::process::getpriority_process(None)).await.unwrap();
            assert_eq!(there.unwrap(), NICE);
            assert_ne!(rustix::process::getpriority_process(None).unwrap(), NICE);
        }
    }
}
