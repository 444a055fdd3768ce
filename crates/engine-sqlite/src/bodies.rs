//! Bodies of the project's functions, authorized for whom they run as.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_executor::plpgsql::Compiled;
use backstay_executor::{Bodies, ProgramOf};
use backstay_expr::{FunctionId, RelationId, Statement};
use backstay_model::{Error, Result};
use backstay_policy::{Caller, authorize_body};
use parking_lot::Mutex;

/// Limit: bodies that are kept.
const BODIES_MAX: usize = 1_000;

/// Whose body: the function, the rights, the search path, and the trigger that calls it.
type ProgramKey = (FunctionId, Caller, String, Option<(RelationId, String)>);

#[derive(Debug, Default)]
struct Known {
    version: u64,
    bodies: HashMap<(FunctionId, Caller), Arc<Vec<Statement>>>,
    programs: HashMap<ProgramKey, Arc<Compiled>>,
}

/// Authorized bodies of one version of the catalogue.
#[derive(Debug, Default)]
pub(crate) struct KnownBodies(Mutex<Known>);

/// The bodies as one session sees them.
pub(crate) struct SessionBodies {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) caller: Caller,
    pub(crate) known: Arc<KnownBodies>,
}

impl SessionBodies {
    fn caller(&self, role: &str) -> Caller {
        Caller { role: role.into(), enforcement: self.caller.enforcement }
    }

    /// What is known of this version of the catalogue.
    fn with_known<R>(&self, look: impl FnOnce(&mut Known) -> R) -> R {
        let mut known = self.known.0.lock();
        let full = known.bodies.len().max(known.programs.len()) >= BODIES_MAX;
        if known.version != self.catalog.version || full {
            *known = Known { version: self.catalog.version, ..Known::default() };
        }
        look(&mut known)
    }
}

impl Bodies for SessionBodies {
    fn body(&self, function: FunctionId, role: &str) -> Result<Arc<Vec<Statement>>> {
        let key = (function, self.caller(role));
        if let Some(body) = self.with_known(|known| known.bodies.get(&key).cloned()) {
            return Ok(body);
        }
        let routine = self
            .catalog
            .routines
            .get(&function)
            .ok_or_else(|| Error::internal(format!("there is no function {}", function.0)))?;
        let body = authorize_body(&self.catalog, &key.1, routine)?;
        let body = Arc::new(body.get().clone());
        self.with_known(|known| known.bodies.insert(key, Arc::clone(&body)));
        Ok(body)
    }

    fn program(&self, of: &ProgramOf<'_>) -> Result<Arc<Compiled>> {
        let caller = self.caller(of.role);
        let trigger = of.trigger.map(|(relation, name)| (relation, name.to_owned()));
        let key = (of.function, caller.clone(), of.path.to_owned(), trigger);
        if let Some(program) = self.with_known(|known| known.programs.get(&key).cloned()) {
            return Ok(program);
        }
        let program = Arc::new(of.read(&self.catalog, caller)?);
        self.with_known(|known| known.programs.insert(key, Arc::clone(&program)));
        Ok(program)
    }
}
