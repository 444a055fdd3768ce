//! pgcrypto and uuid-ossp: digests, password hashes, random bytes and identifiers.

use backstay_model::{Error, Result, Value};
use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use uuid::{Builder, Uuid};

use super::text;
use crate::{Call, Table};

/// Limit: rounds of bcrypt as a power of two; PostgreSQL allows 31, which takes days.
const BCRYPT_COST_MAX: u32 = 15;
/// What `gen_salt('bf')` uses.
const BCRYPT_COST_DEFAULT: u32 = 6;

pub(super) fn register(table: &mut Table) {
    for signature in ["extensions.digest(text, text) bytea", "extensions.digest(bytea, text) bytea"]
    {
        table
            .function(signature)
            .scalar(|call| digest(argument(call, 0)?, call.text(1)?).map(Value::Bytes));
    }
    for signature in
        ["extensions.hmac(text, text, text) bytea", "extensions.hmac(bytea, bytea, text) bytea"]
    {
        table.function(signature).scalar(|call| {
            hmac(argument(call, 0)?, argument(call, 1)?, call.text(2)?).map(Value::Bytes)
        });
    }
    table
        .function("extensions.crypt(text, text) text")
        .scalar(|call| crypt(call.text(0)?, call.text(1)?).and_then(text));
    for signature in ["extensions.gen_salt(text) text", "extensions.gen_salt(text, integer) text"] {
        table.function(signature).volatile().scalar(gen_salt);
    }
    table.function("extensions.gen_random_bytes(integer) bytea").volatile().scalar(|call| {
        let length = usize::try_from(call.int(0)?).ok().filter(|n| (1..=1024).contains(n));
        let length = length.ok_or_else(|| Error::new("39000", "Length not in range"))?;
        let mut bytes = vec![0; length];
        random(&mut bytes)?;
        Ok(Value::Bytes(bytes))
    });
    for signature in [
        "gen_random_uuid() uuid",
        "extensions.gen_random_uuid() uuid",
        "extensions.uuid_generate_v4() uuid",
    ] {
        table
            .function(signature)
            .volatile()
            .total()
            .scalar(|_| Ok(Value::Uuid(Uuid::new_v4().into_bytes())));
    }
    let mut constant = |signature, run: fn(&Call<'_>) -> Result<Value>| {
        table.function(signature).total().scalar(run);
    };
    constant("extensions.uuid_nil() uuid", |_| Ok(Value::Uuid(Uuid::nil().into_bytes())));
    constant("extensions.uuid_ns_dns() uuid", |_| Ok(Value::Uuid(*Uuid::NAMESPACE_DNS.as_bytes())));
    constant("extensions.uuid_ns_url() uuid", |_| Ok(Value::Uuid(*Uuid::NAMESPACE_URL.as_bytes())));
    constant("extensions.uuid_ns_oid() uuid", |_| Ok(Value::Uuid(*Uuid::NAMESPACE_OID.as_bytes())));
    constant("extensions.uuid_ns_x500() uuid", |_| {
        Ok(Value::Uuid(*Uuid::NAMESPACE_X500.as_bytes()))
    });
    table.function("extensions.uuid_generate_v3(uuid, text) uuid").scalar(|call| {
        let hash = Md5::new().chain_update(space(call)?).chain_update(call.text(1)?).finalize();
        Ok(Value::Uuid(Builder::from_md5_bytes(hash.into()).into_uuid().into_bytes()))
    });
    table.function("extensions.uuid_generate_v5(uuid, text) uuid").scalar(|call| {
        let hash = Sha1::new().chain_update(space(call)?).chain_update(call.text(1)?).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Ok(Value::Uuid(Builder::from_sha1_bytes(bytes).into_uuid().into_bytes()))
    });
}

/// The name space of a name-based identifier.
fn space(call: &Call<'_>) -> Result<[u8; 16]> {
    match call.args.first() {
        Some(Value::Uuid(bytes)) => Ok(*bytes),
        _ => Err(Error::internal("a name space that is no uuid")),
    }
}

fn argument<'a>(call: &Call<'a>, index: usize) -> Result<&'a [u8]> {
    match call.args.get(index) {
        Some(Value::Text(text)) => Ok(text.as_bytes()),
        Some(Value::Bytes(bytes)) => Ok(bytes),
        _ => Err(Error::internal("a digest of something that is no text")),
    }
}

fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|_| Error::internal("the system gives no random bytes"))
}

