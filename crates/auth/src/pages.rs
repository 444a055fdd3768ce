//! Hosted pages: `/auth/sign-in` and its sisters, for projects that want no forms of their own.
//!
//! A page is a client of the service: what a form asks for goes through the routes of `/auth/v1`,
//! so that limits, captcha, hooks and policies are the same. What is under way is kept in a sealed
//! cookie ([`visit`]); where the browser goes in the end, in the query ([`way`]).
//!
//! Invariants: a form is taken only with the token that was made for this visit; a page runs no
//! script but ours, stands in no frame, and sends the browser only where the allow list lets it.

mod code;
mod consent;
mod form;
mod mfa;
mod passkey;
mod password;
mod reset;
mod sign_in;
mod sign_out;
mod sign_up;
mod view;
mod visit;
mod way;

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access_token::Subject;
use crate::auth::Auth;
use crate::call::{Answer, Bearer, Call};
use crate::error::{Refusal, Result};
use crate::sessions::{Opened, authenticate};
use crate::tables::flows::{self, Flow};
use crate::values::now;
use crate::verify::{with_query, with_session};
use crate::{factors, pkce};
use form::Form;
pub(crate) use view::is_page;
pub use view::{CaptchaProvider, CaptchaWidget, PageSettings, Pages};
use visit::Visit;
use way::{Target, Way};

/// The provider whose sign-in is these pages: `signInWithOAuth({provider: 'backstay'})`.
pub(crate) const PROVIDER: &str = "backstay";
/// The names of all pages.
pub(crate) const NAMES: [&str; 9] =
    ["sign-in", "sign-up", "code", "reset", "password", "mfa", "passkey", "consent", "sign-out"];
/// Paths below `/auth` that pages are served at.
pub const PATHS: [&str; 13] = [
    "sign-in",
    "sign-up",
    "code",
    "reset",
    "password",
    "mfa",
    "mfa/options",
    "passkey",
    "passkey/options",
    "consent",
    "sign-out",
    "style.css",
    "keys.js",
];

impl Auth {
    /// Serves a page; `call.path` is below `/auth`.
    pub async fn page(self: &Arc<Self>, call: &Call<'_>) -> Answer {
        match serve(self, call).await {
            Ok(answer) => answer,
            Err(refusal) => view::failure(self, &refusal),
        }
    }

    /// Are there pages?
    pub fn has_pages(&self) -> bool {
        self.pages.is_enabled()
    }
}

async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let path = call.path.trim_matches('/');
    match (call.method, path) {
        ("GET" | "HEAD", "style.css") => return Ok(view::style(auth)),
        ("GET" | "HEAD", "keys.js") => return Ok(view::script()),
        _ => {}
    }
    let mut page = Page { auth, call, visit: Visit::of(auth, call)?, way: Way::of(call)? };
    let answer = match call.method {
        "GET" | "HEAD" => page.show(path).await?,
        "POST" => {
            let form = Form::of(auth, call, &page.visit)?;
            page.submit(path, &form).await?
        }
        _ => {
            return Err(Refusal::new(405, "validation_failed", "This page is only shown and sent"));
        }
    };
    let cookie = page.visit.cookie(auth)?;
    Ok(answer.with("set-cookie", cookie))
}

/// A page that is asked for.
struct Page<'c> {
    auth: &'c Arc<Auth>,
    call: &'c Call<'c>,
    visit: Visit,
    way: Way,
}

