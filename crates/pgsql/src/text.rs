//! Text of trees, for the catalogue's `…_text` fields.

use backstay_model::{Error, Result};
use pg_query::protobuf::{ResTarget, SelectStmt};
use pg_query::{Node, NodeEnum};

/// The text of an expression, as PostgreSQL's grammar would read it back.
///
/// # Errors
/// `XX000` for a node that has no text form.
pub fn expression_text(node: &NodeEnum) -> Result<String> {
    let target = ResTarget {
        val: Some(Box::new(Node { node: Some(node.clone()) })),
        ..ResTarget::default()
    };
    let select = SelectStmt {
        target_list: vec![Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }],
        ..SelectStmt::default()
    };
    let text = statement_text(&NodeEnum::SelectStmt(Box::new(select)))?;
    Ok(text.strip_prefix("SELECT ").map_or(text.clone(), str::to_owned))
}

/// The text of a statement.
///
/// # Errors
/// As [`expression_text`].
pub fn statement_text(node: &NodeEnum) -> Result<String> {
    node.deparse(pg_query::DeparseOptions::default())
        .map_err(|error| Error::internal(error.to_string()))
}
