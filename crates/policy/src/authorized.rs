//! The proof that something went through this room.

use std::sync::Arc;

use backstay_model::Value;
use backstay_plan::{Cells, Plan};

/// A plan, query or statement that has been authorized for one role. The field is private and there
/// is no other constructor than this room's.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorized<T>(T);

impl Authorized<Plan> {
    /// The same operation with the values of another request. Rights do not depend on them: the
    /// rows that a caller may see or write are conditions and checks within the operation.
    #[must_use]
    pub fn with_values(&self, params: Vec<Value>, rows: Vec<Cells>) -> Self {
        Self(Plan { params, rows, operation: Arc::clone(&self.0.operation) })
    }
}

impl<T> Authorized<T> {
    /// Only `policy` makes one.
    pub(crate) fn new(inner: T) -> Self {
        Self(inner)
    }

    /// What was authorized.
    pub fn get(&self) -> &T {
        &self.0
    }
}
