//! Tokens, as they come in `Authorization`.

use backstay_http::keys::Keys;
use backstay_http::token::{Expectations, verify};

/// Verifies the input as a token.
pub fn tokens(input: &[u8]) -> String {
    let mut keys = Keys::new();
    keys.add_secret(None, b"a secret of thirty-two bytes and more").expect("long enough");
    let token = String::from_utf8_lossy(input);
    match verify(&keys, &Expectations::default(), &token, 1_800_000_000.0) {
        Ok(_) => "a token that nobody signed was taken".to_owned(),
        Err(error) => format!("{}: {}", error.code, error.message),
    }
}
