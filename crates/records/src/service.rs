//! How a service of Backstay reads and writes its own tables: transactions of statements that are
//! written in PostgreSQL's SQL, bound once for each version of the catalogue.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{Catalog, SearchPath};
use backstay_engine::{Access, Engine, Prepared, Session, Transaction};
use backstay_model::{Error, Result, Type, Value};
use backstay_pgsql::bind_prepare;
use backstay_policy::{Caller, authorize_statement};
use parking_lot::Mutex;

/// How often work is done again because another transaction was in the way.
const ATTEMPTS_MAX: usize = 6;
/// Limit: time of a transaction.
const TRANSACTION_TIME_MAX: Duration = Duration::from_secs(8);

/// A statement: `PREPARE name (types) AS …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sql(pub &'static str);

/// The tables as one service sees them.
pub struct ServiceTables {
    engine: Arc<dyn Engine>,
    service: &'static str,
    statements: Arc<Mutex<Statements>>,
}

/// The statements that were bound, for one version of the catalogue.
#[derive(Default)]
struct Statements {
    version: u64,
    bound: HashMap<Cow<'static, str>, Arc<Prepared>>,
}

impl ServiceTables {
    /// The tables for the service of this name.
    pub fn new(engine: Arc<dyn Engine>, service: &'static str) -> Self {
        Self { engine, service, statements: Arc::default() }
    }

    /// Runs work that only reads, in one snapshot.
    ///
    /// # Errors
    /// As the work raises.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.run(Access::ReadOnly, work).await
    }

    /// Runs work that writes: all of it or nothing. It may run several times, so whatever it does
    /// beside its statements must wait until this is done.
    ///
    /// # Errors
    /// As the work raises; then nothing was written.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.run(Access::ReadWrite, work).await
    }

    async fn run<T, F>(&self, access: Access, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let work = Arc::new(Mutex::new(work));
        let mut attempt = 1;
        loop {
            let result: Arc<Mutex<Option<T>>> = Arc::default();
            let (work, kept) = (Arc::clone(&work), Arc::clone(&result));
            let (statements, service) = (Arc::clone(&self.statements), self.service);
            let once = Box::new(move |running: &mut dyn Transaction| {
                let mut tx = Tx { running, statements: &statements, service };
                let made = (work.lock())(&mut tx)?;
                *kept.lock() = Some(made);
                Ok(())
            });
            match self.engine.transaction(self.session(), access, once).await {
                Ok(()) => {
                    let made = result.lock().take();
                    return made.ok_or_else(|| Error::internal("work that was not done"));
                }
                Err(error) if attempt < ATTEMPTS_MAX && is_passing(&error) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn session(&self) -> Session {
        Session {
            caller: Caller::system(self.service),
            settings: Arc::default(),
            statement_timeout: Some(TRANSACTION_TIME_MAX),
        }
    }
}

/// Will it pass when tried again? A unique key that was free when the work looked is such a case:
/// another transaction took it meanwhile, and the next attempt sees that.
fn is_passing(error: &Error) -> bool {
    matches!(&*error.code, "40001" | "40P01" | "BKS409" | "23505")
}

/// A running transaction.
pub struct Tx<'t> {
    running: &'t mut dyn Transaction,
    statements: &'t Mutex<Statements>,
    service: &'static str,
}

impl Tx<'_> {
    /// The rows of a query or of `RETURNING`.
    ///
    /// # Errors
    /// As the statement raises.
    pub fn rows(&mut self, sql: Sql, arguments: &[Value]) -> Result<Vec<Row>> {
        let prepared = self.prepared(Cow::Borrowed(sql.0))?;
        let effect = self.running.run(&prepared, arguments)?;
        Ok(effect.rows.into_iter().map(Row).collect())
    }

    /// The first row, if there is any.
    ///
    /// # Errors
    /// As the statement raises.
    pub fn first(&mut self, sql: Sql, arguments: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, arguments)?.into_iter().next())
    }

    /// Runs a statement that writes; how many rows it wrote.
    ///
    /// # Errors
    /// As the statement raises.
    pub fn run(&mut self, sql: Sql, arguments: &[Value]) -> Result<u64> {
        let prepared = self.prepared(Cow::Borrowed(sql.0))?;
        Ok(self.running.run(&prepared, arguments)?.written)
    }

    /// Runs a statement that writes and whose text was made up, out of few that there can be: each is
    /// kept.
    ///
    /// # Errors
    /// As the statement raises.
    pub fn run_text(&mut self, sql: String, arguments: &[Value]) -> Result<u64> {
        let prepared = self.prepared(Cow::Owned(sql))?;
        Ok(self.running.run(&prepared, arguments)?.written)
    }

    /// Calls a function of the project that takes one JSON argument; what it answers, as JSON.
    ///
    /// # Errors
    /// `42883` if there is no such function, and as it raises.
    pub fn call(&mut self, schema: &str, name: &str, argument: &str) -> Result<Option<String>> {
        let text = call_text(self.running.catalog(), schema, name)?;
        let prepared = self.prepared(Cow::Owned(text))?;
        let effect = self.running.run(&prepared, &[Value::text(argument)])?;
        let answer = effect.rows.into_iter().next().map(|row| Row(row).take(0));
        Ok(match answer {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        })
    }

    fn prepared(&mut self, sql: Cow<'static, str>) -> Result<Arc<Prepared>> {
        let catalog = Arc::clone(self.running.catalog());
        let mut statements = self.statements.lock();
        if statements.version != catalog.version {
            *statements = Statements { version: catalog.version, bound: HashMap::new() };
        }
        if let Some(known) = statements.bound.get(&sql) {
            return Ok(Arc::clone(known));
        }
        let prepared = Arc::new(prepare(&catalog, self.service, &sql)?);
        statements.bound.insert(sql, Arc::clone(&prepared));
        Ok(prepared)
    }
}

/// The statement that calls the function of this name with one argument of JSON.
fn call_text(catalog: &Catalog, schema: &str, name: &str) -> Result<String> {
    let missing = || {
        let text = format!("function {schema}.{name}(jsonb) does not exist");
        Error::new("42883", text)
    };
    let takes_json = |ty: &Type| match ty {
        Type::Json => Some("json"),
        Type::Jsonb => Some("jsonb"),
        _ => None,
    };
    let (routine, ty) = catalog
        .routines_named(schema, name)
        .find_map(|routine| match routine.arguments.as_slice() {
            [one] => Some((routine, takes_json(&one.ty)?)),
            _ => None,
        })
        .ok_or_else(missing)?;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let call = format!("{}.{}($1::{ty})", quoted(schema), quoted(name));
    let cast = if routine.returns.ty == Type::Void { "" } else { "::text" };
    Ok(format!("PREPARE hook (text) AS SELECT {call}{cast}"))
}

/// Binds and authorizes a statement. Names are qualified, so that no schema of the project can take
/// their place.
fn prepare(catalog: &Catalog, service: &'static str, sql: &str) -> Result<Prepared> {
    let path = SearchPath(Vec::new());
    let bound = bind_prepare(catalog, &path, sql).map_err(|error| {
        Error::internal(format!("a statement of {service} cannot be bound: {error}: {sql}"))
    })?;
    let statement = authorize_statement(catalog, &Caller::system(service), bound.statement)?;
    Ok(Prepared { name: bound.name, text: bound.text, parameters: bound.parameters, statement })
}

/// A row of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(Vec<Value>);

impl Row {
    /// Takes the value of the column at this place (from 0) out of the row.
    pub fn take(&mut self, column: usize) -> Value {
        self.0.get_mut(column).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }
}
