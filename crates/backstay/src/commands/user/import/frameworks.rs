//! Users from the tables that frameworks keep them in.
//!
//! Each framework is a [`Shape`]: which columns mean what. A column that a table does not have means
//! nothing, so that one shape fits many versions and extensions.

use std::collections::BTreeMap;

use clap::ValueEnum;
use miette::miette;
use serde_json::{Map, Value, json};

use super::accounts::Accounts;
use super::source::Source;
use super::{Found, Import, Row, id_text, object_of, put_hash, put_id};

/// A ban without an end.
pub(super) const FOR_EVER: &str = "876000h";

/// A framework that people come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Framework {
    Django,
    Rails,
    Laravel,
    Symfony,
    Spring,
    Aspnet,
    Firebase,
    Pocketbase,
    Wordpress,
    Supabase,
}

/// Which columns of a table mean what; the first that a table has is taken.
struct Shape {
    /// Usual names of the table.
    tables: &'static [&'static str],
    id: &'static [&'static str],
    email: &'static [&'static str],
    phone: &'static [&'static str],
    hash: &'static [&'static str],
    /// True or a time where the address was confirmed.
    confirmed: &'static [&'static str],
    phone_confirmed: &'static [&'static str],
    /// False where the account may not be used.
    active: &'static [&'static str],
    /// A time that is to come, where it may not be used until then.
    locked: &'static [&'static str],
    /// Columns for the user's own metadata, and their names there.
    user: &'static [(&'static str, &'static str)],
    /// Columns for the metadata that only administrators change.
    app: &'static [(&'static str, &'static str)],
    /// Rows that are no accounts of people: columns that must be false or empty.
    without: &'static [&'static str],
    /// Accounts at providers.
    accounts: Option<Accounts>,
    /// Who has which role: a table, and a query that names them `who` and `role`.
    roles: Option<(&'static str, &'static str)>,
}

/// Socialite leaves the table to the project: those of packages that build on it, and columns as its
/// documentation has them.
const SOCIALITE: Accounts = Accounts {
    tables: &[
        "connected_accounts",
        "socialite_users",
        "social_accounts",
        "linked_social_accounts",
        "social_logins",
    ],
    data: "",
    beside: &[
        ("provider_id", ""),
        ("google_id", "google"),
        ("github_id", "github"),
        ("gitlab_id", "gitlab"),
        ("facebook_id", "facebook"),
        ("discord_id", "discord"),
        ("apple_id", "apple"),
    ],
};

const EMPTY: Shape = Shape {
    accounts: None,
    tables: &[],
    id: &["id"],
    email: &["email"],
    phone: &["phone"],
    hash: &["password"],
    confirmed: &[],
    phone_confirmed: &[],
    active: &[],
    locked: &[],
    user: &[],
    app: &[],
    without: &[],
    roles: None,
};

const LARAVEL: Shape = Shape {
    tables: &["users"],
    accounts: Some(SOCIALITE),
    confirmed: &["email_verified_at"],
    user: &[("name", "full_name")],
    without: &["deleted_at"],
    ..EMPTY
};

impl Framework {
    fn shape(self) -> Shape {
        match self {
            Self::Django => Shape {
                tables: &["auth_user"],
                // Of django-allauth.
                accounts: Some(Accounts {
                    tables: &["socialaccount_socialaccount"],
                    data: "extra_data",
                    beside: &[],
                }),
                active: &["is_active"],
                user: &[
                    ("username", "username"),
                    ("first_name", "first_name"),
                    ("last_name", "last_name"),
                ],
                app: &[("is_staff", "is_staff"), ("is_superuser", "is_superuser")],
                ..EMPTY
            },
            Self::Rails => Shape {
                tables: &["users"],
                hash: &["encrypted_password", "password_digest"],
                confirmed: &["confirmed_at"],
                user: &[
                    ("username", "username"),
                    ("name", "full_name"),
                    ("first_name", "first_name"),
                    ("last_name", "last_name"),
                ],
                app: &[("role", "role"), ("admin", "admin")],
                ..EMPTY
            },
            Self::Laravel => LARAVEL,
            Self::Symfony => Shape {
                tables: &["user", "users", "app_user", "app_users"],
                email: &["email", "username"],
                confirmed: &["is_verified"],
                active: &["enabled", "is_active"],
                user: &[("username", "username"), ("name", "full_name")],
                app: &[("roles", "roles")],
                ..EMPTY
            },
            Self::Spring => Shape {
                tables: &["users", "user", "app_user"],
                id: &["id", "username"],
                email: &["email", "username"],
                active: &["enabled"],
                user: &[("username", "username")],
                roles: Some((
                    "authorities",
                    "SELECT username AS who, authority AS role FROM authorities",
                )),
                ..EMPTY
            },
            Self::Aspnet => ASPNET,
            Self::Pocketbase => Shape {
                tables: &["users"],
                hash: &["password", "passwordHash"],
                confirmed: &["verified"],
                user: &[("username", "username"), ("name", "full_name")],
                ..EMPTY
            },
            Self::Wordpress => WORDPRESS,
            Self::Supabase => SUPABASE,
            Self::Firebase => EMPTY,
        }
    }
}

