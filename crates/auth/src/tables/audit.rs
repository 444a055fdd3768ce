//! `auth.audit_log_entries`: what happened to accounts.

use std::net::IpAddr;

use backstay_model::Result;
use backstay_records::{Sql, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::users::User;
use crate::values::{Columns, args};

const INSERT: Sql = Sql("PREPARE audit_insert (uuid, text, timestamptz, text) AS \
     INSERT INTO auth.audit_log_entries (instance_id, id, payload, created_at, ip_address) \
     VALUES ('00000000-0000-0000-0000-000000000000', $1, $2::json, $3, $4)");
const PAGE: Sql = Sql("PREPARE audit_page (bigint, bigint, text, text) AS \
     SELECT id, payload, created_at, ip_address FROM auth.audit_log_entries \
     WHERE $3 IS NULL OR position(lower($4) IN lower(payload ->> $3)) > 0 \
     ORDER BY created_at DESC, id LIMIT $1 OFFSET $2");
const COUNT: Sql =
    Sql("PREPARE audit_count (text, text) AS SELECT count(*) FROM auth.audit_log_entries \
     WHERE $1 IS NULL OR position(lower($2) IN lower(payload ->> $1)) > 0");

/// The log that an action belongs to.
fn log_type(action: &str) -> &'static str {
    match action {
        "login" | "login_failed" | "logout" | "invite_accepted" => "account",
        "user_signedup" | "user_invited" | "user_deleted" => "team",
        "token_revoked" | "token_refreshed" => "token",
        action if action.contains("factor") || action.contains("challenge") => "factor",
        _ => "user",
    }
}

/// Notes an action of a user.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    client: IpAddr,
    actor: &User,
    action: &str,
    traits: Option<Value>,
) -> Result<()> {
    let name = if actor.email.is_empty() { &actor.phone } else { &actor.email };
    let mut payload = json!({
        "actor_id": actor.id,
        "actor_username": name,
        "actor_via_sso": actor.is_sso,
        "action": action,
        "log_type": log_type(action),
    });
    if let Some(full_name) = actor.user_metadata.get("full_name").filter(|name| name.is_string()) {
        payload["actor_name"] = full_name.clone();
    }
    if let Some(traits) = traits {
        payload["traits"] = traits;
    }
    let now = crate::values::now();
    tx.run(INSERT, args![Uuid::new_v4(), payload.to_string(), now, client.to_string()]).map(|_| ())
}

/// A page of entries, the newest first, as JSON; and how many there are.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    limit: i64,
    offset: i64,
    query: Option<(&str, &str)>,
) -> Result<(Vec<Value>, i64)> {
    let (member, text) = (query.map(|query| query.0), query.map(|query| query.1));
    let rows = tx.rows(PAGE, args![limit, offset, member, text])?;
    let entries = rows.into_iter().map(|row| {
        let mut columns = Columns::of(row);
        json!({
            "id": columns.id(),
            "payload": columns.object(),
            "created_at": columns.time().map(|time| time.to_string()),
            "ip_address": columns.string(),
        })
    });
    let entries = entries.collect();
    let count = tx.first(COUNT, args![member, text])?;
    Ok((entries, count.map_or(0, |row| Columns::of(row).int())))
}
