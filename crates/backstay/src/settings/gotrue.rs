//! GoTrue's environment variables whose names or values follow a pattern, or mean the opposite of
//! ours. Those that only have another name are in the table of `environment`.

use miette::miette;

/// Variables that say the opposite.
const NEGATED: &[(&str, &str)] = &[
    ("GOTRUE_DISABLE_SIGNUP", "auth.enable_signup"),
    ("GOTRUE_MAILER_AUTOCONFIRM", "auth.email.enable_confirmations"),
    ("GOTRUE_SMS_AUTOCONFIRM", "auth.sms.enable_confirmations"),
];

/// What two names have in common: GoTrue's and ours.
type Pairs = &'static [(&'static str, &'static str)];

/// Prefix, table and keys of variables with a name in their middle: `GOTRUE_EXTERNAL_GITHUB_SECRET`
/// is `auth.external.github.secret`.
const NAMED: &[(&str, &str, Pairs)] = &[
    (
        "GOTRUE_EXTERNAL_",
        "auth.external",
        &[
            ("_ENABLED", "enabled"),
            ("_CLIENT_ID", "client_id"),
            ("_SECRET", "secret"),
            ("_REDIRECT_URI", "redirect_uri"),
            ("_URL", "url"),
            ("_SKIP_NONCE_CHECK", "skip_nonce_check"),
        ],
    ),
    (
        "GOTRUE_HOOK_",
        "auth.hook",
        &[("_ENABLED", "enabled"), ("_URI", "uri"), ("_SECRETS", "secrets")],
    ),
    ("GOTRUE_MAILER_SUBJECTS_", "auth.email.template", &[("", "subject")]),
    ("GOTRUE_MAILER_TEMPLATES_", "auth.email.template", &[("", "content_path")]),
];

/// Names in the middle that are no providers.
const NO_PROVIDERS: &[&str] =
    &["EMAIL", "PHONE", "ANONYMOUS_USERS", "WEB3_SOLANA", "WEB3_ETHEREUM"];

/// The settings that a variable means, with their values as text; none if it is not of these.
///
/// # Errors
/// A value that cannot be read.
pub(super) fn read(name: &str, value: &str) -> miette::Result<Vec<(String, String)>> {
    if let Some((_, path)) = NEGATED.iter().find(|(known, _)| *known == name) {
        let negated = match value.trim() {
            "true" => "false",
            "false" => "true",
            _ => return Err(miette!("the environment variable {name} must be true or false")),
        };
        return Ok(vec![((*path).to_owned(), negated.to_owned())]);
    }
    match name {
        "GOTRUE_SMS_TEST_OTP" => return test_codes(value),
        "GOTRUE_PASSWORD_REQUIRED_CHARACTERS" => {
            let found = requirements(value).ok_or_else(|| {
                miette!(
                    help = "name letters and digits, with lower and upper case apart or together, \
                            with or without symbols",
                    "the environment variable {name} asks for characters that cannot be asked for"
                )
            })?;
            return Ok(vec![("auth.password_requirements".to_owned(), found.to_owned())]);
        }
        _ => {}
    }
    Ok(named(name).map(|path| (path, value.to_owned())).into_iter().collect())
}

/// What is to be said of a variable that is no setting here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remark {
    /// It asks for what is done anyway.
    Same,
    /// What to do in its place.
    Instead(String),
    /// Its name.
    Nothing,
}

pub(super) fn remark(name: &str, value: &str) -> Remark {
    if name.starts_with("GOTRUE_MAILER_URLPATHS_") {
        let path = value.trim().trim_end_matches('/');
        if ["", "/verify", "/auth/v1/verify"].contains(&path) {
            return Remark::Same;
        }
        return Remark::Instead(format!(
            "{name} is not read: links in mails lead to /auth/v1/verify; write another address with \
             {{{{ .TokenHash }}}} into the mail's template (auth.email.template)"
        ));
    }
    match name {
        "GOTRUE_RATE_LIMIT_HEADER" => Remark::Instead(format!(
            "{name} is not read: anybody could send the header; list your proxies in \
             server.trusted_proxies, whose X-Forwarded-For is believed"
        )),
        _ => Remark::Nothing,
    }
}

fn named(name: &str) -> Option<String> {
    NAMED.iter().find_map(|(prefix, table, keys)| {
        let rest = name.strip_prefix(prefix)?;
        keys.iter().find_map(|(suffix, key)| {
            let middle = rest.strip_suffix(suffix).filter(|middle| !middle.is_empty())?;
            let fits = !NO_PROVIDERS.contains(&middle);
            fits.then(|| format!("{table}.{}.{key}", middle.to_ascii_lowercase()))
        })
    })
}

