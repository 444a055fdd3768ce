//! The transaction in which a service of Backstay works on its tables.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_engine::{Effect, Prepared, Transaction};
use backstay_model::{Result, Value};

use crate::requests::Request;

/// A service's transaction over a running request.
pub(crate) struct ServiceTransaction<'r>(pub(crate) &'r Request<'r>);

impl Transaction for ServiceTransaction<'_> {
    fn catalog(&self) -> &Arc<Catalog> {
        self.0.catalog
    }

    fn run(&mut self, prepared: &Prepared, arguments: &[Value]) -> Result<Effect> {
        self.0.prepared(prepared.statement.get(), arguments)
    }
}
