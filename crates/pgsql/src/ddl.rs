//! Schema statements: a catalogue in, the catalogue afterwards and the engine's work out.
//!
//! [`analyze`] is pure. It never changes the catalogue it was given; a statement either becomes one
//! [`Change`], or a bound statement, or a setting, or nothing with a note why.

mod alter_column;
mod alter_table;
mod alter_type;
mod bind;
mod column;
mod comment;
mod constraint;
mod create_as;
mod defaults;
mod depend;
mod drop;
mod drop_object;
pub(crate) mod extension;
mod foreign_key;
mod function;
mod function_parts;
mod grant;
mod grant_targets;
mod hidden_index;
mod index;
mod like;
mod made;
mod names;
mod owner;
mod policy;
mod publication;
mod refused;
mod rename;
mod rename_text;
mod role;
mod schema;
mod sequence;
mod setting;
mod table;
mod text;
mod trigger;
mod user_type;
mod view;

#[cfg(test)]
mod tests;

pub use made::names_made;

use std::sync::Arc;

use backstay_catalog::{Catalog, Change, Relation, SearchPath, Work};
use backstay_expr::{RelationId, Statement};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::DoStmt;

use crate::RawStatement;
use crate::plpgsql::{self, Program};

/// What lasts from one statement of a script to the next.
#[derive(Debug, Clone)]
pub struct DdlSession {
    /// Where names are looked for and new objects go.
    pub search_path: SearchPath,
    /// Who owns new objects (`SET ROLE` changes it).
    pub role: String,
    /// `check_function_bodies`: a body that cannot be bound yet is an error.
    pub check_function_bodies: bool,
    /// What PostgreSQL would say as `NOTICE` or `WARNING`, in order.
    pub notices: Vec<String>,
    /// Statements that belong to the one that was analysed last, to be run after it.
    pub then: Vec<String>,
}

impl DdlSession {
    /// What migrations start with: role `postgres`, path `"$user", public, extensions`.
    pub fn of_migrations() -> Self {
        Self {
            search_path: SearchPath::of_migrations(),
            role: "postgres".to_owned(),
            check_function_bodies: true,
            notices: Vec::new(),
            then: Vec::new(),
        }
    }
}

/// What a statement means.
#[derive(Debug, Clone)]
pub enum Analyzed {
    /// A change of the catalogue.
    Change(Box<Change>),
    /// A statement that reads or changes rows.
    Statement(Box<Statement>),
    /// `DO`.
    Block(Box<crate::plpgsql::Program>),
    /// `SET name = value`.
    Setting(String, String),
    /// Nothing to do, and why.
    Nothing(String),
}

/// Analyses one statement against the catalogue.
///
/// # Errors
/// PostgreSQL's error for a statement that it would refuse, `0A000` for one that cannot be done.
pub fn analyze<'s>(
    catalog: &Catalog,
    session: &'s mut DdlSession,
    raw: &'s RawStatement,
) -> Result<Analyzed> {
    let before = session.notices.len();
    let node = &raw.node;
    if let Some(done) = setting::analyze(catalog, session, node)? {
        return Ok(done);
    }
    if let NodeEnum::DoStmt(stmt) = node {
        return block(catalog, session, (raw, stmt)).map(|block| Analyzed::Block(Box::new(block)));
    }
    if let Some(error) = refused::refusal(node) {
        return Err(error.at(raw.offset));
    }
    if matches!(
        node,
        NodeEnum::SelectStmt(_)
            | NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_)
            | NodeEnum::TruncateStmt(_)
            | NodeEnum::RefreshMatViewStmt(_)
            | NodeEnum::CallStmt(_)
    ) {
        return bind::statement(catalog, session, node)
            .map(|statement| Analyzed::Statement(Box::new(statement)));
    }
    let mut draft = Draft::new(catalog, session);
    draft.raw = Some(raw);
    draft.statement(node).map_err(|error| error.at(raw.offset))?;
    draft.finish(catalog, before)
}

/// Reads the body of a `DO`; places in it become places in the script.
fn block(
    catalog: &Catalog,
    session: &DdlSession,
    (raw, stmt): (&RawStatement, &DoStmt),
) -> Result<Program> {
    let source = plpgsql::do_source(stmt).map_err(|error| error.at(raw.offset))?;
    let start = raw.offset + raw.text.find(source).unwrap_or(0);
    let read = plpgsql::parse_block(catalog, &session.search_path, source).and_then(|program| {
        plpgsql::check_fragments(&program)?;
        Ok(program)
    });
    read.map_err(|mut error| {
        error.position = Some(start + error.position.unwrap_or(0));
        error
    })
}

/// The catalogue while one statement changes it.
struct Draft<'s> {
    catalog: Catalog,
    work: Vec<Work>,
    session: &'s mut DdlSession,
    /// The statement as it was written.
    raw: Option<&'s RawStatement>,
    changed: bool,
}

