//! `ALTER TABLE … ALTER COLUMN`.

use backstay_catalog::{Column, Relation, Work};
use backstay_expr::{Expr, RelationId};
use backstay_model::{Error, Modifier, Result, Type, TypeSource};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType as At, ColumnDef, Node};

use super::constraint::{Adding, set_not_null};
use super::drop::skip_or;
use super::names::{located, no_column};
use super::sequence::{self, elements};
use super::{Draft, alter_table, bind, column, text};

/// One command about a column.
pub(super) fn alter(
    draft: &mut Draft<'_>,
    relation: &Relation,
    command: &AlterTableCmd,
) -> Result<()> {
    let id = relation.id;
    let Some(found) = relation.column(&command.name) else {
        return Err(no_column(relation, &command.name));
    };
    let number = found.number;
    let definition = command.def.as_deref();
    match command.subtype() {
        At::AtAlterColumnType => change_type(draft, relation, found, command),
        At::AtColumnDefault => set_default(draft, relation, found, definition),
        At::AtSetNotNull => set_not_null(draft, id, number, Adding::Later),
        At::AtDropNotNull => drop_not_null(draft, relation, found),
        At::AtAddIdentity => add_identity(draft, relation, found, definition),
        At::AtSetIdentity => set_identity(draft, relation, found, definition),
        At::AtDropIdentity => drop_identity(draft, relation, found, command.missing_ok),
        At::AtSetExpression => {
            if let Some(node) = definition {
                column::set_generated(draft, id, number, node)?;
                let fresh = draft.known(id)?;
                if let Some(generated) =
                    fresh.column_by_number(number).and_then(|column| column.generated.clone())
                {
                    let value = generated.expr;
                    draft.work.push(Work::Fill { relation: id, column: number, value });
                }
            }
            Ok(())
        }
        _ => {
            if found.generated.is_none() {
                let message = format!(
                    "column \"{}\" of relation \"{}\" is not a stored generated column",
                    found.name, relation.name
                );
                return skip_or(draft, command.missing_ok, Error::new("55000", message));
            }
            column::edit(draft, id, number)?.generated = None;
            Ok(())
        }
    }
}

