//! One column: its type, default, identity, generation.

use backstay_catalog::{Column, Generated, Identity};
use backstay_expr::{Expr, RelationId};
use backstay_model::{Error, Modifier, Result, Type, quote_identifier, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, Node, TypeName};

use super::names::{located, physical_column, strings, wrong_kind};
use super::{Draft, bind, sequence, text};

/// What is left to do when the column stands.
pub(super) struct Added {
    /// Its attribute number.
    pub(super) number: u16,
    /// Keys, checks and foreign keys that were written with the column.
    pub(super) constraints: Vec<Constraint>,
    /// `GENERATED ALWAYS AS (…) STORED`: bound when all columns are there.
    pub(super) generated: Option<(u16, Node)>,
}

/// Adds the column to the relation; the engine's work is the caller's.
pub(super) fn add(draft: &mut Draft<'_>, id: RelationId, def: &ColumnDef) -> Result<Added> {
    let relation = draft.known(id)?;
    let name = def.colname.as_str();
    if relation.column(name).is_some() {
        let message = format!("column \"{name}\" specified more than once");
        return Err(located(Error::new("42701", message), def.location));
    }
    let written = def.type_name.as_ref();
    let serial = written.and_then(serial_type);
    let (ty, modifier) = match (&serial, written) {
        (Some(ty), _) => (ty.clone(), None),
        (None, Some(written)) => column_type(draft, name, written)?,
        (None, None) => return Err(Error::internal("a column without a type")),
    };
    refuse_collation(def)?;
    let constraints = merged(&def.constraints);
    let number = relation.next_column;
    let column = Column {
        number,
        name: name.to_owned(),
        ty,
        modifier,
        not_null: serial.is_some() || def.is_not_null,
        default: None,
        default_text: None,
        identity: None,
        generated: None,
        sequence: None,
        comment: None,
        physical: physical_column(&relation, name),
    };
    check_contradictions(&relation.name, name, serial.is_some(), &constraints)?;
    let stored = draft.edit_relation(id)?;
    stored.columns.push(column);
    stored.next_column += 1;
    if serial.is_some() {
        sequence::attach_serial(draft, id, number)?;
    }
    let mut added = Added { number, constraints: Vec::new(), generated: None };
    for constraint in constraints {
        apply(draft, id, constraint, &mut added)?;
    }
    Ok(added)
}

fn apply(
    draft: &mut Draft<'_>,
    id: RelationId,
    mut constraint: Constraint,
    added: &mut Added,
) -> Result<()> {
    let number = added.number;
    match constraint.contype() {
        ConstrType::ConstrNull => {}
        ConstrType::ConstrNotnull => edit(draft, id, number)?.not_null = true,
        ConstrType::ConstrDefault => {
            if let Some(node) = constraint.raw_expr.as_deref() {
                set_default(draft, id, number, node)?;
            }
        }
        ConstrType::ConstrIdentity => {
            let when = constraint.generated_when.as_str();
            let identity = identity_kind(when);
            let options = std::mem::take(&mut constraint.options);
            sequence::attach_identity(draft, id, number, identity, &options)
                .map_err(|error| located(error, constraint.location))?;
        }
        ConstrType::ConstrGenerated => {
            added.generated = constraint.raw_expr.map(|node| (number, *node));
        }
        ConstrType::ConstrForeign => {
            constraint.fk_attrs = vec![name_node(draft, id, number)?];
            added.constraints.push(constraint);
        }
        ConstrType::ConstrPrimary | ConstrType::ConstrUnique => {
            constraint.keys = vec![name_node(draft, id, number)?];
            added.constraints.push(constraint);
        }
        _ => added.constraints.push(constraint),
    }
    Ok(())
}

/// `ALWAYS` or `BY DEFAULT` in the parser's letters.
pub(super) fn identity_kind(letter: &str) -> Identity {
    if letter == "a" { Identity::Always } else { Identity::ByDefault }
}

fn name_node(draft: &Draft<'_>, id: RelationId, number: u16) -> Result<Node> {
    let relation = draft.known(id)?;
    let name = relation.column_by_number(number).map_or("", |column| column.name.as_str());
    Ok(text::wrap(NodeEnum::String(pg_query::protobuf::String { sval: name.to_owned() })))
}

/// The parser gives `DEFERRABLE` and its like as constraints of their own behind the one they are for.
fn merged(nodes: &[Node]) -> Vec<Constraint> {
    let mut all: Vec<Constraint> = Vec::new();
    for node in nodes {
        let Some(NodeEnum::Constraint(constraint)) = node.node.as_ref() else { continue };
        let attribute = constraint.contype();
        match (attribute, all.last_mut()) {
            (ConstrType::ConstrAttrDeferrable, Some(last)) => last.deferrable = true,
            (ConstrType::ConstrAttrDeferred, Some(last)) => {
                last.deferrable = true;
                last.initdeferred = true;
            }
            (
                ConstrType::ConstrAttrNotDeferrable
                | ConstrType::ConstrAttrImmediate
                | ConstrType::ConstrAttrEnforced
                | ConstrType::ConstrAttrNotEnforced,
                _,
            ) => {}
            _ => all.push((**constraint).clone()),
        }
    }
    all
}

