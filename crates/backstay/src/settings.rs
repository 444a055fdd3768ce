//! Settings: `backstay.toml`, overridden by `BACKSTAY_…` variables.
//!
//! Names follow `supabase/config.toml` where that has one. An unknown key or a bad value is an
//! error that points at it; nothing is ignored in silence.

mod auth;
mod bounds;
mod environment;
mod gotrue;
mod places;
mod supabase;

use std::collections::BTreeMap;
use std::path::Path;

use miette::{
    IntoDiagnostic, MietteDiagnostic, NamedSource, SourceSpan, WrapErr, diagnostic, miette,
};
use serde::{Deserialize, Serialize};

pub(crate) use auth::{Auth, BreachedPasswords, Captcha, HookTarget, RateLimit, Sms};
pub(crate) use places::Places;

/// The whole file. Every field has a default, so an empty file is a valid one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The project's name, in logs and documentation.
    pub(crate) project_id: String,
    /// `[server]`
    pub(crate) server: Server,
    /// `[database]`
    pub(crate) database: Database,
    /// `[api]`
    pub(crate) api: Api,
    /// `[auth]`
    pub(crate) auth: Auth,
    /// `[limits]`
    pub(crate) limits: Limits,
    /// `app.settings.*` for `current_setting`.
    pub(crate) app: BTreeMap<String, String>,
    /// `[db]`: where seeds lie.
    pub(crate) db: Db,
}

/// Where the server listens and what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Send `Server-Timing`.
    pub(crate) server_timing: bool,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<String>,
    /// `[server.tls]`
    pub(crate) tls: Tls,
    /// Port where plain HTTP is sent to TLS; 0 for none.
    pub(crate) http_redirect_port: u16,
    /// How long requests are still taken after the signal to stop, in milliseconds.
    pub(crate) shutdown_delay_ms: u64,
}

/// TLS, from files or from an authority.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// PEM file of the certificate and those between it and a root, relative to the project.
    pub(crate) cert: String,
    /// PEM file of its private key.
    pub(crate) key: String,
    /// `Strict-Transport-Security`, in seconds; 0: not sent.
    pub(crate) hsts_seconds: u64,
    /// `[server.tls.acme]`
    pub(crate) acme: Acme,
}

/// Certificates from an authority; off while there are no domains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Acme {
    /// Names that the certificate is for.
    pub(crate) domains: Vec<String>,
    /// Where the authority may write to, an e-mail address; may be empty.
    pub(crate) contact: String,
    /// The authority.
    pub(crate) directory: String,
}

impl Acme {
    /// Are certificates asked for?
    pub(crate) fn is_on(&self) -> bool {
        !self.domains.is_empty()
    }
}

/// The database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// Empty: embedded SQLite in `.backstay/`; `sqlite:PATH` elsewhere; `postgres://…`.
    pub(crate) url: String,
    /// When a write counts as done (SQLite).
    pub(crate) durability: Durability,
    /// Greatest number of connections (PostgreSQL).
    pub(crate) connections: usize,
    /// Requests that may wait for a connection (PostgreSQL).
    pub(crate) queue: usize,
    /// Time that a request waits for a connection, in milliseconds (PostgreSQL).
    pub(crate) queue_ms: u64,
    /// Keep statements prepared (PostgreSQL); off behind a pooler that does not allow it.
    pub(crate) prepared_statements: bool,
}

