//! `/auth/sign-up`: a new account by address and password.

use serde_json::{Value, json};

use super::Page;
use super::form::Form;
use super::sign_in::filled;
use crate::call::Answer;
use crate::error::{Refusal, Result};

const NAME: &str = "sign-up.html";

pub(super) fn show(page: &Page<'_>) -> Result<Answer> {
    demand(page)?;
    page.render(NAME, filled(page, ""))
}

fn demand(page: &Page<'_>) -> Result<()> {
    if page.auth.settings.signup_disabled || !page.auth.settings.email.enabled {
        return Err(Refusal::new(404, "signup_disabled", "New accounts cannot be made here"));
    }
    Ok(())
}

pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    demand(page)?;
    let email = form.get("email").trim();
    let mut body = json!({
        "email": email,
        "password": form.get("password"),
        "gotrue_meta_security": form.captcha(),
    });
    page.with_challenge(&mut body);
    match page.ask(("POST", "/signup"), &page.mail_query(), body).await {
        Ok(answer) if answer.headers.iter().any(|(name, _)| *name == "sb-auth-session-id") => {
            page.remember(&answer)?;
            page.finish().await
        }
        Ok(_) => {
            page.await_code("signup", email);
            Ok(page.to("code"))
        }
        Err(refusal) => page.again(NAME, &refusal, filled(page, email)),
    }
}

impl Page<'_> {
    /// The query that tells where the link of a mail leads.
    pub(super) fn mail_query(&self) -> String {
        let address = self.way.address(self.auth);
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("redirect_to", &address)
            .finish()
    }

    /// Does the way end at a site of the project?
    pub(super) fn leads_to_a_site(&self) -> bool {
        matches!(self.way.target(self.auth), super::Target::Site(_))
    }

    /// With the challenge of the site's client, so that the link of a mail brings it a code.
    pub(super) fn with_challenge(&self, body: &mut Value) {
        if let Some(challenge) = self.way.challenge.as_ref().filter(|_| self.leads_to_a_site()) {
            body["code_challenge"] = json!(challenge.text);
            body["code_challenge_method"] = json!(challenge.method);
        }
    }
}
