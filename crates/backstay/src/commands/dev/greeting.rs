//! What `dev` prints at its start: where it is, the keys, and lines that answer already.

use backstay_http::App;
use backstay_records::Who;
use backstay_rest::Call;

use super::is_open;
use crate::host::Host;
use crate::log::say;
use crate::project::Project;

/// Prints it.
///
/// # Errors
/// If the keys cannot be shown.
pub(super) async fn say_hello(
    host: &Host,
    app: &App,
    project: &Project,
    url: &str,
) -> miette::Result<()> {
    let keys = host.keys()?;
    say(&format!("\n  {} on {}\n", project.title(), host.engine_name()));
    say(&format!("  URL             {url}"));
    say(&format!("  Documentation   {url}/docs"));
    say(&format!("  Mail            {url}/dev/mail"));
    say(&format!("  Publishable key {}", keys.publishable));
    say(&format!("  Secret key      {}", keys.secret));
    for note in &project.loaded.notes {
        say(&format!("  Note: {note}"));
    }
    if is_open(project) {
        say("  Note: other machines can reach this server; `backstay serve` is made for that.");
    }
    if !app.records.settings().require_row_security {
        warn_of_open_tables(host, project);
    }
    match table_to_show(app, host, project).await {
        Some((table, key)) => {
            let key = if key == Key::Publishable { &keys.publishable } else { &keys.secret };
            say("\n  Try it:\n");
            say(&format!("    curl '{url}/rest/v1/{table}?limit=5' -H 'apikey: {key}'\n"));
            say("    import { createClient } from '@supabase/supabase-js'");
            // Such lines end up in pages, where the secret key must never be.
            say(&format!("    const client = createClient('{url}', '{}')", keys.publishable));
            say(&format!(
                "    const {{ data, error }} = await client.from('{table}').select().limit(5)\n"
            ));
        }
        None => say("\n  There is no table yet: save a file like migrations/0001_first.sql.\n"),
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Publishable,
    Secret,
}

/// A table that shows rows to everybody, else one that shows rows to the service role, else any.
async fn table_to_show(app: &App, host: &Host, project: &Project) -> Option<(String, Key)> {
    let catalog = host.engine().catalog();
    let schema = project.loaded.settings.api.schemas.first()?;
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let names: Vec<String> = catalog
        .relations_in(schema)
        .map(|relation| relation.name.clone())
        .filter(|name| plain(name))
        .collect();
    for (role, key) in [("anon", Key::Publishable), ("service_role", Key::Secret)] {
        for name in &names {
            if has_rows(app, role, name).await {
                return Some((name.clone(), key));
            }
        }
    }
    names.into_iter().next().map(|name| (name, Key::Secret))
}

async fn has_rows(app: &App, role: &str, table: &str) -> bool {
    let who = Who {
        role: role.into(),
        claims: format!("{{\"role\":\"{role}\"}}").into(),
        subject: None,
        headers: "{}".into(),
        cookies: "{}".into(),
        held: None,
    };
    let query = Some("limit=1");
    let call = Call { method: "GET", path: table, query, headers: &[], body: b"".into() };
    let served = app.records.serve(call, &who).await;
    served.is_ok_and(|served| served.response.body != b"[]")
}

fn warn_of_open_tables(host: &Host, project: &Project) {
    let catalog = host.engine().catalog();
    let open: Vec<String> = project
        .loaded
        .settings
        .api
        .schemas
        .iter()
        .flat_map(|schema| catalog.relations_in(schema))
        .filter(|relation| relation.view().is_none() && !relation.row_security)
        .map(|relation| relation.name.clone())
        .collect();
    if !open.is_empty() {
        say(&format!(
            "  Warning: open to everybody, without row security: {} (api.require_rls is false)",
            open.join(", ")
        ));
    }
}
