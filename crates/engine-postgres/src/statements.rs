//! Statements by the shape of the request, so that one like an earlier one is not rendered again.

use std::num::NonZeroUsize;
use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_model::Result;
use backstay_plan::{Operation, Plan};
use lru::LruCache;
use parking_lot::Mutex;

use crate::render::{Form, Rendered, render};

/// Limit: statements that are kept; about 4 MiB.
const STATEMENTS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// The statements of the newest shapes.
pub(crate) struct Statements(Mutex<LruCache<Address, Entry>>);

/// Requests of one shape share their operation: where it lies tells them from all others as long as
/// it is held, which the entry does.
#[derive(PartialEq, Eq, Hash)]
struct Address(usize, Form);

struct Entry {
    rendered: Arc<Rendered>,
    _operation: Arc<Operation>,
}

impl Default for Statements {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(STATEMENTS_MAX)))
    }
}

impl Statements {
    /// The statement of a plan.
    ///
    /// # Errors
    /// As rendering raises.
    pub(crate) fn of(&self, catalog: &Catalog, plan: &Plan, form: Form) -> Result<Arc<Rendered>> {
        // A row that leaves a column to the table makes another text of the same operation.
        let leaves = plan.rows.iter().flatten().any(Option::is_none);
        let address = Address(Arc::as_ptr(&plan.operation).addr(), form);
        if !leaves && let Some(entry) = self.0.lock().get(&address) {
            return Ok(Arc::clone(&entry.rendered));
        }
        let rendered = Arc::new(render(catalog, plan, form)?);
        if !rendered.depends_on_rows {
            let entry =
                Entry { rendered: Arc::clone(&rendered), _operation: Arc::clone(&plan.operation) };
            self.0.lock().put(address, entry);
        }
        Ok(rendered)
    }
}
