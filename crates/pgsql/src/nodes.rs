//! Small helpers over PostgreSQL's syntax tree.

use backstay_model::{Error, Result};
use pg_query::protobuf::a_const::Val;
use pg_query::{Node, NodeEnum};

/// Puts the place into an error that has none yet; negative locations mean "unknown".
pub(crate) trait Located<T> {
    fn at(self, location: i32) -> Result<T>;
}

impl<T> Located<T> for Result<T> {
    fn at(self, location: i32) -> Result<T> {
        self.map_err(|error| match usize::try_from(location) {
            Ok(position) => error.at(position),
            Err(_) => error,
        })
    }
}

/// The node inside an optional box.
pub(crate) fn inner(node: Option<&Node>) -> Option<&NodeEnum> {
    node.and_then(|node| node.node.as_ref())
}

/// A part that the grammar always fills.
pub(crate) fn required(node: Option<&Node>) -> Result<&NodeEnum> {
    inner(node).ok_or_else(|| Error::internal("an incomplete syntax tree"))
}

/// The text of a `String` node.
pub(crate) fn string(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::String(text) => Some(&text.sval),
        _ => None,
    }
}

/// The texts of a list of `String` nodes.
pub(crate) fn strings(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().filter_map(string).collect()
}

/// Splits a possibly qualified name into schema and name; a database name before is dropped.
pub(crate) fn qualified<'n>(parts: &[&'n str]) -> Result<(Option<&'n str>, &'n str)> {
    match parts {
        [name] => Ok((None, name)),
        [schema, name] | [_, schema, name] => Ok((Some(schema), name)),
        _ => Err(Error::new(
            "42601",
            format!("improper qualified name (too many dotted names): {}", parts.join(".")),
        )),
    }
}

/// The items of a `List` node, or the node alone.
pub(crate) fn items(node: &NodeEnum) -> Vec<&NodeEnum> {
    match node {
        NodeEnum::List(list) => list.items.iter().filter_map(|item| item.node.as_ref()).collect(),
        other => vec![other],
    }
}

/// The nodes themselves.
pub(crate) fn each(nodes: &[Node]) -> impl Iterator<Item = &NodeEnum> {
    nodes.iter().filter_map(|node| node.node.as_ref())
}

/// An integer constant.
pub(crate) fn integer(node: &NodeEnum) -> Option<i32> {
    match node {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Ival(number) => Some(number.ival),
            _ => None,
        },
        NodeEnum::Integer(number) => Some(number.ival),
        _ => None,
    }
}

/// A string constant.
pub(crate) fn text_constant(node: &NodeEnum) -> Option<&str> {
    match node {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Sval(text) => Some(&text.sval),
            _ => None,
        },
        _ => None,
    }
}

/// Where an expression starts in the text, if its node says so.
pub(crate) fn location(node: &NodeEnum) -> i32 {
    match node {
        NodeEnum::AConst(n) => n.location,
        NodeEnum::ColumnRef(n) => n.location,
        NodeEnum::ParamRef(n) => n.location,
        NodeEnum::AExpr(n) => n.location,
        NodeEnum::BoolExpr(n) => n.location,
        NodeEnum::TypeCast(n) => n.location,
        NodeEnum::FuncCall(n) => n.location,
        NodeEnum::SubLink(n) => n.location,
        NodeEnum::CaseExpr(n) => n.location,
        NodeEnum::CoalesceExpr(n) => n.location,
        NodeEnum::MinMaxExpr(n) => n.location,
        NodeEnum::NullTest(n) => n.location,
        NodeEnum::BooleanTest(n) => n.location,
        NodeEnum::AArrayExpr(n) => n.location,
        NodeEnum::RowExpr(n) => n.location,
        NodeEnum::CollateClause(n) => n.location,
        NodeEnum::SqlvalueFunction(n) => n.location,
        NodeEnum::NamedArgExpr(n) => n.location,
        NodeEnum::SetToDefault(n) => n.location,
        NodeEnum::RangeVar(n) => n.location,
        NodeEnum::ResTarget(n) => n.location,
        NodeEnum::SortBy(n) => n.location,
        NodeEnum::AIndirection(n) => inner(n.arg.as_deref()).map_or(-1, location),
        _ => -1,
    }
}

/// Puts the place of the string literal that an input function refused into the error.
pub(crate) fn blame_literal<'n, T>(
    result: Result<T>,
    nodes: impl IntoIterator<Item = &'n NodeEnum>,
) -> Result<T> {
    result.map_err(|error| {
        if !error.code.starts_with("22") {
            return error;
        }
        let refused = nodes.into_iter().find(|node| {
            text_constant(node).is_some_and(|text| error.message.contains(&format!("\"{text}\"")))
        });
        match refused.and_then(|node| usize::try_from(location(node)).ok()) {
            Some(position) => error.at(position),
            None => error,
        }
    })
}

/// A part of the syntax that is not supported, at its place.
pub(crate) fn unsupported<T>(what: impl Into<String>, location: i32) -> Result<T> {
    Err(Error::unsupported(what)).at(location)
}
