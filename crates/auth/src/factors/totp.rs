//! Time-based codes (RFC 6238): SHA-1, six digits, thirty seconds, as authenticator apps expect.

use qrcode::QrCode;
use qrcode::render::svg;
use subtle::ConstantTimeEq as _;
use totp_rs::{Algorithm, Secret, TOTP};
use url::form_urlencoded::byte_serialize;

use crate::error::{Refusal, Result};

const SECRET_BYTES: usize = 20;
const STEP_SECONDS: u64 = 30;
const DIGITS: usize = 6;

/// A new secret.
pub(super) fn new_secret() -> Result<[u8; SECRET_BYTES]> {
    crate::random::bytes()
}

/// The secret in base 32, as people type it.
pub(super) fn encoded(secret: &[u8]) -> String {
    Secret::Raw(secret.to_vec()).to_encoded().to_string()
}

/// What a QR code holds.
pub(super) fn uri(secret: &[u8], issuer: &str, account: &str) -> String {
    // A form writes blanks as plus signs, which apps show as such.
    let escaped = |text: &str| -> String {
        byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
    };
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!(
        "otpauth://totp/{issuer}:{account}?algorithm=SHA1&digits={DIGITS}&issuer={issuer}\
         &period={STEP_SECONDS}&secret={}",
        encoded(secret)
    )
}

/// The QR code as an SVG image.
pub(super) fn qr_code(text: &str) -> Result<String> {
    let code = QrCode::new(text.as_bytes())
        .map_err(|_| Refusal::invalid("issuer and address are too long for a QR code"))?;
    let image = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    // Clients put it behind `data:image/svg+xml;utf-8,`, where a number sign would end it.
    let image = image.trim_start_matches("<?xml version=\"1.0\" standalone=\"yes\"?>");
    Ok(image.replace("#000", "black").replace("#fff", "white"))
}

/// The step that the code belongs to: the present one or a neighbour.
pub(super) fn step_of(secret: &[u8], code: &str, now_seconds: i64) -> Option<u64> {
    let totp = TOTP::new(Algorithm::SHA1, DIGITS, 0, STEP_SECONDS, secret.to_vec()).ok()?;
    let present = u64::try_from(now_seconds).ok()? / STEP_SECONDS;
    let steps = present.saturating_sub(1)..=present + 1;
    steps.into_iter().find(|step| {
        let right = totp.generate(step * STEP_SECONDS);
        right.as_bytes().ct_eq(code.as_bytes()).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_6238() {
        let secret = b"12345678901234567890";
        for (now, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            let step = u64::try_from(now / 30).unwrap();
            assert_eq!(step_of(secret, code, now), Some(step));
        }
    }

    #[test]
    fn a35_neighbours_are_taken_and_no_further_step() {
        let secret = b"12345678901234567890";
        assert_eq!(step_of(secret, "287082", 59 + 30), Some(1));
        assert_eq!(step_of(secret, "287082", 59 - 30), Some(1));
        assert_eq!(step_of(secret, "287082", 59 + 60), None);
        for code in ["", "28708", "2870822", " 287082", "28708\u{0662}"] {
            assert_eq!(step_of(secret, code, 59), None, "{code:?}");
        }
    }

    #[test]
    fn what_a_user_wrote_is_escaped() {
        let uri = uri(b"12345678901234567890", "A & B", "a<b>@c.d");
        assert!(uri.starts_with("otpauth://totp/A%20%26%20B:a%3Cb%3E%40c.d?"), "{uri}");
        let image = qr_code(&uri).unwrap();
        assert!(image.starts_with("<svg") && !image.contains('#'), "{image}");
    }
}
