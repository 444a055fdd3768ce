//! What a request carries from statement to statement: its change events, and the foreign keys that
//! are tested only at its end.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use backstay_catalog::{Catalog, Event, SearchPath};
use backstay_expr::{FunctionId, RelationId, Statement};
use backstay_model::{Error, Result};
use backstay_pgsql::plpgsql::parse_routine;
use backstay_policy::Caller;

use crate::plpgsql::Compiled;

use crate::{Row, RowId};

/// Gives the statements of the project's functions.
pub trait Bodies {
    /// The authorized body of a function that runs with the rights of `role` (the owner's, for a
    /// function with `SECURITY DEFINER`).
    ///
    /// # Errors
    /// As authorizing raises (`42501`, `42P17`…).
    fn body(&self, function: FunctionId, role: &str) -> Result<Arc<Vec<Statement>>>;

    /// The body of a function in PL/pgSQL.
    ///
    /// # Errors
    /// As reading it raises (`42601`, `42704`…).
    fn program(&self, of: &ProgramOf<'_>) -> Result<Arc<Compiled>>;
}

/// Which body in PL/pgSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgramOf<'a> {
    /// The function.
    pub function: FunctionId,
    /// The role that it runs as.
    pub role: &'a str,
    /// The search path that it finds names on.
    pub path: &'a str,
    /// The trigger that calls it: its relation and name.
    pub trigger: Option<(RelationId, &'a str)>,
}

impl ProgramOf<'_> {
    /// Reads the body, for a caller with these rights.
    ///
    /// # Errors
    /// As [`Bodies::program`].
    pub fn read(&self, catalog: &Catalog, caller: Caller) -> Result<Compiled> {
        let missing = || Error::internal(format!("there is no function {}", self.function.0));
        let routine = catalog.routines.get(&self.function).ok_or_else(missing)?;
        let path = SearchPath::parse(self.path);
        let program = parse_routine(catalog, &path, routine)
            .map_err(|error| Error { position: None, ..error })?;
        let compiled = Compiled::new(program, path, caller);
        let Some((relation, name)) = self.trigger else { return Ok(compiled) };
        let relation = catalog.relations.get(&relation).ok_or_else(missing)?;
        let trigger = relation.triggers.iter().find(|known| known.name == name);
        let trigger = trigger.ok_or_else(missing)?;
        let (old, new) = (trigger.old_table.clone(), trigger.new_table.clone());
        Ok(compiled.with_tables(old, new, relation.row_type))
    }
}

/// What `RAISE NOTICE` and the like said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `NOTICE`, `WARNING`…
    pub level: &'static str,
    /// The message.
    pub message: String,
}

/// Limit: notices of a request that are kept.
const NOTICES_MAX: usize = 1_000;

/// What a running request offers to writes and to calls of functions.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Bodies of the project's functions.
    pub bodies: &'a dyn Bodies,
    /// What the request gathers.
    pub state: &'a WriteState,
    /// Writes are refused (`25006`).
    pub read_only: bool,
    /// How many functions are being called, one inside the other.
    pub depth: u32,
}

/// A row that a statement wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteEvent {
    /// The table.
    pub relation: RelationId,
    /// The row before; `None` if inserted.
    pub old: Option<Row>,
    /// The row afterwards; `None` if deleted.
    pub new: Option<Row>,
}

/// A test that was put off to the end of the request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Deferred {
    /// The stored row needs its parent.
    Child { relation: RelationId, key: String, id: RowId },
    /// No row may refer to the old key of this parent row any more.
    Parent { holder: RelationId, key: String, old: Row },
    /// No other row may have the unique key of this row.
    Unique { relation: RelationId, key: String, id: RowId },
    /// The constraint trigger fires for this row.
    Trigger {
        relation: RelationId,
        trigger: String,
        event: Event,
        old: Option<Row>,
        new: Option<Row>,
    },
}

/// What the writes of a request gather. Shared by the statements and functions of one request, all
/// on one thread.
#[derive(Debug, Default)]
pub struct WriteState {
    events: RefCell<Vec<WriteEvent>>,
    deferred: RefCell<Vec<Deferred>>,
    notices: RefCell<Vec<Notice>>,
    restarted: RefCell<Vec<(String, i64)>>,
    /// How many savepoints are open.
    savepoints: Cell<u32>,
}

/// Savepoints of bodies lie within those of requests.
const SAVEPOINTS_FROM: u32 = 1_000;

/// A point to which [`WriteState::cut_back`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    events: usize,
    deferred: usize,
}

impl WriteState {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the state is now; take one with each savepoint.
    pub fn mark(&self) -> Mark {
        Mark { events: self.events.borrow().len(), deferred: self.deferred.borrow().len() }
    }

    /// Forgets what came after the mark; call it when the savepoint is rolled back.
    pub fn cut_back(&self, mark: Mark) {
        self.events.borrow_mut().truncate(mark.events);
        self.deferred.borrow_mut().truncate(mark.deferred);
    }

    /// Takes the events out, in the order of the writes.
    pub fn take_events(&self) -> Vec<WriteEvent> {
        std::mem::take(&mut self.events.borrow_mut())
    }

    /// A sequence begins again; `next` is the number that it would have given.
    pub(crate) fn restart(&self, sequence: &str, next: i64) {
        self.restarted.borrow_mut().push((sequence.to_owned(), next));
    }

    /// The sequences that began again, with the numbers that they would have given, the last first:
    /// unlike numbers that were used, that is undone with the request.
    pub fn take_restarted(&self) -> Vec<(String, i64)> {
        let mut restarted = std::mem::take(&mut *self.restarted.borrow_mut());
        restarted.reverse();
        restarted
    }

    /// Keeps a message.
    pub(crate) fn notice(&self, level: &'static str, message: &str) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() < NOTICES_MAX {
            notices.push(Notice { level, message: message.to_owned() });
        }
    }

    /// Takes the messages out, in order.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.borrow_mut())
    }

    /// The depth of a new savepoint. Call [`WriteState::leave_savepoint`] when it is closed.
    pub fn enter_savepoint(&self) -> u32 {
        self.savepoints.set(self.savepoints.get() + 1);
        SAVEPOINTS_FROM + self.savepoints.get()
    }

    /// The last savepoint was closed.
    pub fn leave_savepoint(&self) {
        self.savepoints.set(self.savepoints.get().saturating_sub(1));
    }

    pub(crate) fn record(&self, event: WriteEvent) {
        self.events.borrow_mut().push(event);
    }

    pub(crate) fn defer(&self, test: Deferred) {
        self.deferred.borrow_mut().push(test);
    }

    pub(crate) fn take_deferred(&self) -> Vec<Deferred> {
        std::mem::take(&mut self.deferred.borrow_mut())
    }
}
