//! Who may get an account: the project is asked before a user is made, and told afterwards.
//!
//! A hook takes time, so it is never asked within a transaction: work that would make a user is
//! undone, the hook is asked, and the work is done again if the user is let in. Whom an
//! administrator makes, invites or imports is not asked for.

use std::net::IpAddr;
use std::sync::Arc;

use backstay_records::Tx;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::auth::{Auth, Stop};
use crate::error::{Refusal, Result};
use crate::hooks::Hook;
use crate::tables::users::{self, User};
use crate::wire::{self, Account};

/// What work needs to make a user.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    /// The id of the user that may be made: the same one whenever the work runs.
    id: Uuid,
    /// The project must be asked first.
    ask: bool,
    /// The user that the work would have made, had it not to ask first.
    wanted: Arc<Mutex<Option<User>>>,
    /// The user that the work made.
    made: Arc<Mutex<Option<User>>>,
}

impl Admission {
    /// Lets anybody in.
    pub(crate) fn granted() -> Self {
        Self { id: Uuid::new_v4(), ask: false, wanted: Arc::default(), made: Arc::default() }
    }

    /// Stores a new user.
    ///
    /// # Errors
    /// As the database fails; and where the project must be asked first, which
    /// [`Auth::admitting`] sees to.
    pub(crate) fn insert(&self, tx: &mut Tx<'_>, user: &mut User) -> Result<(), Stop> {
        user.id = self.id;
        if self.ask {
            *self.wanted.lock() = Some(user.clone());
            return Err(Refusal::new(500, "unexpected_failure", "not asked yet").into());
        }
        users::insert(tx, user)?;
        *self.made.lock() = Some(user.clone());
        Ok(())
    }
}

impl Auth {
    /// Runs work that writes and may make a user.
    ///
    /// # Errors
    /// As the work refuses, the database fails, or the project refuses the user.
    pub(crate) async fn admitting<T, F>(self: &Arc<Self>, client: IpAddr, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>, &Admission) -> Result<T, Stop> + Send + 'static,
    {
        let work = Arc::new(Mutex::new(work));
        let mut admission = Admission::granted();
        admission.ask = self.hooks.has(Hook::BeforeUserCreated);
        let mut done = self.admit(&work, &admission).await;
        let wanted = admission.wanted.lock().take();
        if let (Err(_), Some(user)) = (&done, wanted) {
            self.ask(Hook::BeforeUserCreated, client, told(user)).await?;
            admission.ask = false;
            done = self.admit(&work, &admission).await;
        }
        let made = admission.made.lock().take();
        if let (Ok(_), Some(user)) = (&done, made)
            && self.hooks.has(Hook::AfterUserCreated)
        {
            let auth = Arc::clone(self);
            // Nobody waits for it, and what it answers changes nothing; a failure is in the log.
            tokio::spawn(async move {
                auth.ask(Hook::AfterUserCreated, client, told(user)).await.map(|_| ())
            });
        }
        done
    }

    async fn admit<T, F>(&self, work: &Arc<Mutex<F>>, admission: &Admission) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>, &Admission) -> Result<T, Stop> + Send + 'static,
    {
        let (work, admission) = (Arc::clone(work), admission.clone());
        self.write(move |tx| {
            admission.wanted.lock().take();
            admission.made.lock().take();
            (work.lock())(tx, &admission)
        })
        .await
    }
}

fn told(user: User) -> Map<String, Value> {
    let user = wire::user(&Account { user, ..Account::default() });
    Map::from_iter([("user".to_owned(), user)])
}
