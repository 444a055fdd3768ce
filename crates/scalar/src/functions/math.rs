//! Placeholder.

use crate::Table;

pub(super) fn register(_table: &mut Table) {}
