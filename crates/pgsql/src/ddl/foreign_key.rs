//! Foreign keys.

use backstay_catalog::{ForeignKey, KeyAction, Relation, RelationKind, Work};
use backstay_expr::{Expr, RelationId};
use backstay_model::{Error, Result, Type};
use pg_query::protobuf::{Constraint, Node};

use super::constraint::{Adding, written_name};
use super::names::{strings, wrong_kind};
use super::{Draft, bind};

/// Adds a foreign key to the relation.
pub(super) fn add(
    draft: &mut Draft<'_>,
    id: RelationId,
    constraint: &Constraint,
    adding: Adding,
) -> Result<()> {
    let range = constraint
        .pktable
        .as_ref()
        .ok_or_else(|| Error::internal("a foreign key without a referenced table"))?;
    if constraint.fk_matchtype == "p" {
        return Err(Error::unsupported("MATCH PARTIAL"));
    }
    if constraint.fk_with_period || constraint.pk_with_period {
        return Err(Error::unsupported("PERIOD in a foreign key"));
    }
    let target = draft.relation(range)?;
    if target.kind != RelationKind::Table {
        let message = format!("referenced relation \"{}\" is not a table", target.name);
        return Err(Error::new("42809", message));
    }
    let relation = draft.known(id)?;
    if relation.kind != RelationKind::Table {
        return Err(wrong_kind(&relation, "table"));
    }
    let columns = numbers(&relation, &constraint.fk_attrs)?;
    let target_columns = referenced(&target, constraint)?;
    if columns.len() != target_columns.len() {
        return Err(Error::new(
            "42830",
            "number of referencing and referenced columns for foreign key disagree",
        ));
    }
    let name = match written_name(&relation, &constraint.conname)? {
        Some(name) => name,
        None => {
            let joined = relation.column_names(&columns).join("_");
            let parts = (relation.name.as_str(), Some(joined.as_str()));
            draft.choose_constraint_name(&relation.schema, parts, "fkey")
        }
    };
    check_types(draft, &name, (&relation, &columns), (&target, &target_columns))?;
    let later = adding == Adding::Later;
    let key = ForeignKey {
        name: name.clone(),
        set_columns: set_columns(&relation, &columns, &constraint.fk_del_set_cols)?,
        columns,
        target: target.id,
        target_columns,
        on_delete: action(&constraint.fk_del_action),
        on_update: action(&constraint.fk_upd_action),
        match_full: constraint.fk_matchtype == "f",
        deferrable: constraint.deferrable,
        deferred: constraint.initdeferred,
        not_valid: later && constraint.skip_validation,
    };
    if later && !key.not_valid {
        draft.work.push(Work::ValidateForeignKey { relation: id, name });
    }
    draft.edit_relation(id)?.foreign_keys.push(key);
    Ok(())
}

fn action(letter: &str) -> KeyAction {
    match letter {
        "r" => KeyAction::Restrict,
        "c" => KeyAction::Cascade,
        "n" => KeyAction::SetNull,
        "d" => KeyAction::SetDefault,
        _ => KeyAction::NoAction,
    }
}

fn numbers(relation: &Relation, names: &[Node]) -> Result<Vec<u16>> {
    strings(names)
        .into_iter()
        .map(|name| {
            relation.column(name).map(|column| column.number).ok_or_else(|| {
                let message = format!(
                    "column \"{name}\" referenced in foreign key constraint does not exist"
                );
                Error::new("42703", message)
            })
        })
        .collect()
}

fn set_columns(relation: &Relation, columns: &[u16], names: &[Node]) -> Result<Vec<u16>> {
    let set = numbers(relation, names)?;
    for (number, name) in set.iter().zip(strings(names)) {
        if !columns.contains(number) {
            let message = format!(
                "column \"{name}\" referenced in ON DELETE SET action must be part of foreign key"
            );
            return Err(Error::new("42P10", message));
        }
    }
    Ok(set)
}

/// The referenced columns: the primary key, or those that were written, if a key is over them.
fn referenced(target: &Relation, constraint: &Constraint) -> Result<Vec<u16>> {
    if constraint.pk_attrs.is_empty() {
        return match &target.primary_key {
            Some(key) => Ok(key.columns.clone()),
            None => Err(Error::new(
                "42704",
                format!("there is no primary key for referenced table \"{}\"", target.name),
            )),
        };
    }
    let columns = numbers(target, &constraint.pk_attrs)?;
    let deferrable = target
        .keys()
        .filter(|key| same_set(&key.columns, &columns))
        .map(|key| key.deferrable)
        .min();
    match deferrable {
        Some(false) => Ok(columns),
        _ if unique_indexes(target).any(|index| same_set(&index, &columns)) => Ok(columns),
        Some(true) => Err(Error::new(
            "55000",
            format!(
                "cannot use a deferrable unique constraint for referenced table \"{}\"",
                target.name
            ),
        )),
        None => Err(Error::new(
            "42830",
            format!(
                "there is no unique constraint matching given keys for referenced table \"{}\"",
                target.name
            ),
        )),
    }
}

fn unique_indexes(target: &Relation) -> impl Iterator<Item = Vec<u16>> + '_ {
    target.indexes.iter().filter(|index| index.unique && index.predicate.is_none()).filter_map(
        |index| {
            index
                .keys
                .iter()
                .map(|key| match &key.expr {
                    Expr::Column { column, .. } => Some(*column),
                    _ => None,
                })
                .collect()
        },
    )
}

/// The same columns in any order.
pub(super) fn same_set(a: &[u16], b: &[u16]) -> bool {
    a.len() == b.len() && a.iter().all(|number| b.contains(number))
}

/// The key columns of both sides must compare.
pub(super) fn check_types(
    draft: &Draft<'_>,
    name: &str,
    (relation, columns): (&Relation, &[u16]),
    (target, target_columns): (&Relation, &[u16]),
) -> Result<()> {
    for (from, to) in columns.iter().zip(target_columns) {
        let (Some(from), Some(to)) =
            (relation.column_by_number(*from), target.column_by_number(*to))
        else {
            continue;
        };
        if !comparable(draft, &from.ty, &to.ty) {
            let message = format!("foreign key constraint \"{name}\" cannot be implemented");
            return Err(Error::new("42804", message).with_details(format!(
                "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
                from.name,
                to.name,
                from.ty.name(&draft.catalog),
                to.ty.name(&draft.catalog)
            )));
        }
    }
    Ok(())
}

fn comparable(draft: &Draft<'_>, from: &Type, to: &Type) -> bool {
    let (from, to) = (from.base(&draft.catalog), to.base(&draft.catalog));
    let family = |ty: &Type| match ty {
        Type::Int2 | Type::Int4 | Type::Int8 => 1,
        Type::Float4 | Type::Float8 => 2,
        Type::Date | Type::Timestamp | Type::TimestampTz => 3,
        Type::Text | Type::Varchar | Type::Name => 4,
        _ => 0,
    };
    from == to
        || (family(&from) != 0 && family(&from) == family(&to))
        || bind::implicitly_castable(draft, &from, &to)
}
