//! From text to a stored hash: the prefix tells the form.

use argon2::password_hash::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::{BcryptInput, Digest, ScryptCost, Stored};

/// Rounds of Spring's PBKDF2 before version 5.8, and since.
const SPRING_ROUNDS: [u32; 2] = [185_000, 310_000];

pub(super) fn read(text: &str) -> Option<Stored> {
    if let Some(rest) = text.strip_prefix('{') {
        let (id, hash) = rest.split_once('}')?;
        return spring(id, hash);
    }
    if let Some(rest) = text.strip_prefix("$ext$") {
        return marked(rest);
    }
    if text.starts_with("$argon2") {
        return argon2(text);
    }
    if let Some(hash) = text.strip_prefix("$wp") {
        return bcrypt(hash, BcryptInput::WordPress);
    }
    if text.starts_with("$2") {
        return bcrypt(text, BcryptInput::Password);
    }
    if text.starts_with("$fbscrypt$") {
        return firebase(text);
    }
    if text.starts_with("$P$") || text.starts_with("$H$") {
        return phpass(text, Digest::Md5, false);
    }
    if let Some(inner) = text.strip_prefix('U').filter(|inner| inner.starts_with("$S$")) {
        return phpass(inner, Digest::Sha512, true);
    }
    if text.starts_with("$S$") {
        return phpass(text, Digest::Sha512, false);
    }
    if text.starts_with("$pbkdf2") || text.starts_with("$scrypt$") {
        return passlib(text);
    }
    if text.starts_with("scrypt:") || text.starts_with("pbkdf2:") {
        return werkzeug(text);
    }
    django(text).or_else(|| aspnet(text))
}

fn argon2(text: &str) -> Option<Stored> {
    // Without a version the first one is meant, which its library would not guess.
    let text = match text.match_indices('$').nth(1) {
        Some((at, _)) if !text[at + 1..].starts_with("v=") => {
            format!("{}$v=16{}", &text[..at], &text[at..])
        }
        _ => text.to_owned(),
    };
    let hash = PasswordHash::new(&text).ok()?;
    let decimal = |name| hash.params.get_decimal(name).unwrap_or(0);
    let known = ["m", "t", "p"];
    let bearable = matches!(hash.algorithm.as_str(), "argon2id" | "argon2i")
        && hash.hash.is_some()
        && hash.params.iter().all(|(name, _)| known.contains(&name.as_str()))
        && (8..=256 * 1024).contains(&decimal("m"))
        && (1..=20).contains(&decimal("t"))
        && (1..=16).contains(&decimal("p"));
    bearable.then_some(Stored::Argon2(text))
}

fn bcrypt(text: &str, input: BcryptInput) -> Option<Stored> {
    let version = text.get(..4)?;
    let cost: u32 = text.get(4..6)?.parse().ok()?;
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    let well_formed = ["$2a$", "$2b$", "$2y$"].contains(&version)
        && text.len() == 60
        && text.as_bytes().get(6) == Some(&b'$')
        && text.bytes().skip(7).all(alphabet)
        && (4..=16).contains(&cost);
    // The three are computed alike by everything that makes them today.
    well_formed.then(|| Stored::Bcrypt(format!("$2b${}", &text[4..]), input))
}

fn django(text: &str) -> Option<Stored> {
    let (algorithm, rest) = text.split_once('$')?;
    match algorithm {
        "argon2" => argon2(&format!("${rest}")),
        "bcrypt" => bcrypt(rest, BcryptInput::Password),
        "bcrypt_sha256" => bcrypt(rest, BcryptInput::HexSha256),
        "pbkdf2_sha256" | "pbkdf2_sha1" => {
            let [rounds, salt, key] = fields(rest)?;
            let digest = if algorithm == "pbkdf2_sha1" { Digest::Sha1 } else { Digest::Sha256 };
            pbkdf2(digest, rounds.parse().ok()?, salt.as_bytes(), &STANDARD.decode(key).ok()?)
        }
        "scrypt" => {
            let [n, salt, r, p, key] = fields(rest)?;
            let cost = cost(n, r, p)?;
            let key = STANDARD.decode(key).ok()?;
            Some(Stored::Scrypt { cost, salt: salt.as_bytes().to_vec(), key })
        }
        _ => None,
    }
}

