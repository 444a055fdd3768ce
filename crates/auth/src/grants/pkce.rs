//! The code at the end of a browser flow, with the verifier of the client that began it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::pkce;
use crate::sessions::Origin;
use crate::tables::sessions::By;
use crate::tables::{audit, flows, sessions, users};
use crate::values::now;

/// Life of a code, from its issue.
const CODE_LIFE: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
struct Body {
    auth_code: Option<String>,
    code_verifier: Option<String>,
}

pub(super) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let body: Body = call.json()?;
    let code = body.auth_code.unwrap_or_default();
    let verifier = body.code_verifier.unwrap_or_default();
    if code.is_empty() || verifier.is_empty() {
        let message = "invalid request: both auth code and code verifier should be non-empty";
        return Err(Refusal::invalid(message));
    }
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    let (opened, flow) = auth
        .write(move |tx| {
            let missing = "invalid flow state, no valid flow state found";
            let Some(flow) = flows::by_code(tx, &code)? else {
                return Err(Refusal::new(404, "flow_state_not_found", missing).into());
            };
            let age = flow.code_issued_at.map(|at| now().duration_since(at).unsigned_abs());
            if age.is_none_or(|age| age > CODE_LIFE) {
                let message = "invalid flow state, flow state has expired";
                return Err(Refusal::new(422, "flow_state_expired", message).into());
            }
            if !pkce::is_verified(&flow, &verifier) {
                let message = "code challenge does not match previously saved code verifier";
                return Err(Refusal::new(400, "bad_code_verifier", message).into());
            }
            flows::delete(tx, flow.id)?;
            let user = match flow.user_id {
                Some(id) => users::by_id(tx, id)?,
                None => None,
            };
            let Some(mut user) = user else {
                return Err(Refusal::new(404, "flow_state_not_found", missing).into());
            };
            if user.is_banned() {
                return Err(Refusal::new(403, "user_banned", "User is banned").into());
            }
            audit::note(tx, origin.client, &user, "login", None)?;
            let opened = match flow.session {
                None => {
                    let by = By::provider(&flow.method, &flow.provider);
                    inner.open_session(tx, (&mut user, by), &origin)?
                }
                // The hosted pages opened it, and may have strengthened it.
                Some(id) => match sessions::by_id(tx, id)?.filter(|one| one.user_id == user.id) {
                    Some(session) => inner.reopen(tx, user, session)?,
                    None => return Err(Refusal::new(404, "flow_state_not_found", missing).into()),
                },
            };
            Ok((opened, flow))
        })
        .await?;
    let mut members = auth.session_members(&opened).await?;
    for (name, token) in [
        ("provider_token", &flow.provider_token),
        ("provider_refresh_token", &flow.provider_refresh_token),
    ] {
        if !token.is_empty() {
            let token = auth.vault.open("provider", token)?;
            members.insert(name.to_owned(), json!(String::from_utf8_lossy(&token)));
        }
    }
    Ok(Answer::json(&Value::Object(members)))
}
