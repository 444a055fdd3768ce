//! `backstay doctor --policy TABLE --as USER`: which policy lets in or keeps out a row, in words.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use backstay_catalog::{Catalog, Policy, PolicyCommand, Relation};
use backstay_engine::Engine;
use backstay_policy::{Gate, PoliciesOf, gate};
use backstay_records::{Examined, Examiner, Outcome, Ruling, ServiceTables, Sql, Who};
use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde_json::{Map, Value, json};

use crate::host::open_beside;
use crate::log::say;
use crate::migrating::told;
use crate::project::Project;
use crate::serving::runtime;

/// What is asked.
#[derive(Args)]
#[group(requires_all = ["policy", "user"])]
pub(crate) struct Question {
    /// Explain the row policies of this table.
    #[arg(long, value_name = "TABLE", required = false)]
    policy: String,
    /// For whom: a user's id or address, or a role (`anon`).
    #[arg(long = "as", value_name = "USER", id = "user", required = false)]
    user: String,
    /// What they try.
    #[arg(long = "for", value_enum, value_name = "COMMAND", default_value_t = Attempt::Select)]
    attempt: Attempt,
    /// Only rows with this value in a column (`id=3`); may be repeated.
    #[arg(long, value_name = "COLUMN=VALUE")]
    row: Vec<String>,
    /// More claims of the user's token, as a JSON object.
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Attempt {
    Select,
    Insert,
    Update,
    Delete,
}

impl Attempt {
    /// The commands whose policies a row must pass: what is changed must be visible first.
    fn commands(self) -> &'static [PolicyCommand] {
        match self {
            Self::Select => &[PolicyCommand::Select],
            Self::Insert => &[PolicyCommand::Insert],
            Self::Update => &[PolicyCommand::Select, PolicyCommand::Update],
            Self::Delete => &[PolicyCommand::Select, PolicyCommand::Delete],
        }
    }
}

pub(super) fn run(folder: &Path, question: &Question) -> miette::Result<ExitCode> {
    let project = Project::open(folder)?;
    if !project.has_database() {
        return Err(miette!(
            help = "start it once with `backstay dev`, or run `backstay migrate up`",
            "the project has no database yet"
        ));
    }
    runtime()?.block_on(async {
        let engine = open_beside(&project).await?;
        let told = answer(&engine, &project, question).await;
        engine.close().await.into_diagnostic()?;
        say(&told?);
        Ok(ExitCode::SUCCESS)
    })
}

async fn answer(
    engine: &Arc<dyn Engine>,
    project: &Project,
    question: &Question,
) -> miette::Result<String> {
    let catalog = engine.catalog();
    let settings = &project.loaded.settings.api;
    let relation = find(&catalog, &settings.schemas, &question.policy)?;
    let wanted: Vec<(String, String)> = question
        .row
        .iter()
        .map(|pair| {
            let parts = pair.split_once('=').ok_or_else(|| miette!("`{pair}` is not COLUMN=VALUE"));
            parts.map(|(column, value)| (column.to_owned(), value.to_owned()))
        })
        .collect::<miette::Result<_>>()?;
    let (name, who) = who(engine, &catalog, question).await?;
    let examiner = Examiner::new(Arc::clone(engine), who, settings.require_rls);
    let mut lines = Vec::new();
    for command in question.attempt.commands() {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!(
            "May {name} (role {}) {} rows of {}.{}?",
            examiner.caller().role,
            verb(*command),
            relation.schema,
            relation.name
        ));
        match gate(&catalog, examiner.caller(), relation, *command) {
            Gate::Closed(error) => {
                lines.push(format!("None: {}.", error.message));
                lines.extend(error.hint);
                // What cannot be seen cannot be changed.
                break;
            }
            Gate::Open(reason) => lines.push(format!("All of them: {reason}.")),
            Gate::Policies(policies) => {
                lines.extend(listed(&policies, *command));
                let all: Vec<&Policy> =
                    policies.permissive.iter().chain(&policies.restrictive).copied().collect();
                let rows = examiner.examine(relation, *command, &all, &wanted).await;
                lines.extend(ruled(relation, *command, &rows.map_err(told)?));
            }
        }
    }
    Ok(lines.join("\n"))
}

