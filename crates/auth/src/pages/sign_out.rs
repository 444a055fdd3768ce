//! `/auth/sign-out`: ends the session of this visit. A site ends its own by itself.

use serde_json::json;

use super::view::shown;
use super::visit::Visit;
use super::{Page, Target};
use crate::call::Answer;
use crate::error::Result;

pub(super) fn show(page: &Page<'_>) -> Result<Answer> {
    page.render("sign-out.html", shown(json!({"signed_in": page.visit.session.is_some()})))
}

pub(super) async fn submit(page: &mut Page<'_>) -> Result<Answer> {
    if page.visit.session.is_some() {
        let asked = page.ask(("POST", "/logout"), "scope=local", json!({})).await;
        // A session that ended already is signed out.
        if let Err(refusal) = asked
            && refusal.status >= 500
        {
            return Err(refusal);
        }
    }
    page.visit = Visit::new()?;
    match page.way.target(page.auth) {
        Target::Site(url) => Ok(Answer::redirect(303, url)),
        Target::Page(path) => Ok(Answer::redirect(303, path)),
    }
}
