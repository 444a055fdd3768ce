//! What a form sends, and that it is one of ours.

use subtle::ConstantTimeEq as _;

use super::visit::Visit;
use crate::auth::Auth;
use crate::call::Call;
use crate::error::{Refusal, Result};

/// What the token of a form is sealed for. Each is different, so that compression tells nothing.
const PURPOSE: &str = "page form";
/// The field that holds it.
const TOKEN: &str = "csrf";
/// Fields in which widgets of captchas leave their token.
const CAPTCHA: [&str; 2] = ["cf-turnstile-response", "h-captcha-response"];

/// The fields of a form.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form of this visit.
    ///
    /// # Errors
    /// 403 for one that was made for no visit or another.
    pub(super) fn of(auth: &Auth, call: &Call<'_>, visit: &Visit) -> Result<Self> {
        let form = Self(url::form_urlencoded::parse(call.body).into_owned().collect());
        let made_for = auth.vault.try_open(PURPOSE, form.get(TOKEN)).unwrap_or_default();
        if made_for.ct_eq(visit.secret.as_bytes()).into() {
            return Ok(form);
        }
        let message = "This form is not good any more: it was open for too long, or cookies are \
                       switched off. Go back, load the page again and repeat.";
        Err(Refusal::new(403, "validation_failed", message))
    }

    /// The token of a form of this visit.
    pub(super) fn token(auth: &Auth, visit: &Visit) -> Result<String> {
        auth.vault.seal(PURPOSE, visit.secret.as_bytes())
    }

    /// The value of a field; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// The token of the captcha.
    pub(super) fn captcha(&self) -> serde_json::Value {
        let token = CAPTCHA.iter().map(|name| self.get(name)).find(|token| !token.is_empty());
        serde_json::json!({"captcha_token": token.unwrap_or_default()})
    }
}
