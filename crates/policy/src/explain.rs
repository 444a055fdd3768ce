//! Why a caller may or may not touch rows of a relation: for people, who ask before they wonder.
//!
//! Nothing here lets anybody in; every request is authorized on its own.

use backstay_catalog::{Catalog, Policy, PolicyCommand, Privilege, Relation};
use backstay_model::Error;

use crate::Caller;
use crate::rights::Rights;
use crate::rows::is_for;

/// What stands between a caller and the rows of a relation.
#[derive(Debug)]
pub enum Gate<'c> {
    /// A right is missing: no row at all.
    Closed(Error),
    /// Every row, for this reason.
    Open(&'static str),
    /// What the row policies say.
    Policies(PoliciesOf<'c>),
}

/// The policies of a relation, for one command and role.
#[derive(Debug, Default)]
pub struct PoliciesOf<'c> {
    /// One of these must let a row in.
    pub permissive: Vec<&'c Policy>,
    /// All of these must let it in.
    pub restrictive: Vec<&'c Policy>,
    /// These are for other roles or commands.
    pub others: Vec<&'c Policy>,
}

/// What stands between the caller and the rows that `command` is to touch.
pub fn gate<'c>(
    catalog: &'c Catalog,
    caller: &Caller,
    relation: &'c Relation,
    command: PolicyCommand,
) -> Gate<'c> {
    let rights = Rights::of(catalog, caller);
    let privilege = match command {
        PolicyCommand::All | PolicyCommand::Select => Privilege::Select,
        PolicyCommand::Insert => Privilege::Insert,
        PolicyCommand::Update => Privilege::Update,
        PolicyCommand::Delete => Privilege::Delete,
    };
    let granted = if privilege == Privilege::Delete {
        rights.may_delete(relation)
    } else {
        rights.has_column(relation, privilege, 0)
    };
    let closed = rights.use_schema(catalog, &relation.schema).and_then(|()| {
        if granted {
            rights.open(relation)
        } else {
            Err(Error::permission_denied(relation.noun(), &relation.name))
        }
    });
    if let Err(error) = closed {
        return Gate::Closed(error);
    }
    if !relation.row_security {
        return Gate::Open("the table has no row level security");
    }
    if !rights.bound_by(catalog, relation) {
        return Gate::Open("row policies do not bind the role: it bypasses them or owns the table");
    }
    let mut found = PoliciesOf::default();
    let mut policies: Vec<&Policy> = relation.policies.iter().collect();
    policies.sort_by_key(|policy| &policy.name);
    for policy in policies {
        let list = match (is_for(policy, command, rights.roles()), policy.permissive) {
            (false, _) => &mut found.others,
            (true, true) => &mut found.permissive,
            (true, false) => &mut found.restrictive,
        };
        list.push(policy);
    }
    Gate::Policies(found)
}
