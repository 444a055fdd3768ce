//! What can be told of a body without binding it: is its SQL well formed, and what may it do?

use std::collections::BTreeSet;

use backstay_catalog::Uses;
use backstay_model::Result;

use super::lexer::{Kind, tokens};
use super::tree::{Block, FragmentKind, Program, Statement, Stmt};
use crate::{parse_expression, parse_one};

/// Parses every expression and statement, as `check_function_bodies` asks for.
///
/// # Errors
/// `42601`; positions count from the start of the source.
pub fn check_fragments(program: &Program) -> Result<()> {
    for fragment in &program.fragments {
        let parsed = match fragment.kind {
            FragmentKind::Expression => parse_expression(&fragment.text).map(|_| ()),
            FragmentKind::Statement => parse_one(&fragment.text).map(|_| ()),
        };
        parsed.map_err(|mut error| {
            error.position = Some(fragment.offset + error.position.unwrap_or(0));
            error
        })?;
    }
    Ok(())
}

/// What the body names, and whether it may write by itself. Rather too much than too little: a
/// body that is taken to write merely runs on the writer.
pub fn uses(program: &Program) -> Uses {
    let mut found = Uses::default();
    for fragment in &program.fragments {
        for token in tokens(&fragment.text).unwrap_or_default() {
            match (token.kind, token.text.as_str()) {
                (
                    Kind::Word,
                    "insert" | "update" | "delete" | "merge" | "truncate" | "refresh" | "nextval"
                    | "setval",
                ) => found.writes = true,
                (Kind::Word, "set_config") => found.sets = true,
                (Kind::Word | Kind::Quoted, _) => {
                    found.names.insert(token.text);
                }
                _ => {}
            }
        }
    }
    found.writes |= has_dynamic(&program.body);
    let known: BTreeSet<&str> =
        program.variables.iter().map(|variable| variable.name.as_str()).collect();
    found.names.retain(|name| !known.contains(name.as_str()) && !KEYWORDS.contains(&name.as_str()));
    found
}

/// Words that name nothing.
const KEYWORDS: &[&str] = &[
    "and", "as", "asc", "by", "case", "cross", "desc", "distinct", "else", "end", "exists",
    "false", "from", "group", "having", "in", "inner", "into", "is", "join", "left", "like",
    "limit", "not", "null", "on", "or", "order", "right", "select", "set", "then", "true", "union",
    "using", "values", "when", "where", "with",
];

/// Does the body run texts that it puts together?
pub fn runs_texts(program: &Program) -> bool {
    has_dynamic(&program.body)
}

fn has_dynamic(block: &Block) -> bool {
    let handlers = block.handlers.iter().flat_map(|handlers| &handlers.list);
    any_dynamic(&block.body) || handlers.into_iter().any(|handler| any_dynamic(&handler.body))
}

fn any_dynamic(statements: &[Statement]) -> bool {
    use super::tree::{CursorSource, Rows};
    statements.iter().any(|statement| match &statement.kind {
        Stmt::Execute { .. }
        | Stmt::ReturnQuery(Rows::Dynamic(..))
        | Stmt::Open(_, CursorSource::For(Rows::Dynamic(..)))
        | Stmt::ForRows { rows: Rows::Dynamic(..), .. } => true,
        Stmt::Block(block) => has_dynamic(block),
        Stmt::If(branches, otherwise) => {
            branches.iter().any(|(_, body)| any_dynamic(body)) || any_dynamic(otherwise)
        }
        Stmt::Case { branches, otherwise, .. } => {
            branches.iter().any(|(_, body)| any_dynamic(body))
                || otherwise.as_ref().is_some_and(|body| any_dynamic(body))
        }
        Stmt::Loop(_, body)
        | Stmt::While(_, _, body)
        | Stmt::ForInteger { body, .. }
        | Stmt::ForRows { body, .. }
        | Stmt::ForEach { body, .. } => any_dynamic(body),
        Stmt::Assign(..)
        | Stmt::Exit { .. }
        | Stmt::Return(_)
        | Stmt::ReturnNext(_)
        | Stmt::ReturnQuery(_)
        | Stmt::Raise(_)
        | Stmt::Assert(..)
        | Stmt::Sql(..)
        | Stmt::Perform(_)
        | Stmt::Diagnostics(_)
        | Stmt::Open(..)
        | Stmt::Fetch { .. }
        | Stmt::Close(_)
        | Stmt::Nothing
        | Stmt::EndTransaction => false,
    })
}
