//! Roles and their settings.

use backstay_catalog::{PUBLIC, Role};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDatabaseSetStmt, AlterRoleSetStmt, AlterRoleStmt, CreateRoleStmt, DropRoleStmt,
    GrantRoleStmt, Node, RoleSpec, RoleSpecType, VariableSetKind, VariableSetStmt,
};

use super::Draft;
use super::names::located;
use super::sequence::{elements, truth};
use super::setting::value_text;

/// The name of a role; [`PUBLIC`] for everybody. It must exist.
pub(super) fn role_name(draft: &Draft<'_>, spec: &RoleSpec) -> Result<String> {
    match spec.roletype() {
        RoleSpecType::RolespecPublic => Ok(PUBLIC.to_owned()),
        RoleSpecType::RolespecCurrentRole | RoleSpecType::RolespecCurrentUser => {
            Ok(draft.session.role.clone())
        }
        RoleSpecType::RolespecSessionUser => Ok("postgres".to_owned()),
        _ if draft.catalog.roles.contains_key(&spec.rolename) => Ok(spec.rolename.clone()),
        _ => Err(located(no_role(&spec.rolename), spec.location)),
    }
}

fn no_role(name: &str) -> Error {
    Error::new("42704", format!("role \"{name}\" does not exist"))
}

/// The names of a list of roles.
pub(super) fn role_names(draft: &Draft<'_>, nodes: &[Node]) -> Result<Vec<String>> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::RoleSpec(spec)) => Some(role_name(draft, spec)),
            _ => None,
        })
        .collect()
}

/// `CREATE ROLE`, `CREATE USER`, `CREATE GROUP`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateRoleStmt) -> Result<()> {
    if draft.catalog.roles.contains_key(&stmt.role) {
        return Err(Error::new("42710", format!("role \"{}\" already exists", stmt.role)));
    }
    let mut role = Role::default();
    draft.edit().roles.insert(stmt.role.clone(), Role::default());
    options(draft, &stmt.role, &mut role, &stmt.options)?;
    draft.edit().roles.insert(stmt.role.clone(), role);
    Ok(())
}

