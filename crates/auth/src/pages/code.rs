//! `/auth/code`: check your mail, and the code that stands in it.

use serde_json::{Value, json};

use super::Page;
use super::form::Form;
use super::view::{Shown, shown};
use super::visit::Pending;
use crate::call::Answer;
use crate::error::Result;

const NAME: &str = "code.html";

pub(super) fn show(page: &Page<'_>) -> Result<Answer> {
    match &page.visit.pending {
        Some(pending) => page.render(NAME, filled(pending, false)),
        None => Ok(page.to("sign-in")),
    }
}

fn filled(pending: &Pending, again: bool) -> Shown {
    shown(json!({"email": pending.email, "kind": pending.kind, "sent_again": again}))
}

pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    let Some(pending) = page.visit.pending.clone() else { return Ok(page.to("sign-in")) };
    if form.get("do") == "again" {
        let about = (pending.kind.as_str(), pending.email.as_str());
        return match mail(page, about, form.captcha()).await {
            Err(refusal) if refusal.code != "otp_disabled" => {
                page.again(NAME, &refusal, filled(&pending, false))
            }
            _ => page.render(NAME, filled(&pending, true)),
        };
    }
    let code: String = form.get("code").chars().filter(|c| !c.is_whitespace()).collect();
    let body = json!({"type": pending.kind, "email": pending.email, "token": code});
    match page.ask(("POST", "/verify"), "", body).await {
        Ok(answer) => {
            page.remember(&answer)?;
            if pending.kind == "recovery" {
                return Ok(page.to("password"));
            }
            page.finish().await
        }
        Err(refusal) => page.again(NAME, &refusal, filled(&pending, false)),
    }
}

/// Mails a code of this kind.
pub(super) async fn mail(
    page: &Page<'_>,
    (kind, email): (&str, &str),
    captcha: Value,
) -> Result<Answer> {
    let mut body = json!({"email": email, "gotrue_meta_security": captcha});
    let (path, query) = match kind {
        "recovery" => {
            let address = format!("{}password{}", page.auth.pages.base, page.way.query());
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("redirect_to", &address)
                .finish();
            ("/recover", query)
        }
        "signup" => {
            body["type"] = json!("signup");
            page.with_challenge(&mut body);
            ("/resend", page.mail_query())
        }
        _ => {
            body["create_user"] = json!(false);
            page.with_challenge(&mut body);
            ("/otp", page.mail_query())
        }
    };
    page.ask(("POST", path), &query, body).await
}