const WORDPRESS: Shape = Shape {
    tables: &["wp_users"],
    id: &["ID"],
    email: &["user_email"],
    hash: &["user_pass"],
    user: &[("user_login", "username"), ("display_name", "full_name")],
    roles: Some((
        "wp_usermeta",
        "SELECT user_id AS who, meta_value AS role FROM wp_usermeta \
         WHERE meta_key = 'wp_capabilities'",
    )),
    ..EMPTY
};

const ASPNET: Shape = Shape {
    tables: &["AspNetUsers"],
    id: &["Id"],
    email: &["Email", "UserName"],
    phone: &["PhoneNumber"],
    hash: &["PasswordHash"],
    confirmed: &["EmailConfirmed"],
    phone_confirmed: &["PhoneNumberConfirmed"],
    locked: &["LockoutEnd"],
    user: &[("UserName", "username")],
    roles: Some((
        "AspNetUserRoles",
        "SELECT u.\"UserId\" AS who, r.\"Name\" AS role FROM \"AspNetUserRoles\" u \
         JOIN \"AspNetRoles\" r ON r.\"Id\" = u.\"RoleId\"",
    )),
    ..EMPTY
};

const SUPABASE: Shape = Shape {
    accounts: Some(Accounts { tables: &["auth.identities"], data: "identity_data", beside: &[] }),
    tables: &["auth.users"],
    hash: &["encrypted_password"],
    confirmed: &["email_confirmed_at"],
    phone_confirmed: &["phone_confirmed_at"],
    locked: &["banned_until"],
    without: &["deleted_at", "is_anonymous", "is_sso_user"],
    ..EMPTY
};

/// Reads the users of a framework's database.
///
/// # Errors
/// A database that cannot be read, or has no such table.
pub(super) async fn read(framework: Framework, import: &Import) -> miette::Result<Found> {
    let shape = framework.shape();
    let source = Source::open(&import.source).await?;
    let names: Vec<&str> = match &import.table {
        Some(name) => vec![name.as_str()],
        None => shape.tables.to_vec(),
    };
    let mut table = None;
    for name in &names {
        table = source.table(name).await?;
        if table.is_some() {
            break;
        }
    }
    let Some(table) = table else {
        return Err(miette!(
            help = "name the table of users with --table",
            "there is no table {}",
            names.join(" or ")
        ));
    };
    let users = source.rows(&format!("SELECT * FROM {table}")).await?;
    let mut roles: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if let Some((name, query)) = shape.roles
        && source.table(name).await?.is_some()
    {
        for mut row in source.rows(query).await? {
            let who = row.remove("who").as_ref().and_then(id_text).unwrap_or_default();
            let role = row.remove("role").as_ref().and_then(id_text).unwrap_or_default();
            let each =
                if framework == Framework::Wordpress { capabilities(&role) } else { vec![role] };
            roles.entry(who).or_default().extend(each);
        }
    }
    let mut found = collect(framework, import, users, &roles);
    if let Some(accounts) = shape.accounts {
        accounts.link(&source, &mut found).await?;
    }
    Ok(found)
}

fn collect(
    framework: Framework,
    import: &Import,
    users: Vec<Map<String, Value>>,
    roles: &BTreeMap<String, Vec<String>>,
) -> Found {
    let shape = framework.shape();
    // Where nobody ever confirmed an address the project does not use that.
    let confirms = users.iter().any(|user| is_set(first(user, shape.confirmed)));
    let mut found = Found::default();
    if !confirms && users.iter().any(|user| first(user, shape.confirmed).is_some()) {
        let note = "no address is marked as confirmed: all of them count as confirmed";
        found.notes.push(note.to_owned());
    }
    for (number, user) in (1..).zip(users) {
        let place = format!("row {number}");
        if let Some(column) = shape.without.iter().find(|column| is_set(user.get(**column))) {
            let id = first(&user, shape.id).and_then(id_text).unwrap_or_default();
            found.skipped.push(format!("{place} ({id}): {column}"));
            continue;
        }
        let mut row = shape.row(place, &user, import);
        row.body.insert("email_confirm".to_owned(), {
            let confirmed = first(&user, shape.confirmed);
            json!(!confirms || confirmed.is_none() || is_set(confirmed))
        });
        let who = ["username"].iter().find_map(|name| user.get(*name)).and_then(id_text);
        let own = row.former_id.as_ref().and_then(|id| roles.get(id));
        let own = own.or_else(|| roles.get(&who?));
        if let (Some(own), Some(Value::Object(app))) = (own, row.body.get_mut("app_metadata")) {
            app.insert("roles".to_owned(), json!(own));
        }
        if let Some(accounts) = shape.accounts {
            let own = accounts.of_user(&user, &mut found);
            row.body.insert("identities".to_owned(), Value::Array(own));
        }
        found.rows.push(row);
    }
    found
}

