//! Binding fragments, and the texts that `EXECUTE` runs.

use backstay_catalog::{Catalog, SearchPath};
use backstay_expr::{Query, Statement};
use backstay_model::{Error, Result, Type};
use pg_query::NodeEnum;

use super::tree::{Fragment, FragmentKind};
use crate::{BindArgument, BindOptions, Binder, RawStatement, parse, parse_expression, parse_one};

/// What a text turned out to be.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum BoundText {
    /// It reads.
    Query(Query),
    /// It writes.
    Write(Statement),
    /// It is a statement of another kind: of the schema, of the session.
    Other(RawStatement),
    /// There is nothing in it.
    Nothing,
}

/// Binds a fragment of a body.
///
/// # Errors
/// As [`Binder::bind_query`]; positions are left out, since they count from the fragment's start.
pub fn bind_fragment(
    catalog: &Catalog,
    path: &SearchPath,
    fragment: &Fragment,
    options: BindOptions,
) -> Result<BoundText> {
    let bound = match fragment.kind {
        FragmentKind::Expression => parse_expression(&fragment.text)
            .and_then(|node| bind_node(catalog, path, &node, options)),
        FragmentKind::Statement => {
            parse_one(&fragment.text).and_then(|raw| bind_raw(catalog, path, raw, options))
        }
    };
    bound.map_err(without_place)
}

/// Binds the text of an `EXECUTE`, which sees `$1`, `$2`… of these types and no variables.
///
/// # Errors
/// As [`bind_fragment`].
pub fn bind_dynamic(
    catalog: &Catalog,
    path: &SearchPath,
    text: &str,
    types: Vec<(Type, Vec<(String, Type)>)>,
) -> Result<Vec<BoundText>> {
    let parameters = types.len();
    let arguments: Vec<BindArgument> = types
        .into_iter()
        .map(|(ty, fields)| BindArgument { name: None, label: None, ty, fields })
        .collect();
    let options =
        BindOptions { arguments, parameters, system_tables: true, ..BindOptions::default() };
    let statements = parse(text).map_err(without_place)?;
    statements
        .into_iter()
        .map(|raw| bind_raw(catalog, path, raw, options.clone()).map_err(without_place))
        .collect()
}

fn without_place(error: Error) -> Error {
    Error { position: None, ..error }
}

fn bind_raw(
    catalog: &Catalog,
    path: &SearchPath,
    raw: RawStatement,
    options: BindOptions,
) -> Result<BoundText> {
    match &raw.node {
        NodeEnum::SelectStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::TruncateStmt(_)
        | NodeEnum::RefreshMatViewStmt(_)
        | NodeEnum::CallStmt(_) => bind_node(catalog, path, &raw.node, options),
        _ => Ok(BoundText::Other(raw)),
    }
}

fn bind_node(
    catalog: &Catalog,
    path: &SearchPath,
    node: &NodeEnum,
    options: BindOptions,
) -> Result<BoundText> {
    match Binder::new(catalog, path, options).bind_statement(node)? {
        Statement::Query(query) => Ok(BoundText::Query(*query)),
        write => Ok(BoundText::Write(write)),
    }
}
