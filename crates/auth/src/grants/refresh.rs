//! A refresh token for the next one. Source: auth.md part 5.
//!
//! The session keeps the number of its current token. The current one is exchanged for the next; the
//! one before it, and any other within the reuse interval, gives the current one again, so that
//! several tabs, or a lost answer, do no harm. Any other reuse ends the session.

use std::sync::Arc;

use backstay_records::Tx;
use serde::Deserialize;
use uuid::Uuid;

use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::refresh_token::{self, RefreshToken};
use crate::sessions::{Opened, Origin, account};
use crate::tables::sessions::Session;
use crate::tables::users::User;
use crate::tables::{audit, sessions, users};
use crate::values::now;

#[derive(Deserialize)]
struct Body {
    refresh_token: Option<String>,
}

pub(super) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let body: Body = call.json()?;
    let text = body.refresh_token.unwrap_or_default();
    // Twelve letters and digits is the form of tokens that other servers stored.
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(not_found());
    }
    let token =
        refresh_token::read(&text).ok_or_else(|| Refusal::invalid("Refresh token is not valid"))?;
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    // What ends a session is committed although the caller is refused: hence the inner result.
    let opened = auth.write(move |tx| exchange(&inner, tx, (&token, None), &origin)).await??;
    auth.session_answer(&opened).await
}

fn not_found() -> Refusal {
    let message = "Invalid Refresh Token: Refresh Token Not Found";
    Refusal::new(400, "refresh_token_not_found", message)
}

/// The session with its next token; `client` is the application that presents this one. The inner
/// error is committed with what it ended.
///
/// # Errors
/// 400 with the reason.
pub(crate) fn exchange(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (token, client): (&RefreshToken, Option<Uuid>),
    origin: &Origin,
) -> Result<Result<Opened>, Stop> {
    let Some(mut session) = sessions::by_id(tx, token.session)? else {
        // Nothing is left that could tell a token of an ended session from one made up.
        return Err(not_found().into());
    };
    let key = auth.refresh_key(&session)?;
    // The token of one application is worth nothing to another, nor to who is none.
    if session.client != client || !token.is_genuine(&key) {
        return Err(not_found().into());
    }
    let Some(user) = users::by_id(tx, session.user_id)? else {
        let message = "Invalid Refresh Token: No Valid Session Found";
        return Err(Refusal::new(400, "session_not_found", message).into());
    };
    if user.is_banned() {
        let message = "Invalid Refresh Token: User Banned";
        return Err(Refusal::new(400, "user_banned", message).into());
    }
    if let Some(reason) = expiry(auth, &session) {
        let message = format!("Invalid Refresh Token: Session Expired ({reason})");
        sessions::delete(tx, session.id)?;
        return Ok(Err(Refusal::new(400, "session_expired", message)));
    }
    match judge(auth, &session, token.counter) {
        Judged::Next => {
            session.refresh_counter += 1;
            keep(tx, &mut session, origin)?;
            audit::note(tx, origin.client, &user, "token_refreshed", None)?;
        }
        Judged::Again => {}
        Judged::Ahead => return Err(Refusal::invalid("Refresh token is not valid").into()),
        Judged::Void => return Err(already_used().into()),
        Judged::Reused => {
            audit::note(tx, origin.client, &user, "token_revoked", None)?;
            sessions::delete(tx, session.id)?;
            return Ok(Err(already_used()));
        }
    }
    opened(tx, user, session, key).map(Ok)
}

fn already_used() -> Refusal {
    let message = "Invalid Refresh Token: Already Used";
    Refusal::new(400, "refresh_token_already_used", message)
}

enum Judged {
    /// The current one: the next is issued.
    Next,
    /// A used one that is borne: the current is given again.
    Again,
    /// One that was never issued.
    Ahead,
    /// One from before the session was strengthened. It gives nothing; another tab may hold it in
    /// good faith, so that the session goes on.
    Void,
    /// A used one that nobody should have any more.
    Reused,
}

fn judge(auth: &Auth, session: &Session, counter: i64) -> Judged {
    let settings = &auth.settings.session;
    let current = session.refresh_counter;
    if counter > current {
        return Judged::Ahead;
    }
    if counter < session.refresh_floor {
        return Judged::Void;
    }
    if !settings.rotate {
        return Judged::Again;
    }
    let age = session.refreshed_at.map(|at| now().duration_since(at).unsigned_abs());
    if counter == current {
        Judged::Next
    } else if counter + 1 == current || age.is_some_and(|age| age < settings.reuse_interval) {
        Judged::Again
    } else {
        Judged::Reused
    }
}

fn keep(tx: &mut Tx<'_>, session: &mut Session, origin: &Origin) -> Result<(), Stop> {
    session.refreshed_at = Some(now());
    session.user_agent.clone_from(&origin.user_agent);
    session.ip = origin.client.to_string();
    Ok(sessions::update(tx, session)?)
}

fn opened(tx: &mut Tx<'_>, user: User, session: Session, key: Vec<u8>) -> Result<Opened, Stop> {
    let methods = sessions::methods(tx, session.id)?;
    Ok(Opened { account: account(tx, user)?, session, methods, key })
}

/// Why the session is over, if it is.
fn expiry(auth: &Auth, session: &Session) -> Option<&'static str> {
    let settings = &auth.settings.session;
    let age = |since: Option<jiff::Timestamp>| {
        since.map(|since| now().duration_since(since).unsigned_abs())
    };
    let over = |limit: Option<std::time::Duration>, age: Option<std::time::Duration>| {
        limit.zip(age).is_some_and(|(limit, age)| age > limit)
    };
    if session.not_after.is_some_and(|end| end < now()) {
        Some("Not After")
    } else if over(settings.timebox, age(session.created_at)) {
        Some("Timebox")
    } else if over(settings.inactivity, age(session.refreshed_at.or(session.created_at))) {
        Some("Inactivity")
    } else {
        None
    }
}
