//! One request: begin, settings, statement and commit, sent together where nothing has to be looked
//! at in between, so that a read costs one round trip.
//!
//! Each part ends with its own synchronisation point: after a failure PostgreSQL refuses what follows
//! in the transaction and turns the commit into a rollback.

use std::pin::pin;
use std::sync::Arc;

use backstay_engine::{Answer, Format, Options};
use futures_util::TryStreamExt as _;
use futures_util::future::{join, join3};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, RowStream, Statement};

use crate::explain;
use crate::failure::{Failure, Remedy};
use crate::pool::Connection;
use crate::prepared::{Advice, Key};
use crate::render::{Argument, Arguments, Layout, Rendered};
use crate::transaction::Opening;

/// What functions and triggers may have left behind.
const LEFT_BEHIND: &str = "SELECT pg_catalog.current_setting('response.headers', TRUE), \
     pg_catalog.current_setting('response.status', TRUE), \
     pg_catalog.current_setting('backstay.updated', TRUE)";

/// What is done, as far as counting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Read,
    Insert,
    /// Update or delete.
    Change,
    Call,
}

/// A request that is ready to run.
pub(crate) struct Job<'j> {
    pub(crate) opening: &'j Opening,
    pub(crate) rendered: &'j Rendered,
    pub(crate) arguments: &'j Arguments,
    pub(crate) options: &'j Options,
    pub(crate) deed: Deed,
    pub(crate) read_only: bool,
    /// May statements be kept prepared?
    pub(crate) prepare: bool,
}

/// A statement as it is sent.
enum Sent<'s> {
    Text(&'s str),
    Prepared(Statement),
}

type Sql<T> = Result<T, tokio_postgres::Error>;

/// Runs a request. Afterwards no transaction is open, unless the connection broke.
///
/// # Errors
/// As PostgreSQL raises, or the check of the options.
pub(crate) async fn run(connection: &mut Connection, job: &Job<'_>) -> Result<Answer, Failure> {
    if let Some(explain) = &job.options.explain {
        let sql = explain::statement(&job.rendered.sql, explain);
        let lines = opened(connection, job, &sql).await;
        let lines = ended(connection, "ROLLBACK", lines).await?;
        return Ok(Answer { body: lines.into_bytes(), ..Answer::default() });
    }
    let at_once = job.read_only && job.rendered.count.is_none();
    let outcome = statement(connection, job, at_once).await;
    if at_once {
        let answer = answer(job, outcome?);
        (job.options.check)(&answer)?;
        return Ok(answer);
    }
    let outcome = match outcome {
        Ok(outcome) => {
            let mut answer = answer(job, outcome);
            let counted = explain::count(&connection.client, job, &mut answer).await;
            counted
                .and_then(|()| (job.options.check)(&answer).map_err(Failure::from))
                .map(|()| answer)
        }
        Err(failure) => Err(failure),
    };
    let end =
        if job.options.rollback { "SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK" } else { "COMMIT" };
    ended(connection, end, outcome).await
}

/// Ends the transaction: as said after success, with a rollback after a failure.
async fn ended<T>(
    connection: &mut Connection,
    end: &str,
    outcome: Result<T, Failure>,
) -> Result<T, Failure> {
    match outcome {
        Ok(done) => match connection.client.batch_execute(end).await {
            Ok(()) => Ok(done),
            Err(error) => {
                let mut failure = Failure::from(error);
                // Whether it was committed is not known: never again by itself.
                failure.remedy = Remedy::None;
                rollback(&connection.client).await;
                Err(failure)
            }
        },
        Err(failure) => {
            if failure.remedy != Remedy::Reconnect {
                rollback(&connection.client).await;
            }
            Err(failure)
        }
    }
}

async fn rollback(client: &Client) {
    if let Err(error) = client.batch_execute("ROLLBACK").await {
        // The connection is closed then, and the pool does not take it back.
        tracing::debug!(%error, "a transaction ended with its connection");
    }
}

/// What the statement gave.
#[derive(Default)]
struct Outcome {
    body: Vec<u8>,
    rows: u64,
    total: Option<u64>,
    affected: u64,
    location: Option<Vec<(String, Option<String>)>>,
    left: [Option<String>; 3],
}

