//! The project's keys: made at first start, kept in `.backstay/keys.json`, readable by the owner only.

mod jwk;

use std::fs;
use std::path::{Path, PathBuf};

use backstay_auth::SigningKeys;
use backstay_http::keys::{KeyKind, Keys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use miette::{IntoDiagnostic, WrapErr, miette};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::private_file;
use crate::settings::Auth;

/// Until when the long-lived keys hold: 2100-01-01, in seconds since 1970.
const KEY_EXPIRY: u64 = 4_102_444_800;

/// What Supabase's command line uses on every machine. Public knowledge: only behind loopback.
const LOCAL_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";
const LOCAL_PUBLISHABLE: &str = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH";
const LOCAL_SECRET_KEY: &str = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz";

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keyring {
    /// Secrets of HS256 tokens; the first signs, all verify.
    jwt_secrets: Vec<String>,
    /// Keys of the anonymous role; the first is shown.
    publishable: Vec<String>,
    /// Keys of the service role; the first is shown.
    secret: Vec<String>,
    /// Keys that seal secrets in the database; the first seals, all open.
    #[serde(default)]
    encryption: Vec<String>,
    #[serde(skip)]
    file: PathBuf,
}

/// The keys that a developer pastes into a front end, a script, a `.env` file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    /// `sb_publishable_…`.
    pub(crate) publishable: String,
    /// `sb_secret_…`.
    pub(crate) secret: String,
    /// The anonymous role's key in the older form.
    pub(crate) anon: String,
    /// The service role's key in the older form.
    pub(crate) service_role: String,
    /// What signs users' tokens.
    pub(crate) jwt_secret: String,
}

impl Keyring {
    /// Reads the keys, or makes and stores them at the first start.
    ///
    /// # Errors
    /// An unreadable or malformed file; a folder that cannot be written.
    pub(crate) fn open(state: &Path, auth: &Auth) -> miette::Result<Self> {
        let file = Self::path(state);
        let mut keyring = match fs::read_to_string(&file) {
            Ok(text) => {
                let mut known: Self = serde_json::from_str(&text).map_err(|error| {
                    miette!(
                        help = "restore it from a backup; removing it makes new keys and voids all tokens",
                        "{} is damaged: {error}",
                        file.display()
                    )
                })?;
                known.file = file;
                known
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Self {
                    jwt_secrets: vec![random(32)?],
                    publishable: vec![format!("sb_publishable_{}", random(24)?)],
                    secret: vec![format!("sb_secret_{}", random(24)?)],
                    encryption: vec![random(32)?],
                    file,
                };
                made.store()?;
                made
            }
            Err(error) => {
                return Err(error)
                    .into_diagnostic()
                    .wrap_err_with(|| format!("cannot read {}", file.display()));
            }
        };
        if keyring.encryption.is_empty() {
            keyring.encryption.push(random(32)?);
            keyring.store()?;
        }
        if !auth.encryption_key.is_empty() {
            keyring.encryption.retain(|key| *key != auth.encryption_key);
            keyring.encryption.insert(0, auth.encryption_key.clone());
        }
        if !auth.jwt_secret.is_empty() {
            keyring.jwt_secrets.retain(|secret| *secret != auth.jwt_secret);
            keyring.jwt_secrets.insert(0, auth.jwt_secret.clone());
        }
        Ok(keyring)
    }

    /// Where the keys of a project lie.
    pub(crate) fn path(state: &Path) -> PathBuf {
        state.join("keys.json")
    }

    /// The keys of Supabase's local command line, in memory only. A secret of the project's own is
    /// not outranked by the one that everybody knows.
    pub(crate) fn with_local_keys(mut self, auth: &Auth) -> Self {
        if auth.jwt_secret.is_empty() {
            self.jwt_secrets.insert(0, LOCAL_SECRET.to_owned());
        }
        self.publishable.insert(0, LOCAL_PUBLISHABLE.to_owned());
        self.secret.insert(0, LOCAL_SECRET_KEY.to_owned());
        self
    }

    /// Puts new keys first. The old ones go on working until [`Keyring::forget_old`].
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn rotate(&mut self) -> miette::Result<()> {
        self.jwt_secrets.insert(0, random(32)?);
        self.publishable.insert(0, format!("sb_publishable_{}", random(24)?));
        self.secret.insert(0, format!("sb_secret_{}", random(24)?));
        self.store()
    }

