//! The service and its table of routes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backstay_engine::Engine;
use backstay_model::Error;
use backstay_records::{ServiceTables, Tx};
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use crate::access_token::{SigningKeys, Subject};
use crate::call::{Answer, Call};
use crate::codes::Codes;
use crate::error::{Refusal, Result};
use crate::hooks::Hooks;
use crate::limits::{Kind, Limits};
use crate::mail::{Inbox, Mailer};
use crate::oauth::Registry;
use crate::pages::Pages;
use crate::passwords::Passwords;
use crate::redirect::Redirects;
use crate::sessions::authenticate_any;
use crate::settings::Settings;
use crate::vault::Vault;
use crate::webauthn::RelyingParty;
use crate::{
    admin, captcha, factors, grants, identities, logout, oauth, oauth_server, otp, passkeys,
    service_information, signup, user, verify,
};

/// The version of the protocol that errors are written in.
const VERSION: &str = "2024-01-01";
/// What rolls a transaction back to refuse; it never leaves this file.
const REFUSED: &str = "BKS499";

/// What the service is made of.
pub struct Parts {
    /// The database.
    pub engine: Arc<dyn Engine>,
    /// The settings.
    pub settings: Settings,
    /// What signs tokens.
    pub keys: SigningKeys,
    /// What seals secrets.
    pub vault: Vault,
    /// What sends mails.
    pub mailer: Mailer,
    /// What catches text messages where no hook sends them, in `dev`.
    pub inbox: Option<Arc<Inbox>>,
    /// The hosted pages.
    pub pages: Pages,
}

/// Serves the calls below `/auth/v1`.
pub struct Auth {
    pub(crate) settings: Settings,
    pub(crate) vault: Vault,
    pub(crate) passwords: Passwords,
    pub(crate) redirects: Redirects,
    pub(crate) limits: Limits,
    pub(crate) codes: Codes,
    pub(crate) registry: Registry,
    pub(crate) mailer: Mailer,
    pub(crate) pages: Pages,
    pub(crate) relying_party: RelyingParty,
    pub(crate) inbox: Option<Arc<Inbox>>,
    pub(crate) hooks: Hooks,
    tables: ServiceTables,
    ended: AtomicU64,
    keys: RwLock<Arc<SigningKeys>>,
}

