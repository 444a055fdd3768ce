//! Hooks: points at which the project is asked, or told, over HTTP or by a function of its database.
//! Source: auth.md part 10.

mod delivery;
mod events;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Client;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::auth::Auth;
use crate::error::{Refusal, Result};
use crate::outgoing;
use crate::settings::HookSettings;
use crate::values::now;
use delivery::Endpoint;

/// Limit: time for the whole of a hook, tries and pauses together.
const TIME_MAX: Duration = Duration::from_secs(5);

/// A point at which the project is asked or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// A mail is to be sent.
    SendEmail,
    /// A text message is to be sent.
    SendSms,
    /// The claims of a token may be changed.
    CustomAccessToken,
    /// A second factor was tried.
    MfaVerificationAttempt,
    /// A password was tried.
    PasswordVerificationAttempt,
    /// Somebody is about to get an account.
    BeforeUserCreated,
    /// Somebody got an account.
    AfterUserCreated,
}

impl Hook {
    /// All hooks.
    pub const ALL: [Self; 7] = [
        Self::SendEmail,
        Self::SendSms,
        Self::CustomAccessToken,
        Self::MfaVerificationAttempt,
        Self::PasswordVerificationAttempt,
        Self::BeforeUserCreated,
        Self::AfterUserCreated,
    ];

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::SendEmail => "send_email",
            Self::SendSms => "send_sms",
            Self::CustomAccessToken => "custom_access_token",
            Self::MfaVerificationAttempt => "mfa_verification_attempt",
            Self::PasswordVerificationAttempt => "password_verification_attempt",
            Self::BeforeUserCreated => "before_user_created",
            Self::AfterUserCreated => "after_user_created",
        }
    }

    /// Its name in what is sent.
    fn told_name(self) -> &'static str {
        match self {
            Self::SendEmail => "send-email",
            Self::SendSms => "send-sms",
            Self::CustomAccessToken => "customize-access-token",
            Self::MfaVerificationAttempt => "mfa-verification",
            Self::PasswordVerificationAttempt => "password-verification",
            Self::BeforeUserCreated => "before-user-created",
            Self::AfterUserCreated => "after-user-created",
        }
    }
}

/// What answers a hook.
#[derive(Debug, Clone)]
enum Target {
    Endpoint(Endpoint),
    /// A function that takes one JSON argument: schema and name.
    Function(String, String),
}

/// The hooks that are switched on.
pub(crate) struct Hooks {
    targets: BTreeMap<Hook, Target>,
    client: Option<Client>,
    /// How long each took last.
    took: Mutex<BTreeMap<Hook, Duration>>,
}

impl HookSettings {
    /// Can the hook be used?
    ///
    /// # Errors
    /// What is wrong with its address or secrets.
    pub fn check(&self) -> std::result::Result<(), String> {
        self.target().map(|_| ())
    }

    fn target(&self) -> std::result::Result<Target, String> {
        if let Some(path) = self.uri.strip_prefix("pg-functions://") {
            let parts: Vec<&str> = path.split('/').collect();
            return match parts.as_slice() {
                [_, schema, name] if !schema.is_empty() && !name.is_empty() => {
                    Ok(Target::Function((*schema).to_owned(), (*name).to_owned()))
                }
                _ => Err("write pg-functions://postgres/SCHEMA/FUNCTION".to_owned()),
            };
        }
        Endpoint::new(&self.uri, &self.secrets).map(Target::Endpoint)
    }
}

impl Hooks {
    /// The hooks of the settings, which were checked.
    pub(crate) fn new(settings: &BTreeMap<Hook, HookSettings>) -> Self {
        let targets: BTreeMap<Hook, Target> =
            settings.iter().filter_map(|(hook, one)| Some((*hook, one.target().ok()?))).collect();
        let client = if targets.is_empty() { None } else { outgoing::client(TIME_MAX) };
        Self { targets, client, took: Mutex::default() }
    }

    /// Is this one on?
    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.targets.contains_key(&hook)
    }
}

impl Auth {
    /// Asks the hook and answers what it said: an empty object where it said nothing, `None` where
    /// it is off.
    ///
    /// # Errors
    /// The hook's own error, and those of part 10: it cannot be reached, or answers what it must not.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        hook: Hook,
        client: IpAddr,
        payload: Map<String, Value>,
    ) -> Result<Option<Value>> {
        let Some(target) = self.hooks.targets.get(&hook).cloned() else { return Ok(None) };
        let mut sent = Map::new();
        let metadata = json!({
            "uuid": Uuid::new_v4(),
            "time": now().to_string(),
            "name": hook.told_name(),
            "ip_address": client.to_string(),
        });
        sent.insert("metadata".to_owned(), metadata);
        sent.extend(payload);
        let body = Value::Object(sent).to_string();
        let begun = Instant::now();
        let answered = tokio::time::timeout(TIME_MAX, self.deliver_to(&target, body)).await;
        self.hooks.took.lock().insert(hook, begun.elapsed());
        let answer = answered.unwrap_or_else(|_| {
            let message = "Failed to reach hook within maximum time of 5 seconds";
            Err(Refusal::new(422, "hook_timeout", message))
        });
        let answer = answer.inspect_err(|refusal| {
            tracing::warn!(hook = hook.name(), status = refusal.status, "a hook failed");
        })?;
        told_error(&answer)?;
        Ok(Some(answer))
    }

    async fn deliver_to(self: &Arc<Self>, target: &Target, body: String) -> Result<Value> {
        match target {
            Target::Endpoint(endpoint) => {
                let client = self.hooks.client.as_ref();
                let client = client.ok_or_else(|| Refusal::internal("no client for hooks"))?;
                endpoint.post(client, body).await
            }
            Target::Function(schema, name) => {
                let (schema, name) = (schema.clone(), name.clone());
                let answer = self.write(move |tx| Ok(tx.call(&schema, &name, &body)?)).await?;
                let answer = answer.unwrap_or_else(|| "{}".to_owned());
                serde_json::from_str(&answer)
                    .map_err(|_| Refusal::internal("a function of a hook answers no JSON"))
            }
        }
    }

    /// Takes as long as the hook took last: where nothing is sent, time must not tell.
    pub(crate) async fn pretend(&self, hook: Hook) {
        let took = self.hooks.took.lock().get(&hook).copied();
        if let Some(took) = took.filter(|_| self.hooks.has(hook)) {
            tokio::time::sleep(took).await;
        }
    }
}

/// The error that a hook answers is the answer to the caller.
fn told_error(answer: &Value) -> Result<()> {
    let Some(error) = answer.get("error").filter(|error| error.is_object()) else {
        return Ok(());
    };
    let status = error["http_code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let status = status.filter(|code| (400..600).contains(code)).unwrap_or(500);
    let message = error["message"].as_str().unwrap_or("The request was refused");
    let code = if status >= 500 { "unexpected_failure" } else { "unknown" };
    Err(Refusal::new(status, code, message))
}
