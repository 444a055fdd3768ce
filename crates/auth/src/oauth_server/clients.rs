//! Clients: registered by administrators, or by themselves where that is allowed.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::{Host, Url};
use uuid::Uuid;

use super::{client_missing, hash};
use crate::admin::Page;
use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::limits::Kind;
use crate::random;
use crate::tables::oauth_clients::{self, Client};
use crate::tables::sessions;
use crate::values::now;

/// Limit: redirect addresses of a client.
const REDIRECTS_MAX: usize = 10;
/// Limit: characters of a name.
const NAME_MAX: usize = 1024;
/// Limit: bytes of an address.
const URI_BYTES_MAX: usize = 2048;
const GRANT_TYPES: [&str; 2] = ["authorization_code", "refresh_token"];

#[derive(Default, Deserialize)]
struct Body {
    client_name: Option<String>,
    redirect_uris: Option<Vec<String>>,
    client_type: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
}

impl Body {
    fn is_empty(&self) -> bool {
        let Self { client_name, redirect_uris, client_type, grant_types, .. } = self;
        client_name.is_none()
            && redirect_uris.is_none()
            && client_type.is_none()
            && grant_types.is_none()
            && self.token_endpoint_auth_method.is_none()
            && self.client_uri.is_none()
            && self.logo_uri.is_none()
    }

    /// Puts what is given into the client.
    ///
    /// # Errors
    /// 400 `validation_failed`.
    fn fill(self, client: &mut Client) -> Result<()> {
        if let Some(name) = self.client_name {
            if name.trim().is_empty() || name.chars().count() > NAME_MAX {
                let message = format!("client_name is required, of at most {NAME_MAX} characters");
                return Err(Refusal::invalid(message));
            }
            client.name = name;
        }
        if let Some(uris) = self.redirect_uris {
            if uris.is_empty() || uris.len() > REDIRECTS_MAX {
                let message = format!("redirect_uris: 1 to {REDIRECTS_MAX} are required");
                return Err(Refusal::invalid(message));
            }
            uris.iter().try_for_each(|uri| check_redirect(uri))?;
            client.redirect_uris = uris;
        }
        for (name, given, place) in [
            ("client_uri", self.client_uri, &mut client.uri),
            ("logo_uri", self.logo_uri, &mut client.logo_uri),
        ] {
            let Some(uri) = given else { continue };
            let web = Url::parse(&uri).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !(uri.is_empty() || web) || uri.len() > URI_BYTES_MAX {
                return Err(Refusal::invalid(format!("{name} is invalid")));
            }
            *place = uri;
        }
        if let Some(grants) = self.grant_types {
            if grants.is_empty() || grants.iter().any(|one| !GRANT_TYPES.contains(&one.as_str())) {
                let message = "grant_types is invalid: authorization_code, refresh_token";
                return Err(Refusal::invalid(message));
            }
            client.grant_types = grants;
        }
        if self.response_types.is_some_and(|types| types != ["code"]) {
            return Err(Refusal::invalid("response_types is invalid: only code"));
        }
        client.auth_method =
            auth_method(client, self.client_type.as_deref(), self.token_endpoint_auth_method)?;
        Ok(())
    }
}

/// How the client proves who it is; type and method must agree.
fn auth_method(client: &Client, kind: Option<&str>, method: Option<String>) -> Result<String> {
    let known = ["none", "client_secret_basic", "client_secret_post"];
    if method.as_deref().is_some_and(|method| !known.contains(&method)) {
        return Err(Refusal::invalid("token_endpoint_auth_method is invalid"));
    }
    let agreed = match (kind, method.as_deref()) {
        (None, Some(method)) => method,
        (Some("public"), None | Some("none")) => "none",
        (Some("confidential"), None) if client.is_public() => "client_secret_basic",
        (None | Some("confidential"), None) => client.auth_method.as_str(),
        (Some("confidential"), Some(method)) if method != "none" => method,
        _ => {
            let message = "client_type and token_endpoint_auth_method are invalid together";
            return Err(Refusal::invalid(message));
        }
    };
    Ok(agreed.to_owned())
}

/// Where a client may have its users sent: an address that cannot run anything here, and no plain
/// HTTP but to the user's own machine.
fn check_redirect(text: &str) -> Result<()> {
    let invalid = || Refusal::invalid(format!("redirect_uris: {text:?} is invalid"));
    let plain = text.len() <= URI_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b',' | b'\\'));
    let url = Url::parse(text).ok().filter(|_| plain).ok_or_else(invalid)?;
    let scripts = ["javascript", "data", "file", "vbscript", "about", "blob"];
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(invalid()),
    };
    let bad = url.fragment().is_some()
        || scripts.contains(&url.scheme())
        || !url.username().is_empty()
        || url.password().is_some()
        || (url.scheme() == "http" && !local);
    if bad { Err(invalid()) } else { Ok(()) }
}

/// A new client, with the secret that is shown once.
fn made(body: Body, dynamic: bool) -> Result<(Client, Option<String>)> {
    if body.client_name.is_none() {
        return Err(Refusal::invalid("client_name is required"));
    }
    if body.redirect_uris.is_none() {
        return Err(Refusal::invalid("redirect_uris is required"));
    }
    let mut client = Client {
        id: Uuid::new_v4(),
        dynamic,
        grant_types: GRANT_TYPES.map(str::to_owned).to_vec(),
        created_at: Some(now()),
        updated_at: Some(now()),
        auth_method: "client_secret_basic".to_owned(),
        ..Client::default()
    };
    body.fill(&mut client)?;
    let secret = if client.is_public() { None } else { Some(random::token()?) };
    client.secret_hash = secret.as_deref().map(hash).unwrap_or_default();
    Ok((client, secret))
}