fn verb(command: PolicyCommand) -> &'static str {
    match command {
        PolicyCommand::All | PolicyCommand::Select => "select",
        PolicyCommand::Insert => "insert",
        PolicyCommand::Update => "update",
        PolicyCommand::Delete => "delete",
    }
}

/// The table of this name, with its schema or in one of the exposed ones.
fn find<'c>(
    catalog: &'c Catalog,
    schemas: &[String],
    name: &str,
) -> miette::Result<&'c Arc<Relation>> {
    let found = match name.split_once('.') {
        Some((schema, name)) => catalog.relation(schema, name),
        None => schemas.iter().find_map(|schema| catalog.relation(schema, name)),
    };
    match found {
        None => Err(miette!("there is no table \"{name}\"")),
        Some(relation) if relation.view().is_some() => Err(miette!(
            help = "ask about the tables that it reads",
            "\"{name}\" is a view, which has no policies of its own"
        )),
        Some(relation) => Ok(relation),
    }
}

const USER: Sql =
    Sql("PREPARE doctor_user (text) AS SELECT u.id::text, u.role, u.email, u.phone, \
     u.raw_app_meta_data, u.raw_user_meta_data, u.is_anonymous::text FROM auth.users u \
     WHERE u.id::text = lower($1) OR lower(u.email) = lower($1)");

