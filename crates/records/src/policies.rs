//! What row policies say of rows that are there: each clause is evaluated by itself, for each row,
//! under the caller's role and claims.
//!
//! A clause is put to the database as the migration wrote it, over one row as a value, so that it is
//! the database that says what it gives: `SELECT (clause) FROM jsonb_populate_record(…) AS table`.
//! The rows are read as Backstay itself, since they are to be explained even where they are hidden.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{Policy, PolicyCommand, Relation, SearchPath};
use backstay_engine::{Access, Engine, Prepared, Session, Settings};
use backstay_model::{Error, Result, Value, quote_identifier};
use backstay_pgsql::bind_prepare;
use backstay_policy::{Caller, authorize_statement, authorize_stored};
use parking_lot::Mutex;

use crate::Who;

/// Limit: time of one look.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Limit: rows that are looked at when none is named.
const ROWS_MAX: usize = 20;

/// Asks a database what its row policies say.
pub struct Examiner {
    engine: Arc<dyn Engine>,
    who: Who,
    caller: Caller,
}

/// A row with what the policies say of it.
#[derive(Debug)]
pub struct Examined {
    /// The row.
    pub row: serde_json::Map<String, serde_json::Value>,
    /// What each policy says, in the order in which they were given.
    pub rulings: Vec<Ruling>,
}

/// What a policy says of a row.
#[derive(Debug)]
pub struct Ruling {
    /// The policy's name.
    pub policy: String,
    /// One that lets in, rather than one that every row must pass.
    pub permissive: bool,
    /// The clause, as the migration wrote it; `None` for one that says nothing and lets all in.
    pub clause: Option<String>,
    /// What it gave.
    pub outcome: Outcome,
}

/// What a clause gave.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// True: the policy lets the row in.
    True,
    /// False: it does not.
    False,
    /// Null, which lets nothing in.
    Null,
    /// It cannot be evaluated, and no request that needs it can.
    Raised(Error),
}

impl Examined {
    /// Do the policies together let the row in?
    pub fn is_let_in(&self) -> bool {
        let (permissive, restrictive): (Vec<&Ruling>, Vec<&Ruling>) =
            self.rulings.iter().partition(|ruling| ruling.permissive);
        permissive.iter().any(|ruling| ruling.outcome == Outcome::True)
            && restrictive.iter().all(|ruling| ruling.outcome == Outcome::True)
    }
}

impl Examiner {
    /// For this caller.
    pub fn new(engine: Arc<dyn Engine>, who: Who, require_row_security: bool) -> Self {
        let caller = Caller::role(who.role.clone(), require_row_security);
        Self { engine, who, caller }
    }

    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What these policies say for `command` of the rows whose columns have these values, in
    /// PostgreSQL's text form; without any, of the first rows in the order of the primary key.
    ///
    /// # Errors
    /// `42703` for a column that is not there; as the database raises when the rows are read.
    pub async fn examine(
        &self,
        relation: &Relation,
        command: PolicyCommand,
        policies: &[&Policy],
        wanted: &[(String, String)],
    ) -> Result<Vec<Examined>> {
        let mut examined = Vec::new();
        for text in self.rows(relation, wanted).await? {
            let row = serde_json::from_str(&text)
                .map_err(|error| Error::internal(format!("a row as JSON: {error}")))?;
            let mut rulings = Vec::new();
            for policy in policies {
                let clause = clause(policy, command);
                let outcome = match clause {
                    None => Outcome::True,
                    Some(clause) => self.rule(relation, clause, &text).await,
                };
                rulings.push(Ruling {
                    policy: policy.name.clone(),
                    permissive: policy.permissive,
                    clause: clause.map(str::to_owned),
                    outcome,
                });
            }
            examined.push(Examined { row, rulings });
        }
        Ok(examined)
    }

