//! Constraints of tables: keys and checks (foreign keys have a file of their own).

use std::collections::BTreeSet;

use backstay_catalog::{CheckConstraint, KeyConstraint, ROW, Relation, Work};
use backstay_expr::{Expr, RelationId, visit_expr};
use backstay_model::{Error, Result};
use pg_query::protobuf::{ConstrType, Constraint};

use super::names::{has_constraint, located, no_column, relation_exists, string_list};
use super::{Draft, bind, column, exclusion, foreign_key, names, text};

/// Is the constraint made with its table (no rows yet) or added to one?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adding {
    WithTable,
    Later,
}

/// Adds a constraint to the relation.
pub(super) fn add(
    draft: &mut Draft<'_>,
    id: RelationId,
    constraint: &Constraint,
    adding: Adding,
) -> Result<()> {
    let done = match constraint.contype() {
        ConstrType::ConstrCheck => add_check(draft, id, constraint, adding),
        ConstrType::ConstrPrimary | ConstrType::ConstrUnique => {
            if constraint.indexname.is_empty() {
                add_key(draft, id, constraint, adding)
            } else {
                super::index::use_for_constraint(draft, id, constraint)
            }
        }
        ConstrType::ConstrForeign => foreign_key::add(draft, id, constraint, adding),
        ConstrType::ConstrNotnull => {
            for node in &constraint.keys {
                for name in string_list(node) {
                    let number = column_number(&*draft.known(id)?, name)?;
                    set_not_null(draft, id, number, adding)?;
                }
            }
            Ok(())
        }
        ConstrType::ConstrExclusion => exclusion::add(draft, id, constraint, adding),
        _ => Err(Error::unsupported("this kind of constraint")),
    };
    done.map_err(|error| located(error, constraint.location))
}

/// The number of a column that a constraint names.
pub(super) fn column_number(relation: &Relation, name: &str) -> Result<u16> {
    relation.column(name).map(|column| column.number).ok_or_else(|| no_column(relation, name))
}

/// `SET NOT NULL`.
pub(super) fn set_not_null(
    draft: &mut Draft<'_>,
    id: RelationId,
    number: u16,
    adding: Adding,
) -> Result<()> {
    let column = column::edit(draft, id, number)?;
    if column.not_null {
        return Ok(());
    }
    column.not_null = true;
    if adding == Adding::Later {
        draft.work.push(Work::ValidateNotNull { relation: id, column: number });
    }
    Ok(())
}

fn check_name_free(relation: &Relation, name: &str) -> Result<()> {
    if has_constraint(relation, name) {
        return Err(Error::new(
            "42710",
            format!("constraint \"{name}\" for relation \"{}\" already exists", relation.name),
        ));
    }
    Ok(())
}

/// The name that was written, if it is free.
pub(super) fn written_name(relation: &Relation, written: &str) -> Result<Option<String>> {
    if written.is_empty() {
        return Ok(None);
    }
    check_name_free(relation, written)?;
    Ok(Some(written.to_owned()))
}

