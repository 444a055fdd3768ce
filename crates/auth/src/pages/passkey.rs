//! The passkey button of the sign-in page. It needs a script: only that can ask the browser.

use serde_json::{Value, json};

use super::Page;
use super::form::Form;
use super::sign_in::filled;
use crate::call::Answer;
use crate::error::Result;

/// `POST /auth/passkey/options`: what the browser is asked.
pub(super) async fn options(page: &Page<'_>, form: &Form) -> Result<Answer> {
    let body = json!({"gotrue_meta_security": form.captcha()});
    page.ask(("POST", "/passkeys/authentication/options"), "", body).await
}

/// `POST /auth/passkey`: what the browser answered.
pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    let credential: Value = serde_json::from_str(form.get("credential")).unwrap_or_default();
    let body = json!({"challenge_id": form.get("challenge_id"), "credential": credential});
    match page.ask(("POST", "/passkeys/authentication/verify"), "", body).await {
        Ok(answer) => {
            page.remember(&answer)?;
            page.finish().await
        }
        Err(refusal) => page.again("sign-in.html", &refusal, filled(page, "")),
    }
}
