//! Is a password the one behind a stored hash?

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::{BcryptInput, Digest, ScryptCost, Stored};

/// What bcrypt can take in, in bytes.
const BCRYPT_BYTES_MAX: usize = 72;

pub(super) fn matches(stored: &Stored, password: &str) -> bool {
    let same = |made: &[u8], key: &[u8]| -> bool { made.ct_eq(key).into() };
    match stored {
        Stored::Argon2(text) => PasswordHash::new(text).is_ok_and(|hash| {
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        }),
        Stored::Bcrypt(hash, input) => bcrypt(hash, *input, password),
        Stored::Pbkdf2 { digest, rounds, salt, key } => {
            let mut made = vec![0; key.len()];
            let password = password.as_bytes();
            match digest {
                Digest::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, *rounds, &mut made),
                Digest::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut made),
                Digest::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, *rounds, &mut made),
                Digest::Md5 => return false,
            }
            same(&made, key)
        }
        // A key that was cut off would be met by anything that begins like it.
        Stored::Scrypt { key, .. } if key.len() < SCRYPT_KEY_BYTES_MIN => false,
        Stored::Scrypt { cost, salt, key } => {
            scrypt(*cost, password, salt, key.len()).is_some_and(|made| same(&made, key))
        }
        Stored::Phpass { digest, rounds, salt, encoded, md5_first } => {
            phpass(*digest, *rounds, salt, (password, *md5_first))
                .get(..encoded.len())
                .is_some_and(|made| same(made.as_bytes(), encoded.as_bytes()))
        }
        Stored::Firebase { cost, salt, signer, key } => {
            let Some(derived) = scrypt(*cost, password, salt, 32) else { return false };
            let mut made = signer.clone();
            let iv = [0; 16];
            let Ok(mut cipher) = ctr::Ctr128BE::<aes::Aes256>::new_from_slices(&derived, &iv)
            else {
                return false;
            };
            cipher.apply_keystream(&mut made);
            same(&made, key)
        }
        Stored::Repeated { rounds, salt, key } => same(&repeated(*rounds, salt, password), key),
    }
}

/// The shortest key that any known framework stores.
const SCRYPT_KEY_BYTES_MIN: usize = 32;

fn bcrypt(hash: &str, input: BcryptInput, password: &str) -> bool {
    let verify = |input: &[u8]| {
        // Whatever made the hash cut its input; so must the comparison.
        let cut = input.get(..BCRYPT_BYTES_MAX).unwrap_or(input);
        bcrypt::verify(cut, hash).unwrap_or(false)
    };
    match input {
        BcryptInput::HexSha256 => verify(hex::encode(Sha256::digest(password)).as_bytes()),
        BcryptInput::WordPress => {
            let Ok(mut mac) = Hmac::<Sha384>::new_from_slice(b"wp-sha384") else { return false };
            mac.update(password.trim().as_bytes());
            verify(STANDARD.encode(mac.finalize().into_bytes()).as_bytes())
        }
        BcryptInput::Password => {
            let long = password.len() > BCRYPT_BYTES_MAX || password.contains('\0');
            // A NUL ends what bcrypt sees, so that a password with one is right only pre-hashed.
            (!password.contains('\0') && verify(password.as_bytes()))
                || (long && verify(STANDARD.encode(Sha512::digest(password)).as_bytes()))
        }
    }
}

fn scrypt(cost: ScryptCost, password: &str, salt: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let params = scrypt::Params::new(cost.log_n, cost.r, cost.p, 32).ok()?;
    let mut made = vec![0; bytes];
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut made).ok()?;
    Some(made)
}

fn digest(digest: Digest, parts: [&[u8]; 2]) -> Vec<u8> {
    fn of<D: sha2::Digest>(parts: [&[u8]; 2]) -> Vec<u8> {
        let mut digest = D::new();
        for part in parts {
            digest.update(part);
        }
        digest.finalize().to_vec()
    }
    match digest {
        Digest::Md5 => of::<Md5>(parts),
        Digest::Sha1 => of::<Sha1>(parts),
        Digest::Sha256 => of::<Sha256>(parts),
        Digest::Sha512 => of::<Sha512>(parts),
    }
}

fn phpass(kind: Digest, rounds: u32, salt: &[u8], (password, md5_first): (&str, bool)) -> String {
    // WordPress trims; the others' forms are for the password as it is.
    let password = if kind == Digest::Md5 { password.trim() } else { password };
    let hexed = hex::encode(Md5::digest(password));
    let password = if md5_first { hexed.as_bytes() } else { password.as_bytes() };
    let mut hash = digest(kind, [salt, password]);
    for _ in 0..rounds {
        hash = digest(kind, [&hash, password]);
    }
    encode64(&hash)
}

/// phpass's own base64: little-endian, lowest bits first.
fn encode64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let value = group.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
        for place in 0..=group.len() {
            let index = (value >> (6 * place)) & 0x3f;
            out.push(char::from(ALPHABET[index as usize]));
        }
    }
    out
}

fn repeated(rounds: u32, salt: &str, password: &str) -> Vec<u8> {
    let salted =
        if salt.is_empty() { password.to_owned() } else { format!("{password}{{{salt}}}") };
    let mut hash = Sha512::digest(&salted).to_vec();
    for _ in 1..rounds {
        hash = digest(Digest::Sha512, [&hash, salted.as_bytes()]);
    }
    hash
}
