//! The transaction in which a service of Backstay works on its tables: its statements go to the
//! server as they are written.
//!
//! The work is a plain function that waits for each answer, so it runs on a thread that may block.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_engine::{Access, Effect, Prepared, Session, Transaction, Work};
use backstay_expr::Statement;
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::io;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type as ServerType};

use crate::failure::Failure;
use crate::pool::{Lease, Pool};
use crate::render::{Argument, Forms};

/// Runs the work of a service in a transaction.
///
/// # Errors
/// As the work raises; `40001` where another transaction is in the way.
pub(crate) async fn transaction(
    pool: &Arc<Pool>,
    catalog: Arc<Catalog>,
    session: Session,
    access: Access,
    work: Work,
) -> Result<()> {
    let lease = pool.lease().await?;
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        blocking(lease, &catalog, (&session, access), work, &runtime)
    })
    .await
    .map_err(|error| Error::internal(format!("a service's transaction ended: {error}")))?
}

fn blocking(
    mut lease: Lease,
    catalog: &Arc<Catalog>,
    (session, access): (&Session, Access),
    mut work: Work,
    runtime: &Handle,
) -> Result<()> {
    // A lease that is dropped in the middle rolls back by itself.
    let client = &lease.connection()?.client;
    runtime.block_on(client.batch_execute(&begin(session, access))).map_err(told)?;
    let forms = Forms::new(catalog);
    let done = work(&mut ServiceTransaction { client, catalog, forms, runtime });
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    runtime.block_on(client.batch_execute(end)).map_err(told)?;
    lease.give_back();
    done
}

/// Functions and triggers of the project find what they would under the service's own role there.
fn begin(session: &Session, access: Access) -> String {
    let mode = match access {
        Access::ReadOnly => "REPEATABLE READ READ ONLY",
        Access::ReadWrite => "SERIALIZABLE",
    };
    let limit = session.statement_timeout.map_or(0, |limit| limit.as_millis());
    format!(
        "BEGIN ISOLATION LEVEL {mode}; SET LOCAL timezone = 'UTC'; SET LOCAL search_path = auth; \
         SET LOCAL statement_timeout = {limit}"
    )
}

struct ServiceTransaction<'t> {
    client: &'t Client,
    catalog: &'t Arc<Catalog>,
    forms: Forms<'t>,
    runtime: &'t Handle,
}

impl Transaction for ServiceTransaction<'_> {
    fn catalog(&self) -> &Arc<Catalog> {
        self.catalog
    }

    fn run(&mut self, prepared: &Prepared, arguments: &[Value]) -> Result<Effect> {
        let outputs = outputs(prepared.statement.get());
        let sql = asked(&prepared.text, outputs.len());
        let arguments: Vec<(Argument, ServerType)> = prepared
            .parameters
            .iter()
            .zip(arguments)
            .map(|(ty, value)| Ok((self.argument(ty, value)?, server_type(ty))))
            .collect::<Result<_>>()?;
        let arguments: Vec<(&(dyn ToSql + Sync), ServerType)> =
            arguments.iter().map(|(one, ty)| (one as &(dyn ToSql + Sync), ty.clone())).collect();
        let rows =
            self.runtime.block_on(self.client.query_typed(&sql, &arguments)).map_err(told)?;
        if outputs.is_empty() {
            let written: i64 = match rows.first() {
                Some(row) => row.try_get(0).map_err(told)?,
                None => 0,
            };
            return Ok(Effect { rows: Vec::new(), written: written.unsigned_abs() });
        }
        let rows = rows
            .iter()
            .map(|row| self.values(&outputs, row.try_get(0).map_err(told)?))
            .collect::<Result<Vec<_>>>()?;
        Ok(Effect { written: rows.len() as u64, rows })
    }
}

impl ServiceTransaction<'_> {
    fn argument(&self, ty: &Type, value: &Value) -> Result<Argument> {
        let text = if value.is_null() { None } else { Some(io::output(&self.forms, ty, value)?) };
        if text.as_deref().is_some_and(|text| text.contains('\0')) {
            return Err(Error::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
        }
        Ok(Argument { text, typed_by_context: false })
    }

    /// The values of a row that came as a JSON array.
    fn values(&self, types: &[Type], row: &str) -> Result<Vec<Value>> {
        let values: Vec<&RawValue> = serde_json::from_str(row)
            .map_err(|error| Error::internal(format!("a row of a service: {error}")))?;
        types
            .iter()
            .zip(values)
            .map(|(ty, value)| io::from_json(&self.forms, ty, None, value.get()))
            .collect()
    }
}

fn told(error: tokio_postgres::Error) -> Error {
    Failure::from(error).error
}

/// The types of what the statement gives.
fn outputs(statement: &Statement) -> Vec<Type> {
    statement.columns().into_iter().map(|(_, ty)| ty).collect()
}

/// The statement with its rows as JSON arrays, or, where it gives none, their number.
fn asked(text: &str, outputs: usize) -> String {
    if outputs == 0 {
        return format!("WITH done AS ({text} RETURNING 1) SELECT pg_catalog.count(*) FROM done");
    }
    let names: Vec<String> = (0..outputs).map(|at| format!("c{at}")).collect();
    let names = names.join(", ");
    format!(
        "WITH done ({names}) AS ({text}) \
         SELECT pg_catalog.json_build_array({names})::pg_catalog.text FROM done"
    )
}

fn server_type(ty: &Type) -> ServerType {
    match ty {
        Type::Uuid => ServerType::UUID,
        Type::Bool => ServerType::BOOL,
        Type::Int8 => ServerType::INT8,
        Type::Timestamp => ServerType::TIMESTAMP,
        Type::TimestampTz => ServerType::TIMESTAMPTZ,
        _ => ServerType::TEXT,
    }
}