/// Begins, sets, runs, and commits if `commit`.
async fn statement(
    connection: &mut Connection,
    job: &Job<'_>,
    commit: bool,
) -> Result<Outcome, Failure> {
    let settings = settings_statement(connection, job).await?;
    let key = Key {
        role: job.opening.role.clone(),
        search_path: job.opening.search_path.clone(),
        sql: Arc::clone(&job.rendered.sql),
    };
    let advice = if job.prepare { connection.prepared.advice(&key) } else { Advice::Text };
    let client = &connection.client;
    let body = |sent| async move {
        let left = async {
            let may_leave = job.rendered.runs_functions || job.options.before.is_some();
            if may_leave || job.deed != Deed::Read {
                left_behind(client).await
            } else {
                Ok([None, None, None])
            }
        };
        let (outcome, left) = join(collect(client, sent, job), left).await;
        let mut outcome = outcome?;
        outcome.left = left?;
        Ok::<_, Failure>(outcome)
    };
    let tail = async { if commit { client.batch_execute("COMMIT").await } else { Ok(()) } };
    let sent = match advice {
        Advice::Text => Sent::Text(&job.rendered.sql),
        Advice::Use(statement) => Sent::Prepared(statement),
        Advice::Prepare => {
            // It is prepared as the role: what it may not name, it may not prepare.
            let types: Vec<Type> = job.arguments.statement.iter().map(Argument::declared).collect();
            let prepare = client.prepare_typed(&job.rendered.sql, &types);
            let (opened, prepared) = join(open(client, job, settings), prepare).await;
            let prepared = opened.and(prepared);
            let statement = match prepared {
                Ok(statement) => statement,
                Err(error) => {
                    if commit {
                        rollback(client).await;
                    }
                    return Err(error.into());
                }
            };
            let (outcome, tail) = join(body(Sent::Prepared(statement.clone())), tail).await;
            connection.prepared.keep(key, statement);
            return outcome.and_then(|outcome| tail.map(|()| outcome).map_err(Failure::from));
        }
    };
    let (opened, outcome, tail) = join3(open(client, job, settings), body(sent), tail).await;
    opened?;
    let outcome = outcome?;
    tail?;
    Ok(outcome)
}

async fn open(client: &Client, job: &Job<'_>, settings: Sent<'_>) -> Sql<()> {
    let begin = client.batch_execute(&job.opening.begin);
    let settings = async {
        let stream = send(client, settings, job.opening.params.iter()).await?;
        drain(stream).await
    };
    let before = async {
        match &job.options.before {
            None => Ok(()),
            Some(before) => {
                let stream = send(client, Sent::Text(&before.text), std::iter::empty()).await?;
                drain(stream).await
            }
        }
    };
    let (begun, set, ran) = join3(begin, settings, before).await;
    begun.and(set).and(ran)
}

/// Begins, sets, and runs a text whose rows are lines.
async fn opened(connection: &mut Connection, job: &Job<'_>, sql: &str) -> Result<String, Failure> {
    let client = &connection.client;
    let params = job.arguments.statement.iter();
    let lines = async {
        let mut stream = pin!(send(client, Sent::Text(sql), params).await?);
        let mut lines = Vec::new();
        while let Some(row) = stream.try_next().await? {
            lines.push(text(row.try_get(0)?));
        }
        Ok::<_, tokio_postgres::Error>(lines.join("\n"))
    };
    let settings = Sent::Text(&job.opening.sql);
    let (opened, lines) = join(open(client, job, settings), lines).await;
    opened?;
    Ok(lines?)
}

/// The statement that sets the settings. Anybody may prepare it, outside of a transaction.
async fn settings_statement<'j>(connection: &mut Connection, job: &Job<'j>) -> Sql<Sent<'j>> {
    let sql = job.opening.sql.as_str();
    if !job.prepare {
        return Ok(Sent::Text(sql));
    }
    let key = Key { role: String::new(), search_path: String::new(), sql: Arc::from(sql) };
    Ok(Sent::Prepared(match connection.prepared.advice(&key) {
        Advice::Use(statement) => statement,
        Advice::Text | Advice::Prepare => {
            let types = vec![Type::TEXT; job.opening.params.len()];
            let statement = connection.client.prepare_typed(sql, &types).await?;
            connection.prepared.keep(key, statement.clone());
            statement
        }
    }))
}

async fn send<'p>(
    client: &Client,
    sent: Sent<'_>,
    params: impl ExactSizeIterator<Item = &'p Argument>,
) -> Sql<RowStream> {
    match sent {
        Sent::Prepared(statement) => client.query_raw(&statement, params).await,
        Sent::Text(sql) => {
            client.query_typed_raw(sql, params.map(|param| (param, param.declared()))).await
        }
    }
}

async fn drain(stream: RowStream) -> Sql<()> {
    let mut stream = pin!(stream);
    while stream.try_next().await?.is_some() {}
    Ok(())
}

async fn left_behind(client: &Client) -> Sql<[Option<String>; 3]> {
    let none = std::iter::empty();
    let mut stream = pin!(send(client, Sent::Text(LEFT_BEHIND), none).await?);
    let mut left = [None, None, None];
    while let Some(row) = stream.try_next().await? {
        for (index, setting) in left.iter_mut().enumerate() {
            *setting = row.try_get::<_, Option<String>>(index)?.filter(|value| !value.is_empty());
        }
    }
    Ok(left)
}

