//! `DELETE /user/identities/{id}`. Source: auth.md 6.8.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::oauth::demand_linking;
use crate::sessions::{authenticate, bearer};
use crate::tables::{audit, identities, users};

pub(crate) async fn unlink(auth: &Arc<Auth>, call: &Call<'_>, id: &str) -> Result<Answer> {
    demand_linking(auth)?;
    let who = bearer(call)?;
    let id = Uuid::parse_str(id)
        .map_err(|_| Refusal::new(404, "validation_failed", "identity_id must be an UUID"))?;
    let client = call.client;
    auth.write(move |tx| {
        let mut me = authenticate(tx, &who)?;
        let known = identities::of_user(tx, me.user.id)?;
        let Some(gone) = known.iter().find(|identity| identity.id == id) else {
            return Err(Refusal::new(422, "identity_not_found", "Identity doesn't exist").into());
        };
        if known.len() == 1 {
            let message = "User must have at least 1 identity after unlinking";
            return Err(Refusal::new(422, "single_identity_not_deletable", message).into());
        }
        identities::delete(tx, id)?;
        if !gone.email.is_empty() && gone.email == me.user.email {
            let rest = known.iter().filter(|other| other.id != id);
            let verified = rest.filter(|other| {
                !other.email.is_empty() && other.data.get("email_verified") == Some(&json!(true))
            });
            // The account keeps an address that one of the remaining identities proves.
            let next = verified.map(|other| other.email.clone()).find(|email| !email.is_empty());
            if let Some(email) = next.filter(|email| *email != me.user.email) {
                if users::by_email(tx, &email)?.is_some() {
                    let message = "Unable to unlink identity due to email conflict";
                    let code = "email_conflict_identity_not_deletable";
                    return Err(Refusal::new(422, code, message).into());
                }
                me.user.email = email;
            }
        }
        me.user.note_providers(&identities::providers(tx, me.user.id)?);
        users::update(tx, &mut me.user)?;
        let traits = json!({"identity_id": id, "provider": gone.provider});
        audit::note(tx, client, &me.user, "identity_unlinked", Some(traits))?;
        Ok(())
    })
    .await?;
    Ok(Answer::empty_object())
}