impl Database {
    /// Does the URL name a PostgreSQL database?
    pub(crate) fn is_postgres(&self) -> bool {
        is_postgres(&self.url)
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// When a write counts as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    /// It is on disk.
    #[default]
    Full,
    /// The system has it; a power loss may lose the last moments.
    Normal,
    /// For tests only: a power loss may corrupt the file.
    Off,
}

/// The data API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Api {
    /// Exposed schemas; the first is the default one.
    pub(crate) schemas: Vec<String>,
    /// Schemas where names are looked for behind the requested one.
    pub(crate) extra_search_path: Vec<String>,
    /// Greatest number of rows of an answer, at each level.
    pub(crate) max_rows: u64,
    /// Tables without row security are closed to `anon` and `authenticated`.
    pub(crate) require_rls: bool,
    /// Refuse requests without a key. Unset: in `serve` yes, in `dev` no.
    pub(crate) require_key: Option<bool>,
    /// Aggregate functions in `select`.
    pub(crate) aggregates: bool,
    /// Refuse `PATCH` and `DELETE` without a filter.
    pub(crate) require_filter: bool,
    /// `commit`, `commit-allow-override`, `rollback`, `rollback-allow-override`.
    pub(crate) tx_end: TxEnd,
    /// Execution plans on request (`Accept: application/vnd.pgrst.plan`).
    pub(crate) plan: bool,
    /// A function without arguments, `schema.name`, that runs before each request and may refuse it.
    pub(crate) pre_request: String,
    /// A function that answers reads of the root, `schema.name`, instead of the API's description.
    pub(crate) root_spec: String,
    /// Origins that browsers may call from; `*` for all.
    pub(crate) cors_origins: Vec<String>,
    /// API documentation: what the caller may use, everything, or nothing.
    pub(crate) openapi: OpenApiMode,
}

/// How a transaction ends, and whether a request may choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TxEnd {
    #[default]
    Commit,
    CommitAllowOverride,
    Rollback,
    RollbackAllowOverride,
}

/// What the API documentation shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OpenApiMode {
    #[default]
    FollowPrivileges,
    IgnorePrivileges,
    Disabled,
}

/// Limits. Each error that one of them causes names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Greatest request body, in bytes.
    pub(crate) body_bytes: usize,
    /// What all bodies that are worked on may take, in bytes of memory.
    pub(crate) bodies_bytes: usize,
    /// Greatest request target, in bytes.
    pub(crate) url_bytes: usize,
    /// Greatest size of all headers, in bytes.
    pub(crate) header_bytes: usize,
    /// Deepest nesting of embeds.
    pub(crate) embed_depth: usize,
    /// Greatest number of embeds.
    pub(crate) embeds: usize,
    /// Deepest nesting of `and`/`or`.
    pub(crate) logic_depth: usize,
    /// Longest list of a filter.
    pub(crate) list_elements: usize,
    /// Statement time of anonymous callers, in milliseconds; 0 for none.
    pub(crate) anon_statement_ms: u64,
    /// Statement time of everybody else, in milliseconds; 0 for none.
    pub(crate) statement_ms: u64,
    /// Greatest number of connections.
    pub(crate) connections: usize,
    /// Time that a request may take to arrive, in milliseconds.
    pub(crate) request_ms: u64,
    /// Time that a connection may be idle, in milliseconds.
    pub(crate) idle_ms: u64,
}

/// Seeds, as `config.toml` names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Db {
    /// Seed files, relative to the project.
    pub(crate) seed: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8000,
            server_timing: false,
            trusted_proxies: Vec::new(),
            tls: Tls::default(),
            http_redirect_port: 0,
            shutdown_delay_ms: 0,
        }
    }
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            contact: String::new(),
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: String::new(),
            durability: Durability::Full,
            connections: 20,
            queue: 1000,
            queue_ms: 10_000,
            prepared_statements: true,
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            schemas: names(&["public", "graphql_public"]),
            extra_search_path: names(&["public", "extensions"]),
            max_rows: 1000,
            require_rls: true,
            require_key: None,
            aggregates: false,
            require_filter: false,
            tx_end: TxEnd::Commit,
            plan: false,
            pre_request: String::new(),
            root_spec: String::new(),
            cors_origins: names(&["*"]),
            openapi: OpenApiMode::FollowPrivileges,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 10 * 1024 * 1024,
            bodies_bytes: 64 * 1024 * 1024,
            url_bytes: 60 * 1024,
            header_bytes: 32 * 1024,
            embed_depth: 32,
            embeds: 100,
            logic_depth: 64,
            list_elements: 10_000,
            anon_statement_ms: 3_000,
            statement_ms: 8_000,
            connections: 10_000,
            request_ms: 30_000,
            idle_ms: 75_000,
        }
    }
}