impl<'s> Draft<'s> {
    fn new(catalog: &Catalog, session: &'s mut DdlSession) -> Self {
        Self { catalog: catalog.clone(), work: Vec::new(), session, raw: None, changed: false }
    }

    /// The catalogue, to be changed.
    fn edit(&mut self) -> &mut Catalog {
        self.changed = true;
        &mut self.catalog
    }

    /// A relation, to be changed in anything but its name.
    fn edit_relation(&mut self, id: RelationId) -> Result<&mut Relation> {
        self.edit()
            .relations
            .get_mut(&id)
            .map(Arc::make_mut)
            .ok_or_else(|| Error::internal(format!("relation {} is not in the catalogue", id.0)))
    }

    /// A relation that is known to exist.
    fn known(&self, id: RelationId) -> Result<Arc<Relation>> {
        self.catalog
            .relations
            .get(&id)
            .cloned()
            .ok_or_else(|| Error::internal(format!("relation {} is not in the catalogue", id.0)))
    }

    /// `NOTICE`.
    fn notice(&mut self, text: impl Into<String>) {
        self.session.notices.push(text.into());
    }

    fn finish(mut self, before: &Catalog, notices: usize) -> Result<Analyzed> {
        if !self.changed {
            let note = self.session.notices.get(notices..).unwrap_or_default().join("; ");
            return Ok(Analyzed::Nothing(note));
        }
        hidden_index::reconcile(&mut self, before);
        function::rebind(&mut self, before);
        self.catalog.version = before.version + 1;
        Ok(Analyzed::Change(Box::new(Change { catalog: self.catalog, work: self.work })))
    }

    /// Does the statement's work. Each room of statements takes what is its own.
    fn statement(&mut self, node: &NodeEnum) -> Result<()> {
        match node {
            NodeEnum::CreateStmt(stmt) => table::create(self, stmt),
            NodeEnum::AlterTableStmt(stmt) => alter_table::alter(self, stmt),
            NodeEnum::IndexStmt(stmt) => index::create(self, stmt),
            NodeEnum::ViewStmt(stmt) => view::create(self, stmt),
            NodeEnum::CreateTableAsStmt(stmt) => create_as::create(self, stmt),
            NodeEnum::CreateEnumStmt(stmt) => user_type::create_enum(self, stmt),
            NodeEnum::AlterEnumStmt(stmt) => alter_type::alter_enum(self, stmt),
            NodeEnum::CompositeTypeStmt(stmt) => user_type::create_composite(self, stmt),
            NodeEnum::CreateDomainStmt(stmt) => user_type::create_domain(self, stmt),
            NodeEnum::AlterDomainStmt(stmt) => alter_type::alter_domain(self, stmt),
            NodeEnum::CreateSchemaStmt(stmt) => schema::create(self, stmt),
            NodeEnum::CreateSeqStmt(stmt) => sequence::create(self, stmt),
            NodeEnum::AlterSeqStmt(stmt) => sequence::alter(self, stmt),
            NodeEnum::CreateFunctionStmt(stmt) => function::create(self, stmt),
            NodeEnum::AlterFunctionStmt(stmt) => function::alter(self, stmt),
            NodeEnum::CreatePolicyStmt(stmt) => policy::create(self, stmt),
            NodeEnum::AlterPolicyStmt(stmt) => policy::alter(self, stmt),
            NodeEnum::CreateTrigStmt(stmt) => trigger::create(self, stmt),
            NodeEnum::DropStmt(stmt) => drop::drop(self, stmt),
            NodeEnum::RenameStmt(stmt) => rename::rename(self, stmt),
            NodeEnum::AlterObjectSchemaStmt(stmt) => schema::set_schema(self, stmt),
            NodeEnum::AlterOwnerStmt(stmt) => owner::alter(self, stmt),
            NodeEnum::CommentStmt(stmt) => comment::comment(self, stmt),
            NodeEnum::GrantStmt(stmt) => grant::grant(self, stmt),
            NodeEnum::GrantRoleStmt(stmt) => role::grant(self, stmt),
            NodeEnum::AlterDefaultPrivilegesStmt(stmt) => defaults::alter(self, stmt),
            NodeEnum::CreateRoleStmt(stmt) => role::create(self, stmt),
            NodeEnum::AlterRoleStmt(stmt) => role::alter(self, stmt),
            NodeEnum::AlterRoleSetStmt(stmt) => role::set(self, stmt),
            NodeEnum::AlterDatabaseSetStmt(stmt) => role::set_database(self, stmt),
            NodeEnum::DropRoleStmt(stmt) => role::drop(self, stmt),
            NodeEnum::CreatePublicationStmt(stmt) => publication::create(self, stmt),
            NodeEnum::AlterPublicationStmt(stmt) => publication::alter(self, stmt),
            NodeEnum::CreateExtensionStmt(stmt) => extension::create(self, stmt),
            other => Err(refused::unknown(other)),
        }
    }
}
