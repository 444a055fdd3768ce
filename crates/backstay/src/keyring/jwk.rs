//! Private JSON web keys (RFC 7517): what signs tokens, and the public half that everybody may see.

use backstay_auth::SigningKeys;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use p256::pkcs8::EncodePrivateKey as _;
use rsa::BigUint;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use serde_json::{Value, json};

/// Members that nobody else may see.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Reads `auth.signing_keys_path`: a JSON array of private keys, one of which signs.
///
/// # Errors
/// A file that is no such array, a key that cannot be used, none or several that sign.
pub(super) fn signing_keys(text: &str) -> miette::Result<SigningKeys> {
    let keys: Vec<Value> = serde_json::from_str(text)
        .into_diagnostic()
        .wrap_err("it must be a JSON array of private keys")?;
    let signs = |key: &&Value| {
        key["key_ops"].as_array().is_some_and(|ops| ops.iter().any(|op| op == "sign"))
    };
    let signing: Vec<&Value> = keys.iter().filter(signs).collect();
    let [signing] = signing.as_slice() else {
        return Err(miette!(
            help = "exactly one key must list \"sign\" in its `key_ops`",
            "{} keys sign",
            signing.len()
        ));
    };
    let (algorithm, key) = private(signing)?;
    Ok(SigningKeys {
        id: signing["kid"].as_str().map(str::to_owned),
        algorithm,
        key,
        public: public(&keys),
    })
}

/// The public halves of the asymmetric keys.
pub(super) fn public(keys: &[Value]) -> Vec<Value> {
    let asymmetric = keys.iter().filter(|key| key["kty"] != "oct");
    let shown = asymmetric.filter_map(|key| {
        let mut members = key.as_object()?.clone();
        for name in PRIVATE {
            members.remove(name);
        }
        members.insert("use".to_owned(), json!("sig"));
        members.insert("key_ops".to_owned(), json!(["verify"]));
        Some(Value::Object(members))
    });
    shown.collect()
}

fn private(key: &Value) -> miette::Result<(Algorithm, EncodingKey)> {
    let id = key["kid"].as_str().unwrap_or("?");
    let name = key["alg"].as_str().unwrap_or_default();
    let algorithm: Algorithm =
        name.parse().map_err(|_| miette!("the key `{id}` has no usable `alg`: `{name}`"))?;
    let member = |name: &str| -> miette::Result<Vec<u8>> {
        let text = key[name].as_str().unwrap_or_default();
        match URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')) {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(miette!("the key `{id}` lacks `{name}`")),
        }
    };
    let number = |name: &str| member(name).map(|bytes| BigUint::from_bytes_be(&bytes));
    let kind = (key["kty"].as_str().unwrap_or_default(), key["crv"].as_str().unwrap_or_default());
    let made = match kind {
        ("oct", _) => EncodingKey::from_secret(&member("k")?),
        ("EC", "P-256") => {
            let secret = p256::SecretKey::from_slice(&member("d")?).into_diagnostic()?;
            EncodingKey::from_ec_der(secret.to_pkcs8_der().into_diagnostic()?.as_bytes())
        }
        ("OKP", "Ed25519") => {
            let bytes = member("d")?;
            if bytes.len() != 32 {
                return Err(miette!("the key `{id}` has a `d` of {} bytes", bytes.len()));
            }
            EncodingKey::from_ed_der(&[ED25519_PREFIX.as_slice(), &bytes].concat())
        }
        ("RSA", _) => {
            let primes = vec![number("p")?, number("q")?];
            let private = rsa::RsaPrivateKey::from_components(
                number("n")?,
                number("e")?,
                number("d")?,
                primes,
            )
            .into_diagnostic()
            .wrap_err_with(|| format!("the key `{id}`"))?;
            EncodingKey::from_rsa_der(private.to_pkcs1_der().into_diagnostic()?.as_bytes())
        }
        (kty, crv) => {
            return Err(miette!("the key `{id}` is of a kind that signs nothing: {kty} {crv}"));
        }
    };
    Ok((algorithm, made))
}