fn no_such_hash(name: &str) -> Error {
    Error::new("22023", format!("Cannot use \"{name}\": No such hash algorithm"))
}

fn digest(data: &[u8], name: &str) -> Result<Vec<u8>> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "md5" => Md5::digest(data).to_vec(),
        "sha1" => Sha1::digest(data).to_vec(),
        "sha224" => Sha224::digest(data).to_vec(),
        "sha256" => Sha256::digest(data).to_vec(),
        "sha384" => Sha384::digest(data).to_vec(),
        "sha512" => Sha512::digest(data).to_vec(),
        _ => return Err(no_such_hash(name)),
    })
}

fn hmac(data: &[u8], key: &[u8], name: &str) -> Result<Vec<u8>> {
    macro_rules! sign {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(key)
                .map_err(|_| Error::internal("a key that hmac refuses"))?;
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    Ok(match name.to_ascii_lowercase().as_str() {
        "md5" => sign!(Md5),
        "sha1" => sign!(Sha1),
        "sha224" => sign!(Sha224),
        "sha256" => sign!(Sha256),
        "sha384" => sign!(Sha384),
        "sha512" => sign!(Sha512),
        _ => return Err(no_such_hash(name)),
    })
}

/// bcrypt's base64; the last of 22 characters holds bits that do not count.
fn bcrypt_base64() -> GeneralPurpose {
    GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true))
}

fn crypt(password: &str, salt: &str) -> Result<String> {
    let bad = || Error::new("22023", "invalid salt");
    let version = match salt.get(..4) {
        Some("$2a$") => bcrypt::Version::TwoA,
        Some("$2b$") => bcrypt::Version::TwoB,
        Some("$2y$") => bcrypt::Version::TwoY,
        Some("$2x$") => bcrypt::Version::TwoX,
        _ => {
            return Err(Error::unsupported("a password hash other than bcrypt (\"bf\")"));
        }
    };
    let cost: u32 = salt.get(4..6).and_then(|cost| cost.parse().ok()).ok_or_else(bad)?;
    check_cost(cost).map_err(|error| if cost < 4 { bad() } else { error })?;
    let encoded = salt.get(6..).and_then(|rest| rest.strip_prefix('$')).ok_or_else(bad)?;
    let encoded = encoded.get(..22).ok_or_else(bad)?;
    let bytes = bcrypt_base64().decode(encoded).map_err(|_| bad())?;
    let bytes: [u8; 16] = bytes.try_into().map_err(|_| bad())?;
    let parts = bcrypt::hash_with_salt(password, cost, bytes)
        .map_err(|error| Error::internal(format!("bcrypt failed: {error}")))?;
    Ok(parts.format_for_version(version))
}

fn check_cost(cost: u32) -> Result<()> {
    if (4..=BCRYPT_COST_MAX).contains(&cost) {
        return Ok(());
    }
    if (BCRYPT_COST_MAX..=31).contains(&cost) {
        return Err(Error::unsupported(format!("bcrypt with more than {BCRYPT_COST_MAX} rounds")));
    }
    Err(Error::new("22023", "gen_salt: Incorrect number of rounds"))
}

fn gen_salt(call: &Call<'_>) -> Result<Value> {
    match call.text(0)?.to_ascii_lowercase().as_str() {
        "bf" => {}
        "md5" | "des" | "xdes" => {
            return Err(Error::unsupported("a password hash other than bcrypt (\"bf\")"));
        }
        _ => return Err(Error::new("22023", "gen_salt: Unknown salt algorithm")),
    }
    let cost = match call.args.get(1) {
        None => BCRYPT_COST_DEFAULT,
        Some(_) => match call.int(1)? {
            0 => BCRYPT_COST_DEFAULT,
            cost => u32::try_from(cost).unwrap_or(0),
        },
    };
    check_cost(cost)?;
    let mut bytes = [0; 16];
    random(&mut bytes)?;
    text(format!("$2a${cost:02}${}", bcrypt_base64().encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_verifies_against_its_own_hash() {
        let known = "$2a$06$abcdefghijklmnopqrstuu6UU9xzVsCmnpwOtAmb83C8f/bD4EL9K";
        assert_eq!(crypt("x", "$2a$06$abcdefghijklmnopqrstuv").as_deref(), Ok(known));
        assert_eq!(crypt("x", known).as_deref(), Ok(known));
        assert_ne!(crypt("y", known).as_deref(), Ok(known));
        assert_eq!(crypt("x", "$2a$06$ab").expect_err("short").code, "22023");
    }
}
