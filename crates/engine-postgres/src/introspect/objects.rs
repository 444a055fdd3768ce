//! Schemas, roles, settings, default privileges, extensions, publications and sequences.

use backstay_catalog::{Catalog, DefaultPrivileges, Role, Schema, Sequence};
use backstay_expr::RelationId;
use tokio_postgres::{Error, Row};

use super::Rows;
use super::acl::{self, Object};
use super::types::Types;

/// Everything that needs no types.
pub(super) fn fill(catalog: &mut Catalog, rows: &Rows) -> Result<(), Error> {
    for row in &rows.default_privileges {
        for text in row.try_get::<_, Vec<String>>("acl")? {
            let item = acl::item(&text);
            catalog.default_privileges.push(DefaultPrivileges {
                owner: row.try_get("owner")?,
                schema: row.try_get("schema")?,
                object: letter(row, "object")?,
                grantee: item.grantee,
                privileges: item.privileges,
            });
        }
    }
    for row in &rows.schemas {
        let (name, owner): (String, String) = (row.try_get("name")?, row.try_get("owner")?);
        let texts: Vec<String> = row.try_get("acl")?;
        let acl = acl::list(catalog, Object::Schema, &name, &owner, &texts);
        let comment = row.try_get("comment")?;
        catalog.schemas.insert(name, Schema { owner, acl, comment });
    }
    for row in &rows.roles {
        let role = Role {
            superuser: row.try_get("superuser")?,
            bypass_row_security: row.try_get("bypasses")?,
            no_inherit: row.try_get("no_inherit")?,
            member_of: row.try_get("member_of")?,
        };
        catalog.roles.insert(row.try_get("name")?, role);
    }
    for row in &rows.settings {
        for setting in row.try_get::<_, Vec<String>>("settings")? {
            if let Some((name, value)) = setting.split_once('=') {
                let role = row.try_get("role")?;
                catalog.role_settings.push((role, name.to_owned(), value.to_owned()));
            }
        }
    }
    for row in &rows.extensions {
        catalog.extensions.insert(row.try_get("name")?, row.try_get("schema")?);
    }
    for row in &rows.publications {
        let name: String = row.try_get("name")?;
        if row.try_get("of_all")? {
            catalog.publications_of_all.push(name.clone());
        }
        let relations: Vec<u32> = row.try_get("relations")?;
        catalog.publications.insert(name, relations.into_iter().map(RelationId).collect());
    }
    Ok(())
}

/// Sequences, and the columns that they belong to.
pub(super) fn sequences(catalog: &mut Catalog, rows: &Rows, types: &Types) -> Result<(), Error> {
    for row in &rows.sequences {
        let (schema, owner): (String, String) = (row.try_get("schema")?, row.try_get("owner")?);
        let texts: Vec<String> = row.try_get("acl")?;
        let relation: Option<u32> = row.try_get("relation")?;
        let number: Option<i32> = row.try_get("number")?;
        let number = number.and_then(|number| u16::try_from(number).ok());
        let sequence = Sequence {
            ty: types.get(row.try_get("type")?),
            start: row.try_get("start")?,
            increment: row.try_get("increment")?,
            min: row.try_get("min")?,
            max: row.try_get("max")?,
            cycle: row.try_get("cycle")?,
            owned_by: relation.map(RelationId).zip(number),
            acl: acl::list(catalog, Object::Sequence, &schema, &owner, &texts),
            owner,
        };
        catalog.sequences.insert((schema, row.try_get("name")?), sequence);
    }
    Ok(())
}

/// A value of type `"char"`, selected as text.
pub(super) fn letter(row: &Row, column: &str) -> Result<char, Error> {
    let text: &str = row.try_get(column)?;
    Ok(text.chars().next().unwrap_or(' '))
}
