//! What PostgreSQL's planner expects: execution plans for whoever asks, and estimated counts.

use std::pin::pin;

use backstay_engine::{Answer, Count, Explain};
use backstay_model::Error;
use futures_util::TryStreamExt as _;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::render::Counting;
use crate::run::Job;

/// `EXPLAIN (…) statement`.
pub(crate) fn statement(sql: &str, explain: &Explain) -> String {
    let mut options = vec![if explain.json { "FORMAT JSON" } else { "FORMAT TEXT" }];
    let known =
        |option: &&str| explain.options.iter().any(|asked| asked.eq_ignore_ascii_case(option));
    options
        .extend(["ANALYZE", "VERBOSE", "SETTINGS", "BUFFERS", "WAL"].iter().filter(|o| known(o)));
    format!("EXPLAIN ({}) {sql}", options.join(", "))
}

/// Fills in the number of all rows where it is not counted exactly.
pub(crate) async fn count(
    client: &Client,
    job: &Job<'_>,
    answer: &mut Answer,
) -> Result<(), Failure> {
    let Some(counting) = &job.rendered.count else { return Ok(()) };
    answer.total = Some(match job.options.count {
        Count::Exact => return Ok(()),
        Count::Planned => planned(client, job, counting).await?,
        Count::Estimated { exact_up_to } => {
            let seen = seen(client, job, counting, exact_up_to.saturating_add(1)).await?;
            if seen > exact_up_to { planned(client, job, counting).await?.max(seen) } else { seen }
        }
    });
    Ok(())
}

async fn first(client: &Client, sql: &str, job: &Job<'_>) -> Result<serde_json::Value, Failure> {
    let params = job.arguments.counting.iter().map(|param| (param, param.declared()));
    let mut stream = pin!(client.query_typed_raw(sql, params).await?);
    let row = stream.try_next().await?.ok_or_else(|| Error::internal("a count without a row"))?;
    let json: Json = row.try_get(0)?;
    while stream.try_next().await?.is_some() {}
    Ok(json.0)
}

/// The planner's estimate.
async fn planned(client: &Client, job: &Job<'_>, counting: &Counting) -> Result<u64, Failure> {
    let plan = first(client, &format!("EXPLAIN (FORMAT JSON) {}", counting.sql), job).await?;
    let rows = plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_u64);
    Ok(rows.ok_or_else(|| Error::internal("a plan that does not say how many rows it expects"))?)
}

/// How many rows there are, up to a number.
async fn seen(
    client: &Client,
    job: &Job<'_>,
    counting: &Counting,
    most: u64,
) -> Result<u64, Failure> {
    let sql = format!(
        "SELECT pg_catalog.to_json(pg_catalog.count(*)) FROM ({} LIMIT {most}) AS x",
        counting.sql
    );
    let rows = first(client, &sql, job).await?;
    Ok(rows.as_u64().ok_or_else(|| Error::internal("a count that is no number"))?)
}

/// JSON as the server wrote it.
struct Json(serde_json::Value);

impl<'a> tokio_postgres::types::FromSql<'a> for Json {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(serde_json::from_slice(raw)?))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}
