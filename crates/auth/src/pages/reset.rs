//! `/auth/reset`: a code for who forgot the password.

use serde_json::json;

use super::form::Form;
use super::view::shown;
use super::{Page, code};
use crate::call::Answer;
use crate::error::Result;

const NAME: &str = "reset.html";

pub(super) fn show(page: &Page<'_>) -> Result<Answer> {
    page.render(NAME, shown(json!({})))
}

pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    let email = form.get("email").trim();
    match code::mail(page, ("recovery", email), form.captcha()).await {
        Ok(_) => {
            page.await_code("recovery", email);
            Ok(page.to("code"))
        }
        Err(refusal) => page.again(NAME, &refusal, shown(json!({"email": email}))),
    }
}
