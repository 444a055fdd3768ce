//! What registered functions see of the request whose statement is running on this thread.
//!
//! SQLite calls functions without telling for whom; so each run of a statement puts its frame in a
//! place of the thread, and takes it away afterwards.

use std::cell::{Cell, RefCell};

use backstay_executor::{Scope, Store};
use backstay_model::{Error, Result};

/// One running statement.
pub(crate) struct Frame<'a> {
    /// What expressions refer to.
    pub(crate) scope: &'a Scope<'a>,
    /// The transaction.
    pub(crate) store: &'a dyn Store,
    /// Errors of parameters, by their position; raised where the statement asks for them.
    pub(crate) failing: &'a [(usize, Error)],
    /// The first error of a function.
    raised: RefCell<Option<Error>>,
}

thread_local! {
    static CURRENT: Cell<*const Frame<'static>> = const { Cell::new(std::ptr::null()) };
}

/// Puts the frame before away and brings it back.
struct Restore(*const Frame<'static>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

impl<'a> Frame<'a> {
    /// A frame for one run of a statement.
    pub(crate) fn new(
        scope: &'a Scope<'a>,
        store: &'a dyn Store,
        failing: &'a [(usize, Error)],
    ) -> Self {
        Self { scope, store, failing, raised: RefCell::new(None) }
    }

    /// Runs `work` with this frame in place.
    pub(crate) fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        let pointer = std::ptr::from_ref(self).cast::<Frame<'static>>();
        let _restore = Restore(CURRENT.replace(pointer));
        work()
    }

    /// The error that a function left, if one did.
    pub(crate) fn take_raised(&self) -> Option<Error> {
        self.raised.borrow_mut().take()
    }
}

/// Computes a function's result in the current frame; an error is kept there, and SQLite is told
/// that there was one.
pub(crate) fn compute<R>(work: impl FnOnce(&Frame<'_>) -> Result<R>) -> rusqlite::Result<R> {
    let pointer = CURRENT.get();
    #[expect(unsafe_code, reason = "SQLite's callbacks carry no borrowed context")]
    // SAFETY: the pointer is null or was set by `enter` further up this thread's stack, which has
    // not returned, so the frame and all it borrows are alive; the lifetime is not let out.
    let frame = unsafe { pointer.as_ref() };
    let Some(frame) = frame else {
        return Err(failed("a function was called outside of a statement of ours"));
    };
    work(frame).map_err(|error| {
        let message = error.message.clone();
        frame.raised.borrow_mut().get_or_insert(error);
        failed(&message)
    })
}

fn failed(message: &str) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(message.to_owned().into())
}
