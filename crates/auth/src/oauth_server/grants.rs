//! What users let applications do, as they see it: `/user/oauth/grants`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::client_id;
use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::sessions::{authenticate, bearer};
use crate::tables::{oauth_clients, oauth_consents as consents, sessions};

/// `GET /user/oauth/grants`.
pub(super) async fn list(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let grants = auth
        .read(move |tx| {
            let me = authenticate(tx, &who)?;
            let mut grants = Vec::new();
            for consent in consents::of_user(tx, me.user.id)? {
                let Some(client) = oauth_clients::by_id(tx, consent.client_id)? else { continue };
                let scopes: Vec<&str> = consent.scopes.split_ascii_whitespace().collect();
                grants.push(json!({
                    "client": {
                        "id": client.id,
                        "name": client.name,
                        "uri": client.uri,
                        "logo_uri": client.logo_uri,
                    },
                    "scopes": scopes,
                    "granted_at": consent.granted_at.to_string(),
                }));
            }
            Ok(Value::Array(grants))
        })
        .await?;
    Ok(Answer::json(&grants))
}

/// `DELETE /user/oauth/grants?client_id=`: the client's sessions end.
pub(super) async fn revoke(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let client = client_id(&call.parameter("client_id").unwrap_or_default())?;
    auth.write(move |tx| {
        let me = authenticate(tx, &who)?;
        if consents::revoke(tx, me.user.id, client)? == 0 {
            let message = "No active consent of the user for this client";
            return Err(Refusal::new(404, "oauth_consent_not_found", message).into());
        }
        sessions::delete_of_client(tx, Some(me.user.id), client)?;
        Ok(())
    })
    .await?;
    auth.sessions_ended();
    Ok(Answer::no_content())
}