impl Default for Db {
    fn default() -> Self {
        Self { seed: vec!["seed.sql".to_owned()] }
    }
}

/// Settings with what the reader should know about them.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) settings: Settings,
    /// Things that were understood but deserve a word.
    pub(crate) notes: Vec<String>,
    /// Where each setting stands.
    pub(crate) places: Places,
}

/// Reads the settings of a project folder. `supabase` is the `config.toml` of a `supabase/` folder;
/// `backstay.toml`, if there is one too, outranks it; the environment outranks both.
///
/// # Errors
/// Unreadable or malformed files, unknown keys, bad values, each with its place.
pub(crate) fn load(
    file: &Path,
    supabase: Option<&Path>,
    variables: &BTreeMap<String, String>,
) -> miette::Result<Loaded> {
    let (mut notes, mut places) = (Vec::new(), Places::default());
    let ours = if file.exists() { Some(text_of(file)?) } else { None };
    if let Some(text) = &ours {
        places.add(file, text, false);
    }
    let mut table = match supabase {
        Some(path) => {
            let text = text_of(path)?;
            places.add(path, &text, true);
            supabase::read(path, &text, variables, &mut notes)?
        }
        None => toml::Table::new(),
    };
    if let Some(text) = &ours {
        // Deserialised by itself first, so that a mistake is shown in the file's own text.
        toml::from_str::<Settings>(text).map_err(|error| located(file, text, &error))?;
        merge(&mut table, toml::from_str(text).map_err(|error| located(file, text, &error))?);
    }
    for value in table.iter_mut().map(|(_, value)| value) {
        supabase::replace_variables(value, variables);
    }
    let overrides = environment::apply(&mut table, variables)?;
    if !overrides.is_empty() {
        let names: Vec<&str> = overrides.values().map(String::as_str).collect();
        notes.push(format!("set by the environment: {}", names.join(", ")));
    }
    notes.extend(environment::unread(variables)?);
    places.set_by(overrides);
    let mut settings = read(table).map_err(|mistake| places.show(mistake.into()))?;
    // Hosting platforms set it; a project that says where its database is knows better.
    if let (true, Some(url)) = (settings.database.url.is_empty(), variables.get("DATABASE_URL"))
        && is_postgres(url)
    {
        settings.database.url.clone_from(url);
        notes.push("the database is the one of DATABASE_URL".to_owned());
    }
    check_tls(&settings.server).map_err(|mistake| places.show(mistake.into()))?;
    Ok(Loaded { settings, notes, places })
}

fn text_of(file: &Path) -> miette::Result<String> {
    std::fs::read_to_string(file)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {}", file.display()))
}

/// The settings of a table.
///
/// # Errors
/// A key that is none, a value that means nothing.
fn read(table: toml::Table) -> Result<Settings, MietteDiagnostic> {
    let settings: Settings = toml::Value::Table(table)
        .try_into()
        .map_err(|error: toml::de::Error| diagnostic!("bad setting: {}", error.message()))?;
    check(&settings)?;
    Ok(settings)
}

fn located(file: &Path, text: &str, error: &toml::de::Error) -> miette::Report {
    let span = error.span().unwrap_or(0..0);
    let label = miette::LabeledSpan::new_with_span(
        Some("here".to_owned()),
        SourceSpan::from((
            span.start,
            span.len().max(1).min(text.len().saturating_sub(span.start)),
        )),
    );
    miette!(
        labels = vec![label],
        help = "docs/settings.md lists every setting",
        "{}",
        error.message()
    )
    .with_source_code(NamedSource::new(file.display().to_string(), text.to_owned()))
}

