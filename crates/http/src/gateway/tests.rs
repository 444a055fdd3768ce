//! Which credential decides.

use axum::http::HeaderValue;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;

const SECRET: &[u8] = b"a-secret-of-at-least-32-bytes-for-tests";
const NOW: f64 = 1_800_000_000.0;

fn keys() -> Keys {
    let mut keys = Keys::new();
    keys.add_secret(None, SECRET).expect("long enough");
    keys.add_opaque("sb_publishable_a", KeyKind::Publishable);
    keys.add_opaque("sb_secret_b", KeyKind::Secret);
    keys
}

fn token(role: &str) -> String {
    let claims = json!({"role": role, "sub": "u1", "exp": NOW + 5.0});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET))
        .expect("signs")
}

fn ask(gateway: &Gateway, sent: &[(&'static str, String)]) -> Result<String, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in sent {
        headers.append(*name, HeaderValue::from_str(value).expect("a header value"));
    }
    gateway.identify(&headers, None, NOW).map(|identity| identity.role.to_string())
}

fn check(sent: &[(&'static str, String)], role: Result<&str, Refusal>) {
    let gateway = Gateway::new(GatewaySettings::default(), keys());
    assert_eq!(ask(&gateway, sent), role.map(str::to_owned), "{sent:?}");
}

#[test]
fn a_token_outranks_the_key() {
    let key = ("apikey", "sb_publishable_a".to_owned());
    let bearer = ("authorization", format!("bearer {}", token("authenticated")));
    check(&[key, bearer], Ok("authenticated"));
}

#[test]
fn keys_stand_in_either_header() {
    check(&[("apikey", "sb_secret_b".to_owned())], Ok("service_role"));
    check(&[("apikey", "sb_publishable_a".to_owned())], Ok("anon"));
    check(&[("authorization", "Bearer sb_secret_b".to_owned())], Ok("service_role"));
    check(&[("apikey", token("anon"))], Ok("anon"));
}

#[test]
fn missing_and_unknown_keys_are_told_apart() {
    check(&[], Err(Refusal::NoKey));
    check(&[("apikey", "sb_secret_guess".to_owned())], Err(Refusal::UnknownKey));
    check(&[("apikey", "a.b.c".to_owned())], Err(Refusal::UnknownKey));
}

#[test]
fn a_bad_token_is_refused_although_the_key_is_good() {
    let key = ("apikey", "sb_secret_b".to_owned());
    let sent = [key, ("authorization", "Bearer nonsense".to_owned())];
    let gateway = Gateway::new(GatewaySettings::default(), keys());
    assert!(matches!(ask(&gateway, &sent), Err(Refusal::Token(error)) if error.code == "PGRST301"));
}

#[test]
fn two_authorization_headers_are_refused() {
    let one = ("authorization", format!("Bearer {}", token("anon")));
    let gateway = Gateway::new(GatewaySettings::default(), keys());
    assert!(matches!(ask(&gateway, &[one.clone(), one]), Err(Refusal::Token(_))));
}

#[test]
fn removed_keys_stop_working_at_once() {
    let gateway = Gateway::new(GatewaySettings::default(), keys());
    let sent = [("authorization", format!("Bearer {}", token("authenticated")))];
    assert!(ask(&gateway, &sent).is_ok());
    let mut other = Keys::new();
    other.add_secret(None, b"another-secret-of-at-least-32-bytes!").expect("long enough");
    gateway.replace_keys(other);
    assert!(ask(&gateway, &sent).is_err());
}

#[test]
fn cached_tokens_expire() {
    let gateway = Gateway::new(GatewaySettings::default(), keys());
    let mut headers = HeaderMap::new();
    let value = format!("Bearer {}", token("authenticated"));
    headers.insert("authorization", HeaderValue::from_str(&value).expect("a header value"));
    assert!(gateway.identify(&headers, None, NOW).is_ok());
    assert!(gateway.identify(&headers, None, NOW + 36.0).is_err());
}

#[test]
fn the_claims_always_hold_the_role() {
    let gateway =
        Gateway::new(GatewaySettings { require_key: false, ..Default::default() }, keys());
    let identity = gateway.identify(&HeaderMap::new(), None, NOW).expect("anonymous");
    assert_eq!(&*identity.claims, r#"{"role":"anon"}"#);
}
