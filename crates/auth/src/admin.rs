//! Administration, with the secret key. Source: auth.md 6.11.

mod links;
mod people;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::passkeys;
use crate::sessions::administrator;
use crate::tables::factors::Factor;
use crate::tables::{audit, factors};
use crate::{address, oauth_server, wire};

pub(crate) use links::invite;

/// Everything below `/admin`.
pub(crate) async fn serve(auth: &Arc<Auth>, call: &Call<'_>, path: &[&str]) -> Result<Answer> {
    administrator(auth, call).await?;
    match (call.method, path) {
        ("GET", ["users"]) => people::list(auth, call).await,
        ("POST", ["users"]) => people::create(auth, call).await,
        ("GET", ["users", id]) => people::get(auth, user_id(id)?).await,
        ("PUT", ["users", id]) => people::update(auth, call, user_id(id)?).await,
        ("DELETE", ["users", id]) => people::delete(auth, call, user_id(id)?).await,
        ("GET", ["users", id, "factors"]) => list_factors(auth, user_id(id)?).await,
        ("DELETE", ["users", id, "factors", factor]) => {
            delete_factor(auth, call, (user_id(id)?, user_id(factor)?)).await
        }
        ("PUT", ["users", id, "factors", factor]) => {
            change_factor(auth, call, (user_id(id)?, user_id(factor)?)).await
        }
        ("GET", ["users", id, "sessions"]) => people::sessions(auth, user_id(id)?).await,
        ("DELETE", ["users", id, "sessions", session]) => {
            people::end_session(auth, user_id(id)?, user_id(session)?).await
        }
        ("POST", ["generate_link"]) => links::generate(auth, call).await,
        ("GET", ["audit"]) => list_audit(auth, call).await,
        (_, ["sso", ..]) => {
            Err(Refusal::new(404, "saml_provider_disabled", "SAML 2.0 is disabled"))
        }
        (_, ["oauth", rest @ ..]) => oauth_server::administer(auth, call, rest).await,
        ("GET", ["users", id, "passkeys"]) => list_passkeys(auth, user_id(id)?).await,
        ("DELETE", ["users", id, "passkeys", passkey]) => {
            delete_passkey(auth, call, (user_id(id)?, passkey)).await
        }
        _ => Err(Refusal::new(404, "validation_failed", "There is nothing at this path")),
    }
}

fn user_id(text: &str) -> Result<Uuid> {
    let id =
        Uuid::parse_str(text).ok().filter(|id| id.as_hyphenated().to_string().len() == text.len());
    id.ok_or_else(|| Refusal::new(404, "validation_failed", "the id must be a UUID"))
}

pub(crate) fn user_missing() -> Refusal {
    Refusal::new(404, "user_not_found", "User not found")
}

/// A page of a list: its number and size.
pub(crate) struct Page {
    number: i64,
    pub(crate) size: i64,
}

/// Limit: entries of a page.
const PAGE_SIZE_MAX: i64 = 1_000;

impl Page {
    /// The page that the call asks for.
    ///
    /// # Errors
    /// 400 `validation_failed` for numbers that are none.
    pub(crate) fn of(call: &Call<'_>) -> Result<Self> {
        let number = |name: &str, default: i64, greatest: i64| match call.parameter(name) {
            None => Ok(default),
            Some(text) => match text.parse::<i64>() {
                Ok(number) if number >= 1 => Ok(number.min(greatest)),
                _ => Err(Refusal::invalid(format!("Bad Pagination Parameters: {name}"))),
            },
        };
        Ok(Self {
            number: number("page", 1, i64::from(u32::MAX))?,
            size: number("per_page", 50, PAGE_SIZE_MAX)?,
        })
    }

    /// Entries before it.
    pub(crate) fn offset(&self) -> i64 {
        (self.number - 1) * self.size
    }

    /// The headers that tell of further pages. Clients look for `page=` as the first parameter.
    pub(crate) fn headers(&self, answer: Answer, path: &str, total: i64) -> Answer {
        let last = ((total + self.size - 1) / self.size).max(1);
        let size = self.size;
        let link =
            |page: i64, rel: &str| format!("<{path}?page={page}&per_page={size}>; rel=\"{rel}\"");
        let mut links = Vec::new();
        if self.number < last {
            links.push(link(self.number + 1, "next"));
        }
        links.push(link(last, "last"));
        answer.with("x-total-count", total.to_string()).with("link", links.join(", "))
    }
}