fn werkzeug(text: &str) -> Option<Stored> {
    let [method, salt, key] = fields(text)?;
    let key = hex::decode(key).ok()?;
    let parts: Vec<&str> = method.split(':').collect();
    match parts.as_slice() {
        ["scrypt", n, r, p] => {
            Some(Stored::Scrypt { cost: cost(n, r, p)?, salt: salt.as_bytes().to_vec(), key })
        }
        ["pbkdf2", name, rounds] => {
            let digest = digest(name)?;
            pbkdf2(digest, rounds.parse().ok()?, salt.as_bytes(), &key)
        }
        _ => None,
    }
}

fn passlib(text: &str) -> Option<Stored> {
    let [algorithm, settings, salt, key] = fields(text.strip_prefix('$')?)?;
    if algorithm == "scrypt" {
        let setting = |name: &str| {
            settings.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let cost = ScryptCost {
            log_n: setting("ln")?.parse().ok()?,
            r: setting("r")?.parse().ok()?,
            p: setting("p")?.parse().ok()?,
        };
        let (salt, key) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(key).ok()?);
        return Some(Stored::Scrypt { cost, salt, key });
    }
    let digest = match algorithm {
        "pbkdf2" => Digest::Sha1,
        "pbkdf2-sha256" => Digest::Sha256,
        "pbkdf2-sha512" => Digest::Sha512,
        _ => return None,
    };
    // passlib writes a dot for the plus sign.
    let decoded = |text: &str| STANDARD_NO_PAD.decode(text.replace('.', "+")).ok();
    pbkdf2(digest, settings.parse().ok()?, &decoded(salt)?, &decoded(key)?)
}

fn spring(id: &str, hash: &str) -> Option<Stored> {
    let (id, version) = id.split_once('@').unwrap_or((id, ""));
    if !matches!(version, "" | "SpringSecurity_v5_8") {
        return None;
    }
    match id {
        "bcrypt" => bcrypt(hash, BcryptInput::Password),
        "argon2" => argon2(hash),
        "pbkdf2" => {
            let bytes = hex::decode(hash).ok()?;
            let (digest, rounds, salt) = if version.is_empty() {
                (Digest::Sha1, SPRING_ROUNDS[0], 8)
            } else {
                (Digest::Sha256, SPRING_ROUNDS[1], 16)
            };
            let (salt, key) = bytes.split_at_checked(salt)?;
            (key.len() == 32).then(|| pbkdf2(digest, rounds, salt, key)).flatten()
        }
        "scrypt" => {
            let [settings, salt, key] = fields(hash.strip_prefix('$')?)?;
            let settings = u32::from_str_radix(settings, 16).ok()?;
            let cost = ScryptCost {
                log_n: u8::try_from(settings >> 16).ok()?,
                r: (settings >> 8) & 0xff,
                p: settings & 0xff,
            };
            let (salt, key) = (STANDARD.decode(salt).ok()?, STANDARD.decode(key).ok()?);
            Some(Stored::Scrypt { cost, salt, key })
        }
        _ => None,
    }
}

fn aspnet(text: &str) -> Option<Stored> {
    let bytes = STANDARD.decode(text).ok()?;
    match (bytes.first()?, bytes.len()) {
        (0, 49) => pbkdf2(Digest::Sha1, 1000, &bytes[1..17], &bytes[17..]),
        (1, 61..) => {
            let word = |at: usize| {
                let bytes = bytes.get(at..at + 4)?;
                Some(u32::from_be_bytes(bytes.try_into().ok()?))
            };
            let digest = match word(1)? {
                0 => Digest::Sha1,
                1 => Digest::Sha256,
                2 => Digest::Sha512,
                _ => return None,
            };
            let salt_bytes = usize::try_from(word(9)?).ok().filter(|bytes| *bytes >= 16)?;
            let (salt, key) = bytes[13..].split_at_checked(salt_bytes)?;
            pbkdf2(digest, word(5)?, salt, key)
        }
        _ => None,
    }
}

