//! `backstay keys`: the keys that clients need.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::{Map, Value, json};

use crate::keyring::Keyring;
use crate::log::say;
use crate::project::Project;

/// `backstay keys [ACTION] [--dir DIR] [--json]`.
#[derive(Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    action: Option<Action>,
    /// The project's folder.
    #[arg(long, default_value = ".", global = true)]
    dir: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Print the keys (the default).
    Show,
    /// Make new keys; the old ones go on working until `rotate --finish`.
    Rotate {
        /// Remove the old keys: whatever still uses them is refused.
        #[arg(long)]
        finish: bool,
    },
    /// A user's token, to try policies with.
    Token {
        /// The user's id (`auth.uid()`).
        #[arg(long)]
        sub: Option<String>,
        /// The role.
        #[arg(long, default_value = "authenticated")]
        role: String,
        /// The user's address (`auth.email()`).
        #[arg(long)]
        email: Option<String>,
        /// More claims, as a JSON object.
        #[arg(long)]
        claims: Option<String>,
        /// Seconds until it expires.
        #[arg(long, default_value_t = 3600)]
        expires_in: u64,
    },
}

pub(crate) fn run(keys: &Keys) -> miette::Result<ExitCode> {
    let project = Project::open(&keys.dir)?;
    project.prepare_state()?;
    let mut keyring = Keyring::open(&project.state, &project.loaded.settings.auth)?;
    match &keys.action {
        None | Some(Action::Show) => {}
        Some(Action::Rotate { finish: false }) => keyring.rotate()?,
        Some(Action::Rotate { finish: true }) => keyring.forget_old()?,
        Some(Action::Token { sub, role, email, claims, expires_in }) => {
            let claims = token_claims(sub.as_deref(), role, email.as_deref(), claims.as_deref())?;
            let token = keyring.sign(&with_times(claims, *expires_in)?)?;
            say(&if keys.json { json!({"token": token}).to_string() } else { token });
            return Ok(ExitCode::SUCCESS);
        }
    }
    let shown = keyring.shown()?;
    if keys.json {
        say(&serde_json::to_string_pretty(&shown).into_diagnostic()?);
    } else {
        say(&format!(
            "publishable   {}\nsecret        {}\nanon          {}\nservice_role  {}\njwt secret    {}",
            shown.publishable, shown.secret, shown.anon, shown.service_role, shown.jwt_secret
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn token_claims(
    sub: Option<&str>,
    role: &str,
    email: Option<&str>,
    more: Option<&str>,
) -> miette::Result<Map<String, Value>> {
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), json!("backstay"));
    claims.insert("aud".to_owned(), json!("authenticated"));
    claims.insert("role".to_owned(), json!(role));
    if let Some(sub) = sub {
        claims.insert("sub".to_owned(), json!(sub));
    }
    if let Some(email) = email {
        claims.insert("email".to_owned(), json!(email));
    }
    if let Some(more) = more {
        let more: Map<String, Value> = serde_json::from_str(more)
            .into_diagnostic()
            .wrap_err("`--claims` must be a JSON object")?;
        claims.extend(more);
    }
    Ok(claims)
}

fn with_times(mut claims: Map<String, Value>, seconds: u64) -> miette::Result<Map<String, Value>> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| miette!("the system's clock is before 1970"))?
        .as_secs();
    claims.entry("iat").or_insert_with(|| json!(now));
    claims.entry("exp").or_insert_with(|| json!(now.saturating_add(seconds)));
    Ok(claims)
}