    /// The rows as JSON.
    async fn rows(&self, relation: &Relation, wanted: &[(String, String)]) -> Result<Vec<String>> {
        let mut conditions = Vec::new();
        for (at, (name, _)) in wanted.iter().enumerate() {
            if relation.column(name).is_none() {
                let message = format!("column {}.{name} does not exist", relation.name);
                return Err(Error::new("42703", message));
            }
            conditions.push(format!("(t.{})::text = ${}", quote_identifier(name), at + 1));
        }
        let key = relation.primary_key.as_ref().map_or(&[][..], |key| &key.columns);
        let order: Vec<String> = relation
            .column_names(key)
            .iter()
            .map(|name| format!("t.{}", quote_identifier(name)))
            .collect();
        let clause = |word: &str, parts: &[String], between: &str| match parts {
            [] => String::new(),
            parts => format!(" {word} {}", parts.join(between)),
        };
        let text = format!(
            "PREPARE rows{} AS SELECT pg_catalog.to_jsonb(t) FROM {} AS t{}{} LIMIT {ROWS_MAX}",
            parameters(wanted.len()),
            qualified(relation),
            clause("WHERE", &conditions, " AND "),
            clause("ORDER BY", &order, ", "),
        );
        let arguments: Vec<Value> = wanted.iter().map(|(_, value)| Value::text(value)).collect();
        let session = self.session(Caller::system("doctor"), Settings::default());
        let rows = self.run(session, &[], &text, arguments).await?;
        Ok(rows.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// What the clause gives for the row.
    async fn rule(&self, relation: &Relation, clause: &str, row: &str) -> Outcome {
        let text = format!(
            "PREPARE clause (text) AS SELECT ({clause}) FROM \
             pg_catalog.jsonb_populate_record(NULL::{}, $1::jsonb) AS {}",
            qualified(relation),
            quote_identifier(&relation.name)
        );
        let path = crate::who::search_path("public", &["extensions".to_owned()]);
        let settings = self.who.settings("GET", "/", path.into());
        // A database that keeps the rules itself is told in the transaction whose they are.
        let by_database = self.engine.capabilities().enforces_rules;
        let (session, before) = if by_database {
            let mut told: Vec<(String, String)> =
                settings.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
            // The role comes last: under it, fewer settings may be set.
            told.sort_by_key(|(name, _)| name == "role");
            (self.session(Caller::system("doctor"), Settings::default()), told)
        } else {
            (self.session(self.caller.clone(), settings), Vec::new())
        };
        match self.run(session, &before, &text, vec![Value::text(row)]).await {
            Err(error) => Outcome::Raised(error),
            Ok(mut values) => match values.pop() {
                Some(Value::Bool(true)) => Outcome::True,
                Some(Value::Bool(false)) => Outcome::False,
                _ => Outcome::Null,
            },
        }
    }

    fn session(&self, caller: Caller, settings: Settings) -> Session {
        Session { caller, settings: Arc::new(settings), statement_timeout: Some(TIME_MAX) }
    }

    /// Runs a statement of one output, after the settings, in a transaction of its own.
    async fn run(
        &self,
        session: Session,
        before: &[(String, String)],
        text: &str,
        arguments: Vec<Value>,
    ) -> Result<Vec<Value>> {
        let caller = session.caller.clone();
        let (text, before) = (text.to_owned(), before.to_vec());
        let found: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&found);
        let work = Box::new(move |running: &mut dyn backstay_engine::Transaction| {
            let catalog = Arc::clone(running.catalog());
            let prepare = |caller: &Caller, text: &str| -> Result<Prepared> {
                let bound = bind_prepare(&catalog, &SearchPath::of_migrations(), text)?;
                let authorize =
                    if before.is_empty() { authorize_stored } else { authorize_statement };
                let statement = authorize(&catalog, caller, bound.statement)?;
                let (name, text, parameters) = (bound.name, bound.text, bound.parameters);
                Ok(Prepared { name, text, parameters, statement })
            };
            // Bound first: afterwards the transaction has the caller's rights.
            let prepared = prepare(&caller, &text)?;
            for (name, value) in &before {
                let set = prepare(&caller, SET)?;
                let pair = [name, value].map(Value::text);
                running.run(&set, &pair)?;
            }
            let effect = running.run(&prepared, &arguments)?;
            *kept.lock() =
                effect.rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
            Ok(())
        });
        self.engine.transaction(session, Access::ReadOnly, work).await?;
        Ok(std::mem::take(&mut *found.lock()))
    }
}

const SET: &str = "PREPARE set (text, text) AS SELECT pg_catalog.set_config($1, $2, TRUE)";

/// The clause of a policy that rows are held against.
fn clause(policy: &Policy, command: PolicyCommand) -> Option<&str> {
    let check = policy.check_text.as_deref().filter(|_| command == PolicyCommand::Insert);
    check.or(policy.using_text.as_deref())
}

fn parameters(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" ({})", vec!["text"; count].join(", ")),
    }
}

fn qualified(relation: &Relation) -> String {
    format!("{}.{}", quote_identifier(&relation.schema), quote_identifier(&relation.name))
}