/// Runs the statement and gathers its rows.
async fn collect(client: &Client, sent: Sent<'_>, job: &Job<'_>) -> Sql<Outcome> {
    let params = job.arguments.statement.iter();
    let mut stream = pin!(send(client, sent, params).await?);
    let mut outcome = Outcome::default();
    let body = &mut outcome.body;
    match &job.rendered.layout {
        Layout::Affected | Layout::Void => while stream.try_next().await?.is_some() {},
        Layout::Location(key) => {
            while let Some(row) = stream.try_next().await? {
                outcome.affected = unsigned(row.try_get(0)?);
                if outcome.affected == 1 {
                    let texts = key.iter().enumerate();
                    let texts: Sql<Vec<_>> =
                        texts.map(|(at, name)| Ok((name.clone(), row.try_get(at + 1)?))).collect();
                    outcome.location = Some(texts?);
                }
            }
            return Ok(outcome);
        }
        Layout::Whole { total } => {
            while let Some(row) = stream.try_next().await? {
                body.extend_from_slice(
                    row.try_get::<_, Option<Raw<'_>>>(0)?.map_or(&[], |raw| raw.0),
                );
                outcome.rows = unsigned(row.try_get(1)?);
                if *total {
                    outcome.total = Some(unsigned(row.try_get(2)?));
                }
            }
        }
        Layout::Rows { total, array, header } => {
            let writing = Writing { format: job.options.format, array: *array, header };
            writing.begin(body);
            while let Some(row) = stream.try_next().await? {
                if *total {
                    outcome.total = Some(unsigned(row.try_get(1)?));
                }
                match row.try_get::<_, Option<Raw<'_>>>(0)? {
                    None if *total => {}
                    piece => {
                        writing.row(body, outcome.rows, piece.map(|raw| raw.0));
                        outcome.rows += 1;
                    }
                }
            }
            writing.end(body, outcome.rows);
        }
    }
    outcome.affected = stream.rows_affected().unwrap_or_default();
    Ok(outcome)
}

fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}

/// Rows as they stand in the answer.
struct Writing<'w> {
    format: Format,
    array: bool,
    header: &'w [String],
}

impl Writing<'_> {
    fn begin(&self, body: &mut Vec<u8>) {
        if self.format == Format::Json && self.array {
            body.push(b'[');
        }
    }

    fn row(&self, body: &mut Vec<u8>, before: u64, piece: Option<&[u8]>) {
        match self.format {
            Format::Json => {
                if before > 0 {
                    body.extend_from_slice(b",\n ");
                }
                body.extend_from_slice(piece.unwrap_or(b"null"));
            }
            Format::Csv => {
                if before == 0 {
                    body.extend_from_slice(self.header.join(",").as_bytes());
                }
                body.push(b'\n');
                // `(a,b)`: PostgreSQL's text of a row.
                let piece = piece.unwrap_or_default();
                body.extend_from_slice(
                    piece.get(1..piece.len().saturating_sub(1)).unwrap_or_default(),
                );
            }
            Format::Value | Format::Aggregate(_) => {
                body.extend_from_slice(piece.unwrap_or_default());
            }
        }
    }

    fn end(&self, body: &mut Vec<u8>, rows: u64) {
        match self.format {
            Format::Json if self.array => body.push(b']'),
            Format::Json if rows == 0 => body.extend_from_slice(b"null"),
            Format::Csv if rows == 0 => body.push(b'\n'),
            Format::Json | Format::Csv | Format::Value | Format::Aggregate(_) => {}
        }
    }
}

/// A value as it came, whatever its type: JSON and text are their own bytes.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

fn text(raw: Raw<'_>) -> String {
    String::from_utf8_lossy(raw.0).into_owned()
}

fn answer(job: &Job<'_>, outcome: Outcome) -> Answer {
    let [headers, status, updated] = outcome.left;
    let updated = updated.and_then(|updated| updated.parse().ok()).unwrap_or(0);
    let written = outcome.total.unwrap_or(outcome.affected);
    let (inserted, changed) = match job.deed {
        Deed::Read | Deed::Call => (0, 0),
        Deed::Insert => (written.saturating_sub(updated), updated),
        Deed::Change => (0, written),
    };
    let shows = matches!(job.rendered.layout, Layout::Rows { .. } | Layout::Whole { .. });
    let settings = [("response.headers", headers), ("response.status", status)];
    Answer {
        rows: match job.deed {
            _ if shows => outcome.rows,
            Deed::Insert | Deed::Change => written,
            Deed::Read | Deed::Call => 0,
        },
        body: outcome.body,
        total: if matches!(job.deed, Deed::Read | Deed::Call) { outcome.total } else { None },
        inserted,
        changed,
        location: outcome.location,
        response_settings: settings
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    }
}
