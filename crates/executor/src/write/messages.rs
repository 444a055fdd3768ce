//! The errors of constraints, word for word, with as much detail as the writer may see.

use backstay_catalog::{Column, ForeignKey, Index, Privilege, ROW, Relation};
use backstay_expr::{Expr, PolicyCheck};
use backstay_model::{About, Error, Modifier, Result, Type, Value, quote_identifier};
use backstay_scalar::io;

use super::{Cx, key_of};
use crate::{Conflicting, RowSource};

/// Limit: bytes of a value in `Failing row contains (…)`, as PostgreSQL cuts it.
const VALUE_SIZE_BYTES_MAX: usize = 64;

/// How much of a row error details show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// Everything.
    All,
    /// These columns.
    Columns(Vec<u16>),
    /// Nothing: row security binds the writer.
    Nothing,
}

impl Shown {
    /// What the current role sees of a relation's rows; `written` are the columns whose values the
    /// statement gives itself.
    pub(super) fn to_writer(
        cx: &Cx<'_>,
        relation: &Relation,
        binds: bool,
        written: &[u16],
    ) -> Self {
        if binds {
            return Self::Nothing;
        }
        let catalog = cx.scope.catalog;
        let role = cx.scope.env.role();
        let roles = catalog.inherited_roles_of(role);
        let superuser = catalog.roles.get(role).is_some_and(|role| role.superuser);
        if superuser
            || roles.contains(&relation.owner.as_str())
            || relation.acl.allows(&roles, Privilege::Select)
        {
            return Self::All;
        }
        let readable = |column: u16| relation.acl.allows_column(&roles, Privilege::Select, column);
        let columns = relation.columns.iter().map(|column| column.number);
        Self::Columns(columns.filter(|c| written.contains(c) || readable(*c)).collect())
    }

    /// What the current role sees of a relation that the statement does not name.
    pub(super) fn to_role(cx: &Cx<'_>, relation: &Relation) -> Self {
        let catalog = cx.scope.catalog;
        let role = cx.scope.env.role();
        let owns = catalog.inherited_roles_of(role).contains(&relation.owner.as_str());
        let binds = relation.row_security
            && !catalog.bypasses_row_security(role)
            && (!owns || relation.force_row_security);
        Self::to_writer(cx, relation, binds, &[])
    }

    fn all_of(&self, columns: &[u16]) -> bool {
        match self {
            Self::All => true,
            Self::Columns(shown) => columns.iter().all(|column| shown.contains(column)),
            Self::Nothing => false,
        }
    }
}

/// `23502`.
pub(super) fn not_null(
    cx: &Cx<'_>,
    relation: &Relation,
    column: &str,
    (row, shown): (&[Value], &Shown),
) -> Result<Error> {
    let error = Error::new(
        "23502",
        format!(
            "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
            relation.name
        ),
    )
    .about(About { column: Some(column.to_owned()), ..about(relation) });
    with_failing_row(cx, error, relation, (row, shown))
}

/// The relation that an error is about.
fn about(relation: &Relation) -> About {
    About {
        schema: Some(relation.schema.clone()),
        table: Some(relation.name.clone()),
        ..About::default()
    }
}

/// The constraint that an error is about.
fn about_constraint(relation: &Relation, constraint: &str) -> About {
    About { constraint: Some(constraint.to_owned()), ..about(relation) }
}

/// `23514`.
pub(super) fn check(
    cx: &Cx<'_>,
    relation: &Relation,
    constraint: &str,
    (row, shown): (&[Value], &Shown),
) -> Result<Error> {
    let error = Error::new(
        "23514",
        format!(
            "new row for relation \"{}\" violates check constraint \"{constraint}\"",
            relation.name
        ),
    )
    .about(about_constraint(relation, constraint));
    with_failing_row(cx, error, relation, (row, shown))
}

/// `42501` of a row policy.
pub(super) fn row_security(relation: &Relation, check: &PolicyCheck) -> Error {
    let name = check.policy.as_ref().map_or_else(String::new, |name| format!(" \"{name}\""));
    let using = if check.using { " (USING expression)" } else { "" };
    Error::new(
        "42501",
        format!(
            "new row violates row-level security policy{name}{using} for table \"{}\"",
            relation.name
        ),
    )
}

fn with_failing_row(
    cx: &Cx<'_>,
    error: Error,
    relation: &Relation,
    (row, shown): (&[Value], &Shown),
) -> Result<Error> {
    let cells = relation.columns.iter().zip(row);
    let cells: Vec<_> = match shown {
        Shown::All => cells.collect(),
        Shown::Columns(shown) => cells.filter(|(c, _)| shown.contains(&c.number)).collect(),
        Shown::Nothing => return Ok(error),
    };
    let names: Vec<&str> = cells.iter().map(|(column, _)| column.name.as_str()).collect();
    let values = cells
        .iter()
        .map(|(column, value)| Ok(cut(padded(column, text(cx, &column.ty, value)?))))
        .collect::<Result<Vec<_>>>()?
        .join(", ");
    Ok(match shown {
        Shown::All => error.with_details(format!("Failing row contains ({values}).")),
        _ if names.is_empty() => error,
        _ => {
            error.with_details(format!("Failing row contains ({}) = ({values}).", names.join(", ")))
        }
    })
}

fn text(cx: &Cx<'_>, ty: &Type, value: &Value) -> Result<String> {
    if value.is_null() { Ok("null".to_owned()) } else { io::output(cx.scope.env, ty, value) }
}

/// `char(n)` shows the blanks that it is stored without.
fn padded(column: &Column, text: String) -> String {
    match (&column.ty, column.modifier) {
        (Type::Char, Some(Modifier::Length(length))) if text != "null" => {
            format!("{text:0$}", usize::try_from(length).unwrap_or_default())
        }
        _ => text,
    }
}

