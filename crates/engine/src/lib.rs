//! What a database must be able to do for Backstay.
//!
//! Owns: the [`Engine`] trait with its requests ([`Session`], [`Options`]) and answers ([`Answer`]),
//! and the [`Transaction`] in which a service of Backstay works on its own tables.
//! May depend on: `model`, `expr`, `catalog`, `pgsql`, `plan`, `policy`.
//!
//! Invariants: an engine accepts nothing but [`Authorized`] plans; an answer to a write is given
//! only after its commit is durable; [`Transfer`] is for moving whole databases alone.

mod definitions;
mod settings;
mod transfer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{Catalog, Change};
use backstay_expr::Statement;
use backstay_model::{Error, Result, Type, Value};
use backstay_pgsql::DdlSession;
use backstay_pgsql::plpgsql::Program;
use backstay_plan::Plan;
use backstay_policy::{Authorized, Caller};

pub use definitions::{Definitions, OfExtensions, TableForm};
pub use settings::{LazyText, Setting, Settings};
pub use transfer::{Cells, Page, Position, Start, Transfer};

/// What to do about a statement that took longer than it may (`57014`), on every engine.
pub const STATEMENT_TIMEOUT_HINT: &str =
    "Ask for less, add an index, or raise limits.statement_ms (limits.anon_statement_ms).";

/// A future that an engine returns.
pub type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A database that holds a project.
pub trait Engine: Send + Sync {
    /// What it is and where, for people.
    fn name(&self) -> String;

    /// The role that it works as itself; callers' roles must be granted to it.
    fn login(&self) -> &str;

    /// What it does by itself.
    fn capabilities(&self) -> Capabilities;

    /// The catalogue as of now.
    fn catalog(&self) -> Arc<Catalog>;

    /// Runs an authorized plan in one transaction that was planned with `catalog`. If the catalogue
    /// has changed since, answers `Err` with code `BKS409` and nothing done: plan again.
    fn run<'a>(
        &'a self,
        session: &'a Session,
        catalog: &'a Arc<Catalog>,
        plan: &'a Arc<Authorized<Plan>>,
        options: Options,
    ) -> Running<'a, Answer>;

    /// Runs steps of schema changes and statements in one transaction: all or nothing. The new
    /// catalogue is visible to [`Engine::catalog`] when the future is ready.
    fn change(&self, session: Session, steps: Box<dyn Steps>) -> Running<'_, ()>;

    /// Runs the work of a service in one transaction and commits it, or leaves nothing of it if the
    /// work fails. Transactions that write are serializable: where another one is in the way, the
    /// answer is `40001` with nothing done, and the work may be run again.
    ///
    /// The work runs on a thread of the engine, where others may wait for it: it must not do
    /// anything slow beside its statements.
    fn transaction(&self, session: Session, access: Access, work: Work) -> Running<'_, ()>;

    /// Keeps others from changing the schema through Backstay until the guard is dropped; waits until
    /// they are done. A file that only one process can open needs no more.
    fn exclusive(&self) -> Running<'_, Exclusive> {
        Box::pin(async { Ok(Exclusive(Box::new(()))) })
    }

    /// Lets the database parse a statement without running it ([`Capabilities::runs_scripts`]).
    fn parse<'a>(&'a self, _statement: &'a str) -> Running<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// The texts of what the catalogue only names; nothing where it holds everything.
    fn definitions(&self) -> Running<'_, Definitions> {
        Box::pin(async { Ok(Definitions::default()) })
    }

    /// Whole tables in and out, where it can.
    fn transfer(&self) -> Option<&dyn Transfer> {
        None
    }

    /// Writes what is due to disk and closes; afterwards every call fails.
    fn close(&self) -> Running<'_, ()>;

    /// Numbers for `/metrics` and `doctor`: name and value.
    fn gauges(&self) -> Vec<(&'static str, f64)>;

    /// Checks the stored data: one finding a line, nothing when all is well.
    fn check(&self) -> Running<'_, Vec<String>>;
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read, in one snapshot.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// The work of a service: statements with decisions in between.
pub type Work = Box<dyn FnMut(&mut dyn Transaction) -> Result<()> + Send>;

/// A transaction that is running.
pub trait Transaction {
    /// The catalogue that holds in it.
    fn catalog(&self) -> &Arc<Catalog>;

    /// Runs a statement with these arguments.
    ///
    /// # Errors
    /// As the statement raises. Afterwards nothing more can be run, and the work must fail with it.
    fn run(&mut self, prepared: &Prepared, arguments: &[Value]) -> Result<Effect>;
}

/// A statement of a service, bound and authorized for one version of the catalogue.
#[derive(Debug)]
pub struct Prepared {
    /// Its name.
    pub name: String,
    /// What it does, in PostgreSQL's words, with `$1`, `$2`…: for a database that speaks them.
    pub text: String,
    /// Types of the parameters.
    pub parameters: Vec<Type>,
    /// What it does, for everyone else.
    pub statement: Authorized<Statement>,
}

/// What came of a statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effect {
    /// The rows of a query or of `RETURNING`.
    pub rows: Vec<Vec<Value>>,
    /// How many rows were written.
    pub written: u64,
}

