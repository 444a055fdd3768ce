//! Access control lists.

use serde::{Deserialize, Serialize};

/// The grantee that stands for every role.
pub const PUBLIC: &str = "public";

/// A privilege as `GRANT` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are PostgreSQL's")]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    Usage,
    Execute,
    Create,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    /// Role, or [`PUBLIC`].
    pub grantee: String,
    /// What is granted.
    pub privilege: Privilege,
    /// On one column (attribute number) only.
    pub column: Option<u16>,
    /// Came with the object's creation (default privileges, PostgreSQL's own defaults) rather than
    /// by a `GRANT` on it.
    #[serde(default)]
    pub by_default: bool,
}

/// All grants on one object. The owner needs none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Acl(pub Vec<AclEntry>);

impl Acl {
    /// Adds what `GRANT` says, once; what was there by default becomes explicit.
    pub fn grant(&mut self, grantee: &str, privilege: Privilege, column: Option<u16>) {
        self.add(AclEntry { grantee: grantee.to_owned(), privilege, column, by_default: false });
    }

    /// Adds what a new object gets without a `GRANT` on it, once.
    pub fn grant_by_default(&mut self, grantee: &str, privilege: Privilege) {
        self.add(AclEntry {
            grantee: grantee.to_owned(),
            privilege,
            column: None,
            by_default: true,
        });
    }

    fn add(&mut self, entry: AclEntry) {
        let known = self.0.iter_mut().find(|known| {
            known.grantee == entry.grantee
                && known.privilege == entry.privilege
                && known.column == entry.column
        });
        match known {
            Some(known) => known.by_default &= entry.by_default,
            None => self.0.push(entry),
        }
    }

    /// Takes a grant back. Revoking on the whole object takes the column grants too, as PostgreSQL.
    pub fn revoke(&mut self, grantee: &str, privilege: Privilege, column: Option<u16>) {
        self.0.retain(|entry| {
            !(entry.grantee == grantee
                && entry.privilege == privilege
                && (column.is_none() || entry.column == column))
        });
    }

    /// Is the privilege granted on the whole object to one of these roles (or to everybody)?
    pub fn allows(&self, roles: &[&str], privilege: Privilege) -> bool {
        self.0.iter().any(|entry| {
            entry.privilege == privilege && entry.column.is_none() && entry.is_for(roles)
        })
    }

    /// Is it granted on this column, by itself or through the whole object?
    pub fn allows_column(&self, roles: &[&str], privilege: Privilege, column: u16) -> bool {
        self.0.iter().any(|entry| {
            entry.privilege == privilege
                && entry.column.is_none_or(|granted| granted == column)
                && entry.is_for(roles)
        })
    }

    /// Was the privilege granted to one of these roles (or to everybody) by a `GRANT` on the object
    /// or on a column of it?
    pub fn allows_explicitly(&self, roles: &[&str], privilege: Privilege) -> bool {
        self.0
            .iter()
            .any(|entry| entry.privilege == privilege && !entry.by_default && entry.is_for(roles))
    }

    /// Is it granted on the whole object or on any column?
    pub fn allows_any_column(&self, roles: &[&str], privilege: Privilege) -> bool {
        self.0.iter().any(|entry| entry.privilege == privilege && entry.is_for(roles))
    }
}

impl AclEntry {
    fn is_for(&self, roles: &[&str]) -> bool {
        self.grantee == PUBLIC || roles.contains(&self.grantee.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_makes_a_default_explicit_and_never_the_other_way() {
        let mut acl = Acl::default();
        acl.grant_by_default("anon", Privilege::Select);
        assert!(acl.allows(&["anon"], Privilege::Select));
        assert!(!acl.allows_explicitly(&["anon"], Privilege::Select));
        acl.grant("anon", Privilege::Select, None);
        acl.grant_by_default("anon", Privilege::Select);
        assert!(acl.allows_explicitly(&["anon"], Privilege::Select));
        assert_eq!(acl.0.len(), 1);
    }
}
