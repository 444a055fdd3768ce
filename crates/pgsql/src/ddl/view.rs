//! Views.

use backstay_catalog::{Column, Relation, RelationKind, View, ViewBody};
use backstay_expr::Query;
use backstay_model::{Error, Modifier, Result, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeVar, SelectStmt, ViewCheckOption, ViewStmt};

use super::names::{located, relation_exists, strings, written_schema, wrong_kind};
use super::sequence::{elements, truth};
use super::table::{check_type_name, new_relation};
use super::{Draft, bind, text};

/// `CREATE [OR REPLACE] VIEW`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &ViewStmt) -> Result<()> {
    let range = stmt.view.as_ref().ok_or_else(|| Error::internal("CREATE VIEW without a name"))?;
    let select = select_of(stmt.query.as_deref())?;
    let mut view = definition(draft, select)?;
    view.check_option = stmt.with_check_option() != ViewCheckOption::NoCheckOption
        && stmt.with_check_option() != ViewCheckOption::Undefined;
    options(&mut view, &stmt.options);
    if range.relpersistence == "t" {
        return Err(located(Error::unsupported("CREATE TEMPORARY VIEW"), range.location));
    }
    let columns = columns(draft, view.query()?, &strings(&stmt.aliases))?;
    let schema = draft.creation_schema(written_schema(range))?;
    if let Some(old) = draft.catalog.relation(&schema, &range.relname).cloned()
        && stmt.replace
    {
        if old.view().is_none_or(|view| view.materialized) {
            return Err(located(wrong_kind(&old, "view"), range.location));
        }
        return replace(draft, &old, view, columns);
    }
    install(draft, range, &schema, view, columns)
}

pub(super) fn select_of(node: Option<&Node>) -> Result<&SelectStmt> {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::SelectStmt(select)) => Ok(select),
        _ => Err(Error::unsupported("a view over this statement")),
    }
}

pub(super) fn definition(draft: &Draft<'_>, select: &SelectStmt) -> Result<View> {
    Ok(View {
        body: ViewBody::Bound(bind::query(draft, select)?),
        definition: text::statement(&NodeEnum::SelectStmt(Box::new(select.clone())))?,
        security_invoker: false,
        check_option: false,
        materialized: false,
        kept: None,
    })
}

/// `WITH (security_invoker, check_option, …)`.
pub(super) fn options(view: &mut View, nodes: &[Node]) {
    for option in elements(nodes) {
        match option.defname.as_str() {
            "security_invoker" => view.security_invoker = truth(option),
            "check_option" => view.check_option = true,
            _ => {}
        }
    }
}

pub(super) fn columns(draft: &Draft<'_>, query: &Query, names: &[&str]) -> Result<Vec<Column>> {
    let outputs = query.columns();
    if names.len() > outputs.len() {
        return Err(Error::new("42601", "CREATE VIEW specifies more column names than columns"));
    }
    let mut columns: Vec<Column> = Vec::new();
    for (index, (output, ty)) in outputs.into_iter().enumerate() {
        let name = names.get(index).map_or(output, |name| (*name).to_owned());
        if columns.iter().any(|known| known.name == name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new("42701", message));
        }
        if matches!(ty, Type::Record | Type::Void) {
            let message = format!("column \"{name}\" has pseudo-type {}", ty.name(&draft.catalog));
            return Err(Error::new("42P16", message));
        }
        let number = u16::try_from(index + 1)
            .map_err(|_| Error::new("54011", "target lists can have at most 1664 entries"))?;
        columns.push(Column {
            number,
            physical: name.clone(),
            modifier: modifier_of(draft, query, index),
            name,
            ty,
            not_null: false,
            default: None,
            default_text: None,
            identity: None,
            generated: None,
            sequence: None,
            comment: None,
        });
    }
    Ok(columns)
}

/// The length or precision of an output that is a plain column of a table.
fn modifier_of(draft: &Draft<'_>, query: &Query, index: usize) -> Option<Modifier> {
    let backstay_expr::Body::Select(select) = &query.body else { return None };
    let (rel, number) = match &select.outputs.get(index)?.expr {
        backstay_expr::Expr::Column { rel, column, .. } => (*rel, *column),
        backstay_expr::Expr::Cast { modifier, .. } => return *modifier,
        _ => return None,
    };
    let mut found = None;
    for scan in super::depend::scans(query) {
        if scan.0 == rel {
            found = draft.catalog.relations.get(&scan.1);
        }
    }
    found?.column_by_number(number)?.modifier
}

pub(super) fn install(
    draft: &mut Draft<'_>,
    range: &RangeVar,
    schema: &str,
    view: View,
    columns: Vec<Column>,
) -> Result<()> {
    if draft.relation_name_taken(schema, &range.relname) {
        return Err(located(relation_exists(&range.relname), range.location));
    }
    check_type_name(draft, schema, &range.relname)?;
    let kind = RelationKind::View(Box::new(view));
    let id = new_relation(draft, schema, &range.relname, kind);
    let relation = draft.edit_relation(id)?;
    relation.next_column = u16::try_from(columns.len() + 1).unwrap_or(u16::MAX);
    relation.columns = columns;
    Ok(())
}

/// `OR REPLACE`: the old columns must stay as they are, new ones may follow.
fn replace(draft: &mut Draft<'_>, old: &Relation, view: View, columns: Vec<Column>) -> Result<()> {
    if columns.len() < old.columns.len() {
        return Err(Error::new("42P16", "cannot drop columns from view"));
    }
    for (before, after) in old.columns.iter().zip(&columns) {
        if before.name != after.name {
            let message = format!(
                "cannot change name of view column \"{}\" to \"{}\"",
                before.name, after.name
            );
            return Err(Error::new("42P16", message).with_hint(
                "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            ));
        }
        if before.ty != after.ty || before.modifier != after.modifier {
            let message = format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                before.name,
                before.ty.name_with(before.modifier, &draft.catalog),
                after.ty.name_with(after.modifier, &draft.catalog)
            );
            return Err(Error::new("42P16", message));
        }
    }
    if super::depend::scans(view.query()?).iter().any(|(_, relation)| *relation == old.id) {
        let message = format!("infinite recursion detected in rules for relation \"{}\"", old.name);
        return Err(Error::new("42P17", message));
    }
    let relation = draft.edit_relation(old.id)?;
    let comments: Vec<Option<String>> =
        relation.columns.iter().map(|column| column.comment.clone()).collect();
    relation.kind = RelationKind::View(Box::new(view));
    relation.next_column = u16::try_from(columns.len() + 1).unwrap_or(u16::MAX);
    relation.columns = columns;
    for (column, comment) in relation.columns.iter_mut().zip(comments) {
        column.comment = comment;
    }
    Ok(())
}