/// `447700900123=123456,…`
fn test_codes(value: &str) -> miette::Result<Vec<(String, String)>> {
    let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once(['=', ':']) {
            Some((phone, code)) => {
                let phone = phone.trim().trim_start_matches('+');
                Ok((format!("auth.sms.test_otp.{phone}"), code.trim().to_owned()))
            }
            None => Err(miette!(
                "the environment variable GOTRUE_SMS_TEST_OTP must be like `447700900123=123456`"
            )),
        })
        .collect()
}

/// Groups of characters, of each of which a password needs one, as one of our three rules.
fn requirements(value: &str) -> Option<&'static str> {
    let groups: Vec<String> = value.replace("\\:", "\0").split(':').map(str::to_owned).collect();
    let all = |group: &str, is: fn(char) -> bool| !group.is_empty() && group.chars().all(is);
    let count = |is: fn(char) -> bool| groups.iter().filter(|group| all(group, is)).count();
    let lower = count(|c| c.is_ascii_lowercase());
    let upper = count(|c| c.is_ascii_uppercase());
    let letters = count(|c| c.is_ascii_alphabetic()) - lower - upper;
    let digits = count(|c| c.is_ascii_digit());
    let symbols = count(|c| !c.is_ascii_alphanumeric());
    match (letters, lower, upper, digits, symbols) {
        _ if value.trim().is_empty() => Some(""),
        (1, 0, 0, 1, 0) => Some("letters_digits"),
        (0, 1, 1, 1, 0) => Some("lower_upper_letters_digits"),
        (0, 1, 1, 1, 1) => Some("lower_upper_letters_digits_symbols"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        assert_eq!(read(name, value).unwrap(), expected, "{name}");
    }

    #[test]
    fn names_in_the_middle_are_found() {
        check("GOTRUE_EXTERNAL_GITHUB_SECRET", "x", &[("auth.external.github.secret", "x")]);
        let oidc = "auth.external.linkedin_oidc.client_id";
        check("GOTRUE_EXTERNAL_LINKEDIN_OIDC_CLIENT_ID", "y", &[(oidc, "y")]);
        check("GOTRUE_HOOK_SEND_EMAIL_URI", "z", &[("auth.hook.send_email.uri", "z")]);
        let subject = "auth.email.template.magic_link.subject";
        check("GOTRUE_MAILER_SUBJECTS_MAGIC_LINK", "Hi", &[(subject, "Hi")]);
        check("GOTRUE_EXTERNAL_EMAIL_ENABLED", "true", &[]);
        check("GOTRUE_EXTERNAL_FLOW_STATE_EXPIRY_DURATION", "300s", &[]);
        check("GOTRUE_HOOK_ENABLED", "true", &[]);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let path = "GOTRUE_MAILER_URLPATHS_INVITE";
        assert_eq!(remark(path, "/auth/v1/verify"), Remark::Same);
        assert!(matches!(remark(path, "/join"), Remark::Instead(line) if line.contains(path)));
        let header = remark("GOTRUE_RATE_LIMIT_HEADER", "X-Real-IP");
        assert!(matches!(header, Remark::Instead(line) if line.contains("trusted_proxies")));
        assert_eq!(remark("GOTRUE_DB_DRIVER", "postgres"), Remark::Nothing);
    }

    #[test]
    fn the_opposite_is_turned_around() {
        check("GOTRUE_DISABLE_SIGNUP", "true", &[("auth.enable_signup", "false")]);
        check("GOTRUE_MAILER_AUTOCONFIRM", "false", &[("auth.email.enable_confirmations", "true")]);
        assert!(read("GOTRUE_DISABLE_SIGNUP", "maybe").is_err());
    }

    #[test]
    fn codes_of_tests_are_a_list() {
        let codes =
            [("auth.sms.test_otp.1234567890", "123456"), ("auth.sms.test_otp.44", "654321")];
        check("GOTRUE_SMS_TEST_OTP", "1234567890=123456, +44=654321", &codes);
        assert!(read("GOTRUE_SMS_TEST_OTP", "1234").is_err());
    }

    #[test]
    fn groups_of_characters_are_one_of_our_rules() {
        let (lower, upper) = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        let digits = "0123456789";
        assert_eq!(requirements(&format!("{lower}{upper}:{digits}")), Some("letters_digits"));
        let three = format!("{lower}:{upper}:{digits}");
        assert_eq!(requirements(&three), Some("lower_upper_letters_digits"));
        let four = format!("{three}:!@#$%^&*()_+-=[]{{}};'\\:\"|<>?,./`~");
        assert_eq!(requirements(&four), Some("lower_upper_letters_digits_symbols"));
        assert_eq!(requirements("abc"), None);
        assert_eq!(requirements(""), Some(""));
    }
}
