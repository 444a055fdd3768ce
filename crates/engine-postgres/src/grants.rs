//! Grants that a migration made, told from those that came with an object.
//!
//! An access control list does not say whether an entry came by default privileges or by a `GRANT`,
//! and a `GRANT` of what is there already changes nothing. So what a migration grants is taken back
//! first, within the transaction; what the lists gain then is kept in a table, by oid. Only views and
//! functions with their owner's rights count (`api.require_rls`); a grant that somebody else made is
//! not known, and what it opened stays closed.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_catalog::{Acl, Catalog, Privilege};
use backstay_expr::{FunctionId, RelationId};
use tokio_postgres::{Client, Error};

/// An entry of a list: is it a relation's, whose, for whom, what.
type Entry = (bool, u32, String, String);

/// The table, and its columns in the order of [`Entry`].
const SCHEMA: &str = "supabase_migrations";
const TABLE: &str = "explicit_grants";

const LISTS: &str = "SELECT true, c.oid, CASE a.grantee WHEN 0 THEN 'public'
           ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END, a.privilege_type
    FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a WHERE c.relkind IN ('v', 'm')
    UNION ALL
    SELECT false, p.oid, CASE a.grantee WHEN 0 THEN 'public'
           ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END, a.privilege_type
    FROM pg_catalog.pg_proc p,
         pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
    WHERE p.prosecdef";

const INSERT: &str = "INSERT INTO supabase_migrations.explicit_grants
    SELECT * FROM unnest($1::bool[], $2::oid[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING";

/// What was granted while scripts ran.
#[derive(Debug, Default)]
pub(crate) struct Granted(BTreeSet<Entry>);

impl Granted {
    /// Takes back what a `GRANT` would give; the lists as they are then. `None` where that cannot be
    /// done, as others depend on it.
    pub(crate) async fn before(
        client: &Client,
        revocation: &str,
    ) -> Result<Option<BTreeSet<Entry>>, Error> {
        client.batch_execute("SAVEPOINT revocation").await?;
        if client.batch_execute(revocation).await.is_err() {
            client.batch_execute("ROLLBACK TO revocation").await?;
            return Ok(None);
        }
        lists(client).await.map(Some)
    }

    /// Notes what the lists have gained.
    pub(crate) async fn note(
        &mut self,
        client: &Client,
        before: &BTreeSet<Entry>,
    ) -> Result<(), Error> {
        let after = lists(client).await?;
        self.0.extend(after.difference(before).cloned());
        Ok(())
    }

    /// Keeps what was noted.
    pub(crate) async fn keep(&mut self, client: &Client, catalog: &Catalog) -> Result<(), Error> {
        if self.0.is_empty() || catalog.relation(SCHEMA, TABLE).is_none() {
            return Ok(());
        }
        let entries = std::mem::take(&mut self.0);
        let (mut of_relation, mut objects, mut grantees, mut privileges) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (is_relation, object, grantee, privilege) in entries {
            of_relation.push(is_relation);
            objects.push(object);
            grantees.push(grantee);
            privileges.push(privilege);
        }
        client.batch_execute("RESET ROLE").await?;
        client.execute(INSERT, &[&of_relation, &objects, &grantees, &privileges]).await?;
        Ok(())
    }
}

async fn lists(client: &Client) -> Result<BTreeSet<Entry>, Error> {
    let rows = client.query_typed(LISTS, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)))
        .collect()
}

/// Marks the entries of the catalogue that a migration granted.
pub(crate) async fn mark(client: &Client, catalog: &mut Catalog) -> Result<(), Error> {
    if catalog.relation(SCHEMA, TABLE).is_none() {
        return Ok(());
    }
    let all =
        "SELECT of_relation, object, grantee, privilege FROM supabase_migrations.explicit_grants";
    for row in client.query_typed(all, &[]).await? {
        let (object, grantee): (u32, String) = (row.try_get(1)?, row.try_get(2)?);
        let Some(privilege) = privilege(row.try_get(3)?) else { continue };
        let of_relation: bool = row.try_get(0)?;
        if of_relation {
            if let Some(relation) = catalog.relations.get_mut(&RelationId(object)) {
                mark_in(&mut Arc::make_mut(relation).acl, &grantee, privilege);
            }
        } else if let Some(routine) = catalog.routines.get_mut(&FunctionId(object)) {
            mark_in(&mut Arc::make_mut(routine).acl, &grantee, privilege);
        }
    }
    Ok(())
}

/// An entry that was revoked since is not there to be marked.
fn mark_in(acl: &mut Acl, grantee: &str, privilege: Privilege) {
    let entries = acl.0.iter_mut();
    entries
        .filter(|entry| entry.grantee == grantee && entry.privilege == privilege)
        .for_each(|entry| entry.by_default = false);
}

fn privilege(name: &str) -> Option<Privilege> {
    Some(match name {
        "SELECT" => Privilege::Select,
        "INSERT" => Privilege::Insert,
        "UPDATE" => Privilege::Update,
        "DELETE" => Privilege::Delete,
        "EXECUTE" => Privilege::Execute,
        _ => return None,
    })
}
