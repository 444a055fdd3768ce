//! Random numbers for secrets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Refusal, Result};

/// This many random bytes.
///
/// # Errors
/// If the system gives none.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Refusal::internal)?;
    Ok(bytes)
}

/// 256 random bits as text for a URL.
///
/// # Errors
/// As [`bytes`].
pub(crate) fn token() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}

/// A decimal code of so many digits, every one as likely as every other.
///
/// # Errors
/// As [`bytes`].
pub(crate) fn digits(count: u32) -> Result<String> {
    let mut code = String::new();
    while code.len() < count as usize {
        // 250 is the greatest multiple of ten: what is above would favour the low digits.
        for byte in bytes::<16>()? {
            if byte < 250 && code.len() < count as usize {
                code.push(char::from(b'0' + byte % 10));
            }
        }
    }
    Ok(code)
}
