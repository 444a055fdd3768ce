//! Accounts at providers, as frameworks keep them: in a table of their own, or beside the user.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::source::Source;
use super::{Found, id_text, object_of};

/// Where a framework keeps accounts at providers.
#[derive(Clone, Copy)]
pub(super) struct Accounts {
    /// Usual names of the table; the first that there is is read.
    pub(super) tables: &'static [&'static str],
    /// The column of what the provider told, as JSON; empty: it stands in columns.
    pub(super) data: &'static str,
    /// Columns of the user's own table that hold an id, and the provider that gave it.
    pub(super) beside: &'static [(&'static str, &'static str)],
}

/// Columns that name the provider, and the user's id there; the first that a table has is taken.
const PROVIDER: [&str; 2] = ["provider", "provider_name"];
const ID: [&str; 5] = ["provider_id", "provider_user_id", "uid", "social_id", "id"];

/// What is taken of what a provider told, beside what this server keeps itself, by its names there.
const TOLD: [(&str, &str); 10] = [
    ("email", "email"),
    ("email_verified", "email_verified"),
    ("name", "name"),
    ("full_name", "full_name"),
    ("picture", "picture"),
    ("avatar_url", "avatar_url"),
    ("avatar", "avatar_url"),
    ("avatar_path", "avatar_url"),
    ("nickname", "user_name"),
    ("preferred_username", "preferred_username"),
];

impl Accounts {
    /// Gives the users their accounts.
    ///
    /// # Errors
    /// An unreadable table.
    pub(super) async fn link(self, source: &Source, found: &mut Found) -> miette::Result<()> {
        let mut of: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for name in self.tables {
            let Some(table) = source.table(name).await? else { continue };
            for row in source.rows(&format!("SELECT * FROM {table}")).await? {
                let (provider, id) = (text(&row, &PROVIDER), text(&row, &ID));
                let told = row.get(self.data).cloned().map(object_of);
                if let Some(one) = account(&provider, &id, &told.unwrap_or(row.clone()), found) {
                    of.entry(text(&row, &["user_id"])).or_default().push(one);
                }
            }
            break;
        }
        for row in &mut found.rows {
            let Some(all) = row.former_id.as_ref().and_then(|id| of.remove(id)) else { continue };
            let known = row.body.entry("identities").or_insert_with(|| json!([]));
            if let Value::Array(known) = known {
                // Kept in both places, the table tells more.
                let same = |one: &Value, other: &Value| {
                    one["provider"] == other["provider"] && one["id"] == other["id"]
                };
                known.retain(|one| !all.iter().any(|other| same(one, other)));
                known.extend(all);
            }
        }
        Ok(())
    }

    /// The accounts that stand beside a user.
    pub(super) fn of_user(self, user: &Map<String, Value>, found: &mut Found) -> Vec<Value> {
        let own = self.beside.iter().map(|&(column, provider)| {
            // A column of ids, or the pair of a provider and its id.
            let named =
                if provider.is_empty() { text(user, &PROVIDER) } else { provider.to_owned() };
            (named, text(user, &[column]))
        });
        let own: Vec<(String, String)> = own.collect();
        own.iter().filter_map(|(provider, id)| account(provider, id, &Map::new(), found)).collect()
    }
}

fn text(row: &Map<String, Value>, columns: &[&str]) -> String {
    let found = columns.iter().find_map(|column| row.get(*column));
    found.and_then(id_text).unwrap_or_default()
}

fn account(
    provider: &str,
    id: &str,
    told: &Map<String, Value>,
    found: &mut Found,
) -> Option<Value> {
    // Their own ways in come with the user; those of single sign-on are not there yet.
    if id.is_empty() || matches!(provider, "" | "email" | "phone") || provider.starts_with("sso:") {
        return None;
    }
    let provider = match provider {
        "linkedin-openid" => "linkedin_oidc",
        "slack-openid" => "slack_oidc",
        // Laravel's drivers ask for another id than tokens hold.
        "microsoft" => {
            let note = "accounts at microsoft are left out: their ids are not those of sign-in";
            if !found.notes.iter().any(|known| known == note) {
                found.notes.push(note.to_owned());
            }
            return None;
        }
        other => other,
    };
    let data: Map<String, Value> = TOLD
        .iter()
        .filter_map(|(theirs, ours)| {
            let value = told.get(*theirs).filter(|value| !value.is_null() && *value != "")?;
            Some(((*ours).to_owned(), value.clone()))
        })
        .collect();
    Some(json!({"provider": provider, "id": id, "identity_data": data}))
}
