//! What a client is told of the user: id tokens, and `/oauth/userinfo`.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value, json};

use super::scopes;
use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::Result;
use crate::sessions::{Opened, authenticate_any, bearer};
use crate::tables::oauth_clients::Client;
use crate::tables::users::User;
use crate::values::now;

/// Life of an id token, in seconds.
const LIFE_SECONDS: i64 = 3600;

/// The id token, where the client asked for one and a key can sign what others verify.
///
/// # Errors
/// If it cannot be signed.
pub(super) fn id_token(
    auth: &Auth,
    opened: &Opened,
    (client, nonce): (&Client, &str),
) -> Result<Option<String>> {
    let keys = auth.keys();
    let secret = matches!(keys.algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    let granted = &opened.session.scopes;
    if secret || !scopes::has(granted, "openid") {
        return Ok(None);
    }
    let at = now().as_second();
    let signed_in = opened.session.created_at.map_or(at, |time| time.as_second());
    let user = &opened.account.user;
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", json!(auth.settings.issuer));
    put("sub", json!(user.id));
    put("aud", json!([client.id]));
    put("iat", json!(at));
    put("exp", json!(at.saturating_add(LIFE_SECONDS)));
    put("auth_time", json!(signed_in));
    put("client_id", json!(client.id));
    if !nonce.is_empty() {
        put("nonce", json!(nonce));
    }
    if scopes::has(granted, "email") {
        put("email", json!(user.email));
        put("email_verified", json!(user.email_confirmed_at.is_some()));
    }
    if scopes::has(granted, "phone") {
        put("phone_number", json!(user.phone));
        put("phone_number_verified", json!(user.phone_confirmed_at.is_some()));
    }
    if scopes::has(granted, "profile") {
        profile(user, &mut claims);
    }
    keys.sign(&claims).map(Some)
}

fn profile(user: &User, claims: &mut Map<String, Value>) {
    let data = &user.user_metadata;
    let first = |names: &[&str]| {
        let mut texts = names.iter().filter_map(|name| data.get(*name)?.as_str());
        texts.find(|text| !text.is_empty()).map(str::to_owned)
    };
    for (claim, names) in [
        ("name", ["full_name", "name"].as_slice()),
        ("picture", ["avatar_url", "picture"].as_slice()),
        ("preferred_username", ["preferred_username", "user_name", "username"].as_slice()),
    ] {
        if let Some(text) = first(names) {
            claims.insert(claim.to_owned(), json!(text));
        }
    }
    if let Some(time) = user.updated_at {
        claims.insert("updated_at".to_owned(), json!(time.as_second()));
    }
}

/// `GET /oauth/userinfo`.
pub(super) async fn user_info(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let me = auth.read(move |tx| authenticate_any(tx, &who)).await?;
    let user = &me.user;
    let session = me.session.unwrap_or_default();
    // Sessions of no client are the user's own: they see everything.
    let sees = |scope: &str| session.client.is_none() || scopes::has(&session.scopes, scope);
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(user.id));
    if sees("email") {
        claims.insert("email".to_owned(), json!(user.email));
        claims.insert("email_verified".to_owned(), json!(user.email_confirmed_at.is_some()));
    }
    if sees("profile") {
        profile(user, &mut claims);
        claims.insert("user_metadata".to_owned(), Value::Object(user.user_metadata.clone()));
    }
    if sees("phone") {
        claims.insert("phone".to_owned(), json!(user.phone));
        claims.insert("phone_verified".to_owned(), json!(user.phone_confirmed_at.is_some()));
    }
    Ok(Answer::json(&Value::Object(claims)))
}