fn options(draft: &mut Draft<'_>, name: &str, role: &mut Role, nodes: &[Node]) -> Result<()> {
    for option in elements(nodes) {
        let members = || match option.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
            Some(NodeEnum::List(list)) => list.items.clone(),
            _ => Vec::new(),
        };
        match option.defname.as_str() {
            "superuser" => role.superuser = truth(option),
            "inherit" => role.no_inherit = !truth(option),
            "bypassrls" => role.bypass_row_security = truth(option),
            "addroleto" => {
                for parent in role_names(draft, &members())? {
                    join(role, parent);
                }
            }
            "rolemembers" | "adminmembers" => {
                for member in role_names(draft, &members())? {
                    if let Some(stored) = draft.edit().roles.get_mut(&member) {
                        join(stored, name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn join(role: &mut Role, parent: String) {
    if !role.member_of.contains(&parent) {
        role.member_of.push(parent);
    }
}

/// `ALTER ROLE … options`.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterRoleStmt) -> Result<()> {
    let spec = stmt.role.as_ref().ok_or_else(|| Error::internal("ALTER ROLE without a role"))?;
    let name = role_name(draft, spec)?;
    let mut role = draft.catalog.roles.get(&name).cloned().ok_or_else(|| no_role(&name))?;
    options(draft, &name, &mut role, &stmt.options)?;
    draft.edit().roles.insert(name, role);
    Ok(())
}

/// `GRANT role TO role` and `REVOKE role FROM role`.
pub(super) fn grant(draft: &mut Draft<'_>, stmt: &GrantRoleStmt) -> Result<()> {
    let grantees = role_names(draft, &stmt.grantee_roles)?;
    for node in &stmt.granted_roles {
        let Some(NodeEnum::AccessPriv(granted)) = node.node.as_ref() else { continue };
        let parent = &granted.priv_name;
        if !draft.catalog.roles.contains_key(parent) {
            return Err(no_role(parent));
        }
        for grantee in &grantees {
            if draft.catalog.roles_of(parent).contains(&grantee.as_str()) && stmt.is_grant {
                let message = format!("role \"{parent}\" is a member of role \"{grantee}\"");
                return Err(Error::new("0LP01", message));
            }
            if let Some(role) = draft.edit().roles.get_mut(grantee) {
                if stmt.is_grant {
                    join(role, parent.clone());
                } else {
                    role.member_of.retain(|known| known != parent);
                }
            }
        }
    }
    Ok(())
}

/// `DROP ROLE`.
pub(super) fn drop(draft: &mut Draft<'_>, stmt: &DropRoleStmt) -> Result<()> {
    for node in &stmt.roles {
        let Some(NodeEnum::RoleSpec(spec)) = node.node.as_ref() else { continue };
        let name = spec.rolename.as_str();
        if !draft.catalog.roles.contains_key(name) {
            if stmt.missing_ok {
                draft.notice(format!("role \"{name}\" does not exist, skipping"));
                continue;
            }
            return Err(located(no_role(name), spec.location));
        }
        if let Some(what) = first_use(draft, name) {
            let message =
                format!("role \"{name}\" cannot be dropped because some objects depend on it");
            return Err(Error::new("2BP01", message).with_details(what));
        }
        let catalog = draft.edit();
        catalog.roles.remove(name);
        for role in catalog.roles.values_mut() {
            role.member_of.retain(|parent| parent != name);
        }
        catalog.role_settings.retain(|(role, ..)| role != name);
    }
    Ok(())
}

/// What a role owns, may, or is named in.
fn first_use(draft: &Draft<'_>, name: &str) -> Option<String> {
    for relation in draft.catalog.relations.values() {
        let shown = format!("{} {}", relation.noun(), relation.name);
        if relation.owner == name {
            return Some(format!("owner of {shown}"));
        }
        if relation.acl.0.iter().any(|entry| entry.grantee == name) {
            return Some(format!("privileges for {shown}"));
        }
        if let Some(policy) =
            relation.policies.iter().find(|policy| policy.roles.iter().any(|role| role == name))
        {
            return Some(format!("target of policy {} on {shown}", policy.name));
        }
    }
    for routine in draft.catalog.routines.values() {
        if routine.owner == name {
            return Some(format!("owner of function {}", routine.name));
        }
        if routine.acl.0.iter().any(|entry| entry.grantee == name) {
            return Some(format!("privileges for function {}", routine.name));
        }
    }
    draft
        .catalog
        .schemas
        .iter()
        .find(|(_, schema)| schema.owner == name)
        .map(|(schema, _)| format!("owner of schema {schema}"))
}

/// `ALTER ROLE … SET`.
pub(super) fn set(draft: &mut Draft<'_>, stmt: &AlterRoleSetStmt) -> Result<()> {
    let role = match &stmt.role {
        Some(spec) => role_name(draft, spec)?,
        None => String::new(),
    };
    set_for(draft, role, stmt.setstmt.as_ref());
    Ok(())
}

/// `ALTER DATABASE … SET`: there is one database, whatever it is called.
pub(super) fn set_database(draft: &mut Draft<'_>, stmt: &AlterDatabaseSetStmt) -> Result<()> {
    set_for(draft, String::new(), stmt.setstmt.as_ref());
    Ok(())
}

fn set_for(draft: &mut Draft<'_>, role: String, stmt: Option<&VariableSetStmt>) {
    let Some(stmt) = stmt else { return };
    let settings = &mut draft.edit().role_settings;
    let all = stmt.kind() == VariableSetKind::VarResetAll;
    settings.retain(|(known, name, _)| !(*known == role && (all || *name == stmt.name)));
    if stmt.kind() == VariableSetKind::VarSetValue {
        settings.push((role, stmt.name.clone(), value_text(&stmt.args)));
    }
}
