//! PL/pgSQL: bodies of functions and of `DO`, read to a tree.
//!
//! The statement level is read here; expressions and SQL statements stay text ([`Fragment`]), which
//! is bound when it first runs, against the catalogue and the records of that moment, as
//! PostgreSQL does.

mod bind;
pub mod conditions;
mod lexer;
mod parser;
mod tree;
mod types;
mod uses;

use backstay_catalog::{Catalog, OLD_ROW, ROW, Relation, Returns, Routine, SearchPath};
use backstay_expr::Expr;
use backstay_model::{Error, Result};

use crate::nodes::inner;
use crate::{Binder, Clause};

pub use bind::{BoundText, bind_dynamic, bind_fragment};
pub use tree::{
    Block, Conflict, Cursor, CursorSource, Declared, Diagnostic, Direction, Fragment, FragmentId,
    FragmentKind, Handler, Handlers, Into, PathPart, Program, Raise, RaiseLevel, RaiseOption,
    RaiseWhat, Rows, Slot, Statement, Stmt, Target, TriggerSlots, Variable, Visible,
};
pub use uses::{check_fragments, runs_texts, uses};

/// Where a body is read: its names and what it may return.
struct Surroundings<'c> {
    catalog: &'c Catalog,
    path: &'c SearchPath,
    /// The function; `None` for `DO`.
    routine: Option<&'c Routine>,
}

impl<'c> Surroundings<'c> {
    fn returns(&self) -> Option<&'c Returns> {
        self.routine.map(|routine| &routine.returns)
    }
}

/// Reads the body of a function.
///
/// # Errors
/// `42601` for syntax, `42704` for unknown types and conditions, `42804` for a `RETURN` that does
/// not fit; positions count from the start of the source.
pub fn parse_routine(catalog: &Catalog, path: &SearchPath, routine: &Routine) -> Result<Program> {
    parser::parse(&routine.source, &Surroundings { catalog, path, routine: Some(routine) })
}

/// Reads the text of a `DO` block.
///
/// # Errors
/// As [`parse_routine`].
pub fn parse_block(catalog: &Catalog, path: &SearchPath, source: &str) -> Result<Program> {
    parser::parse(source, &Surroundings { catalog, path, routine: None })
}

impl Binder<'_> {
    /// Binds `WHEN` of a trigger over the rows that it may look at: [`OLD_ROW`] and [`ROW`].
    ///
    /// # Errors
    /// As [`Binder::bind_row_expr`]; `42804` for another type than `boolean`.
    pub fn bind_trigger_condition(
        &mut self,
        node: &pg_query::NodeEnum,
        relation: &Relation,
        (old, new): (bool, bool),
    ) -> Result<Expr> {
        let mut names = crate::scope::Namespace::default();
        if old {
            names.tables.push(self.relation_table(relation, OLD_ROW, Some("old")));
        }
        if new {
            names.tables.push(self.relation_table(relation, ROW, Some("new")));
        }
        self.scoped(Clause::Trigger, |binder| {
            binder.scope().names = names;
            binder.condition("WHEN", node)
        })
    }
}

/// The `DO` statement's text.
///
/// # Errors
/// `0A000` for another language.
pub(crate) fn do_source(stmt: &pg_query::protobuf::DoStmt) -> Result<&str> {
    let mut source = None;
    for node in crate::nodes::each(&stmt.args) {
        let pg_query::NodeEnum::DefElem(element) = node else { continue };
        let Some(pg_query::NodeEnum::String(text)) = inner(element.arg.as_deref()) else {
            continue;
        };
        match element.defname.as_str() {
            "as" => source = Some(text.sval.as_str()),
            "language" if !text.sval.eq_ignore_ascii_case("plpgsql") => {
                return Err(Error::unsupported(format!("DO in LANGUAGE {}", text.sval)));
            }
            _ => {}
        }
    }
    source.ok_or_else(|| Error::new("42601", "no inline code specified"))
}
