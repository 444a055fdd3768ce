//! Every way in which a token is refused, with its message.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::*;

const SECRET: &[u8] = b"a-secret-of-at-least-32-bytes-for-tests";
const NOW: f64 = 1_800_000_000.0;

fn keys() -> Keys {
    let mut keys = Keys::new();
    keys.add_secret(None, SECRET).expect("long enough");
    keys
}

fn sign(claims: &Value) -> String {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET))
        .expect("signs")
}

fn check(token: &str, code: &str, message: &str) {
    let expected = Expectations { audience: Some("authenticated".to_owned()) };
    let error = verify(&keys(), &expected, token, NOW).expect_err(token);
    assert_eq!((error.code.as_ref(), error.message.as_str()), (code, message), "{token}");
}

#[test]
fn a_good_token_gives_its_claims() {
    let token = sign(&json!({"role": "authenticated", "sub": "u1", "exp": NOW + 10.0}));
    let claims = verify(&keys(), &Expectations::default(), &token, NOW).expect("good");
    assert_eq!(claims.all["sub"], "u1");
    assert_eq!(claims.expires, Some(NOW + 10.0));
}

#[test]
fn malformed_tokens_are_named() {
    check("", "PGRST301", "Empty JWT is sent in Authorization header");
    check("abc", "PGRST301", "Expected 3 parts in JWT; got 1");
    check("a.b.c", "PGRST301", "JWT cryptographic operation failed");
}

#[test]
fn unsigned_and_forged_tokens_are_refused() {
    let body = URL_SAFE_NO_PAD.encode(r#"{"role":"service_role"}"#);
    for algorithm in ["none", "None", "NONE", "nOnE"] {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}"}}"#));
        check(&format!("{header}.{body}."), "PGRST301", "Wrong or unsupported encoding algorithm");
    }
    let mut forged = sign(&json!({"role": "anon"}));
    forged.replace_range(forged.len() - 4.., "AAAA");
    check(&forged, "PGRST301", "No suitable key or wrong key type");
}

#[test]
fn times_have_thirty_seconds_of_tolerance() {
    check(&sign(&json!({"exp": NOW - 31.0})), "PGRST303", "JWT expired");
    check(&sign(&json!({"nbf": NOW + 31.0})), "PGRST303", "JWT not yet valid");
    check(&sign(&json!({"iat": NOW + 31.0})), "PGRST303", "JWT issued at future");
    let tolerated = json!({"exp": NOW - 29.0, "nbf": NOW + 29.0, "iat": NOW + 29.0});
    assert!(verify(&keys(), &Expectations::default(), &sign(&tolerated), NOW).is_ok());
}

#[test]
fn claims_of_the_wrong_type_are_named() {
    check(&sign(&json!({"exp": "soon"})), "PGRST303", "The JWT 'exp' claim must be a number");
    check(&sign(&json!([1])), "PGRST303", "Parsing claims failed");
    check(
        &sign(&json!({"aud": 5})),
        "PGRST303",
        "The JWT 'aud' claim must be a string or an array of strings",
    );
    check(&sign(&json!({"aud": ["other"]})), "PGRST303", "JWT not in audience");
}

#[test]
fn a_key_named_by_the_token_is_the_only_one_tried() {
    let mut keys = Keys::new();
    keys.add_secret(Some("old".to_owned()), SECRET).expect("long enough");
    let sign_as = |id: &str| {
        let header = Header { kid: Some(id.to_owned()), ..Header::default() };
        jsonwebtoken::encode(&header, &json!({}), &EncodingKey::from_secret(SECRET)).expect("signs")
    };
    assert!(verify(&keys, &Expectations::default(), &sign_as("old"), NOW).is_ok());
    assert!(verify(&keys, &Expectations::default(), &sign_as("new"), NOW).is_err());
}