fn add_check(
    draft: &mut Draft<'_>,
    id: RelationId,
    constraint: &Constraint,
    adding: Adding,
) -> Result<()> {
    let relation = draft.known(id)?;
    let node = constraint
        .raw_expr
        .as_deref()
        .ok_or_else(|| Error::internal("a check without an expression"))?;
    let written = written_name(&relation, &constraint.conname)?;
    let expr = bind::check(draft, &relation, node)?;
    let name = written.unwrap_or_else(|| {
        let second = only_column(&relation, &expr);
        draft.choose_constraint_name(&relation.schema, (&relation.name, second.as_deref()), "check")
    });
    let later = adding == Adding::Later;
    let not_valid = later && constraint.skip_validation;
    let check = CheckConstraint { name, expr, text: text::expression(node)?, not_valid };
    if later && !not_valid {
        draft.work.push(Work::ValidateCheck { relation: id, name: check.name.clone() });
    }
    let checks = &mut draft.edit_relation(id)?.checks;
    checks.push(check);
    checks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

/// The one column that an expression over the row refers to.
fn only_column(relation: &Relation, expr: &Expr) -> Option<String> {
    let mut columns = BTreeSet::new();
    visit_expr(expr, &mut |expr| {
        if let Expr::Column { rel, column, .. } = expr
            && *rel == ROW
        {
            columns.insert(*column);
        }
    });
    let mut columns = columns.into_iter();
    match (columns.next(), columns.next()) {
        (Some(one), None) => relation.column_by_number(one).map(|column| column.name.clone()),
        _ => None,
    }
}

/// The columns of a key, each once.
fn key_columns(relation: &Relation, constraint: &Constraint, adding: Adding) -> Result<Vec<u16>> {
    let mut numbers = Vec::new();
    for name in names::strings(&constraint.keys) {
        let Some(column) = relation.column(name) else {
            if adding == Adding::Later && constraint.contype() == ConstrType::ConstrPrimary {
                return Err(no_column(relation, name));
            }
            let message = format!("column \"{name}\" named in key does not exist");
            return Err(Error::new("42703", message));
        };
        if numbers.contains(&column.number) {
            let kind = if constraint.contype() == ConstrType::ConstrPrimary {
                "primary key"
            } else {
                "unique"
            };
            let message = format!("column \"{name}\" appears twice in {kind} constraint");
            return Err(Error::new("42701", message));
        }
        numbers.push(column.number);
    }
    Ok(numbers)
}

fn add_key(
    draft: &mut Draft<'_>,
    id: RelationId,
    constraint: &Constraint,
    adding: Adding,
) -> Result<()> {
    let relation = draft.known(id)?;
    let primary = constraint.contype() == ConstrType::ConstrPrimary;
    let columns = key_columns(&relation, constraint, adding)?;
    refuse_second_primary(&relation, primary)?;
    let written = written_name(&relation, &constraint.conname)?;
    if let Some(name) = &written
        && draft.relation_name_taken(&relation.schema, name)
    {
        return Err(relation_exists(name));
    }
    let name = written.unwrap_or_else(|| {
        if primary {
            let parts = (relation.name.as_str(), None);
            return draft.choose_relation_name(&relation.schema, parts, "pkey", true);
        }
        let joined = relation.column_names(&columns).join("_");
        let parts = (relation.name.as_str(), Some(joined.as_str()));
        draft.choose_relation_name(&relation.schema, parts, "key", true)
    });
    let key = KeyConstraint {
        physical: draft.physical_index(&relation.schema, &name),
        name,
        columns: columns.clone(),
        nulls_not_distinct: constraint.nulls_not_distinct,
        deferrable: constraint.deferrable,
        deferred: constraint.initdeferred,
        comment: None,
    };
    if primary {
        for number in columns {
            set_not_null(draft, id, number, adding)?;
        }
    }
    install_key(draft, id, key, primary, adding)
}

fn refuse_second_primary(relation: &Relation, primary: bool) -> Result<()> {
    if primary && relation.primary_key.is_some() {
        let message =
            format!("multiple primary keys for table \"{}\" are not allowed", relation.name);
        return Err(Error::new("42P16", message));
    }
    Ok(())
}

fn install_key(
    draft: &mut Draft<'_>,
    id: RelationId,
    key: KeyConstraint,
    primary: bool,
    adding: Adding,
) -> Result<()> {
    let physical = key.physical.clone();
    let relation = draft.edit_relation(id)?;
    if primary {
        relation.primary_key = Some(key);
    } else {
        relation.unique.push(key);
    }
    let row_id = primary && relation.integer_key().is_some();
    if adding == Adding::Later {
        draft.work.push(if row_id {
            Work::Rebuild(id)
        } else {
            Work::CreateIndex { relation: id, physical }
        });
    }
    Ok(())
}

/// Makes a key constraint out of an index that exists already.
pub(super) fn adopt_key(
    draft: &mut Draft<'_>,
    id: RelationId,
    key: KeyConstraint,
    primary: bool,
) -> Result<()> {
    let relation = draft.known(id)?;
    refuse_second_primary(&relation, primary)?;
    let physical = key.physical.clone();
    if primary {
        for number in key.columns.clone() {
            set_not_null(draft, id, number, Adding::Later)?;
        }
    }
    let relation = draft.edit_relation(id)?;
    if primary {
        relation.primary_key = Some(key);
    } else {
        relation.unique.push(key);
    }
    if primary && relation.integer_key().is_some() {
        draft.work.push(Work::DropIndex { physical });
        draft.work.push(Work::Rebuild(id));
    }
    Ok(())
}
