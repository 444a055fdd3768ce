//! `backstay user`: accounts, from the command line.

mod administration;
mod import;

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic as _, miette};
use serde_json::{Value, json};

use crate::log::say;
use crate::project::Project;
use crate::serving::runtime;
use administration::Administration;

/// `backstay user ACTION [--dir DIR] [--json]`.
#[derive(Args)]
pub(crate) struct User {
    #[command(subcommand)]
    action: Action,
    /// The project's folder.
    #[arg(long, default_value = ".", global = true)]
    dir: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Make a user; the password is read from standard input.
    Create {
        /// The address.
        email: String,
        /// The address must still be confirmed.
        #[arg(long)]
        unconfirmed: bool,
        /// The user gets no password.
        #[arg(long)]
        no_password: bool,
    },
    /// List users, the newest first.
    List {
        /// Part of the address or of the full name.
        #[arg(long)]
        filter: Option<String>,
        /// Greatest number of them.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Set a user's password, read from standard input; all sessions of the user end.
    Password {
        /// The address.
        email: String,
    },
    /// Set a user's role in the database (`authenticated` for ordinary users).
    Role {
        /// The address.
        email: String,
        /// The role.
        role: String,
    },
    /// Keep a user out; all sessions of the user end.
    Ban {
        /// The address.
        email: String,
        /// For how long, like `24h`.
        #[arg(long = "for", default_value = "876000h")]
        duration: String,
    },
    /// Let a banned user in again.
    Unban {
        /// The address.
        email: String,
    },
    /// Delete a user with everything that belongs to them.
    Delete {
        /// The address.
        email: String,
    },
    /// Make users from a file, with the password hashes of another system.
    Import(import::Import),
}

pub(crate) fn run(user: &User) -> miette::Result<ExitCode> {
    let project = Project::open(&user.dir)?;
    runtime()?.block_on(async {
        let admin = Administration::open(&project).await?;
        let done = act(&admin, user).await;
        admin.close().await?;
        done
    })
}

async fn act(admin: &Administration, user: &User) -> miette::Result<ExitCode> {
    let shown = match &user.action {
        Action::Create { email, unconfirmed, no_password } => {
            let mut body = json!({"email": email, "email_confirm": !unconfirmed});
            if !no_password {
                body["password"] = json!(read_password()?);
            }
            admin.call("POST", "/admin/users", Some(&body)).await?
        }
        Action::List { filter, limit } => {
            return list(admin, user, filter.as_deref(), *limit).await;
        }
        Action::Password { email } => {
            change(admin, email, json!({"password": read_password()?})).await?
        }
        Action::Role { email, role } => change(admin, email, json!({"role": role})).await?,
        Action::Ban { email, duration } => {
            change(admin, email, json!({"ban_duration": duration})).await?
        }
        Action::Unban { email } => change(admin, email, json!({"ban_duration": "none"})).await?,
        Action::Delete { email } => {
            let found = find(admin, email).await?;
            let path = format!("/admin/users/{}", text(&found, "id"));
            admin.call("DELETE", &path, None).await?;
            found
        }
        Action::Import(file) => return file.run(admin).await,
    };
    if user.json {
        say(&serde_json::to_string_pretty(&shown).into_diagnostic()?);
    } else {
        say(&line(&shown));
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(
    admin: &Administration,
    user: &User,
    filter: Option<&str>,
    limit: u32,
) -> miette::Result<ExitCode> {
    let filter: String =
        url::form_urlencoded::byte_serialize(filter.unwrap_or_default().as_bytes()).collect();
    let path = format!("/admin/users?page=1&per_page={limit}&filter={filter}");
    let page = admin.call("GET", &path, None).await?;
    let users = page["users"].as_array().cloned().unwrap_or_default();
    if user.json {
        say(&serde_json::to_string_pretty(&users).into_diagnostic()?);
    } else {
        for one in &users {
            say(&line(one));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A user on one line.
fn line(user: &Value) -> String {
    let mut notes = Vec::new();
    if user["email_confirmed_at"].is_null() && user["phone_confirmed_at"].is_null() {
        notes.push("unconfirmed");
    }
    if !user["banned_until"].is_null() {
        notes.push("banned");
    }
    if user["is_anonymous"] == true {
        notes.push("anonymous");
    }
    let (id, email, role) = (text(user, "id"), text(user, "email"), text(user, "role"));
    format!("{id}  {email}  {role}  {}", notes.join(" ")).trim_end().to_owned()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}

async fn find(admin: &Administration, email: &str) -> miette::Result<Value> {
    let encoded: String = url::form_urlencoded::byte_serialize(email.as_bytes()).collect();
    let page = admin.call("GET", &format!("/admin/users?email={encoded}"), None).await?;
    page["users"].get(0).cloned().ok_or_else(|| {
        miette!(
            help = "`backstay user list` shows all",
            "there is no user with the address {email}"
        )
    })
}

async fn change(admin: &Administration, email: &str, body: Value) -> miette::Result<Value> {
    let found = find(admin, email).await?;
    let path = format!("/admin/users/{}", text(&found, "id"));
    admin.call("PUT", &path, Some(&body)).await
}

/// The first line of standard input: a password in the arguments would stand in the history of the
/// shell and in the list of processes.
fn read_password() -> miette::Result<String> {
    if std::io::stdin().is_terminal() {
        say("Password:");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).into_diagnostic()?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(miette!(help = "give it on standard input, on one line", "no password"));
    }
    Ok(password.to_owned())
}
