//! Text of trees, for the catalogue's `…_text` fields.

use backstay_model::{Error, Result};
use pg_query::{Node, NodeEnum};

use crate::parse_one;

/// The text of an expression, as PostgreSQL's grammar would read it back.
///
/// # Errors
/// `XX000` for a node that has no text form.
pub fn expression_text(node: &NodeEnum) -> Result<String> {
    // The frame around the expression is parsed, not made: a field that the parser would have filled
    // and that is left at its default makes the C code abort.
    let frame = parse_one("SELECT 1")?;
    let NodeEnum::SelectStmt(mut select) = frame.node else {
        return Err(Error::internal("SELECT is no select"));
    };
    if let Some(Node { node: Some(NodeEnum::ResTarget(target)) }) = select.target_list.first_mut() {
        target.val = Some(Box::new(Node { node: Some(node.clone()) }));
    }
    let text = statement_text(&NodeEnum::SelectStmt(select))?;
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