fn cut(mut text: String) -> String {
    if text.len() > VALUE_SIZE_BYTES_MAX {
        let mut end = VALUE_SIZE_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// `(a, b)=(1, x)`.
fn key_text(cx: &Cx<'_>, names: &[String], values: &[(Type, Value)]) -> Result<String> {
    let values = values
        .iter()
        .map(|(ty, value)| text(cx, ty, value))
        .collect::<Result<Vec<_>>>()?
        .join(", ");
    Ok(format!("({})=({values})", names.join(", ")))
}

fn typed_key(relation: &Relation, columns: &[u16], row: &[Value]) -> Vec<(Type, Value)> {
    let types = columns.iter().map(|column| {
        relation.column_by_number(*column).map_or(Type::Unknown, |column| column.ty.clone())
    });
    types.zip(key_of(relation, columns, row)).collect()
}

/// `23505` for the row that met the conflict.
pub(super) fn unique(
    cx: &Cx<'_>,
    relation: &Relation,
    conflicting: &Conflicting,
    (row, shown): (&[Value], &Shown),
) -> Result<Error> {
    let physical = &conflicting.physical;
    let key = relation
        .keys()
        .find(|key| key.physical == *physical)
        .or_else(|| relation.primary_key.as_ref().filter(|_| relation.physical == *physical));
    let index = relation.indexes.iter().find(|index| index.physical.as_ref() == Some(physical));
    let name = key.map(|key| &key.name).or(index.map(|index| &index.name)).unwrap_or(physical);
    let message = format!("duplicate key value violates unique constraint \"{name}\"");
    let error = Error::new("23505", message).about(about_constraint(relation, name));
    let key = match (key, index) {
        (Some(key), _) if shown.all_of(&key.columns) => {
            let names = relation.column_names(&key.columns);
            let names: Vec<String> = names.into_iter().map(quote_identifier).collect();
            key_text(cx, &names, &typed_key(relation, &key.columns, row))?
        }
        (None, Some(index)) if shown.all_of(&plain_columns(index)) => {
            let rows = [(ROW, RowSource::Stored { relation, row, id: None })];
            let values = index
                .keys
                .iter()
                .map(|key| Ok((key.expr.ty(), cx.eval(&key.expr, &rows)?)))
                .collect::<Result<Vec<_>>>()?;
            key_text(cx, &index_key_names(relation, index), &values)?
        }
        _ => return Ok(error),
    };
    Ok(error.with_details(format!("Key {key} already exists.")))
}

/// The columns of an index; an expression counts as the column 0, which only a reader of the whole
/// table sees.
fn plain_columns(index: &Index) -> Vec<u16> {
    index
        .keys
        .iter()
        .map(|key| if let Expr::Column { column, .. } = &key.expr { *column } else { 0 })
        .collect()
}

fn index_key_names(relation: &Relation, index: &Index) -> Vec<String> {
    let written = parenthesised(&index.definition);
    index
        .keys
        .iter()
        .enumerate()
        .map(|(position, key)| match &key.expr {
            Expr::Column { column, .. } => relation
                .column_by_number(*column)
                .map_or_else(String::new, |column| quote_identifier(&column.name)),
            _ => written.get(position).cloned().unwrap_or_default(),
        })
        .collect()
}

/// The parts of the first list in parentheses: what `CREATE INDEX … (…)` says of its keys.
fn parenthesised(definition: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quote) = (0_u32, None);
    for character in definition.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            (None, ',') if depth == 1 => {
                parts.push(String::new());
                continue;
            }
            (None, _) => {}
        }
        if depth > 0
            && let Some(part) = parts.last_mut()
        {
            part.push(character);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

/// `23503` on the child's side.
pub(super) fn no_parent(
    cx: &Cx<'_>,
    child: &Relation,
    key: &ForeignKey,
    row: &[Value],
) -> Result<Error> {
    let parent = cx.relation(key.target)?;
    let shown = if Shown::to_role(cx, child).all_of(&key.columns) {
        let names: Vec<String> =
            child.column_names(&key.columns).into_iter().map(str::to_owned).collect();
        format!("Key {}", key_text(cx, &names, &typed_key(child, &key.columns, row))?)
    } else {
        "Key".to_owned()
    };
    Ok(child_violation(child, key)
        .with_details(format!("{shown} is not present in table \"{}\".", parent.name)))
}

/// `23503` for a `MATCH FULL` key that is null in part.
pub(super) fn mixed_nulls(child: &Relation, key: &ForeignKey) -> Error {
    child_violation(child, key)
        .with_details("MATCH FULL does not allow mixing of null and nonnull key values.")
}

fn child_violation(child: &Relation, key: &ForeignKey) -> Error {
    Error::new(
        "23503",
        format!(
            "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
            child.name, key.name
        ),
    )
    .about(about_constraint(child, &key.name))
}

/// `23503` on the parent's side; `row` is the parent's old one.
pub(super) fn still_referenced(
    cx: &Cx<'_>,
    child: &Relation,
    key: &ForeignKey,
    row: &[Value],
) -> Result<Error> {
    let parent = cx.relation(key.target)?;
    let shown = if Shown::to_role(cx, parent).all_of(&key.target_columns) {
        let names: Vec<String> =
            parent.column_names(&key.target_columns).into_iter().map(str::to_owned).collect();
        format!("Key {}", key_text(cx, &names, &typed_key(parent, &key.target_columns, row))?)
    } else {
        "Key".to_owned()
    };
    Ok(Error::new(
        "23503",
        format!(
            "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
            parent.name, key.name, child.name
        ),
    )
    .about(about_constraint(child, &key.name))
    .with_details(format!("{shown} is still referenced from table \"{}\".", child.name)))
}
