//! `POST /logout`. Source: auth.md 5.5 and 6.6.

use std::sync::Arc;

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::sessions::{authenticate_any, bearer};
use crate::tables::{audit, sessions};

pub(crate) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let scope = call.parameter("scope").unwrap_or_else(|| "global".to_owned());
    if !["global", "local", "others"].contains(&scope.as_str()) {
        return Err(Refusal::invalid(format!("Unsupported logout scope {scope:?}")));
    }
    let (who, client) = (bearer(call)?, call.client);
    auth.write(move |tx| {
        let me = authenticate_any(tx, &who)?;
        audit::note(tx, client, &me.user, "logout", None)?;
        match (scope.as_str(), &me.session) {
            // An application ends what it began, and nothing else.
            (_, Some(session)) if session.client.is_some() => sessions::delete(tx, session.id)?,
            ("local", Some(session)) => sessions::delete(tx, session.id)?,
            ("others", Some(session)) => {
                sessions::delete_of_user(tx, me.user.id, Some(session.id))?
            }
            // A token without a session has none to keep or to end alone.
            _ => sessions::delete_of_user(tx, me.user.id, None)?,
        };
        Ok(())
    })
    .await?;
    auth.sessions_ended();
    Ok(Answer::no_content())
}