impl Page<'_> {
    async fn show(&mut self, path: &str) -> Result<Answer> {
        match path {
            "sign-in" => sign_in::show(self),
            "sign-up" => sign_up::show(self),
            "code" => code::show(self),
            "reset" => reset::show(self),
            "password" => password::show(self).await,
            "mfa" => mfa::show(self).await,
            "consent" => consent::show(self).await,
            "sign-out" => sign_out::show(self),
            _ => Ok(self.to("sign-in")),
        }
    }

    async fn submit(&mut self, path: &str, form: &Form) -> Result<Answer> {
        match path {
            "sign-in" => sign_in::submit(self, form).await,
            "sign-up" => sign_up::submit(self, form).await,
            "code" => code::submit(self, form).await,
            "reset" => reset::submit(self, form).await,
            "password" => password::submit(self, form).await,
            "mfa" => mfa::submit(self, form).await,
            "mfa/options" => mfa::options(self, form).await,
            "passkey" => passkey::submit(self, form).await,
            "passkey/options" => passkey::options(self, form).await,
            "consent" => consent::submit(self, form).await,
            "sign-out" => sign_out::submit(self).await,
            _ => Ok(self.to("sign-in")),
        }
    }

    /// Sends the browser to another page, on the same way.
    fn to(&self, name: &str) -> Answer {
        Answer::redirect(303, format!("{name}{}", self.way.query()))
    }

    /// Asks the service as this visit's user, or as nobody.
    async fn ask(&self, (method, path): (&str, &str), query: &str, body: Value) -> Result<Answer> {
        let body = body.to_string();
        let agent = self.call.user_agent();
        let headers = [("user-agent", agent.as_str()), ("x-supabase-api-version", "2024-01-01")];
        let inner = Call {
            method,
            path,
            query,
            headers: &headers,
            body: body.as_bytes(),
            bearer: self.bearer(),
            key_role: None,
            client: self.call.client,
            request_id: self.call.request_id,
        };
        // The routes and the pages that ask them are one future: it is boxed to have a size.
        Box::pin(self.auth.route(&inner)).await
    }

    fn bearer(&self) -> Bearer {
        let Some((user, session)) = self.visit.session else { return Bearer::Missing };
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(user));
        claims.insert("session_id".to_owned(), json!(session));
        Bearer::Token(claims)
    }

    /// Keeps the session that an answer of the service shows.
    fn remember(&mut self, answer: &Answer) -> Result<()> {
        let id = |name: &str| {
            let found = answer.headers.iter().find(|(known, _)| *known == name);
            found.and_then(|(_, value)| Uuid::parse_str(value).ok())
        };
        let (Some(user), Some(session)) = (id("sb-auth-user-id"), id("sb-auth-session-id")) else {
            return Err(Refusal::internal("an answer with a session names none"));
        };
        self.visit = Visit::signed_in(user, session)?;
        Ok(())
    }

    /// The session of this visit as it is now; `None` where it ended.
    async fn session(&self) -> Result<Option<Opened>> {
        let Some((user, session)) = self.visit.session else { return Ok(None) };
        let (auth, who) = (Arc::clone(self.auth), Subject { user, session: Some(session) });
        let found = self.auth.read(move |tx| {
            let me = authenticate(tx, &who)?;
            let Some(session) = me.session else { return Ok(None) };
            auth.reopen(tx, me.user, session).map(Some)
        });
        match found.await {
            Err(refusal) if refusal.status == 403 => Ok(None),
            found => found,
        }
    }

    /// Goes on after a sign-in: to the second factor if there is one, else to the end of the way.
    async fn finish(&mut self) -> Result<Answer> {
        let Some(opened) = self.session().await? else { return Ok(self.to("sign-in")) };
        if factors::awaits_second(self.auth, &opened) {
            return Ok(self.to("mfa"));
        }
        match self.way.target(self.auth) {
            Target::Page(path) => Ok(Answer::redirect(303, path)),
            Target::Site(url) => self.hand_over(&opened, &url).await,
        }
    }

    /// Hands the session to the site, in the form that its client asked for. It is the site's from
    /// now on: two holders would use up each other's refresh tokens.
    async fn hand_over(&mut self, opened: &Opened, target: &str) -> Result<Answer> {
        self.visit = Visit::new()?;
        let Some(challenge) = self.way.challenge.clone() else {
            let location = with_session(self.auth, target, opened, "signin").await?;
            return Ok(Answer::redirect(303, location));
        };
        let (user, session) = (opened.account.user.id, opened.session.id);
        let code = self.auth.write(move |tx| {
            let mut flow = Flow {
                id: Uuid::new_v4(),
                user_id: Some(user),
                session: Some(session),
                challenge: challenge.text.clone(),
                challenge_method: challenge.method.to_owned(),
                provider: PROVIDER.to_owned(),
                method: PROVIDER.to_owned(),
                created_at: Some(now()),
                ..Flow::default()
            };
            flows::delete_old(tx, crate::oauth::oldest_kept())?;
            Ok(pkce::issue_code(tx, &mut flow)?)
        });
        let location = with_query(target, &[("code", &code.await?)]);
        Ok(Answer::redirect(303, location))
    }
}

/// Where `GET /authorize?provider=backstay` sends the browser: to the sign-in page.
///
/// # Errors
/// 400 for a malformed challenge.
pub(crate) fn entry(auth: &Auth, call: &Call<'_>) -> Result<Answer> {
    let mut way = Way::of(call)?;
    way.redirect_to = auth.redirect_target(call, None);
    let wanted = call.parameter("page").unwrap_or_default();
    let name = NAMES.into_iter().find(|name| *name == wanted).unwrap_or("sign-in");
    Ok(Answer::redirect(302, format!("{}{}{}", auth.pages.base, name, way.query())))
}

/// Arrives at a page from the link of a mail: the browser gets the session as a visit.
///
/// # Errors
/// If the visit cannot be sealed.
pub(crate) fn arrive(auth: &Auth, target: &str, opened: &Opened) -> Result<Answer> {
    let visit = Visit::signed_in(opened.account.user.id, opened.session.id)?;
    let answer = Answer::redirect(303, target.to_owned());
    Ok(answer.with("set-cookie", visit.cookie(auth)?))
}
