//! PostgreSQL's type resolution: from operators and functions by name, and literals without a type,
//! to typed trees with every cast spelt out.
//!
//! Owns: [`Resolver`], which coerces, finds operators and functions, and chooses common types, with
//! PostgreSQL's rules (unknown literals, preferred types, implicit casts, polymorphic arguments)
//! and PostgreSQL's error texts.
//! May depend on: `model`, `expr`, `catalog`, `scalar`. Pure: no I/O, no clock, no async.
//!
//! Invariant: a tree made here calls functions of the table with exactly the types they declare,
//! and no argument of such a call has a domain type.

pub mod arrays;
pub mod coercion;
pub mod common;
pub mod comparison;
pub mod functions;
pub mod literal;
pub mod operators;

mod fold;
mod polymorphic;
mod selection;

#[cfg(test)]
mod tests;

pub use backstay_scalar::CastContext;
pub use functions::{Argument, FunctionMatch};
pub use literal::LiteralEnvironment;
pub use operators::{OperatorMatch, OperatorTarget};

use backstay_catalog::{Catalog, SearchPath};
use backstay_model::Type;

/// Resolves types against one catalogue. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Resolver<'c> {
    catalog: &'c Catalog,
    path: &'c SearchPath,
}

impl<'c> Resolver<'c> {
    /// A resolver that finds functions along `path`.
    pub fn new(catalog: &'c Catalog, path: &'c SearchPath) -> Self {
        Self { catalog, path }
    }

    /// The catalogue it looks into.
    pub fn catalog(&self) -> &'c Catalog {
        self.catalog
    }

    /// Where unqualified names are looked for.
    pub fn path(&self) -> &'c SearchPath {
        self.path
    }

    /// The type's name as messages show it.
    pub fn name(&self, ty: &Type) -> String {
        ty.name(self.catalog)
    }
}