/// Who asks, for people and as their token would say it.
async fn who(
    engine: &Arc<dyn Engine>,
    catalog: &Catalog,
    question: &Question,
) -> miette::Result<(String, Who)> {
    let user = question.user.clone();
    let mut name = user.clone();
    let mut claims = Map::new();
    if catalog.roles.contains_key(&user) {
        claims.insert("role".to_owned(), json!(user));
        name = "anybody".to_owned();
    } else {
        let known = match catalog.relation("auth", "users") {
            Some(_) => account(engine, user.clone()).await?,
            None => None,
        };
        match known {
            Some(known) => claims = known,
            None if is_uuid(&user) => {
                claims.insert("sub".to_owned(), json!(user));
                claims.insert("role".to_owned(), json!("authenticated"));
                name = format!("{user}, who has no account,");
            }
            None => {
                return Err(miette!(
                    help = "name a user by id or address (`backstay user list`), or a role",
                    "there is no user and no role \"{user}\""
                ));
            }
        }
        claims.insert("aud".to_owned(), json!("authenticated"));
    }
    if let Some(more) = &question.claims {
        let more: Map<String, Value> = serde_json::from_str(more)
            .into_diagnostic()
            .wrap_err("`--claims` must be a JSON object")?;
        claims.extend(more);
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let who = Who {
        role: text("role").unwrap_or_else(|| "authenticated".to_owned()).into(),
        subject: text("sub").map(Into::into),
        claims: Value::Object(claims).to_string().into(),
        headers: "{}".into(),
        cookies: "{}".into(),
        held: None,
    };
    if !catalog.roles.contains_key(&*who.role) {
        return Err(miette!("there is no role \"{}\"", who.role));
    }
    Ok((name, who))
}

/// The claims of an account's token.
async fn account(
    engine: &Arc<dyn Engine>,
    user: String,
) -> miette::Result<Option<Map<String, Value>>> {
    let tables = ServiceTables::new(Arc::clone(engine), "doctor");
    let argument = backstay_model::Value::text(user);
    let row = tables.read(move |tx| tx.first(USER, std::slice::from_ref(&argument))).await;
    let Some(mut row) = row.map_err(told)? else { return Ok(None) };
    let mut claims = Map::new();
    for (at, claim) in ["sub", "role", "email", "phone"].into_iter().enumerate() {
        let value = row.take(at);
        claims.insert(claim.to_owned(), json!(value.as_str().unwrap_or_default()));
    }
    for (at, claim) in [(4, "app_metadata"), (5, "user_metadata"), (6, "is_anonymous")] {
        let value = row.take(at);
        let value = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        claims.insert(claim.to_owned(), value.unwrap_or_else(|| json!({})));
    }
    claims.insert("aal".to_owned(), json!("aal1"));
    Ok(Some(claims))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// The policies, one a line.
fn listed(policies: &PoliciesOf<'_>, command: PolicyCommand) -> Vec<String> {
    let mut lines = Vec::new();
    if policies.permissive.is_empty() {
        lines.push("No policy of this role and command lets rows in, so none is.".to_owned());
    }
    let clause = |policy: &Policy| {
        let check = policy.check_text.as_deref().filter(|_| command == PolicyCommand::Insert);
        one_line(check.or(policy.using_text.as_deref()).unwrap_or("true"))
    };
    for policy in &policies.permissive {
        lines.push(format!("  \"{}\" lets in rows with {}", policy.name, clause(policy)));
    }
    for policy in &policies.restrictive {
        lines.push(format!("  \"{}\" keeps out rows without {}", policy.name, clause(policy)));
    }
    for policy in &policies.others {
        let command =
            if policy.command == PolicyCommand::All { "all" } else { verb(policy.command) };
        let roles = policy.roles.join(", ");
        lines.push(format!("  \"{}\" does not count: it is for {command} to {roles}", policy.name));
    }
    if command == PolicyCommand::Update {
        let changed = policies.permissive.iter().chain(&policies.restrictive);
        let checks = changed.filter_map(|policy| Some((policy, policy.check_text.as_deref()?)));
        lines.extend(checks.map(|(policy, check)| {
            format!("  \"{}\" wants changed rows to have {}", policy.name, one_line(check))
        }));
    }
    lines
}

/// The rows with their answers.
fn ruled(relation: &Relation, command: PolicyCommand, rows: &[Examined]) -> Vec<String> {
    if rows.is_empty() {
        return vec!["There are no such rows.".to_owned()];
    }
    let mut lines = Vec::new();
    for examined in rows {
        let name = named(relation, examined);
        let like = if command == PolicyCommand::Insert { "a row like " } else { "" };
        if examined.is_let_in() {
            let by = examined.rulings.iter().filter(|one| one.permissive);
            let by: Vec<String> = by
                .filter(|ruling| ruling.outcome == Outcome::True)
                .map(|ruling| format!("\"{}\"", ruling.policy))
                .collect();
            lines.push(format!("{like}{name}: yes, let in by {}", by.join(" and ")));
            continue;
        }
        lines.push(format!("{like}{name}: no"));
        let some_permissive =
            examined.rulings.iter().any(|one| one.permissive && one.outcome == Outcome::True);
        for ruling in &examined.rulings {
            let matters =
                ruling.outcome != Outcome::True && !(ruling.permissive && some_permissive);
            if matters {
                lines.push(format!("  {}", reason(relation, examined, ruling)));
            }
        }
    }
    lines
}

/// Why a policy does not let a row in.
fn reason(relation: &Relation, examined: &Examined, ruling: &Ruling) -> String {
    let clause = one_line(ruling.clause.as_deref().unwrap_or("true"));
    let words: Vec<&str> = clause.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let values: Vec<String> = relation
        .columns
        .iter()
        .filter(|column| words.contains(&column.name.as_str()))
        .filter_map(|column| Some(format!("{} = {}", column.name, examined.row.get(&column.name)?)))
        .collect();
    let gave = match &ruling.outcome {
        Outcome::True => "true".to_owned(),
        Outcome::False => "false".to_owned(),
        Outcome::Null => "null".to_owned(),
        Outcome::Raised(error) => {
            return format!(
                "\"{}\" cannot be asked: {} ({})",
                ruling.policy, error.message, error.code
            );
        }
    };
    let with =
        if values.is_empty() { String::new() } else { format!(" with {}", values.join(", ")) };
    format!("\"{}\": {clause} is {gave}{with}", ruling.policy)
}

/// A clause without the lines that the migration or the database broke it into.
fn one_line(clause: &str) -> String {
    clause.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The row by its key.
fn named(relation: &Relation, examined: &Examined) -> String {
    let key = relation.primary_key.as_ref().map(|key| relation.column_names(&key.columns));
    let all = || relation.columns.iter().map(|column| column.name.as_str()).collect();
    let columns: Vec<&str> = key.unwrap_or_else(all);
    let parts: Vec<String> = columns
        .iter()
        .filter_map(|name| Some(format!("{name} = {}", examined.row.get(*name)?)))
        .collect();
    parts.join(", ")
}