async fn list_factors(auth: &Arc<Auth>, id: Uuid) -> Result<Answer> {
    let found = auth
        .read(move |tx| {
            people::known(tx, id)?;
            Ok(factors::of_user(tx, id)?)
        })
        .await?;
    Ok(Answer::json(&found.iter().map(wire::factor).collect::<Value>()))
}

#[derive(Clone, Default, Deserialize)]
struct FactorChange {
    friendly_name: Option<String>,
    phone: Option<String>,
}

async fn change_factor(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (id, factor): (Uuid, Uuid),
) -> Result<Answer> {
    let body: FactorChange = call.json()?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let name = filled(body.friendly_name);
    let phone = filled(body.phone).map(|phone| address::phone(&phone)).transpose()?;
    let client = call.client;
    let factor = auth
        .write(move |tx| {
            let user = people::known(tx, id)?;
            let all = factors::of_user(tx, id)?;
            let mut found = all
                .iter()
                .find(|one| one.id == factor)
                .cloned()
                .ok_or_else(|| Refusal::new(404, "mfa_factor_not_found", "Factor not found"))?;
            if let Some(name) = &name {
                let others: Vec<Factor> = all.into_iter().filter(|one| one.id != factor).collect();
                crate::factors::demand_name(&others, name)?;
                found.friendly_name.clone_from(name);
            }
            if let Some(phone) = phone.as_ref().filter(|_| found.kind == crate::factors::PHONE) {
                found.phone.clone_from(phone);
            }
            factors::update(tx, &found)?;
            audit::note(tx, client, &user, "factor_updated", Some(json!({"factor_id": found.id})))?;
            Ok(found)
        })
        .await?;
    Ok(Answer::json(&wire::factor(&factor)))
}

async fn delete_factor(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (id, factor): (Uuid, Uuid),
) -> Result<Answer> {
    let client = call.client;
    let factor = auth
        .write(move |tx| {
            let user = people::known(tx, id)?;
            let found = factors::of_user(tx, id)?.into_iter().find(|one| one.id == factor);
            let Some(found) = found else {
                return Err(Refusal::new(404, "mfa_factor_not_found", "Factor not found").into());
            };
            factors::delete(tx, found.id)?;
            crate::tables::sessions::lower(tx, id)?;
            audit::note(tx, client, &user, "factor_deleted", Some(json!({"factor_id": found.id})))?;
            Ok(found)
        })
        .await?;
    auth.sessions_ended();
    Ok(Answer::json(&wire::factor(&factor)))
}

async fn list_passkeys(auth: &Arc<Auth>, id: Uuid) -> Result<Answer> {
    passkeys::demand(auth)?;
    let found = auth
        .read(move |tx| {
            people::known(tx, id)?;
            passkeys::all(tx, id)
        })
        .await?;
    Ok(Answer::json(&found))
}

async fn delete_passkey(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (id, passkey): (Uuid, &str),
) -> Result<Answer> {
    passkeys::demand(auth)?;
    let (client, passkey) = (call.client, passkey.to_owned());
    auth.write(move |tx| {
        let user = people::known(tx, id)?;
        passkeys::take_away(tx, client, (&user, &passkey))
    })
    .await?;
    Ok(Answer::no_content())
}

async fn list_audit(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let page = Page::of(call)?;
    let query = match call.parameter("query") {
        None => None,
        Some(query) => {
            let (name, text) = query.split_once(':').unwrap_or(("", &query));
            let member = match name {
                "author" => "actor_username",
                "action" => "action",
                "type" => "log_type",
                _ => return Err(Refusal::invalid("query must be author:, action: or type:")),
            };
            Some((member, text.to_owned()))
        }
    };
    let (size, offset) = (page.size, page.offset());
    let (entries, total) = auth
        .read(move |tx| {
            let query = query.as_ref().map(|(member, text)| (*member, text.as_str()));
            Ok(audit::page(tx, size, offset, query)?)
        })
        .await?;
    Ok(page.headers(Answer::json(&Value::Array(entries)), "/admin/audit", total))
}
