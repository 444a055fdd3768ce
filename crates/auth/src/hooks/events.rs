//! What each hook is told, and what its answer means.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Hook;
use crate::auth::Auth;
use crate::error::{Refusal, Result};
use crate::mail::{Letter, MailKind};
use crate::sessions::account;
use crate::tables::{sessions, users};
use crate::wire;

/// Claims that a hook must leave in a token.
const DEMANDED_CLAIMS: [&str; 10] =
    ["aud", "exp", "iat", "sub", "email", "phone", "role", "aal", "session_id", "is_anonymous"];
/// Claims that tell whose token it is: they stay what they are.
const FIXED_CLAIMS: [&str; 2] = ["sub", "session_id"];

/// An object of these members.
fn payload<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Auth {
    /// The claims as the project wants them.
    ///
    /// # Errors
    /// As the hook fails; 500 where its claims cannot be a token.
    pub(crate) async fn customized(
        self: &Arc<Self>,
        claims: Map<String, Value>,
        (client, method): (IpAddr, &str),
    ) -> Result<Map<String, Value>> {
        if !self.hooks.has(Hook::CustomAccessToken) {
            return Ok(claims);
        }
        let sent = payload([
            ("user_id", claims.get("sub").cloned().unwrap_or_default()),
            ("claims", Value::Object(claims.clone())),
            ("authentication_method", json!(method)),
        ]);
        let answer = self.ask(Hook::CustomAccessToken, client, sent).await?.unwrap_or_default();
        let Some(Value::Object(made)) = answer.get("claims") else {
            return Err(Refusal::internal("the access token hook answered no claims"));
        };
        check_claims(&self.settings.admin_roles, &claims, made)?;
        Ok(made.clone())
    }

    /// Tells of a password that was tried.
    ///
    /// # Errors
    /// 400 `invalid_credentials` with the hook's words where it rejects the attempt.
    pub(crate) async fn password_tried(
        self: &Arc<Self>,
        (user, valid): (Uuid, bool),
        client: IpAddr,
    ) -> Result<()> {
        let sent = payload([("user_id", json!(user)), ("valid", json!(valid))]);
        let Some(answer) = self.ask(Hook::PasswordVerificationAttempt, client, sent).await? else {
            return Ok(());
        };
        let usual = "Further password verification attempts will be rejected.";
        let Some(message) = rejection(&answer, usual) else { return Ok(()) };
        if answer["should_logout_user"] == true {
            self.sign_out_everywhere(user).await?;
        }
        Err(Refusal::new(400, "invalid_credentials", message))
    }

    /// Tells of a second factor that was tried.
    ///
    /// # Errors
    /// 403 `mfa_verification_rejected` where the hook rejects the attempt; the user is signed out.
    pub(crate) async fn factor_tried(
        self: &Arc<Self>,
        (user, factor, kind): (Uuid, Uuid, &str),
        valid: bool,
        client: IpAddr,
    ) -> Result<()> {
        let sent = payload([
            ("user_id", json!(user)),
            ("factor_id", json!(factor)),
            ("factor_type", json!(kind)),
            ("valid", json!(valid)),
        ]);
        let Some(answer) = self.ask(Hook::MfaVerificationAttempt, client, sent).await? else {
            return Ok(());
        };
        let usual = "Further MFA verification attempts will be rejected.";
        let Some(message) = rejection(&answer, usual) else { return Ok(()) };
        self.sign_out_everywhere(user).await?;
        Err(Refusal::new(403, "mfa_verification_rejected", message))
    }

    async fn sign_out_everywhere(self: &Arc<Self>, user: Uuid) -> Result<()> {
        self.write(move |tx| {
            sessions::delete_of_user(tx, user, None)?;
            Ok(())
        })
        .await?;
        self.sessions_ended();
        Ok(())
    }

    /// Sends letters: by the hook if there is one, else by mail.
    ///
    /// # Errors
    /// As the hook fails; 500 where a template of the project does.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        letters: &[Letter],
        client: IpAddr,
    ) -> Result<()> {
        let Some(first) = letters.first() else {
            self.pretend(Hook::SendEmail).await;
            return Ok(());
        };
        if !self.hooks.has(Hook::SendEmail) {
            return letters.iter().try_for_each(|letter| self.mailer.send(letter));
        }
        let id = first.user;
        let user = self
            .read(move |tx| match users::by_id(tx, id)? {
                Some(user) => Ok(wire::user(&account(tx, user)?)),
                None => Ok(Value::Null),
            })
            .await?;
        let data = email_data(letters, &self.settings.external_url);
        let sent = payload([("user", user), ("email_data", data)]);
        self.ask(Hook::SendEmail, client, sent).await?;
        Ok(())
    }
}