/// Why a transaction ends without a commit.
pub(crate) enum Stop {
    /// The caller is refused.
    Refused(Refusal),
    /// The database failed.
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Auth {
    /// May the role use the routes of administration?
    pub(crate) fn is_admin_role(&self, role: &str) -> bool {
        self.settings.admin_roles.iter().any(|known| known == role)
    }

    /// The service. Must be made within the runtime: mails are sent by a task of it.
    pub fn new(parts: Parts) -> Self {
        let Parts { engine, settings, keys, vault, mut mailer, inbox, pages } = parts;
        let kept = ServiceTables::new(Arc::clone(&engine), "auth");
        mailer.start((kept, vault.clone()), settings.email.code_life);
        Self {
            redirects: Redirects::new(&settings.site_url, &settings.redirect_urls)
                .with_pages(&pages),
            limits: Limits::new(settings.rate),
            codes: Codes::new(&vault),
            registry: Registry::new(&settings, &vault),
            relying_party: RelyingParty::new(&settings.relying_party),
            hooks: Hooks::new(&settings.hooks),
            passwords: Passwords::new(&settings.password),
            tables: ServiceTables::new(engine, "auth"),
            ended: AtomicU64::new(0),
            keys: RwLock::new(Arc::new(keys)),
            settings,
            vault,
            mailer,
            inbox,
            pages,
        }
    }

    /// Waits until nothing is lost by the end of the process.
    pub async fn flush(&self) {
        self.mailer.flush().await;
    }

    /// Signs with other keys from now on.
    pub fn replace_keys(&self, keys: SigningKeys) {
        *self.keys.write() = Arc::new(keys);
    }

    /// The keys of now.
    pub(crate) fn keys(&self) -> Arc<SigningKeys> {
        Arc::clone(&self.keys.read())
    }

    /// Serves a call; a refusal is an answer too.
    pub async fn serve(self: &Arc<Self>, call: &Call<'_>) -> Answer {
        match self.route(call).await {
            Ok(answer) => answer,
            Err(refusal) => refused(call, &refusal),
        }
    }

    /// Serves a call of one of the routes.
    ///
    /// # Errors
    /// Why the caller is refused.
    pub(crate) async fn route(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer> {
        let path: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        captcha::demand(self, call, &path).await?;
        match (call.method, path.as_slice()) {
            ("GET" | "HEAD", ["health"]) => Ok(service_information::health()),
            ("GET" | "HEAD", ["settings"]) => Ok(service_information::settings(self)),
            ("GET" | "HEAD", [".well-known", "jwks.json"]) => Ok(service_information::jwks(self)),
            ("GET" | "HEAD", [".well-known", "openid-configuration"]) => {
                Ok(service_information::openid_configuration(self))
            }
            ("POST", ["signup"]) => signup::serve(self, call).await,
            ("POST", ["token"]) => {
                self.limits.take(Kind::Token, call.client)?;
                grants::serve(self, call).await
            }
            ("POST", ["otp"]) => otp::otp(self, call).await,
            ("POST", ["magiclink"]) => otp::magic_link(self, call).await,
            ("POST", ["recover"]) => otp::recover(self, call).await,
            ("POST", ["resend"]) => otp::resend(self, call).await,
            ("GET", ["reauthenticate"]) => user::reauthenticate(self, call).await,
            ("POST", ["verify"]) => verify::by_body(self, call).await,
            ("GET", ["verify"]) => verify::opened_link(self, call).await,
            ("POST", ["verify", "confirm"]) => verify::by_link(self, call).await,
            ("HEAD", ["verify"]) => Ok(Answer { status: 200, ..Answer::default() }),
            ("GET", ["user", "sessions"]) => user::list_sessions(self, call).await,
            ("DELETE", ["user", "sessions", id]) => user::end_session(self, call, id).await,
            ("GET", ["user"]) => user::show(self, call).await,
            ("PUT", ["user"]) => user::change(self, call).await,
            ("POST", ["logout"]) => logout::serve(self, call).await,
            ("POST", ["invite"]) => admin::invite(self, call).await,
            ("GET", ["authorize"]) => oauth::authorize(self, call).await,
            ("GET" | "POST", ["callback"]) => oauth::callback(self, call).await,
            ("GET", ["user", "identities", "authorize"]) => oauth::link(self, call).await,
            ("DELETE", ["user", "identities", id]) => identities::unlink(self, call, id).await,
            (_, ["oauth", rest @ ..]) => oauth_server::serve(self, call, rest).await,
            (_, ["user", "oauth", rest @ ..]) => oauth_server::of_user(self, call, rest).await,
            ("GET" | "HEAD", [".well-known", "oauth-authorization-server"]) => {
                oauth_server::demand(self)?;
                Ok(service_information::openid_configuration(self))
            }
            (_, ["factors", rest @ ..]) => factors::serve(self, call, rest).await,
            (_, ["passkeys", rest @ ..]) => passkeys::serve(self, call, rest).await,
            (_, ["admin", rest @ ..]) => admin::serve(self, call, rest).await,
            _ => Err(absent(call, &path)),
        }
    }

    /// Lets a mail to this address pass; asked before it is known whether there is an account.
    ///
    /// # Errors
    /// 429 `over_email_send_rate_limit`.
    pub(crate) fn allow_mail(&self, what: &str, address: &str) -> Result<()> {
        self.limits.pace(what, address, self.settings.email.interval)?;
        self.limits.take_mail()
    }

    /// Where the browser goes in the end: what the call asks for if it is allowed, else the site.
    pub(crate) fn redirect_target(&self, call: &Call<'_>, body: Option<&str>) -> String {
        let parameter = call.parameter("redirect_to");
        self.redirects.choose([
            call.header("redirect_to"),
            parameter.as_deref(),
            body,
            call.header("referer"),
        ])
    }

    /// Counts the moments at which sessions ended, so that whoever remembers one looks again.
    pub(crate) fn sessions_ended(&self) {
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// How often sessions ended so far.
    pub fn sessions_version(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// Does the session of this user still hold?
    ///
    /// # Errors
    /// As the database fails.
    pub async fn is_alive(&self, user: &str, session: &str) -> Result<bool> {
        let (Ok(user), Ok(session)) = (Uuid::parse_str(user), Uuid::parse_str(session)) else {
            return Ok(false);
        };
        let who = Subject { user, session: Some(session) };
        let found = self.read(move |tx| authenticate_any(tx, &who).map(|_| ())).await;
        match found {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.status == 403 => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// Runs work that only reads.
    ///
    /// # Errors
    /// As the work refuses, or the database fails.
    pub(crate) async fn read<T, F>(&self, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop> + Send + 'static,
    {
        let refusal = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&refusal);
        let done = self.tables.read(move |tx| settle(work(tx), &kept)).await;
        done.map_err(|error| explain(error, &refusal))
    }

    /// Runs work that writes. It may run several times; nothing of it remains if it refuses.
    ///
    /// # Errors
    /// As the work refuses, or the database fails.
    pub(crate) async fn write<T, F>(&self, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop> + Send + 'static,
    {
        let refusal = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&refusal);
        let done = self.tables.write(move |tx| settle(work(tx), &kept)).await;
        done.map_err(|error| explain(error, &refusal))
    }
}

fn settle<T>(done: Result<T, Stop>, kept: &Mutex<Option<Refusal>>) -> Result<T, Error> {
    match done {
        Ok(made) => Ok(made),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Refused(refusal)) => {
            *kept.lock() = Some(refusal);
            Err(Error::new(REFUSED, "refused"))
        }
    }
}

fn explain(error: Error, kept: &Mutex<Option<Refusal>>) -> Refusal {
    let refusal = if error.code == REFUSED { kept.lock().take() } else { None };
    refusal.unwrap_or_else(|| error.into())
}

/// A refusal as an answer, in the form that the caller's version reads.
pub fn refused(call: &Call<'_>, refusal: &Refusal) -> Answer {
    let initial = call.is_initial_version();
    let body = refusal.body(initial, call.request_id);
    let mut answer = Answer::json_with(refusal.status, &body);
    if refusal.oauth.is_none() {
        answer = answer.with("x-sb-error-code", refusal.code);
        if !initial {
            answer = answer.with("x-supabase-api-version", VERSION);
        }
    }
    match refusal.retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

/// The refusal of a route that is switched off or does not exist.
fn absent(call: &Call<'_>, path: &[&str]) -> Refusal {
    match (call.method, path) {
        ("POST", ["sso"]) | (_, ["sso", ..]) => {
            Refusal::new(404, "saml_provider_disabled", "SAML 2.0 is disabled")
        }
        _ => Refusal::new(404, "validation_failed", "There is nothing at this path"),
    }
}
