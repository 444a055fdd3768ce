//! The proof that something went through this room.

/// A plan, query or statement that has been authorized for one role. The field is private and there
/// is no other constructor than this room's.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorized<T>(T);

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
