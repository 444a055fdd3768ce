//! Grants: may a role use this schema, relation, column, function?

use backstay_catalog::{Catalog, Privilege, Relation, Routine};
use backstay_model::{Error, Result};

use crate::renumber::Used;
use crate::{Caller, Enforcement};

/// A role with everything it is a member of, and what is enforced for it.
#[derive(Debug, Clone)]
pub(crate) struct Rights<'a> {
    /// The role.
    role: &'a str,
    /// The role and all whose rights it has.
    roles: Vec<&'a str>,
    enforcement: Enforcement,
    superuser: bool,
}

impl<'a> Rights<'a> {
    /// The rights of a caller.
    pub(crate) fn of(catalog: &'a Catalog, caller: &'a Caller) -> Self {
        Self::with(catalog, &caller.role, caller.enforcement)
    }

    /// The rights of another role under the same enforcement: an owner's.
    pub(crate) fn of_owner(&self, catalog: &'a Catalog, owner: &'a str) -> Self {
        Self::with(catalog, owner, self.enforcement)
    }

    fn with(catalog: &'a Catalog, role: &'a str, enforcement: Enforcement) -> Self {
        let superuser = catalog.roles.get(role).is_some_and(|role| role.superuser);
        Self { role, roles: catalog.inherited_roles_of(role), enforcement, superuser }
    }

    /// Is nothing checked at all?
    pub(crate) fn unlimited(&self) -> bool {
        self.superuser || self.enforcement == Enforcement::Nothing
    }

    /// The role and all it is a member of.
    pub(crate) fn roles(&self) -> &[&'a str] {
        &self.roles
    }

    fn owns(&self, owner: &str) -> bool {
        self.unlimited() || self.roles.contains(&owner)
    }

    /// Do the row policies of the relation bind this role?
    pub(crate) fn bound_by(&self, catalog: &Catalog, relation: &Relation) -> bool {
        relation.row_security
            && !self.unlimited()
            && !catalog.bypasses_row_security(self.role)
            && (relation.force_row_security || !self.owns(&relation.owner))
    }

    /// Is this a role to which things without rules of their own are closed?
    pub(crate) fn wants_rules(&self) -> bool {
        self.enforcement == Enforcement::Rules { require_row_security: true }
            && matches!(self.role, "anon" | "authenticated")
    }

    /// `USAGE` on a schema.
    pub(crate) fn use_schema(&self, catalog: &Catalog, schema: &str) -> Result<()> {
        let allowed = self.unlimited()
            || schema == "pg_catalog"
            || schema == "information_schema"
            || catalog.schemas.get(schema).is_some_and(|found| {
                self.owns(&found.owner) || found.acl.allows(&self.roles, Privilege::Usage)
            });
        if allowed { Ok(()) } else { Err(Error::permission_denied("schema", schema)) }
    }

    /// `SELECT` on what is read; a read of no column needs the right to any.
    pub(crate) fn read(&self, relation: &Relation, used: &Used) -> Result<()> {
        let granted = if used.whole {
            relation
                .columns
                .iter()
                .all(|column| self.has_column(relation, Privilege::Select, column.number))
        } else if used.any() {
            used.columns.iter().all(|column| self.has_column(relation, Privilege::Select, *column))
        } else {
            self.has_some(relation, Privilege::Select)
        };
        if granted { self.open(relation) } else { Err(denied(relation)) }
    }

    /// `INSERT` or `UPDATE` on the written columns; of none, the right to any.
    pub(crate) fn write(
        &self,
        relation: &Relation,
        privilege: Privilege,
        columns: &[u16],
    ) -> Result<()> {
        let granted = if columns.is_empty() {
            self.has_some(relation, privilege)
        } else {
            columns.iter().all(|column| self.has_column(relation, privilege, *column))
        };
        if granted { self.open(relation) } else { Err(denied(relation)) }
    }

    /// `DELETE`, which has no columns.
    pub(crate) fn delete(&self, relation: &Relation) -> Result<()> {
        if self.may_delete(relation) { self.open(relation) } else { Err(denied(relation)) }
    }

    /// `TRUNCATE`.
    pub(crate) fn truncate(&self, relation: &Relation) -> Result<()> {
        if self.owns(&relation.owner) || relation.acl.allows(&self.roles, Privilege::Truncate) {
            return self.open(relation);
        }
        Err(if relation.is_hidden() {
            let name = relation.name.rsplit('.').next().unwrap_or(&relation.name);
            Error::new("42501", format!("must be owner of materialized view {name}"))
        } else {
            denied(relation)
        })
    }

