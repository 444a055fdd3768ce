//! `POST /oauth/token`: a code, or a refresh token, for tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_records::Tx;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;
use uuid::Uuid;

use super::{claims, hash, scopes};
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::grants::refresh;
use crate::pkce;
use crate::refresh_token;
use crate::sessions::{ClientGrant, Opened, Origin};
use crate::tables::oauth_authorizations::{self as authorizations, Authorization};
use crate::tables::oauth_clients::{self, Client};
use crate::tables::{audit, sessions, users};
use crate::values::now;

/// How a session of a client is opened, as its tokens tell.
const METHOD: &str = "oauth_provider/authorization_code";

/// The members of the request, of a form or of JSON.
struct Request(BTreeMap<String, String>);

impl Request {
    fn of(call: &Call<'_>) -> Result<Self> {
        if call.body.trim_ascii_start().starts_with(b"{") {
            let members: Map<String, Value> = call.json()?;
            let text = |value: Value| match value {
                Value::String(text) => Some(text),
                _ => None,
            };
            let members =
                members.into_iter().filter_map(|(name, value)| Some((name, text(value)?)));
            return Ok(Self(members.collect()));
        }
        Ok(Self(form_urlencoded::parse(call.body).into_owned().collect()))
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn demand(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            "" => Err(Refusal::oauth("invalid_request", format!("{name} is required"))),
            text => Ok(text),
        }
    }
}

fn bad_client() -> Refusal {
    Refusal::new(400, "invalid_credentials", "Invalid client credentials")
}

fn bad_grant(what: &str) -> Refusal {
    Refusal::oauth("invalid_grant", what)
}

pub(super) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let request = Request::of(call)?;
    let client = client_of(auth, call, &request).await?;
    match request.get("grant_type") {
        grant @ ("authorization_code" | "refresh_token")
            if !client.grant_types.iter().any(|known| known == grant) =>
        {
            let message = "the client may not use this grant type";
            Err(Refusal::oauth("unauthorized_client", message))
        }
        "authorization_code" => by_code(auth, call, (&request, client)).await,
        "refresh_token" => by_refresh_token(auth, call, (&request, client)).await,
        "" => Err(Refusal::oauth("invalid_request", "grant_type is required")),
        _ => Err(Refusal::oauth("unsupported_grant_type", "grant_type is not supported")),
    }
}

/// Who calls, proven in the way that was registered and in no other.
async fn client_of(auth: &Arc<Auth>, call: &Call<'_>, request: &Request) -> Result<Client> {
    let (id, secret, method) = match call.header("authorization").map(basic) {
        Some(Some((id, secret))) => (id, secret, "client_secret_basic"),
        Some(None) => return Err(bad_client()),
        None => {
            let (id, secret) = (request.get("client_id"), request.get("client_secret"));
            let method = if secret.is_empty() { "none" } else { "client_secret_post" };
            (id.to_owned(), secret.to_owned(), method)
        }
    };
    let id = Uuid::parse_str(&id).map_err(|_| bad_client())?;
    let client = auth.read(move |tx| Ok(oauth_clients::by_id(tx, id)?)).await?;
    let client = client.filter(|client| client.auth_method == method).ok_or_else(bad_client)?;
    let proven = client.is_public()
        || bool::from(hash(&secret).as_bytes().ct_eq(client.secret_hash.as_bytes()));
    if proven { Ok(client) } else { Err(bad_client()) }
}

/// Id and secret of an `Authorization` header, which are form-encoded within (RFC 6749, 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    Some((decoded(id), decoded(secret)))
}

