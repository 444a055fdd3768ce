//! Bodies of the project's functions, authorized for whom they run as.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_executor::Bodies;
use backstay_expr::{FunctionId, Statement};
use backstay_model::{Error, Result};
use backstay_policy::{Caller, authorize_body};
use parking_lot::Mutex;

/// Limit: bodies that are kept.
const BODIES_MAX: usize = 1_000;

type Known = HashMap<(FunctionId, Caller), Arc<Vec<Statement>>>;

/// Authorized bodies of one version of the catalogue.
#[derive(Debug, Default)]
pub(crate) struct KnownBodies(Mutex<(u64, Known)>);

/// The bodies as one session sees them.
pub(crate) struct SessionBodies {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) caller: Caller,
    pub(crate) known: Arc<KnownBodies>,
}

impl Bodies for SessionBodies {
    fn body(&self, function: FunctionId, role: &str) -> Result<Arc<Vec<Statement>>> {
        let caller = Caller { role: role.to_owned(), enforcement: self.caller.enforcement };
        let key = (function, caller);
        {
            let mut known = self.known.0.lock();
            if known.0 != self.catalog.version || known.1.len() >= BODIES_MAX {
                *known = (self.catalog.version, Known::new());
            }
            if let Some(body) = known.1.get(&key) {
                return Ok(Arc::clone(body));
            }
        }
        let routine = self
            .catalog
            .routines
            .get(&function)
            .ok_or_else(|| Error::internal(format!("there is no function {}", function.0)))?;
        let body = authorize_body(&self.catalog, &key.1, routine)?;
        let body = Arc::new(body.get().clone());
        let mut known = self.known.0.lock();
        if known.0 == self.catalog.version {
            known.1.insert(key, Arc::clone(&body));
        }
        Ok(body)
    }
}