/// What an engine does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Grants and row policies are the database's own: it runs each statement with the rights of the
    /// caller's role. Plans for it are authorized without expanding anything.
    pub enforces_rules: bool,
    /// It can tell how it would run a plan ([`Options::explain`]).
    pub explains: bool,
    /// Scripts in PostgreSQL's SQL run there as they are: their steps are [`Step::Script`].
    pub runs_scripts: bool,
}

/// A source of steps; each is made against the catalogue that the steps before it left.
pub trait Steps: Send {
    /// The next step, or `None` at the end.
    ///
    /// # Errors
    /// Ends the transaction: nothing of it remains.
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>>;

    /// Hears why a [`Placement::Optional`] script was undone.
    ///
    /// # Errors
    /// Ends the transaction.
    fn refused(&mut self, error: Error) -> Result<()> {
        Err(error)
    }
}

/// Held while the schema is changed; see [`Engine::exclusive`].
pub struct Exclusive(pub Box<dyn Send>);

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A change of the catalogue and the tables.
    Change(Box<Change>),
    /// A statement, with nothing enforced (migrations, seeds) or as a role (`SET ROLE` in them).
    Statement(Box<Authorized<Statement>>),
    /// A `DO` block: it runs step by step, and may change the schema.
    Block(Box<Block>),
    /// `SET name = value` for the rest of the steps.
    Setting(String, String),
    /// A statement that the database runs as it is; see [`Capabilities::runs_scripts`]. An error's
    /// position counts from its start.
    Script(String, Placement),
    /// A `GRANT` as such a script, with the `REVOKE` of the same. What it gives counts as given by a
    /// migration, even where it was there by default.
    Grant {
        /// The statement.
        text: String,
        /// Its opposite.
        revocation: String,
    },
}

/// How a script stands to the transaction of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Part of it.
    Inside,
    /// Outside: the steps before it are committed, those after it begin anew.
    Apart,
    /// Part of it; an error undoes this script only and goes to [`Steps::refused`].
    Optional,
}

/// A `DO` block that was read.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its body.
    pub program: Program,
    /// How names are found and who owns what is made.
    pub session: DdlSession,
    /// Whose rights hold.
    pub caller: Caller,
}

/// The request as functions, defaults and policies may see it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose rights.
    pub caller: Caller,
    /// Run-time settings at the start.
    pub settings: Arc<Settings>,
    /// How long the statement may run.
    pub statement_timeout: Option<Duration>,
}

/// Looks at what came of a plan while it can still be undone.
pub type Check = Box<dyn Fn(&Answer) -> Result<()> + Send + Sync>;

/// Something of the caller's that is dropped when nothing of the request is left.
pub type Held = Arc<dyn std::any::Any + Send + Sync>;

/// How a plan is run and its answer written.
pub struct Options {
    /// The form of the rows.
    pub format: Format,
    /// How rows are counted, if the plan counts. An engine without estimates counts exactly.
    pub count: Count,
    /// Tell how the plan would be run instead of its rows; nothing is committed.
    pub explain: Option<Explain>,
    /// Roll back at the end (`Prefer: tx=rollback`), answering as if committed.
    pub rollback: bool,
    /// Runs first, in the same transaction and with the caller's rights; an error ends the request
    /// (`api.pre_request`).
    pub before: Option<Arc<Prepared>>,
    /// Looked at after everything ran and before the commit; an error rolls back and is the answer.
    pub check: Check,
    /// Kept until the plan has run, though nobody may wait for it any more.
    pub held: Option<Held>,
}

impl Options {
    /// Rows in this form, counted exactly, whatever they are, committed.
    pub fn plain(format: Format) -> Self {
        Self {
            format,
            count: Count::Exact,
            explain: None,
            rollback: false,
            before: None,
            check: Box::new(|_| Ok(())),
            held: None,
        }
    }
}

/// The form of the rows in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A JSON array of objects (or of values, or a bare value, as the plan says).
    Json,
    /// CSV with a header line, in PostgreSQL's row text forms.
    Csv,
    /// The value of a called function, as it is.
    Value,
    /// The value of the aggregate of this number ([`Catalog::media_aggregates`]) over the rows, as it
    /// is. Only engines whose catalogue has such aggregates are asked.
    Aggregate(usize),
}

/// How rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One by one.
    Exact,
    /// As the planner expects.
    Planned,
    /// Exactly up to a number of rows, beyond that as the planner expects.
    Estimated {
        /// That number.
        exact_up_to: u64,
    },
}

/// How a plan's execution is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explain {
    /// As JSON rather than text.
    pub json: bool,
    /// Of `analyze`, `verbose`, `settings`, `buffers`, `wal`.
    pub options: Vec<String>,
}

/// What came of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The rows in the asked form: `[{…},\n {…}]`; empty if there is nothing to show.
    pub body: Vec<u8>,
    /// Rows in `body`; for a write without representation the rows written.
    pub rows: u64,
    /// All rows regardless of limit and offset, if the plan counts.
    pub total: Option<u64>,
    /// Rows that a write inserted.
    pub inserted: u64,
    /// Rows that a write updated or deleted.
    pub changed: u64,
    /// Text forms of the primary key of the one written row (`Location`), null as `None`.
    pub location: Option<Vec<(String, Option<String>)>>,
    /// `response.headers` and `response.status` as functions set them.
    pub response_settings: Vec<(String, String)>,
}