fn set_default(
    draft: &mut Draft<'_>,
    relation: &Relation,
    found: &Column,
    node: Option<&Node>,
) -> Result<()> {
    if found.identity.is_some() {
        let message = format!(
            "column \"{}\" of relation \"{}\" is an identity column",
            found.name, relation.name
        );
        let error = Error::new("42601", message);
        return Err(match node {
            Some(_) => error,
            None => error.with_hint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead."),
        });
    }
    match node {
        Some(node) => column::set_default(draft, relation.id, found.number, node),
        None => {
            if found.generated.is_some() {
                let message = format!(
                    "column \"{}\" of relation \"{}\" is a generated column",
                    found.name, relation.name
                );
                return Err(Error::new("42601", message)
                    .with_hint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."));
            }
            let column = column::edit(draft, relation.id, found.number)?;
            column.default = None;
            column.default_text = None;
            Ok(())
        }
    }
}

fn drop_not_null(draft: &mut Draft<'_>, relation: &Relation, found: &Column) -> Result<()> {
    if found.identity.is_some() {
        let message = format!(
            "column \"{}\" of relation \"{}\" is an identity column",
            found.name, relation.name
        );
        return Err(Error::new("42601", message));
    }
    let in_key = relation.primary_key.as_ref();
    if in_key.is_some_and(|key| key.columns.contains(&found.number)) {
        let message = format!("column \"{}\" is in a primary key", found.name);
        return Err(Error::new("42P16", message));
    }
    column::edit(draft, relation.id, found.number)?.not_null = false;
    Ok(())
}

fn add_identity(
    draft: &mut Draft<'_>,
    relation: &Relation,
    found: &Column,
    node: Option<&Node>,
) -> Result<()> {
    let Some(NodeEnum::Constraint(constraint)) = node.and_then(|node| node.node.as_ref()) else {
        return Err(Error::internal("an identity without its form"));
    };
    let of = format!("column \"{}\" of relation \"{}\"", found.name, relation.name);
    if !found.not_null {
        let message = format!("{of} must be declared NOT NULL before identity can be added");
        return Err(Error::new("55000", message));
    }
    if found.identity.is_some() {
        return Err(Error::new("55000", format!("{of} is already an identity column")));
    }
    if found.default.is_some() {
        return Err(Error::new("55000", format!("{of} already has a default value")));
    }
    let identity = column::identity_kind(&constraint.generated_when);
    sequence::attach_identity(draft, relation.id, found.number, identity, &constraint.options)
        .map_err(|error| located(error, constraint.location))
}

fn not_identity(relation: &Relation, found: &Column) -> Error {
    let message = format!(
        "column \"{}\" of relation \"{}\" is not an identity column",
        found.name, relation.name
    );
    Error::new("55000", message)
}

fn set_identity(
    draft: &mut Draft<'_>,
    relation: &Relation,
    found: &Column,
    node: Option<&Node>,
) -> Result<()> {
    if found.identity.is_none() {
        return Err(not_identity(relation, found));
    }
    let Some(NodeEnum::List(list)) = node.and_then(|node| node.node.as_ref()) else {
        return Ok(());
    };
    for option in elements(&list.items).filter(|option| option.defname == "generated") {
        if let Some(NodeEnum::Integer(letter)) =
            option.arg.as_deref().and_then(|arg| arg.node.as_ref())
        {
            let always = letter.ival == i32::from(b'a');
            let kind = column::identity_kind(if always { "a" } else { "d" });
            column::edit(draft, relation.id, found.number)?.identity = Some(kind);
        }
    }
    let options: Vec<Node> = list
        .items
        .iter()
        .filter(|node| !matches!(&node.node, Some(NodeEnum::DefElem(one)) if one.defname == "generated"))
        .cloned()
        .collect();
    match (&found.sequence, options.is_empty()) {
        (Some(name), false) => {
            let key = sequence_key(draft, name)?;
            sequence::change(draft, &key, &options)
        }
        _ => Ok(()),
    }
}

/// The key of a sequence that a column names as `schema.name`.
fn sequence_key(draft: &Draft<'_>, full: &str) -> Result<(String, String)> {
    let known = draft.catalog.sequences.keys();
    known
        .clone()
        .find(|(schema, name)| format!("{schema}.{name}") == full)
        .cloned()
        .ok_or_else(|| Error::internal("the sequence of a column is missing"))
}

fn drop_identity(
    draft: &mut Draft<'_>,
    relation: &Relation,
    found: &Column,
    missing_ok: bool,
) -> Result<()> {
    if found.identity.is_none() {
        return skip_or(draft, missing_ok, not_identity(relation, found));
    }
    if let Some(name) = &found.sequence {
        let key = sequence_key(draft, name)?;
        draft.edit().sequences.remove(&key);
        draft.work.push(Work::DropSequence { schema: key.0, name: key.1 });
    }
    let column = column::edit(draft, relation.id, found.number)?;
    column.identity = None;
    column.sequence = None;
    Ok(())
}

/// What old rows get in a new column.
pub(super) fn value_of_new_rows(draft: &Draft<'_>, new: &Column) -> Result<Option<Expr>> {
    if let Some(generated) = &new.generated {
        return Ok(Some(generated.expr.clone()));
    }
    if let (Some(_), Some(full)) = (new.identity, &new.sequence) {
        let (schema, name) = sequence_key(draft, full)?;
        let node = text::parse_expression(&column::nextval_text(&schema, &name))?;
        return bind::default(draft, &node, (&new.name, &new.ty, new.modifier)).map(Some);
    }
    if let (Type::Domain(id), None) = (&new.ty, &new.default) {
        return Ok(match draft.catalog.types.get(id).map(|one| &one.kind) {
            Some(backstay_catalog::TypeKind::Domain(domain)) => domain.default.clone(),
            _ => None,
        });
    }
    Ok(new.default.clone())
}

fn change_type(
    draft: &mut Draft<'_>,
    relation: &Relation,
    found: &Column,
    command: &AlterTableCmd,
) -> Result<()> {
    let Some(NodeEnum::ColumnDef(definition)) =
        command.def.as_deref().and_then(|node| node.node.as_ref())
    else {
        return Err(Error::internal("a type without its name"));
    };
    let definition: &ColumnDef = definition;
    let written =
        definition.type_name.as_ref().ok_or_else(|| Error::internal("a type without its name"))?;
    let target = column::column_type(draft, &found.name, written)?;
    let using = definition.raw_default.as_deref();
    alter_table::refuse_type_users(draft, relation, found.number, &found.name)?;
    let value = bind::conversion(draft, relation, using, found, (&target.0, target.1))
        .map_err(|error| located(error, definition.location))?;
    let default = match &found.default {
        Some(default) => {
            let to = (&target.0, target.1);
            Some(bind::recast_default(draft, default.clone(), &found.name, to)?)
        }
        None => None,
    };
    let id = relation.id;
    let old = (found.ty.clone(), found.modifier);
    let column = column::edit(draft, id, found.number)?;
    column.ty = target.0.clone();
    column.modifier = target.1;
    column.default = default;
    if let (Some(_), Some(full)) = (found.identity, &found.sequence) {
        retype_sequence(draft, full, &target.0)?;
    }
    alter_table::rebind_users(draft, id, found.number)?;
    recheck_keys(draft, id, found)?;
    if using.is_some() || !same_values(&draft.catalog, &old, &target) {
        draft.work.push(Work::Retype { relation: id, column: found.number, value });
        let key = relation.integer_key().map(|column| column.number);
        let now = draft.known(id)?.integer_key().map(|column| column.number);
        if key != now {
            draft.work.push(Work::Rebuild(id));
        }
    }
    Ok(())
}

fn retype_sequence(draft: &mut Draft<'_>, full: &str, ty: &Type) -> Result<()> {
    if !matches!(ty, Type::Int2 | Type::Int4 | Type::Int8) {
        let message = "identity column type must be smallint, integer, or bigint";
        return Err(Error::new("22023", message));
    }
    let key = sequence_key(draft, full)?;
    if let Some(sequence) = draft.edit().sequences.get_mut(&key) {
        sequence.ty = ty.clone();
        let limit = match ty {
            Type::Int2 => i64::from(i16::MAX),
            Type::Int4 => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        if sequence.increment > 0 {
            sequence.max = limit;
        }
    }
    Ok(())
}

/// Foreign keys on either side must still compare.
fn recheck_keys(draft: &Draft<'_>, id: RelationId, found: &Column) -> Result<()> {
    for child in draft.catalog.relations.values() {
        for key in &child.foreign_keys {
            let concerned = (child.id == id && key.columns.contains(&found.number))
                || (key.target == id && key.target_columns.contains(&found.number));
            if concerned && let Some(target) = draft.catalog.relations.get(&key.target) {
                super::foreign_key::check_types(
                    draft,
                    &key.name,
                    (child, &key.columns),
                    (target, &key.target_columns),
                )?;
            }
        }
    }
    Ok(())
}

/// Is every stored value of the old type, as it is stored, the same value of the new one?
fn same_values(
    types: &dyn TypeSource,
    old: &(Type, Option<Modifier>),
    new: &(Type, Option<Modifier>),
) -> bool {
    let text = |ty: &Type| matches!(ty, Type::Text | Type::Varchar);
    let (from, to) = (old.0.base(types), new.0.base(types));
    let looser = match (old.1, new.1) {
        (_, None) => true,
        (Some(Modifier::Length(old)), Some(Modifier::Length(new))) => new >= old,
        (Some(Modifier::Fraction(old)), Some(Modifier::Fraction(new))) => new >= old,
        (
            Some(Modifier::Precision { precision, scale }),
            Some(Modifier::Precision { precision: wide, scale: same }),
        ) => wide >= precision && scale == same,
        _ => false,
    };
    let integer = |ty: &Type| match ty {
        Type::Int2 => 1,
        Type::Int4 => 2,
        Type::Int8 => 3,
        _ => 0,
    };
    let widens = integer(&from) > 0 && integer(&to) >= integer(&from);
    let domain = matches!(new.0, Type::Domain(_));
    !domain && looser && (from == to || (text(&from) && text(&to)) || widens)
}
