//! A hash of every form, made by the libraries of the frameworks that people come from.

use super::*;

const PASSWORD: &str = "Backstay-42-passw\u{f6}rd";

const HASHES: &[&str] = &[
    // django pbkdf2_sha256
    "pbkdf2_sha256$1000$seasaltseasaltseasalt1$6cCJGySlZpRu5ir1mdYWaUpAZjVthVvjtJII/Q4vwKU=",
    // django pbkdf2_sha1
    "pbkdf2_sha1$1000$seasaltseasaltseasalt1$rHnWyZtDMKcoCYBzPcn9HOEqeYk=",
    // django bcrypt_sha256
    "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuurcw98yKMHp0xhFDrMUuVRYI2Q4v0Woi",
    // django bcrypt
    "bcrypt$$2b$04$abcdefghijklmnopqrstuuaYPQrj3Vz6w4NlMiJS16/ZfPx/R/Ole",
    // django argon2
    "argon2$argon2id$v=19$m=1024,t=2,p=2$c2Vhc2FsdHNlYXNhbHRzZWFzYWx0MQ$kf0vvKuto/Zy2IwBbSx15XRkAKB6f2HOcrbceX9PIEk",
    // django scrypt
    "scrypt$1024$seasaltseasaltseasalt1$8$1$WwxiOQLJctydOkTORjmovSOjrxcubuajAizZYzsTVATLn1YU+Sf1zi4II42XMo+MTRKuuiNvvqz4iqtq6Y4rgg==",
    // werkzeug scrypt
    "scrypt:1024:8:1$AbCdEfGh12345678$57b1a0db30761377b5d6a220e9af87781fb3a427630eac9ca4d0af937ef7737e18f6a862d58425f720a794254c9f09fe15a9f946cd21fe17a1e48f9d6490e5e9",
    // werkzeug pbkdf2
    "pbkdf2:sha256:1000$AbCdEfGh12345678$cb625ea7f62534227482d55e92bcc7774834f294b9d8ba02336337fba9ae7a70",
    // rails/devise, pocketbase, strapi, spring raw
    "$2a$04$abcdefghijklmnopqrstuuaYPQrj3Vz6w4NlMiJS16/ZfPx/R/Ole",
    // node bcrypt
    "$2b$04$abcdefghijklmnopqrstuuaYPQrj3Vz6w4NlMiJS16/ZfPx/R/Ole",
    // laravel/symfony/php
    "$2y$04$abcdefghijklmnopqrstuuaYPQrj3Vz6w4NlMiJS16/ZfPx/R/Ole",
    // laravel argon2id
    "$argon2id$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$fwbxc0SWniLqLzFprOqk4Wb8Rs5r5iBttxjE98ipG38",
    // php argon2i
    "$argon2i$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$hMtVvEHHboUSF0ew/UecRv/t+evUKsDM250hOaNAmvk",
    // spring bcrypt
    "{bcrypt}$2a$04$abcdefghijklmnopqrstuuaYPQrj3Vz6w4NlMiJS16/ZfPx/R/Ole",
    // spring pbkdf2 (5.5)
    "{pbkdf2}000102030405060796d0767f37f4fe99f208c243d7f405d2fc0c09308bdc9ff76426cc79ae0b6c21",
    // spring pbkdf2 (5.8)
    "{pbkdf2@SpringSecurity_v5_8}000102030405060708090a0b0c0d0e0f2f15163b9df46cffc77a84f942cf7aa17eb77935f71c7730dd3e769b2774d46e",
    // spring scrypt (5.8)
    "{scrypt@SpringSecurity_v5_8}$100801$AAECAwQFBgcICQoLDA0ODw==$tBEqKZBqIw2gTKmgihdbbvJ/X+l7H5Talue3TRkiLYo=",
    // spring argon2 (5.8)
    "{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=16384,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$ysXnzypgG1P7GLSpGUtJ73FuW7vi3yJlfZjs0NiNPO4",
    // aspnet v3 sha256
    "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+GU3DhyebG8gzd/uVSj0xgDhLlcRxV5HYR97mvWWPYyg==",
    // aspnet v3 sha512
    "AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg+H+X5WZWjoL4qV0PcvwGHiALjC5f6MfVNrQ4CAPg4gzw==",
    // aspnet v2
    "AAABAgMEBQYHCAkKCwwNDg+VnA4RNDFZEYiXIV+rbE8oydsKLso6PxkcYkWomLgAqg==",
    // wordpress 6.8
    "$wp$2y$04$abcdefghijklmnopqrstuueVMMgqRLEn238ucdOed5iGJNFBkjbNK",
    // wordpress phpass
    "$P$5abcdefgh0r5IFbmRzy6tObRhY.N2B/",
    // drupal 7
    "$S$5abcdefghMdrTV.VkxO0xBoy.6wwibb1oRm4zTPWlD/idYzWKOw1",
    // passlib pbkdf2_sha256
    "$pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0ODw$P1fvjr0SHF8GssSjCjtagc3HjNqDEXBVF4sHX1ni5bU",
    // passlib scrypt
    "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$yogdXfNqz5V3WE2nnnS8fGbyI0so8YnBdO8cZzFs6kI",
    // firebase (GoTrue wrapping)
    "$fbscrypt$v=1,n=10,r=8,p=1,ss=Bw==,sk=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==$AAECAwQFBgcICQ==$zMPTLsEK57ZDKaXet04ryEHKAOiHhKNxlPcaGJ8Q6kzFgglMbp+qpIAAXTUI03k+zT43wE+jIiIbG0lg/eSL9w==",
    // symfony pbkdf2, salt column `salt123`
    "$ext$symfony-pbkdf2,alg=sha512,i=1000,l=40,salt=c2FsdDEyMw==$MrnCxyKhX4nJiFBo0hFXhRcMzhrILllM3IaH2pmkvB6iMR9yIcsHWA==",
    // symfony message digest, salt column `salt123`
    "$ext$symfony-digest,alg=sha512,i=5000,salt=c2FsdDEyMw==$Q3bAM3ARYac2968Z219eiaybea0ZoD4BlJ1ryJUsZPulzuPVTC8rA+ZbYHKT3EeJBuR4zOzuR67A+fYjHZbaNw==",
];

