//! `GRANT` and `REVOKE`.

use std::sync::Arc;

use backstay_catalog::{Acl, Privilege};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{AccessPriv, GrantStmt, Node, ObjectType};

use super::Draft;
use super::grant_targets::{Target, targets};
use super::names::strings;
use super::role::role_names;

use Privilege::{
    Create, Delete, Execute, Insert, References, Select, Trigger, Truncate, Update, Usage,
};

/// `GRANT … ON …` and `REVOKE … ON …`.
pub(super) fn grant(draft: &mut Draft<'_>, stmt: &GrantStmt) -> Result<()> {
    let Some(all) = privileges_of(stmt.objtype()) else {
        draft.notice("rights on this kind of object are not kept");
        return Ok(());
    };
    let grantees = role_names(draft, &stmt.grantees)?;
    for target in targets(draft, stmt)? {
        // A sequence or a view may be named as a table; its own rights count then.
        let allowed = match target {
            Target::Sequence(_) => SEQUENCE,
            _ => all,
        };
        let asked = asked(&stmt.privileges, allowed, noun(stmt.objtype()))?;
        for (privilege, columns) in &asked {
            apply(draft, &target, (*privilege, columns), (&grantees, stmt.is_grant))?;
        }
    }
    Ok(())
}

const TABLE: &[Privilege] = &[Select, Insert, Update, Delete, Truncate, References, Trigger];
const SEQUENCE: &[Privilege] = &[Usage, Select, Update];
const FUNCTION: &[Privilege] = &[Execute];
const SCHEMA: &[Privilege] = &[Usage, Create];
const TYPE: &[Privilege] = &[Usage];

/// All privileges of a kind of object; `None` where none are kept.
pub(super) fn privileges_of(kind: ObjectType) -> Option<&'static [Privilege]> {
    match kind {
        ObjectType::ObjectTable | ObjectType::ObjectView => Some(TABLE),
        ObjectType::ObjectSequence => Some(SEQUENCE),
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
            Some(FUNCTION)
        }
        ObjectType::ObjectSchema => Some(SCHEMA),
        ObjectType::ObjectType | ObjectType::ObjectDomain => Some(TYPE),
        _ => None,
    }
}

fn noun(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::ObjectSequence => "sequence",
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
            "function"
        }
        ObjectType::ObjectSchema => "schema",
        ObjectType::ObjectType | ObjectType::ObjectDomain => "type",
        _ => "relation",
    }
}

/// The privileges that a statement names, each with its columns; all of them for `ALL`.
pub(super) fn asked(
    nodes: &[Node],
    all: &[Privilege],
    noun: &str,
) -> Result<Vec<(Privilege, Vec<String>)>> {
    if nodes.is_empty() {
        return Ok(all.iter().map(|privilege| (*privilege, Vec::new())).collect());
    }
    let mut asked = Vec::new();
    for node in nodes {
        let Some(NodeEnum::AccessPriv(written)) = node.node.as_ref() else { continue };
        let columns: Vec<String> = strings(&written.cols).into_iter().map(str::to_owned).collect();
        if written.priv_name.is_empty() {
            // ALL (columns): what a column can have.
            let of_columns = [Select, Insert, Update, References];
            asked.extend(of_columns.map(|privilege| (privilege, columns.clone())));
            continue;
        }
        if let Some(privilege) = privilege(written, all, noun)? {
            asked.push((privilege, columns));
        }
    }
    Ok(asked)
}

fn privilege(written: &AccessPriv, all: &[Privilege], noun: &str) -> Result<Option<Privilege>> {
    let name = written.priv_name.as_str();
    let found = match name {
        "select" => Select,
        "insert" => Insert,
        "update" => Update,
        "delete" => Delete,
        "truncate" => Truncate,
        "references" => References,
        "trigger" => Trigger,
        "usage" => Usage,
        "execute" => Execute,
        "create" => Create,
        "maintain" => return Ok(None),
        other => {
            let message = format!("unrecognized privilege type \"{other}\"");
            return Err(Error::new("42601", message));
        }
    };
    if all.contains(&found) {
        return Ok(Some(found));
    }
    let upper = name.to_uppercase();
    Err(Error::new("0LP01", format!("invalid privilege type {upper} for {noun}")))
}

fn apply(
    draft: &mut Draft<'_>,
    target: &Target,
    (privilege, columns): (Privilege, &[String]),
    (grantees, is_grant): (&[String], bool),
) -> Result<()> {
    let numbers: Vec<Option<u16>> = match target {
        Target::Relation(id) if !columns.is_empty() => {
            let relation = draft.known(*id)?;
            columns
                .iter()
                .map(|name| super::constraint::column_number(&relation, name).map(Some))
                .collect::<Result<_>>()?
        }
        _ if !columns.is_empty() => {
            return Err(Error::new("0LP01", "column privileges are only valid for relations"));
        }
        _ => vec![None],
    };
    let (owner, acl) = acl_of(draft, target)?;
    for grantee in grantees.iter().filter(|grantee| **grantee != owner) {
        for column in &numbers {
            if is_grant {
                acl.grant(grantee, privilege, *column);
            } else {
                acl.revoke(grantee, privilege, *column);
            }
        }
    }
    Ok(())
}

fn acl_of<'d>(draft: &'d mut Draft<'_>, target: &Target) -> Result<(String, &'d mut Acl)> {
    let catalog = draft.edit();
    let missing = || Error::internal("an object of a grant is missing");
    match target {
        Target::Relation(id) => {
            let relation = catalog.relations.get_mut(id).map(Arc::make_mut);
            relation.map(|one| (one.owner.clone(), &mut one.acl))
        }
        Target::Sequence(key) => {
            catalog.sequences.get_mut(key).map(|one| (one.owner.clone(), &mut one.acl))
        }
        Target::Routine(id) => {
            let routine = catalog.routines.get_mut(id).map(Arc::make_mut);
            routine.map(|one| (one.owner.clone(), &mut one.acl))
        }
        Target::Schema(name) => {
            catalog.schemas.get_mut(name).map(|one| (one.owner.clone(), &mut one.acl))
        }
        Target::Type(id) => {
            let definition = catalog.types.get_mut(id).map(Arc::make_mut);
            definition.map(|one| (one.owner.clone(), &mut one.acl))
        }
    }
    .ok_or_else(missing)
}
