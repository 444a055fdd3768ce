//! Text messages: sent by the project's hook; `dev` without one catches them.
//! Source: auth.md 9.2 and 7.3.

use std::net::IpAddr;
use std::sync::Arc;

use minijinja::{Environment, context};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::auth::Auth;
use crate::error::{Refusal, Result};
use crate::hooks::Hook;
use crate::random;
use crate::sessions::account;
use crate::settings::SmsSettings;
use crate::tables::users;
use crate::values::now;
use crate::wire;

/// A message with a code.
#[derive(Debug, Clone)]
pub(crate) struct Sms {
    /// Whose account it is about.
    pub(crate) user: Uuid,
    /// To whom it goes: the digits of the number.
    pub(crate) phone: String,
    /// The code.
    pub(crate) code: String,
    /// What the code is for: `confirmation`, `phone_change`, `reauthentication` or `mfa`.
    pub(crate) purpose: &'static str,
}

impl SmsSettings {
    /// The fixed code of a number that tests use.
    fn test_code(&self, phone: &str) -> Option<&String> {
        let valid = self.test_codes_until.is_none_or(|until| now() < until);
        self.test_codes.get(phone).filter(|_| valid)
    }

    /// The message with this code.
    ///
    /// # Errors
    /// A template that cannot be read.
    pub fn message(&self, code: &str) -> std::result::Result<String, String> {
        let template = crate::mail::rewritten(&self.template);
        Environment::new()
            .render_str(&template, context! { Code => code })
            .map_err(|error| format!("{error:#}"))
    }
}

impl Auth {
    /// A new code for this number.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) fn sms_code(&self, phone: &str) -> Result<String> {
        let settings = &self.settings.sms;
        match settings.test_code(phone) {
            Some(code) => Ok(code.clone()),
            None => random::digits(settings.code_digits),
        }
    }

    /// Lets a message to this number pass; asked before it is known whether there is an account.
    ///
    /// # Errors
    /// 429 `over_sms_send_rate_limit`.
    pub(crate) fn allow_sms(&self, what: &str, phone: &str) -> Result<()> {
        if self.settings.sms.test_code(phone).is_some() {
            return Ok(());
        }
        self.limits.pace_sms(what, phone, self.settings.sms.interval)?;
        self.limits.take_sms()
    }

    /// Sends the message; its id, where it has one.
    ///
    /// # Errors
    /// 422 `sms_send_failed` where nothing sends messages, and as the hook fails.
    pub(crate) async fn send_sms(
        self: &Arc<Self>,
        sms: Sms,
        client: IpAddr,
    ) -> Result<Option<&'static str>> {
        if self.settings.sms.test_code(&sms.phone).is_some() {
            return Ok(Some("test-otp"));
        }
        let message = self.settings.sms.message(&sms.code).map_err(Refusal::internal)?;
        if self.hooks.has(Hook::SendSms) {
            let user = self
                .read(move |tx| match users::by_id(tx, sms.user)? {
                    Some(user) => Ok(wire::user(&account(tx, user)?)),
                    None => Ok(Value::Null),
                })
                .await?;
            let told = json!({
                "otp": sms.code, "phone": sms.phone, "sms_type": sms.purpose, "message": message,
            });
            let sent = Map::from_iter([("user".to_owned(), user), ("sms".to_owned(), told)]);
            self.ask(Hook::SendSms, client, sent).await?;
            return Ok(None);
        }
        match &self.inbox {
            Some(inbox) => {
                inbox.put_sms(&sms.phone, message);
                Ok(None)
            }
            None => {
                tracing::error!("a text message was not sent: set auth.hook.send_sms");
                let message = "Error sending OTP to provider: no SMS provider is configured";
                Err(Refusal::new(422, "sms_send_failed", message))
            }
        }
    }
}
