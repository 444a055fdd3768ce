//! `/auth/password`: a new password, for who proved to be the owner.

use serde_json::json;

use super::Page;
use super::form::Form;
use super::view::shown;
use crate::call::Answer;
use crate::error::{Refusal, Result};
use crate::factors;

const NAME: &str = "password.html";

pub(super) async fn show(page: &mut Page<'_>) -> Result<Answer> {
    let Some(opened) = page.session().await? else { return Err(over()) };
    if factors::awaits_second(page.auth, &opened) {
        return Ok(proof_first(page));
    }
    page.render(NAME, shown(json!({"email": opened.account.user.email})))
}

fn over() -> Refusal {
    let message = "This link is not good any more. Ask for a new one with “Forgot your password?”.";
    Refusal::new(403, "session_not_found", message)
}

/// To the second factor, and back here.
fn proof_first(page: &Page<'_>) -> Answer {
    let back = format!("/auth/password{}", page.way.query());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("redirect_to", &back)
        .finish();
    Answer::redirect(303, format!("mfa?{query}"))
}

pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    let Some(opened) = page.session().await? else { return Err(over()) };
    let password = form.get("password");
    let asked = if password.is_empty() {
        Err(Refusal::invalid("Choose a password"))
    } else {
        page.ask(("PUT", "/user"), "", json!({"password": password})).await
    };
    match asked {
        Ok(_) => page.finish().await,
        Err(refusal) if refusal.code == "insufficient_aal" => Ok(proof_first(page)),
        Err(refusal) => {
            page.again(NAME, &refusal, shown(json!({"email": opened.account.user.email})))
        }
    }
}
