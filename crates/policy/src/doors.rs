//! Plans for engines that enforce grants and row policies themselves.
//!
//! Nothing is expanded and no right is checked: the database does both, under the caller's role. What
//! it does not know is `api.require_rls`: which tables, views and functions are closed for want of
//! rules. That is looked at here, before the engine.

use std::sync::Arc;

use backstay_catalog::{Catalog, Privilege, Relation, Routine};
use backstay_expr::walk::{Rewriter, walk_expr, walk_from, walk_statement};
use backstay_expr::{Expr, From, FunctionId, RelationId};
use backstay_model::{Error, Result};
use backstay_plan::{Operation, Plan};

use crate::authorize::{each_of_call, each_of_node, each_of_read};
use crate::rights::Rights;
use crate::{Authorized, Caller};

/// Authorizes a plan for a caller whose rights the database enforces itself.
///
/// # Errors
/// `42501` for what is closed for want of rules.
pub fn authorize_for_database(
    catalog: &Catalog,
    caller: &Caller,
    mut plan: Plan,
) -> Result<Authorized<Plan>> {
    let rights = Rights::of(catalog, caller);
    if rights.wants_rules() {
        let mut doors = Doors { catalog, rights, closed: Ok(()) };
        match Arc::make_mut(&mut plan.operation) {
            Operation::Read(read) => each_of_read(read, &mut doors),
            Operation::Write(write) => {
                doors.relation(write.relation);
                walk_statement(&mut doors, &mut write.statement);
                if let Some(node) = &mut write.representation {
                    each_of_node(node, &mut doors);
                }
            }
            Operation::Call(call) => {
                doors.function(call.function);
                each_of_call(call, &mut doors);
            }
        }
        doors.closed?;
    }
    Ok(Authorized::new(plan))
}

/// Looks at everything that a plan names; notes the first that is closed.
struct Doors<'a> {
    catalog: &'a Catalog,
    rights: Rights<'a>,
    closed: Result<()>,
}

impl Doors<'_> {
    fn relation(&mut self, id: RelationId) {
        if let (Ok(()), Some(relation)) = (&self.closed, self.catalog.relations.get(&id)) {
            self.closed = relation_door(&self.rights, relation);
        }
    }

    fn function(&mut self, id: FunctionId) {
        if let (Ok(()), Some(routine)) = (&self.closed, self.catalog.routines.get(&id)) {
            self.closed = function_door(&self.rights, routine);
        }
    }
}

/// Who has no right at all hears that from the database.
fn relation_door(rights: &Rights<'_>, relation: &Relation) -> Result<()> {
    let granted = [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete]
        .into_iter()
        .any(|privilege| rights.has_column(relation, privilege, 0));
    if granted { rights.open(relation) } else { Ok(()) }
}

fn function_door(rights: &Rights<'_>, routine: &Routine) -> Result<()> {
    match rights.execute(routine, true) {
        // Only the closed door has a remedy of ours.
        Err(error @ Error { hint: Some(_), .. }) => Err(error),
        _ => Ok(()),
    }
}

impl Rewriter for Doors<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        if let Expr::UserCall { function, .. } = expr {
            self.function(*function);
        }
        walk_expr(self, expr);
    }

    fn from(&mut self, from: &mut From) {
        if let From::Relation(scan) = from {
            self.relation(scan.relation);
        }
        walk_from(self, from);
    }
}