/// Puts `over` on top of `under`, table by table.
fn merge(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(more)) => merge(inner, more),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Sets the value at a dotted path.
fn put(table: &mut toml::Table, path: &str, value: toml::Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table
                .entry(section.to_owned())
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn check(settings: &Settings) -> Result<(), MietteDiagnostic> {
    bounds::check(settings)?;
    if settings.api.schemas.is_empty() {
        return Err(diagnostic!(
            help = "name at least one schema, for example [\"public\"]",
            "`api.schemas` is empty"
        ));
    }
    let secret = &settings.auth.jwt_secret;
    if !secret.is_empty() && secret.len() < 32 {
        return Err(diagnostic!(
            help = "use at least 32 random bytes, or leave it out: one is generated at first start",
            "`auth.jwt_secret` has {} bytes",
            secret.len()
        ));
    }
    let key = &settings.auth.encryption_key;
    if !key.is_empty() && key.len() < 32 {
        return Err(diagnostic!(
            help = "use at least 32 random bytes, or leave it out: one is generated at first start",
            "`auth.encryption_key` has {} bytes",
            key.len()
        ));
    }
    let codes = [("email", settings.auth.email.otp_length), ("sms", settings.auth.sms.otp_length)];
    if let Some((kind, digits)) = codes.into_iter().find(|(_, digits)| !(6..=10).contains(digits)) {
        return Err(diagnostic!(
            help = "fewer can be guessed, and more are not typed: use 6 to 10 digits",
            "`auth.{kind}.otp_length` is {digits}"
        ));
    }
    let url = &settings.database.url;
    if !url.is_empty() && !url.starts_with("sqlite:") && !is_postgres(url) {
        let scheme = url.split(':').next().unwrap_or_default();
        return Err(diagnostic!(
            help = "leave it empty for embedded SQLite, or write sqlite:PATH or postgres://…",
            "`database.url` names the engine `{scheme}`, which this version does not have"
        ));
    }
    Ok(())
}

fn check_tls(server: &Server) -> Result<(), MietteDiagnostic> {
    let tls = &server.tls;
    if tls.cert.is_empty() != tls.key.is_empty() {
        return Err(diagnostic!(
            help = "give both, or neither to speak plain HTTP",
            "`server.tls` has {} only",
            if tls.key.is_empty() { "`cert`" } else { "`key`" }
        ));
    }
    if tls.acme.is_on() {
        return check_acme(server);
    }
    if tls.cert.is_empty() && (tls.hsts_seconds > 0 || server.http_redirect_port > 0) {
        return Err(diagnostic!(
            help = "set `server.tls.cert` and `server.tls.key`, or `server.tls.acme.domains`; leave it out behind a proxy that does TLS",
            "`{}` needs TLS",
            if tls.hsts_seconds > 0 {
                "server.tls.hsts_seconds"
            } else {
                "server.http_redirect_port"
            }
        ));
    }
    Ok(())
}

fn check_acme(server: &Server) -> Result<(), MietteDiagnostic> {
    let Tls { cert, acme, .. } = &server.tls;
    if !cert.is_empty() {
        return Err(diagnostic!(
            help = "leave one of them out",
            "`server.tls.cert` and `server.tls.acme` both say where the certificate comes from"
        ));
    }
    if server.http_redirect_port == 0 {
        return Err(diagnostic!(
            help = "set it to 80: there the authority checks that the domains lead to this machine",
            "`server.tls.acme` needs `server.http_redirect_port`"
        ));
    }
    if !acme.directory.starts_with("https://") {
        return Err(diagnostic!(
            help = "write the address of the authority's directory, https://…",
            "`server.tls.acme.directory` is no https address"
        ));
    }
    if let Some(domain) = acme.domains.iter().find(|domain| !is_domain(domain)) {
        return Err(diagnostic!(
            help = "write names like blog.example.com; no addresses, ports or wildcards",
            "`server.tls.acme.domains` names `{domain}`, which no certificate can be had for"
        ));
    }
    Ok(())
}

fn is_domain(name: &str) -> bool {
    let letters = |label: &str| label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    name.contains('.')
        && name.split('.').all(|label| !label.is_empty() && letters(label))
        && name.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests;
