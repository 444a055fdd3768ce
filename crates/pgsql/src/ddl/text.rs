//! Parse trees back to text, for people and for binding again.

use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::Node;

/// The text of an expression.
pub(super) fn expression(node: &Node) -> Result<String> {
    let content = node.node.as_ref().ok_or_else(|| Error::internal("an empty expression"))?;
    crate::text::expression_text(content)
}

pub(super) use crate::text::statement_text as statement;

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