fn phpass(text: &str, digest: Digest, md5_first: bool) -> Option<Stored> {
    let length = if digest == Digest::Md5 { 34 } else { 55 };
    let bytes = text.as_bytes();
    let alphabet = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let exponent = alphabet.iter().position(|known| Some(known) == bytes.get(3))?;
    let well_formed = bytes.len() == length && bytes.iter().all(u8::is_ascii_graphic);
    (well_formed && (7..=24).contains(&exponent)).then(|| Stored::Phpass {
        digest,
        rounds: 1 << exponent,
        salt: bytes[4..12].to_vec(),
        encoded: text[12..].to_owned(),
        md5_first,
    })
}

fn firebase(text: &str) -> Option<Stored> {
    let [settings, salt, key] = fields(text.strip_prefix("$fbscrypt$")?)?;
    let setting = |name: &str| {
        settings.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    if setting("v")? != "1" {
        return None;
    }
    let cost = ScryptCost {
        log_n: setting("n")?.parse().ok()?,
        r: setting("r")?.parse().ok()?,
        p: setting("p")?.parse().ok()?,
    };
    let separator = STANDARD.decode(setting("ss")?).ok()?;
    let signer = STANDARD.decode(setting("sk")?).ok()?;
    let salt = [STANDARD.decode(salt).ok()?, separator].concat();
    let key = STANDARD.decode(key).ok()?;
    (key.len() == signer.len()).then_some(Stored::Firebase { cost, salt, signer, key })
}

/// Forms without a marker of their own: `$ext$NAME,SETTING=VALUE…$ORIGINAL`.
fn marked(text: &str) -> Option<Stored> {
    let (head, original) = text.split_once('$')?;
    let (name, settings) = head.split_once(',').unwrap_or((head, ""));
    let setting = |name: &str| {
        settings.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let salt = || STANDARD_NO_PAD.decode(setting("salt")?.trim_end_matches('=')).ok();
    let rounds = || setting("i")?.parse().ok();
    match name {
        "symfony-pbkdf2" => {
            let key = STANDARD.decode(original).or_else(|_| hex::decode(original)).ok()?;
            pbkdf2(digest(setting("alg")?)?, rounds()?, &salt()?, &key)
        }
        "symfony-digest" if setting("alg")? == "sha512" => {
            let key = STANDARD.decode(original).ok().filter(|key| key.len() == 64)?;
            let salt = String::from_utf8(salt()?).ok()?;
            Some(Stored::Repeated { rounds: rounds()?, salt, key })
        }
        "aspnet" => aspnet(original),
        _ => None,
    }
}

fn digest(name: &str) -> Option<Digest> {
    match name {
        "sha1" => Some(Digest::Sha1),
        "sha256" => Some(Digest::Sha256),
        "sha512" => Some(Digest::Sha512),
        _ => None,
    }
}

fn pbkdf2(digest: Digest, rounds: u32, salt: &[u8], key: &[u8]) -> Option<Stored> {
    let (salt, key) = (salt.to_vec(), key.to_vec());
    (key.len() <= 128).then_some(Stored::Pbkdf2 { digest, rounds, salt, key })
}

fn cost(n: &str, r: &str, p: &str) -> Option<ScryptCost> {
    let n: u64 = n.parse().ok()?;
    let log_n = u8::try_from(n.checked_ilog2()?).ok().filter(|_| n.is_power_of_two())?;
    Some(ScryptCost { log_n, r: r.parse().ok()?, p: p.parse().ok()? })
}

/// Exactly so many fields between dollar signs.
fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    let fields: Vec<&str> = text.split('$').collect();
    fields.try_into().ok()
}