impl Shape {
    fn row(&self, place: String, user: &Map<String, Value>, import: &Import) -> Row {
        let mut body = Map::new();
        for (name, columns) in [("email", self.email), ("phone", self.phone)] {
            if let Some(text) = first(user, columns).and_then(Value::as_str)
                && !text.trim().is_empty()
            {
                body.insert(name.to_owned(), json!(text));
            }
        }
        if let Some(hash) = first(user, self.hash).and_then(Value::as_str) {
            put_hash(&mut body, marked(hash, user, import));
        }
        let mut app = Map::new();
        let id = first(user, self.id).cloned().unwrap_or_default();
        let former_id = id_text(&id);
        put_id(&mut body, &mut app, id);
        let phone_confirmed = first(user, self.phone_confirmed);
        let phone_confirm = phone_confirmed.is_none() || is_set(phone_confirmed);
        body.insert("phone_confirm".to_owned(), json!(phone_confirm));
        let inactive = first(user, self.active).is_some_and(|active| !is_set(Some(active)));
        if inactive || first(user, self.locked).is_some_and(is_locked) {
            body.insert("ban_duration".to_owned(), json!(FOR_EVER));
        }
        let taken = |columns: &[(&str, &str)]| -> Map<String, Value> {
            let one = |(column, name): &(&str, &str)| {
                let value = user.get(*column).filter(|value| is_told(value))?;
                Some(((*name).to_owned(), parsed(value)))
            };
            columns.iter().filter_map(one).collect()
        };
        let mut own = taken(self.user);
        app.extend(taken(self.app));
        // Supabase's own columns hold what they are called here.
        own.extend(user.get("raw_user_meta_data").cloned().map(object_of).unwrap_or_default());
        let theirs = user.get("raw_app_meta_data").cloned().map(object_of).unwrap_or_default();
        app.extend(theirs.into_iter().filter(|(name, _)| !name.starts_with("provider")));
        if let Some(role) = user.get("role").filter(|_| user.contains_key("raw_app_meta_data")) {
            body.insert("role".to_owned(), role.clone());
        }
        body.insert("user_metadata".to_owned(), Value::Object(own));
        body.insert("app_metadata".to_owned(), Value::Object(app));
        Row { place, body, former_id }
    }
}

/// The hash, with a mark where it does not tell by itself how it was made.
fn marked(hash: &str, user: &Map<String, Value>, import: &Import) -> String {
    use base64::Engine as _;
    if let Some(pepper) = &import.pepper {
        return format!("$ext$devise,pepper={pepper}${hash}");
    }
    match (&import.hash, hash.starts_with('$')) {
        (Some(form), false) => {
            let salt = user.get("salt").and_then(Value::as_str).unwrap_or_default();
            let salt = base64::engine::general_purpose::STANDARD.encode(salt);
            format!("$ext${form},salt={salt}${hash}")
        }
        _ => hash.to_owned(),
    }
}

/// The value of the first of these columns that the row has.
fn first<'u>(user: &'u Map<String, Value>, columns: &[&str]) -> Option<&'u Value> {
    let mut known = columns.iter().filter_map(|column| user.get(*column));
    let filled = known.clone().find(|value| is_told(value));
    filled.or_else(|| known.next())
}

/// Is it more than nothing?
fn is_told(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

/// True, a number but zero, or any text (a time) but those that mean no.
fn is_set(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(set)) => *set,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !matches!(text.as_str(), "" | "0" | "f" | "false"),
        Some(Value::Array(_) | Value::Object(_)) => true,
    }
}

/// A time that has passed locks nobody any more.
fn is_locked(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return is_set(Some(value)) };
    let moment = text.replacen(' ', "T", 1);
    let zoned = moment.parse::<jiff::Timestamp>();
    let until = zoned.or_else(|_| format!("{moment}Z").parse::<jiff::Timestamp>());
    match until {
        Ok(until) => until > jiff::Timestamp::now(),
        Err(_) => !text.is_empty(),
    }
}

/// JSON that stands in a text column.
fn parsed(value: &Value) -> Value {
    let text = value.as_str().filter(|text| text.starts_with(['[', '{']));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

/// The roles of WordPress's serialised capabilities: `a:1:{s:6:"editor";b:1;}`.
fn capabilities(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('"').collect();
    let mut roles = Vec::new();
    for pair in parts.windows(2).skip(1).step_by(2) {
        if let [name, rest] = pair
            && rest.starts_with(";b:1")
        {
            roles.push((*name).to_owned());
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_wordpress_are_read() {
        let text = "a:3:{s:6:\"editor\";b:1;s:6:\"author\";b:0;s:13:\"shop_manager\";b:1;}";
        assert_eq!(capabilities(text), ["editor", "shop_manager"]);
        assert!(capabilities("a:0:{}").is_empty());
    }

    #[test]
    fn a_lock_that_has_ended_locks_nobody() {
        assert!(!is_locked(&json!("2001-01-01 00:00:00+00:00")));
        assert!(!is_locked(&json!("2001-01-01T00:00:00")));
        assert!(is_locked(&json!("2999-01-01 00:00:00+00:00")));
        assert!(!is_locked(&Value::Null));
    }
}
