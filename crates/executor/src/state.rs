//! What a request carries from statement to statement: its change events, and the foreign keys that
//! are tested only at its end.

use std::cell::RefCell;
use std::sync::Arc;

use backstay_expr::{FunctionId, RelationId, Statement};
use backstay_model::Result;

use crate::{Row, RowId};

/// Gives the statements of the project's functions.
pub trait Bodies {
    /// The authorized body of a function that runs with the rights of `role` (the owner's, for a
    /// function with `SECURITY DEFINER`).
    ///
    /// # Errors
    /// As authorizing raises (`42501`, `42P17`…).
    fn body(&self, function: FunctionId, role: &str) -> Result<Arc<Vec<Statement>>>;
}

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
}

/// What the writes of a request gather. Shared by the statements and functions of one request, all
/// on one thread.
#[derive(Debug, Default)]
pub struct WriteState {
    events: RefCell<Vec<WriteEvent>>,
    deferred: RefCell<Vec<Deferred>>,
}

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
