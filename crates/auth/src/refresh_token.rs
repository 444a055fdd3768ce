//! Refresh tokens: derived from the session, so that none is stored.
//!
//! A token is base64url of: version 0, the session's id, a counter (unsigned varint), the first 16
//! bytes of HMAC-SHA-256 over these under the session's key, and 4 bytes of checksum that tell a
//! mistyped token from a forged one. Source: auth.md 5.2 of the protocol notes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

const VERSION: u8 = 0;
const MAC_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 4;
/// Version, id, a counter of at most ten bytes, MAC, checksum.
const LENGTH_MAX: usize = 1 + 16 + 10 + MAC_BYTES + CHECKSUM_BYTES;

/// A token that was read and not yet verified.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RefreshToken {
    /// The session that it claims.
    pub(crate) session: Uuid,
    /// Its number in that session.
    pub(crate) counter: i64,
    signed: Vec<u8>,
    mac: Vec<u8>,
}

/// The token of this number.
pub(crate) fn issue(key: &[u8], session: Uuid, counter: i64) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(session.as_bytes());
    push_varint(&mut bytes, counter.unsigned_abs());
    let mac = mac(key, &bytes);
    bytes.extend_from_slice(&mac);
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum[..CHECKSUM_BYTES]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token; `None` if it is malformed.
pub(crate) fn read(text: &str) -> Option<RefreshToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() <= LENGTH_MAX)?;
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    if Sha256::digest(body)[..CHECKSUM_BYTES] != *checksum {
        return None;
    }
    let (signed, mac) = body.split_at_checked(body.len().checked_sub(MAC_BYTES)?)?;
    let session = Uuid::from_slice(signed.get(1..17)?).ok()?;
    let counter = read_varint(signed.get(17..)?)?;
    (signed.first() == Some(&VERSION)).then(|| RefreshToken {
        session,
        counter,
        signed: signed.to_vec(),
        mac: mac.to_vec(),
    })
}

impl RefreshToken {
    /// Was it issued with this key?
    pub(crate) fn is_genuine(&self, key: &[u8]) -> bool {
        mac(key, &self.signed).ct_eq(&self.mac).into()
    }
}

fn mac(key: &[u8], message: &[u8]) -> [u8; MAC_BYTES] {
    let mut out = [0; MAC_BYTES];
    // A key of any length is taken.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(message);
        out.copy_from_slice(&mac.finalize().into_bytes()[..MAC_BYTES]);
    }
    out
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The one varint that the bytes hold, in its shortest form.
fn read_varint(bytes: &[u8]) -> Option<i64> {
    let mut number: u64 = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let shift = u32::try_from(index * 7).ok().filter(|shift| *shift < 63)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let shortest = index == 0 || *byte != 0;
            return (index + 1 == bytes.len() && shortest)
                .then(|| i64::try_from(number).ok())
                .flatten();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_session_and_number() {
        let session = Uuid::from_u128(7);
        for counter in [0, 1, 127, 128, 300, i64::from(i32::MAX)] {
            let token = read(&issue(b"key", session, counter)).unwrap();
            assert_eq!((token.session, token.counter), (session, counter));
            assert!(token.is_genuine(b"key"));
            assert!(!token.is_genuine(b"another"));
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let text = issue(b"key", Uuid::from_u128(7), 300);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            let token = read(&changed);
            assert!(changed == text || token.is_none_or(|token| !token.is_genuine(b"key")));
        }
        for text in ["", "AAAA", "ä", &"A".repeat(10_000)] {
            assert_eq!(read(text), None);
        }
    }
}