async fn by_code(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (request, client): (&Request, Client),
) -> Result<Answer> {
    let code = hash(request.demand("code")?);
    let redirect_uri = request.demand("redirect_uri")?.to_owned();
    let verifier = request.demand("code_verifier")?.to_owned();
    let resource = request.get("resource").to_owned();
    let (inner, origin, asking) = (Arc::clone(auth), Origin::of(call), client.clone());
    // What ends the sessions of a stolen code is committed although the caller is refused.
    let (opened, found) = auth
        .write(move |tx| {
            let Some(found) = authorizations::by_code(tx, &code)? else {
                return Err(bad_grant("the code is not valid").into());
            };
            if found.client_id != asking.id {
                return Err(bad_grant("the code is not valid").into());
            }
            if found.status != "approved" {
                if let Some(user) = found.user_id {
                    sessions::delete_of_client(tx, Some(user), asking.id)?;
                }
                return Ok(Err(bad_grant("the code was used already")));
            }
            check(&found, (&redirect_uri, &verifier), &resource)?;
            exchange(&inner, tx, found, &origin).map(Ok)
        })
        .await
        .inspect(|_| auth.sessions_ended())??;
    answer(auth, &opened, (&client, &found.nonce)).await
}

/// Does the request belong to the code?
fn check(
    found: &Authorization,
    (redirect_uri, verifier): (&str, &str),
    resource: &str,
) -> Result<()> {
    if found.expires_at < now() {
        return Err(bad_grant("the code has expired"));
    }
    if found.redirect_uri != redirect_uri {
        return Err(bad_grant("redirect_uri is not the one of the authorization"));
    }
    if !resource.is_empty() && resource != found.resource {
        return Err(Refusal::oauth(
            "invalid_target",
            "resource is not the one of the authorization",
        ));
    }
    if !pkce::matches((&found.challenge_method, &found.challenge), verifier) {
        return Err(bad_grant("code_verifier does not match"));
    }
    Ok(())
}

fn exchange(
    auth: &Auth,
    tx: &mut Tx<'_>,
    mut found: Authorization,
    origin: &Origin,
) -> Result<(Opened, Authorization), Stop> {
    found.status = "expired".to_owned();
    authorizations::update(tx, &found)?;
    let user = match found.user_id {
        Some(id) => users::by_id(tx, id)?,
        None => None,
    };
    let Some(user) = user.filter(|user| !user.is_banned()) else {
        return Err(bad_grant("the user cannot sign in").into());
    };
    let grant = ClientGrant { client: found.client_id, scopes: found.scope.clone() };
    let traits = json!({"client_id": found.client_id});
    audit::note(tx, origin.client, &user, "login", Some(traits))?;
    let opened = auth.open_client_session(tx, (&user, METHOD), &grant, origin)?;
    Ok((opened, found))
}

async fn by_refresh_token(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (request, client): (&Request, Client),
) -> Result<Answer> {
    let text = request.demand("refresh_token")?;
    let token = refresh_token::read(text).ok_or_else(|| bad_grant("refresh token is not valid"))?;
    let wanted = request.get("scope").to_owned();
    let (inner, origin, id) = (Arc::clone(auth), Origin::of(call), client.id);
    let opened = auth
        .write(move |tx| {
            if let Some(session) = sessions::by_id(tx, token.session)?
                && !scopes::covers(&session.scopes, &wanted)
            {
                let message = "a refresh token gives no more than was granted";
                return Err(Refusal::oauth("invalid_scope", message).into());
            }
            refresh::exchange(&inner, tx, (&token, Some(id)), &origin)
        })
        .await
        .and_then(|refreshed| refreshed)
        .map_err(|refusal| match refusal.status {
            400 if refusal.oauth.is_none() => bad_grant(&refusal.message),
            _ => refusal,
        })?;
    answer(auth, &opened, (&client, "")).await
}

/// The tokens; no user, for the client asks `/oauth/userinfo` for what it may see.
async fn answer(
    auth: &Arc<Auth>,
    opened: &Opened,
    (client, nonce): (&Client, &str),
) -> Result<Answer> {
    let mut members = auth.session_members(opened).await?;
    members.remove("user");
    members.remove("expires_at");
    members.insert("scope".to_owned(), json!(opened.session.scopes));
    if !client.grant_types.iter().any(|grant| grant == "refresh_token") {
        members.remove("refresh_token");
    }
    if let Some(token) = claims::id_token(auth, opened, (client, nonce))? {
        members.insert("id_token".to_owned(), json!(token));
    }
    Ok(Answer::json(&Value::Object(members)).with("pragma", "no-cache"))
}
