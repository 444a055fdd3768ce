//! The catalogue: what a database holds, as PostgreSQL's system catalogues would tell it.
//!
//! Owns: [`Catalog`] and its objects (schemas, relations, columns, constraints, indexes, policies,
//! types, functions, sequences, roles, privileges).
//! May depend on: `model`, `expr`. Pure.
//!
//! Invariants: a catalogue is immutable once shared (`Arc<Catalog>`), each change makes a new
//! version; ids and attribute numbers are never reused, so a tree that was bound before a rename
//! still means the same; expressions in it are bound trees, their text is kept for people.

mod catalog;
mod change;
mod lookup;
mod media;
mod privileges;
mod relation;
mod routine;
mod trigger;
mod types;

pub use catalog::{Catalog, DefaultPrivileges, Role, Schema, Sequence};
pub use change::{Change, Work};
pub use lookup::{SearchPath, close_name};
pub use media::MediaAggregate;
pub use privileges::{Acl, AclEntry, PUBLIC, Privilege};
pub use relation::{
    CheckConstraint, Column, Exclusion, ForeignKey, Generated, HIDDEN, Identity, Index, IndexKey,
    KeptRows, KeyAction, KeyConstraint, NativeView, Policy, PolicyCommand, ROW, Relation,
    RelationKind, View, ViewBody,
};
pub use routine::{
    Argument, ArgumentMode, Body, Effects, Language, Returns, Routine, Uses, Volatility,
};
pub use trigger::{Event, Firing, OLD_ROW, Timing, Trigger, TriggerFunction};
pub use types::{Domain, TypeDefinition, TypeKind};