fn matches(stored: &str, password: &str) -> bool {
    Stored::read(stored).is_some_and(|stored| stored.matches(password))
}

#[test]
fn every_form_is_read_and_only_its_password_matches() {
    for hash in HASHES {
        assert!(matches(hash, PASSWORD), "{hash}");
        assert!(!matches(hash, "Backstay-42-passw\u{f6}re"), "{hash}");
        assert!(!matches(hash, ""), "{hash}");
    }
}

#[test]
fn broken_hashes_match_nothing() {
    for hash in HASHES {
        for end in [0, 1, hash.len() / 2, hash.len() - 1] {
            let cut = hash.get(..end).unwrap_or_default();
            assert!(!matches(cut, PASSWORD), "{cut}");
        }
        for at in [hash.len() - 3, hash.len() - 8] {
            let mut bytes = hash.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(!matches(&changed, PASSWORD), "{changed}");
        }
    }
}

#[test]
fn long_passwords_of_symfony_and_samples_of_firebase() {
    let long = "x".repeat(80);
    let symfony = "$2y$04$abcdefghijklmnopqrstuuiCR9cdr4joLQWxJwUEOByGCoyFWfhQS";
    assert!(matches(symfony, &long));
    assert!(!matches(symfony, &"x".repeat(79)));
    let firebase = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,\
        sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==\
        $42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz\
        +VHjoZilo78198JAdRuid5lQ==";
    assert!(matches(firebase, "user1password"));
}

#[test]
fn a02_absurd_costs_are_refused_unread() {
    for hash in [
        "$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$fwbxc0SWniLqLzFprOqk4Wb8Rs5r5iBttxjE98ipG38",
        "$argon2id$v=19$m=1024,t=99999,p=1$MDEyMzQ1Njc4OWFiY2RlZg$fwbxc0SWniLqLzFprOqk4Wb8Rs5r5iBttxjE98ipG38",
        "$argon2d$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$fwbxc0SWniLqLzFprOqk4Wb8Rs5r5iBttxjE98ipG38",
        "$2b$31$abcdefghijklmnopqrstuuaYPQrj3Vz6w4NlMiJS16/ZfPx/R/Ole",
        "$2x$04$abcdefghijklmnopqrstuuaYPQrj3Vz6w4NlMiJS16/ZfPx/R/Ole",
        "pbkdf2_sha256$4000000000$salt$6cCJGySlZpRu5ir1mdYWaUpAZjVthVvjtJII/Q4vwKU=",
        "scrypt$1073741824$salt$8$1$WwxiOQLJctydOkTORjmovSOjrxcubuajAizZYzsTVATLn1YU+Sf1zi4II42XMo+MTRKuuiNvvqz4iqtq6Y4rgg==",
        "$scrypt$ln=40,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$yogdXfNqz5V3WE2nnnS8fGbyI0so8YnBdO8cZzFs6kI",
        "!unusable",
        "plain text",
        "md5$salt$00112233445566778899aabbccddeeff",
        "{noop}password",
    ] {
        assert_eq!(Stored::read(hash), None, "{hash}");
    }
}