fn check_contradictions(table: &str, column: &str, serial: bool, all: &[Constraint]) -> Result<()> {
    let count = |kind: ConstrType| all.iter().filter(|one| one.contype() == kind).count();
    let place = all.last().map_or(-1, |constraint| constraint.location);
    let fail = |what: String| Err(located(Error::new("42601", what), place));
    let (nulls, not_nulls) = (count(ConstrType::ConstrNull), count(ConstrType::ConstrNotnull));
    if nulls > 0 && (not_nulls > 0 || serial) {
        return fail(format!(
            "conflicting NULL/NOT NULL declarations for column \"{column}\" of table \"{table}\""
        ));
    }
    let defaults = count(ConstrType::ConstrDefault) + usize::from(serial);
    if defaults > 1 {
        return fail(format!(
            "multiple default values specified for column \"{column}\" of table \"{table}\""
        ));
    }
    let identities = count(ConstrType::ConstrIdentity);
    if identities > 1 {
        return fail(format!(
            "multiple identity specifications for column \"{column}\" of table \"{table}\""
        ));
    }
    let generated = count(ConstrType::ConstrGenerated);
    let pair = match (defaults, identities, generated) {
        (1.., 1.., _) => "default and identity",
        (1.., _, 1..) => "default and generation expression",
        (_, 1.., 1..) => "identity and generation expression",
        _ => return Ok(()),
    };
    fail(format!("both {pair} specified for column \"{column}\" of table \"{table}\""))
}

/// The type of a column that is called `serial`.
fn serial_type(written: &TypeName) -> Option<Type> {
    let [name] = strings(&written.names)[..] else { return None };
    if !written.array_bounds.is_empty() || written.pct_type {
        return None;
    }
    match name {
        "smallserial" | "serial2" => Some(Type::Int2),
        "serial" | "serial4" => Some(Type::Int4),
        "bigserial" | "serial8" => Some(Type::Int8),
        _ => None,
    }
}

/// The type of a column; pseudo-types cannot be stored.
pub(super) fn column_type(
    draft: &Draft<'_>,
    column: &str,
    written: &TypeName,
) -> Result<(Type, Option<Modifier>)> {
    let (ty, modifier) = draft.resolve_type(written)?;
    if ty.category() == backstay_model::TypeCategory::Pseudo || ty == Type::Record {
        let name = ty.name(&draft.catalog);
        let message = format!("column \"{column}\" has pseudo-type {name}");
        return Err(located(Error::new("42P16", message), written.location));
    }
    Ok((ty, modifier))
}

fn refuse_collation(def: &ColumnDef) -> Result<()> {
    let Some(clause) = &def.coll_clause else { return Ok(()) };
    let parts = strings(&clause.collname);
    match parts.last() {
        Some(&("C" | "POSIX" | "default" | "ucs_basic" | "C.UTF-8" | "C.utf8")) | None => Ok(()),
        Some(name) => Err(located(
            Error::unsupported(format!("collation \"{name}\""))
                .with_hint("Text is ordered by its bytes (\"C\"); leave COLLATE out."),
            clause.location,
        )),
    }
}

/// The column, to be changed.
pub(super) fn edit<'d>(
    draft: &'d mut Draft<'_>,
    id: RelationId,
    number: u16,
) -> Result<&'d mut Column> {
    draft
        .edit_relation(id)?
        .columns
        .iter_mut()
        .find(|column| column.number == number)
        .ok_or_else(|| Error::internal("a column is missing"))
}

/// `DEFAULT expression`.
pub(super) fn set_default(
    draft: &mut Draft<'_>,
    id: RelationId,
    number: u16,
    node: &Node,
) -> Result<()> {
    let relation = draft.known(id)?;
    let column =
        relation.column_by_number(number).ok_or_else(|| Error::internal("a column is missing"))?;
    if column.generated.is_some() {
        let message = format!(
            "column \"{}\" of relation \"{}\" is a generated column",
            column.name, relation.name
        );
        return Err(Error::new("42601", message));
    }
    let expr = bind::default(draft, node, (&column.name, &column.ty, column.modifier))?;
    let text = text::expression(node)?;
    let column = edit(draft, id, number)?;
    column.default = (!is_null(&expr)).then_some(expr);
    column.default_text = column.default.is_some().then_some(text);
    Ok(())
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Const { value: backstay_model::Value::Null, .. })
}

/// The default of a serial column.
pub(super) fn nextval_text(schema: &str, sequence: &str) -> String {
    let name = format!("{}.{}", quote_identifier(schema), quote_identifier(sequence));
    format!("nextval({}::regclass)", quote_literal(&name))
}

/// `GENERATED ALWAYS AS (expression) STORED`.
pub(super) fn set_generated(
    draft: &mut Draft<'_>,
    id: RelationId,
    number: u16,
    node: &Node,
) -> Result<()> {
    let relation = draft.known(id)?;
    if relation.view().is_some() {
        return Err(wrong_kind(&relation, "table"));
    }
    let column =
        relation.column_by_number(number).ok_or_else(|| Error::internal("a column is missing"))?;
    let expr = bind::generated(draft, &relation, node, column)?;
    let text = text::expression(node)?;
    edit(draft, id, number)?.generated = Some(Generated { expr, text });
    Ok(())
}
