//! Plans by the shape of the request, so that a request like an earlier one is neither planned nor
//! authorized again: only its literals are read.

use std::num::NonZeroUsize;
use std::sync::Arc;

use backstay_model::Result;
use backstay_plan::{Plan, Recipe};
use backstay_policy::Authorized;
use backstay_rest::{Literals, Request, Shape};
use backstay_scalar::Environment;
use lru::LruCache;
use parking_lot::Mutex;

/// Limit: plans that are kept; about 8 MiB.
const TEMPLATES_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// What a plan depends on.
///
/// Invariant: everything that `plan`, `policy` and [`Shape::choose`] look at is in here or in the
/// settings of the data API, which do not change; claims, literals and the time are not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Of the catalogue.
    pub(crate) version: u64,
    /// Of the caller.
    pub(crate) role: Arc<str>,
    /// The request without its literals.
    pub(crate) request: Arc<Request>,
}

/// A plan for all requests of a shape.
#[derive(Debug)]
pub(crate) struct Template {
    /// The plan without values.
    pub(crate) plan: Authorized<Plan>,
    pub(crate) recipe: Recipe,
    pub(crate) shape: Arc<Shape>,
}

impl Template {
    /// The plan of a request of this shape.
    ///
    /// # Errors
    /// As reading a literal raises.
    pub(crate) fn plan(
        &self,
        literals: &Literals,
        env: &dyn Environment,
    ) -> Result<Authorized<Plan>> {
        let (params, rows) = self.recipe.values(literals, env)?;
        Ok(self.plan.with_values(params, rows))
    }
}

/// The plans of the newest shapes.
#[derive(Debug)]
pub(crate) struct Templates(Mutex<LruCache<Key, Arc<Template>>>);

impl Default for Templates {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(TEMPLATES_MAX)))
    }
}

impl Templates {
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Template>> {
        self.0.lock().get(key).map(Arc::clone)
    }

    pub(crate) fn put(&self, key: Key, template: Template) {
        self.0.lock().put(key, Arc::new(template));
    }
}
