//! Parse trees back to text, for people and for binding again.

use backstay_model::{Error, Result};
use pg_query::protobuf::{Node, ParseResult, RawStmt, ResTarget, SelectStmt};
use pg_query::{DeparseOptions, NodeEnum};

/// The text of an expression.
pub(super) fn expression(node: &Node) -> Result<String> {
    let target = ResTarget { val: Some(Box::new(node.clone())), ..ResTarget::default() };
    let select = SelectStmt {
        target_list: vec![wrap(NodeEnum::ResTarget(Box::new(target)))],
        limit_option: 1,
        op: 1,
        ..SelectStmt::default()
    };
    let text = statement(&NodeEnum::SelectStmt(Box::new(select)))?;
    Ok(text.strip_prefix("SELECT ").unwrap_or(&text).to_owned())
}

/// The text of a statement.
pub(super) fn statement(node: &NodeEnum) -> Result<String> {
    let raw = RawStmt { stmt: Some(Box::new(wrap(node.clone()))), stmt_location: 0, stmt_len: 0 };
    let tree = ParseResult { version: 180_000, stmts: vec![raw] };
    pg_query::deparse(&tree, DeparseOptions::default())
        .map_err(|error| Error::internal(format!("a parse tree cannot be printed: {error}")))
}

/// An expression from its text.
pub(super) fn parse_expression(text: &str) -> Result<Node> {
    let found = match parse_one(&format!("SELECT {text}"))? {
        NodeEnum::SelectStmt(mut select) if select.target_list.len() == 1 => {
            match select.target_list.remove(0).node {
                Some(NodeEnum::ResTarget(target)) => target.val.map(|value| *value),
                _ => None,
            }
        }
        _ => None,
    };
    found.ok_or_else(|| Error::internal("a stored expression cannot be read again"))
}

/// A statement from its text.
pub(super) fn parse_one(text: &str) -> Result<NodeEnum> {
    pg_query::parse(text, 0)
        .ok()
        .and_then(|parsed| parsed.protobuf.stmts.into_iter().next())
        .and_then(|raw| raw.stmt)
        .and_then(|node| node.node)
        .ok_or_else(|| Error::internal("a stored statement cannot be read again"))
}

/// A node around its content.
pub(super) fn wrap(node: NodeEnum) -> Node {
    Node { node: Some(node) }
}