    /// Is `DELETE` granted?
    pub(crate) fn may_delete(&self, relation: &Relation) -> bool {
        self.owns(&relation.owner) || relation.acl.allows(&self.roles, Privilege::Delete)
    }

    /// Is the privilege granted on this column (0: on any)?
    pub(crate) fn has_column(
        &self,
        relation: &Relation,
        privilege: Privilege,
        column: u16,
    ) -> bool {
        self.owns(&relation.owner)
            || if column == 0 {
                self.has_some(relation, privilege)
            } else {
                relation.acl.allows_column(&self.roles, privilege, column)
            }
    }

    fn has_some(&self, relation: &Relation, privilege: Privilege) -> bool {
        self.owns(&relation.owner) || relation.acl.allows_any_column(&self.roles, privilege)
    }

    /// Is the relation closed for want of rules?
    pub(crate) fn open(&self, relation: &Relation) -> Result<()> {
        if !self.wants_rules() || self.owns(&relation.owner) {
            return Ok(());
        }
        match relation.view() {
            None if relation.row_security => Ok(()),
            None => Err(denied(relation).with_hint(format!(
                "The table has no row level security: run ALTER TABLE {}.{} ENABLE ROW LEVEL \
                 SECURITY and add a policy, or set api.require_rls = false.",
                relation.schema, relation.name
            ))),
            Some(view) if view.security_invoker => Ok(()),
            Some(_) if self.granted_explicitly(relation) => Ok(()),
            Some(_) => Err(denied(relation).with_hint(
                "The view reads with its owner's rights: create it WITH (security_invoker = true), \
                 grant it to the role in a migration, or set api.require_rls = false.",
            )),
        }
    }

    fn granted_explicitly(&self, relation: &Relation) -> bool {
        [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete]
            .into_iter()
            .any(|privilege| relation.acl.allows_explicitly(&self.roles, privilege))
    }

    /// `EXECUTE` on a function. `direct`: the request or a function body names it, rather than a
    /// policy or view that a migration wrote.
    pub(crate) fn execute(&self, routine: &Routine, direct: bool) -> Result<()> {
        let denied = || Error::permission_denied("function", &routine.name);
        if self.owns(&routine.owner) {
            return Ok(());
        }
        if !routine.acl.allows(&self.roles, Privilege::Execute) {
            return Err(denied());
        }
        let closed = direct
            && routine.security_definer
            && self.wants_rules()
            && !routine.acl.allows_explicitly(&self.roles, Privilege::Execute);
        if closed {
            return Err(denied().with_hint(
                "The function runs with its owner's rights: grant it to the role in a migration, \
                 or set api.require_rls = false.",
            ));
        }
        Ok(())
    }
}

fn denied(relation: &Relation) -> Error {
    Error::permission_denied(relation.noun(), &relation.name)
}

/// May the caller know of the relation or function with this name? A hint that names it is left
/// out otherwise.
pub fn visible(catalog: &Catalog, caller: &Caller, schema: &str, name: &str) -> bool {
    let rights = Rights::of(catalog, caller);
    if rights.use_schema(catalog, schema).is_err() {
        return false;
    }
    let relation = catalog.relation(schema, name).is_some_and(|relation| {
        rights.open(relation).is_ok()
            && [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete]
                .into_iter()
                .any(|privilege| rights.has_some(relation, privilege))
    });
    relation
        || catalog.routines_named(schema, name).any(|routine| rights.execute(routine, true).is_ok())
}

/// Takes the hint out of an error if it names what the caller may not know of.
pub fn without_hidden_names(catalog: &Catalog, caller: &Caller, mut error: Error) -> Error {
    let Some((schema, name)) = error.hint_names.take() else { return error };
    let known = visible(catalog, caller, &schema, &name)
        && error.hint_column.take().is_none_or(|column| {
            catalog
                .relation(&schema, &name)
                .is_some_and(|relation| column_visible(catalog, caller, relation, &column))
        });
    if !known {
        error.hint = None;
    }
    error
}

/// May the caller know of this column: read, insert or update it?
pub fn column_visible(
    catalog: &Catalog,
    caller: &Caller,
    relation: &Relation,
    column: &str,
) -> bool {
    let rights = Rights::of(catalog, caller);
    relation.column(column).is_some_and(|column| {
        [Privilege::Select, Privilege::Insert, Privilege::Update]
            .into_iter()
            .any(|privilege| rights.has_column(relation, privilege, column.number))
    })
}