/// A client as JSON.
pub(super) fn shown(client: &Client, secret: Option<&str>) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("client_id", json!(client.id));
    if let Some(secret) = secret {
        put("client_secret", json!(secret));
    }
    put("client_type", json!(client.kind()));
    put("client_name", json!(client.name));
    put("redirect_uris", json!(client.redirect_uris));
    put("token_endpoint_auth_method", json!(client.auth_method));
    put("grant_types", json!(client.grant_types));
    put("response_types", json!(["code"]));
    put("registration_type", json!(if client.dynamic { "dynamic" } else { "manual" }));
    for (name, text) in [("client_uri", &client.uri), ("logo_uri", &client.logo_uri)] {
        if !text.is_empty() {
            put(name, json!(text));
        }
    }
    for (name, time) in [("created_at", client.created_at), ("updated_at", client.updated_at)] {
        put(name, json!(time.unwrap_or_default().to_string()));
    }
    Value::Object(out)
}

async fn store(auth: &Arc<Auth>, body: Body, dynamic: bool) -> Result<Answer> {
    let (client, secret) = made(body, dynamic)?;
    let answer = shown(&client, secret.as_deref());
    auth.write(move |tx| Ok(oauth_clients::insert(tx, &client)?)).await?;
    Ok(Answer::json_with(201, &answer))
}

/// `POST /oauth/clients/register`: RFC 7591, for anybody.
pub(super) async fn register(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    if !auth.settings.oauth_server.as_ref().is_some_and(|server| server.dynamic_registration) {
        let message = "Dynamic client registration is disabled";
        return Err(Refusal::new(403, "oauth_dynamic_client_registration_disabled", message));
    }
    auth.limits.take(Kind::Registration, call.client)?;
    store(auth, call.json()?, true).await
}

/// `POST /admin/oauth/clients`.
pub(super) async fn create(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    store(auth, call.json()?, false).await
}

/// `GET /admin/oauth/clients`.
pub(super) async fn list(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let page = Page::of(call)?;
    let (size, offset) = (page.size, page.offset());
    let (clients, total) = auth.read(move |tx| Ok(oauth_clients::page(tx, size, offset)?)).await?;
    let clients: Vec<Value> = clients.iter().map(|client| shown(client, None)).collect();
    let answer = Answer::json(&json!({"clients": clients}));
    Ok(page.headers(answer, "/admin/oauth/clients", total))
}

/// The client with this id.
async fn known(auth: &Arc<Auth>, id: Uuid) -> Result<Client> {
    let found = auth.read(move |tx| Ok(oauth_clients::by_id(tx, id)?)).await?;
    found.ok_or_else(|| client_missing(404))
}

/// `GET /admin/oauth/clients/{id}`.
pub(super) async fn get(auth: &Arc<Auth>, id: Uuid) -> Result<Answer> {
    Ok(Answer::json(&shown(&known(auth, id).await?, None)))
}

/// `PUT /admin/oauth/clients/{id}`.
pub(super) async fn update(auth: &Arc<Auth>, call: &Call<'_>, id: Uuid) -> Result<Answer> {
    let body: Body = call.json()?;
    if body.is_empty() {
        return Err(Refusal::invalid("at least one member is required to change a client"));
    }
    let mut client = known(auth, id).await?;
    let public = client.is_public();
    body.fill(&mut client)?;
    let secret = if public && !client.is_public() { Some(random::token()?) } else { None };
    if client.is_public() {
        client.secret_hash = String::new();
    } else if let Some(secret) = &secret {
        client.secret_hash = hash(secret);
    }
    let client = auth
        .write(move |tx| {
            let mut client = client.clone();
            oauth_clients::update(tx, &mut client)?;
            Ok(client)
        })
        .await?;
    Ok(Answer::json(&shown(&client, secret.as_deref())))
}

/// `POST /admin/oauth/clients/{id}/regenerate_secret`.
pub(super) async fn regenerate_secret(auth: &Arc<Auth>, id: Uuid) -> Result<Answer> {
    let mut client = known(auth, id).await?;
    if client.is_public() {
        return Err(Refusal::invalid("a public client has no secret: the request is invalid"));
    }
    let secret = random::token()?;
    client.secret_hash = hash(&secret);
    let client = auth
        .write(move |tx| {
            let mut client = client.clone();
            oauth_clients::update(tx, &mut client)?;
            Ok(client)
        })
        .await?;
    Ok(Answer::json(&shown(&client, Some(&secret))))
}

/// `DELETE /admin/oauth/clients/{id}`: its sessions end.
pub(super) async fn delete(auth: &Arc<Auth>, id: Uuid) -> Result<Answer> {
    known(auth, id).await?;
    auth.write(move |tx| {
        sessions::delete_of_client(tx, None, id)?;
        oauth_clients::delete(tx, id)?;
        Ok(())
    })
    .await?;
    auth.sessions_ended();
    Ok(Answer::no_content())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a43_users_are_sent_to_decent_addresses_only() {
        for good in [
            "https://app.example/cb",
            "http://127.0.0.1:7/cb",
            "http://localhost/cb?x=1",
            "myapp://host/cb",
        ] {
            assert!(check_redirect(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "app.example/cb",
            "http://app.example/cb",
            "https://app.example/cb#x",
            "https://good@evil.example/cb",
            "https://app.example/a,https://evil.example",
            "javascript:alert(1)//x",
            "data:text/html,x",
            "file:///etc/passwd",
            "blob:https://app.example/x",
            "myapp:cb",
            "https://app.example/\\x",
            "https://app.example/ x",
        ] {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }
}
