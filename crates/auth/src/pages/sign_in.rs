//! `/auth/sign-in`: a password, a code by mail, a provider, a passkey.

use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::form::Form;
use super::view::{Shown, shown};
use super::visit::Pending;
use super::{Page, code};
use crate::call::Answer;
use crate::error::Result;

const NAME: &str = "sign-in.html";

pub(super) fn show(page: &Page<'_>) -> Result<Answer> {
    page.render(NAME, filled(page, ""))
}

/// The form with the address that was typed.
pub(super) fn filled(page: &Page<'_>, email: &str) -> Shown {
    shown(json!({"email": email, "providers": providers(page)}))
}

/// The buttons of providers: links that begin the provider's sign-in on the same way.
pub(super) fn providers(page: &Page<'_>) -> Vec<Value> {
    let target = page.way.address(page.auth);
    let link = |name: &str| {
        let mut query = Serializer::new(String::new());
        query.append_pair("provider", name).append_pair("redirect_to", &target);
        // A page of ours takes no code: it gets the session with the browser.
        if let Some(challenge) = page.way.challenge.as_ref().filter(|_| page.leads_to_a_site()) {
            query.append_pair("code_challenge", &challenge.text);
            query.append_pair("code_challenge_method", challenge.method);
        }
        format!("v1/authorize?{}", query.finish())
    };
    let one = |name: &String| json!({"name": name, "label": label(name), "link": link(name)});
    page.auth.settings.providers.keys().map(one).collect()
}

/// A provider's name as people know it.
fn label(name: &str) -> String {
    match name {
        "azure" => "Microsoft".to_owned(),
        "github" => "GitHub".to_owned(),
        "gitlab" => "GitLab".to_owned(),
        "linkedin" | "linkedin_oidc" => "LinkedIn".to_owned(),
        "slack_oidc" => "Slack".to_owned(),
        "twitter" => "X".to_owned(),
        "workos" => "WorkOS".to_owned(),
        other => {
            let mut letters = other.chars();
            let first = letters.next().map(|letter| letter.to_uppercase().to_string());
            first.unwrap_or_default() + &letters.as_str().replace('_', " ")
        }
    }
}

pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    let email = form.get("email").trim();
    if form.get("do") == "code" {
        return mail_code(page, form, email).await;
    }
    let body = json!({
        "email": email,
        "password": form.get("password"),
        "gotrue_meta_security": form.captcha(),
    });
    match page.ask(("POST", "/token"), "grant_type=password", body).await {
        Ok(answer) => {
            page.remember(&answer)?;
            page.finish().await
        }
        Err(refusal) if refusal.code == "email_not_confirmed" => {
            page.await_code("signup", email);
            Ok(page.to("code"))
        }
        Err(refusal) => page.again(NAME, &refusal, filled(page, email)),
    }
}

async fn mail_code(page: &mut Page<'_>, form: &Form, email: &str) -> Result<Answer> {
    let asked = code::mail(page, ("email", email), form.captcha()).await;
    match asked {
        // Whether there is such an account is nobody's business.
        Err(refusal) if refusal.code != "otp_disabled" => {
            page.again(NAME, &refusal, filled(page, email))
        }
        _ => {
            page.await_code("email", email);
            Ok(page.to("code"))
        }
    }
}

impl Page<'_> {
    /// A code that was mailed is awaited.
    pub(super) fn await_code(&mut self, kind: &str, email: &str) {
        self.visit.pending = Some(Pending { kind: kind.to_owned(), email: email.to_owned() });
    }
}