/// Why an attempt is rejected, if it is.
fn rejection(answer: &Value, usual: &str) -> Option<String> {
    if answer["decision"] != "reject" {
        return None;
    }
    let message = answer["message"].as_str().filter(|message| !message.is_empty());
    Some(message.unwrap_or(usual).to_owned())
}

fn check_claims(
    admin_roles: &[String],
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<()> {
    let refused = |what: String| {
        tracing::error!(what, "the claims of the access token hook cannot be used");
        let message = "output claims do not conform to the expected schema";
        Err(Refusal::new(500, "unexpected_failure", message))
    };
    if let Some(name) = DEMANDED_CLAIMS.iter().find(|name| !after.contains_key(**name)) {
        return refused(format!("{name} is missing"));
    }
    if let Some(name) = FIXED_CLAIMS.iter().find(|name| before.get(**name) != after.get(**name)) {
        return refused(format!("{name} was changed"));
    }
    let is_admin = |role: &str| admin_roles.iter().any(|known| known == role);
    match after.get("role").and_then(Value::as_str) {
        // Whoever made a user an administrator did that in the table, on purpose.
        Some(role) if is_admin(role) && before.get("role") != Some(&json!(role)) => {
            refused("role is one of administration".to_owned())
        }
        Some(_) => Ok(()),
        None => refused("role is no text".to_owned()),
    }
}

/// What the mail is to say. A change of address comes as one call for both sides, whose names are
/// crossed: `token` and `token_hash_new` are the present address's.
fn email_data(letters: &[Letter], external_url: &str) -> Value {
    let Some(first) = letters.first() else { return Value::Null };
    let mut data = json!({
        "token": first.code,
        "token_hash": first.token,
        "redirect_to": first.redirect_to,
        "email_action_type": first.kind.link_type().unwrap_or("reauthentication"),
        "site_url": external_url,
        "token_new": "",
        "token_hash_new": "",
        "old_email": "",
        "old_phone": "",
        "provider": "",
        "factor_type": "",
    });
    if first.kind == MailKind::EmailChange {
        let current = letters.iter().find(|letter| letter.to == letter.email);
        let new = letters.iter().find(|letter| letter.to == letter.new_email).unwrap_or(first);
        data["token"] = json!(current.unwrap_or(new).code);
        data["token_hash_new"] = json!(current.map_or("", |letter| letter.token.as_str()));
        data["token_new"] = json!(new.code);
        data["token_hash"] = json!(new.token);
        data["old_email"] = json!(new.email);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(changes: Value) -> Map<String, Value> {
        let mut claims: Map<String, Value> =
            DEMANDED_CLAIMS.iter().map(|name| ((*name).to_owned(), json!("x"))).collect();
        claims.insert("role".to_owned(), json!("authenticated"));
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    #[test]
    fn claims_that_cannot_be_a_token_of_this_user_are_refused() {
        let before = claims(json!({}));
        let admin = ["service_role".to_owned()];
        let check = |after: Map<String, Value>| check_claims(&admin, &before, &after);
        assert!(check(claims(json!({"plan": "gold", "role": "clerk"}))).is_ok());
        for changes in [
            json!({"aal": null}),
            json!({"sub": "another"}),
            json!({"session_id": "another"}),
            json!({"role": "service_role"}),
            json!({"role": 7}),
        ] {
            assert!(check(claims(changes.clone())).is_err(), "{changes}");
        }
    }
}
