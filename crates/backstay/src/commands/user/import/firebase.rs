//! Users of Firebase, from the file that `firebase auth:export users.json` writes.

use std::path::Path;

use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Found, Row, object_of, put_hash, unreadable};

/// The export.
#[derive(Deserialize)]
struct Export {
    users: Vec<User>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct User {
    local_id: String,
    email: String,
    email_verified: bool,
    phone_number: String,
    password_hash: String,
    salt: String,
    display_name: String,
    photo_url: String,
    disabled: bool,
    /// Claims of the project, as JSON text.
    custom_attributes: String,
    provider_user_info: Vec<Provider>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    provider_id: String,
    #[serde(default)]
    raw_id: String,
    #[serde(default)]
    email: String,
}

impl Provider {
    /// The provider's name here, where its ids are the same for every application of a project.
    fn name(&self) -> Option<&'static str> {
        match self.provider_id.as_str() {
            "google.com" => Some("google"),
            "github.com" => Some("github"),
            "apple.com" => Some("apple"),
            "facebook.com" => Some("facebook"),
            _ => None,
        }
    }
}

/// The parameters of the hashes, as the console shows them.
struct HashConfig {
    signer_key: String,
    separator: String,
    rounds: String,
    memory_cost: String,
}

pub(super) fn read(file: &Path, config: Option<&Path>) -> miette::Result<Found> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {shown}"))?;
    let export: Export = serde_json::from_str(&text)
        .map_err(|error| unreadable(&shown, &format!("is no export of Firebase: {error}")))?;
    let config = config.map(HashConfig::read).transpose()?;
    let mut found = Found::default();
    let mut elsewhere = 0;
    for (number, user) in (1..).zip(export.users) {
        let place = format!("user {number}");
        if user.email.is_empty() && user.phone_number.is_empty() {
            let id = &user.local_id;
            found.skipped.push(format!("{place} ({id}): neither address nor number"));
            continue;
        }
        let own = |one: &Provider| matches!(&*one.provider_id, "password" | "phone");
        if user.provider_user_info.iter().any(|one| !own(one) && one.name().is_none()) {
            elsewhere += 1;
        }
        found.rows.push(user.row(place, config.as_ref())?);
    }
    if elsewhere > 0 {
        found.notes.push(format!(
            "{elsewhere} sign in with the account of a provider that is not taken over: they are \
             linked by their verified address when they do"
        ));
    }
    Ok(found)
}

impl User {
    fn row(self, place: String, config: Option<&HashConfig>) -> miette::Result<Row> {
        let mut body = Map::new();
        if !self.password_hash.is_empty() {
            let config = config.ok_or_else(|| {
                miette!(
                    help = "copy them from the console (Authentication, ⋮, Password hash \
                            parameters) into a file, and give it as --hash-config FILE",
                    "Firebase's hashes need the parameters of the project"
                )
            })?;
            put_hash(&mut body, config.wrap(&self.password_hash, &self.salt));
        }
        for (name, text) in [("email", &self.email), ("phone", &self.phone_number)] {
            if !text.is_empty() {
                body.insert(name.to_owned(), json!(text));
            }
        }
        let mut user = Map::new();
        for (name, text) in [("full_name", &self.display_name), ("avatar_url", &self.photo_url)] {
            if !text.is_empty() {
                user.insert(name.to_owned(), json!(text));
            }
        }
        let mut app = object_of(json!(self.custom_attributes));
        app.insert("former_id".to_owned(), json!(self.local_id));
        let linked: Vec<Value> = self
            .provider_user_info
            .iter()
            .filter_map(|one| {
                let name = one.name().filter(|_| !one.raw_id.is_empty())?;
                let verified = self.email_verified && one.email == self.email;
                let data = json!({"email": one.email, "email_verified": verified});
                Some(json!({"provider": name, "id": one.raw_id, "identity_data": data}))
            })
            .collect();
        if !linked.is_empty() {
            body.insert("identities".to_owned(), Value::Array(linked));
        }
        body.insert("email_confirm".to_owned(), json!(self.email_verified));
        body.insert("phone_confirm".to_owned(), json!(true));
        if self.disabled {
            body.insert("ban_duration".to_owned(), json!(super::frameworks::FOR_EVER));
        }
        body.insert("user_metadata".to_owned(), Value::Object(user));
        body.insert("app_metadata".to_owned(), Value::Object(app));
        Ok(Row { place, body, former_id: Some(self.local_id) })
    }
}

impl HashConfig {
    fn read(path: &Path) -> miette::Result<Self> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot read {shown}"))?;
        let value = |name: &str| {
            let line =
                text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().trim_end_matches(',').trim_matches('"').to_owned())
                .ok_or_else(|| unreadable(&shown, &format!("has no `{name}`")))
        };
        Ok(Self {
            signer_key: value("base64_signer_key")?,
            separator: value("base64_salt_separator")?,
            rounds: value("rounds")?,
            memory_cost: value("mem_cost")?,
        })
    }

    /// The hash with what it takes to compare a password with it.
    fn wrap(&self, hash: &str, salt: &str) -> String {
        let Self { signer_key, separator, rounds, memory_cost } = self;
        let (salt, hash) = (standard(salt), standard(hash));
        format!(
            "$fbscrypt$v=1,n={memory_cost},r={rounds},p=1,ss={},sk={}${salt}${hash}",
            standard(separator),
            standard(signer_key)
        )
    }
}

/// Base64 in its usual alphabet, whichever of the two was used.
fn standard(text: &str) -> String {
    let text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    format!("{text}{padding}")
}
