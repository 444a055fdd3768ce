//! Default privileges: the rights that new objects begin with.
//!
//! As in PostgreSQL an entry for all schemas replaces what is built in (functions may be executed and
//! types used by everybody), and entries for one schema add to that. So a revoke for one schema takes
//! nothing of the built-in rights away.

use backstay_catalog::{Acl, Catalog, DefaultPrivileges, PUBLIC, Privilege};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterDefaultPrivilegesStmt, DefElem, Node, ObjectType};

use super::Draft;
use super::grant::{asked, privileges_of};
use super::names::{no_schema, strings};
use super::role::role_names;
use super::sequence::elements;

/// The rights of a new object.
pub(super) fn privileges_of_new(catalog: &Catalog, owner: &str, schema: &str, object: char) -> Acl {
    let mut acl = Acl::default();
    let mut replaced = false;
    for entry in &catalog.default_privileges {
        if entry.owner != owner || entry.object != object {
            continue;
        }
        replaced |= entry.schema.is_none();
        if entry.schema.as_deref().is_none_or(|known| known == schema) && entry.grantee != owner {
            for privilege in &entry.privileges {
                acl.grant_by_default(&entry.grantee, *privilege);
            }
        }
    }
    if !replaced {
        for (grantee, privilege) in built_in(object) {
            acl.grant_by_default(grantee, *privilege);
        }
    }
    acl
}

fn built_in(object: char) -> &'static [(&'static str, Privilege)] {
    match object {
        'f' => &[(PUBLIC, Privilege::Execute)],
        'T' => &[(PUBLIC, Privilege::Usage)],
        _ => &[],
    }
}

fn list_of<'n>(options: &'n [Node], name: &str) -> Option<&'n [Node]> {
    let option: &DefElem = elements(options).find(|option| option.defname == name)?;
    match option.arg.as_deref()?.node.as_ref()? {
        NodeEnum::List(list) => Some(&list.items),
        _ => None,
    }
}

/// `ALTER DEFAULT PRIVILEGES`.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterDefaultPrivilegesStmt) -> Result<()> {
    let action = stmt
        .action
        .as_ref()
        .ok_or_else(|| Error::internal("ALTER DEFAULT PRIVILEGES without an action"))?;
    let owners = match list_of(&stmt.options, "roles") {
        Some(roles) => role_names(draft, roles)?,
        None => vec![draft.session.role.clone()],
    };
    let schemas: Vec<Option<String>> = match list_of(&stmt.options, "schemas") {
        Some(names) => strings(names).into_iter().map(|name| Some(name.to_owned())).collect(),
        None => vec![None],
    };
    for schema in schemas.iter().flatten() {
        if !draft.catalog.schemas.contains_key(schema) {
            return Err(no_schema(schema));
        }
    }
    let Some(object) = letter(action.objtype()) else {
        draft.notice("default rights on this kind of object are not kept");
        return Ok(());
    };
    let all = privileges_of(action.objtype()).unwrap_or_default();
    let privileges: Vec<Privilege> = asked(&action.privileges, all, "default privileges")?
        .into_iter()
        .map(|(privilege, _)| privilege)
        .collect();
    let grantees = role_names(draft, &action.grantees)?;
    for owner in &owners {
        for schema in &schemas {
            for grantee in &grantees {
                let place = (owner.as_str(), schema.as_deref(), object);
                change(draft.edit(), place, grantee, (&privileges, action.is_grant));
            }
        }
    }
    Ok(())
}

fn letter(kind: ObjectType) -> Option<char> {
    match kind {
        ObjectType::ObjectTable => Some('r'),
        ObjectType::ObjectSequence => Some('S'),
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine | ObjectType::ObjectProcedure => {
            Some('f')
        }
        ObjectType::ObjectType => Some('T'),
        ObjectType::ObjectSchema => Some('n'),
        _ => None,
    }
}

fn change(
    catalog: &mut Catalog,
    (owner, schema, object): (&str, Option<&str>, char),
    grantee: &str,
    (privileges, is_grant): (&[Privilege], bool),
) {
    let entries = &mut catalog.default_privileges;
    let is_here = |entry: &DefaultPrivileges| {
        entry.owner == owner && entry.schema.as_deref() == schema && entry.object == object
    };
    let entry = |grantee: &str, privileges: Vec<Privilege>| DefaultPrivileges {
        owner: owner.to_owned(),
        schema: schema.map(str::to_owned),
        object,
        grantee: grantee.to_owned(),
        privileges,
    };
    if schema.is_none() && !entries.iter().any(is_here) {
        for (grantee, privilege) in built_in(object) {
            entries.push(entry(grantee, vec![*privilege]));
        }
    }
    let found = entries.iter_mut().find(|entry| is_here(entry) && entry.grantee == grantee);
    match (found, is_grant) {
        (Some(found), true) => {
            let new = privileges.iter().filter(|one| !found.privileges.contains(one));
            let new: Vec<Privilege> = new.copied().collect();
            found.privileges.extend(new);
        }
        (Some(found), false) => found.privileges.retain(|one| !privileges.contains(one)),
        (None, true) => entries.push(entry(grantee, privileges.to_vec())),
        (None, false) => {}
    }
    // An entry for all schemas stays when empty: it says that the built-in rights do not hold.
    entries.retain(|entry| entry.schema.is_none() || !entry.privileges.is_empty());
}