    /// Removes all keys but the newest; whatever was made with the others is void.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn forget_old(&mut self) -> miette::Result<()> {
        self.jwt_secrets.truncate(1);
        self.publishable.truncate(1);
        self.secret.truncate(1);
        self.store()
    }

    /// The newest keys.
    ///
    /// # Errors
    /// If a token cannot be signed.
    pub(crate) fn shown(&self) -> miette::Result<Shown> {
        let first = |keys: &[String]| keys.first().cloned().unwrap_or_default();
        Ok(Shown {
            publishable: first(&self.publishable),
            secret: first(&self.secret),
            anon: self.sign(&role_claims("anon"))?,
            service_role: self.sign(&role_claims("service_role"))?,
            jwt_secret: first(&self.jwt_secrets),
        })
    }

    /// A token with these claims, signed with the newest secret.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> miette::Result<String> {
        let secret = self.jwt_secrets.first().ok_or_else(|| miette!("there is no token secret"))?;
        jsonwebtoken::encode(
            &Header::default(),
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .into_diagnostic()
    }

    /// What the sign-in service signs with.
    ///
    /// # Errors
    /// Unreadable or unusable keys.
    pub(crate) fn signing(&self, keys: &PrivateKeys) -> miette::Result<SigningKeys> {
        if let Some(text) = keys.read()? {
            return jwk::signing_keys(&text).wrap_err_with(|| keys.name());
        }
        let secret = self.jwt_secrets.first().map(String::as_str).unwrap_or_default();
        Ok(SigningKeys {
            id: None,
            algorithm: jsonwebtoken::Algorithm::HS256,
            key: EncodingKey::from_secret(secret.as_bytes()),
            public: Vec::new(),
        })
    }

    /// What seals secrets in the database, the newest first.
    pub(crate) fn encryption_keys(&self) -> Vec<String> {
        self.encryption.clone()
    }

    /// What the gateway verifies with; `jwt_keys` is a file with a JWK set.
    ///
    /// # Errors
    /// Weak secrets, an unreadable or unusable key set.
    pub(crate) fn verifying(
        &self,
        jwt_keys: Option<&Path>,
        private: &PrivateKeys,
    ) -> miette::Result<Keys> {
        let mut keys = Keys::new();
        for secret in &self.jwt_secrets {
            keys.add_secret(None, secret.as_bytes()).into_diagnostic()?;
        }
        for key in &self.publishable {
            keys.add_opaque(key, KeyKind::Publishable);
        }
        for key in &self.secret {
            keys.add_opaque(key, KeyKind::Secret);
        }
        if let Some(path) = jwt_keys {
            let text = fs::read_to_string(path)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot read `auth.jwt_keys` from {}", path.display()))?;
            let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&text)
                .into_diagnostic()
                .wrap_err_with(|| format!("{} is no JWK set", path.display()))?;
            for jwk in &set.keys {
                keys.add_jwk(jwk).into_diagnostic()?;
            }
        }
        if let Some(text) = private.read()? {
            let set: Vec<jsonwebtoken::jwk::Jwk> = serde_json::from_str(&text)
                .into_diagnostic()
                .wrap_err_with(|| format!("{} holds no JSON web keys", private.name()))?;
            for jwk in &set {
                keys.add_jwk(jwk).into_diagnostic()?;
            }
        }
        Ok(keys)
    }

    /// When the file was last written; a running server looks at it to notice a rotation.
    pub(crate) fn modified(state: &Path) -> Option<std::time::SystemTime> {
        fs::metadata(state.join("keys.json")).and_then(|data| data.modified()).ok()
    }

    fn store(&self) -> miette::Result<()> {
        let text = serde_json::to_string_pretty(self).into_diagnostic()?;
        private_file::write(&self.file, &text)
    }
}

/// Private JSON web keys that the settings give in place of a secret.
#[derive(Debug, Clone)]
pub(crate) enum PrivateKeys {
    /// None: the secret signs.
    None,
    /// In a file.
    File(PathBuf),
    /// As a text.
    Text(String),
}

impl PrivateKeys {
    fn read(&self) -> miette::Result<Option<String>> {
        match self {
            Self::None => Ok(None),
            Self::Text(text) => Ok(Some(text.clone())),
            Self::File(path) => fs::read_to_string(path)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot read {}", self.name()))
                .map(Some),
        }
    }

    /// The setting, with the file.
    fn name(&self) -> String {
        match self {
            Self::None | Self::Text(_) => "`auth.signing_keys`".to_owned(),
            Self::File(path) => format!("`auth.signing_keys_path`: {}", path.display()),
        }
    }
}

fn role_claims(role: &str) -> Map<String, Value> {
    let claims = json!({"iss": "supabase", "role": role, "exp": KEY_EXPIRY});
    claims.as_object().cloned().unwrap_or_default()
}

fn random(bytes: usize) -> miette::Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer)
        .map_err(|error| miette!("the system gives no random numbers: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &tempfile::TempDir) -> Keyring {
        Keyring::open(folder.path(), &Auth::default()).expect("opens")
    }

    #[test]
    fn keys_are_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = open(&folder);
        assert_eq!(first, open(&folder));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&first.file).expect("exists").permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn old_keys_work_until_they_are_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut keyring = open(&folder);
        let old = keyring.shown().expect("keys").publishable;
        keyring.rotate().expect("rotates");
        assert_ne!(keyring.shown().expect("keys").publishable, old);
        assert!(keyring.verifying(None, &PrivateKeys::None).expect("keys").opaque(&old).is_some());
        keyring.forget_old().expect("forgets");
        assert!(
            open(&folder).verifying(None, &PrivateKeys::None).expect("keys").opaque(&old).is_none()
        );
    }

    #[test]
    fn a_damaged_file_is_no_reason_for_new_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("keys.json"), "{").expect("written");
        assert!(Keyring::open(folder.path(), &Auth::default()).is_err());
    }
}
