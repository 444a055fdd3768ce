//! Statements that change rows: rights on the written columns, views resolved to tables, and what
//! row security demands of old and new rows.

use std::mem;

use backstay_catalog::{Event, PolicyCommand, Privilege, Relation, Timing};
use backstay_expr::walk::{Rewriter, walk_statement};
use backstay_expr::{
    Assignment, ConflictAction, ConflictTarget, Expr, From, RelId, RelationId, RelationScan,
    Sequence, Statement, Truncate, WritePolicy,
};
use backstay_model::{Error, Result};

use crate::renumber::{Renumber, Used, Uses};
use crate::rights::Rights;
use crate::rows::Side;
use crate::views::{self, Simple};
use crate::walk::{Walk, too_deep};

/// How many views may lie over a table that is written through them.
const VIEWS: usize = 32;

/// What an answer shows of the written rows, beside the statement's own `RETURNING`.
pub(crate) struct Shown<'s> {
    /// Whatever reads the written rows under this name (the representation).
    pub(crate) rel: RelId,
    /// Applies a rewriting to it.
    pub(crate) parts: &'s mut dyn FnMut(&mut dyn Rewriter),
    /// Attribute numbers of the key that `Location` shows.
    pub(crate) location: &'s mut Vec<u16>,
    /// Does it show anything?
    pub(crate) any: bool,
}

/// The table that is written in the end.
struct Target<'a> {
    relation: &'a Relation,
    /// Whose rights hold for it: the caller's, or those of the owner of a view above it.
    rights: Rights<'a>,
    /// Conditions of the views on the way.
    filters: Vec<(Rights<'a>, Expr)>,
    /// Does the statement read columns of the table? (`RETURNING 1` does not.)
    reads: bool,
}

impl<'a> Walk<'a> {
    /// Authorizes a statement in place.
    ///
    /// # Errors
    /// `42501`, `42P17`, and those of writes to views.
    pub(crate) fn statement(
        &mut self,
        statement: &mut Statement,
        shown: &mut Shown<'_>,
    ) -> Result<()> {
        match statement {
            Statement::Query(query) => {
                self.uses.query(query);
                return self.rewrite_query(query);
            }
            Statement::Truncate(truncate) => return self.truncate(truncate),
            Statement::Sequence(sequence) => return self.sequence(sequence, shown),
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {}
        }
        self.writing = true;
        let target = self.target(statement, shown)?;
        walk_statement(&mut self.uses, statement);
        self.rewrite_parts(statement)?;
        self.add_view_filters(statement, target.filters)?;
        let rights = mem::replace(&mut self.rights, target.rights);
        let policy = self.write_policy(statement, target.relation, target.reads);
        self.rights = rights;
        set_policy(statement, policy?);
        Ok(())
    }

    /// `TRUNCATE` has no policies: the privilege alone decides.
    fn truncate(&mut self, truncate: &Truncate) -> Result<()> {
        for id in &truncate.relations {
            let relation = self.relation(*id)?;
            if !relation.is_hidden() {
                self.check_schema(&relation.schema)?;
            }
            self.rights.truncate(relation)?;
        }
        Ok(())
    }

    fn sequence(&mut self, sequence: &mut Sequence, shown: &mut Shown<'_>) -> Result<()> {
        for part in &mut sequence.parts {
            let mut hidden = Shown {
                rel: RelId(u32::MAX),
                parts: &mut |_| {},
                location: &mut Vec::new(),
                any: false,
            };
            let writing = mem::replace(&mut self.writing, false);
            self.statement(part, &mut hidden)?;
            self.writing = writing;
        }
        self.statement(&mut sequence.last, shown)
    }

    fn rewrite_parts(&mut self, statement: &mut Statement) -> Result<()> {
        walk_statement(self, statement);
        // The walk notes its first error; an expression without parts picks it up.
        self.rewrite_expr(&mut Expr::bool(true))
    }

    /// Checks the rights on the written relation and goes through views down to the table.
    fn target(&self, statement: &mut Statement, shown: &mut Shown<'_>) -> Result<Target<'a>> {
        let command = command_of(statement);
        let mut relation = self.relation(*relation_of(statement)?)?;
        let mut rights = self.rights.clone();
        if !relation.is_hidden() {
            self.check_schema(&relation.schema)?;
        }
        let mut filters = Vec::new();
        for _ in 0..VIEWS {
            let used = used_of(statement, shown);
            check_rights(&rights, relation, statement, &used)?;
            let Some(view) = relation.view() else {
                let reads = used.any() || shown.any;
                return Ok(Target { relation, rights, filters, reads });
            };
            if has_instead_of(relation, command) {
                read_through(statement, relation);
                return Ok(Target { relation, rights, filters, reads: false });
            }
            let simple = views::simple(relation, view, command)?;
            let inside = if view.security_invoker {
                rights.clone()
            } else {
                rights.of_owner(self.catalog, &relation.owner)
            };
            if let Some(filter) = simple.filter(rel_of(statement)) {
                filters.push((inside.clone(), filter));
            }
            self.descend(&simple, relation, statement, shown)?;
            relation = self.relation(simple.base)?;
            rights = inside;
        }
        Err(too_deep())
    }

    /// Makes the statement one over the relation under the view.
    fn descend(
        &self,
        simple: &Simple<'_>,
        relation: &Relation,
        statement: &mut Statement,
        shown: &mut Shown<'_>,
    ) -> Result<()> {
        let command = command_of(statement);
        walk_statement(&mut simple.substitute(rel_of(statement)), statement);
        if let Statement::Insert(insert) = statement {
            let excluded = insert.excluded;
            walk_statement(&mut simple.substitute(excluded), statement);
        }
        (shown.parts)(&mut simple.substitute(shown.rel));
        for column in shown.location.iter_mut().chain(written_columns(statement)) {
            *column = simple.written(relation, *column, command)?;
        }
        *relation_of(statement)? = simple.base;
        Ok(())
    }

    /// The views' conditions narrow the rows; they are read with the rights that hold inside.
    fn add_view_filters(
        &mut self,
        statement: &mut Statement,
        filters: Vec<(Rights<'a>, Expr)>,
    ) -> Result<()> {
        for (inside, mut filter) in filters {
            Renumber::new(&mut self.fresh).expr(&mut filter);
            self.uses.expr(&mut filter);
            let rights = mem::replace(&mut self.rights, inside);
            let stored = mem::replace(&mut self.stored, true);
            let done = self.rewrite_expr(&mut filter);
            self.stored = stored;
            self.rights = rights;
            done?;
            match statement {
                Statement::Update(update) => {
                    update.filter = Expr::all_of([filter].into_iter().chain(update.filter.take()));
                }
                Statement::Delete(delete) => {
                    delete.filter = Expr::all_of([filter].into_iter().chain(delete.filter.take()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What row security demands, as PostgreSQL's `get_row_security_policies` has it.
    fn write_policy(
        &mut self,
        statement: &Statement,
        relation: &Relation,
        reads: bool,
    ) -> Result<WritePolicy> {
        let mut policy = WritePolicy::default();
        if !self.rights.bound_by(self.catalog, relation) {
            return Ok(policy);
        }
        policy.binds = true;
        let rel = rel_of_shared(statement);
        let command = command_of(statement);
        if matches!(command, PolicyCommand::Update | PolicyCommand::Delete) {
            let own = self.row_filter(relation, command, rel)?;
            let read =
                if reads { self.row_filter(relation, PolicyCommand::Select, rel)? } else { None };
            policy.row_filter = Expr::all_of(own.into_iter().chain(read));
        }
        if command == PolicyCommand::Insert {
            policy.insert_checks = self.new_row_checks(relation, command, rel, reads)?;
        }
        if command == PolicyCommand::Update {
            policy.update_checks = self.new_row_checks(relation, command, rel, reads)?;
        }
        if updates_on_conflict(statement) {
            let update = PolicyCommand::Update;
            policy.conflict_checks = self.row_checks(relation, update, Side::Using, (rel, true))?;
            if reads {
                let select = PolicyCommand::Select;
                policy.conflict_checks.extend(self.row_checks(
                    relation,
                    select,
                    Side::Using,
                    (rel, true),
                )?);
            }
            policy.update_checks = self.new_row_checks(relation, update, rel, reads)?;
        }
        Ok(policy)
    }

    /// `WITH CHECK` of the command, and the read policies if the statement reads.
    fn new_row_checks(
        &mut self,
        relation: &Relation,
        command: PolicyCommand,
        rel: RelId,
        reads: bool,
    ) -> Result<Vec<backstay_expr::PolicyCheck>> {
        let mut checks = self.row_checks(relation, command, Side::Check, (rel, false))?;
        if reads {
            let select = PolicyCommand::Select;
            checks.extend(self.row_checks(relation, select, Side::Using, (rel, false))?);
        }
        Ok(checks)
    }
}

/// Do triggers of the view do the work?
pub(crate) fn has_instead_of(relation: &Relation, command: PolicyCommand) -> bool {
    let event = match command {
        PolicyCommand::Insert => Event::Insert,
        PolicyCommand::Update => Event::Update,
        PolicyCommand::Delete => Event::Delete,
        PolicyCommand::Select | PolicyCommand::All => return false,
    };
    relation.triggers_for(Timing::InsteadOf, event, true).next().is_some()
}

/// Makes the statement read the rows that it changes from the view, since they are stored nowhere.
fn read_through(statement: &mut Statement, relation: &Relation) {
    let scan = |rel| From::Relation(RelationScan { rel, relation: relation.id, policy: None });
    match statement {
        Statement::Update(update) => update.from.insert(0, scan(update.rel)),
        Statement::Delete(delete) => delete.using.insert(0, scan(delete.rel)),
        Statement::Insert(_)
        | Statement::Query(_)
        | Statement::Truncate(_)
        | Statement::Sequence(_) => {}
    }
}

/// The rights on one relation that a statement writes to.
fn check_rights(
    rights: &Rights<'_>,
    relation: &Relation,
    statement: &Statement,
    used: &Used,
) -> Result<()> {
    match statement {
        Statement::Insert(insert) => {
            rights.write(relation, Privilege::Insert, &insert.columns)?;
            if let Some(conflict) = &insert.conflict
                && let ConflictAction::Update { set, .. } = &conflict.action
            {
                rights.write(relation, Privilege::Update, &numbers(set))?;
            }
        }
        // Nothing is set, so it is a read of no row.
        Statement::Update(update) if update.set.is_empty() => return rights.read(relation, used),
        Statement::Update(update) => {
            rights.write(relation, Privilege::Update, &numbers(&update.set))?;
        }
        Statement::Delete(_) => rights.delete(relation)?,
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => {}
    }
    if used.any() { rights.read(relation, used) } else { Ok(()) }
}

fn numbers(set: &[Assignment]) -> Vec<u16> {
    set.iter().map(|assignment| assignment.column).collect()
}

/// What the statement and its answer read of the written relation.
fn used_of(statement: &mut Statement, shown: &mut Shown<'_>) -> Used {
    let mut uses = Uses::default();
    walk_statement(&mut uses, statement);
    (shown.parts)(&mut uses);
    let mut used = uses.of(rel_of(statement));
    let mut add = |more: Used| {
        used.columns.extend(more.columns);
        used.whole |= more.whole;
    };
    add(uses.of(shown.rel));
    add(Used { columns: shown.location.iter().copied().collect(), whole: false });
    if let Statement::Insert(insert) = statement {
        add(uses.of(insert.excluded));
        if let Some(ConflictTarget::Columns(columns)) =
            insert.conflict.as_ref().map(|conflict| &conflict.target)
        {
            add(Used { columns: columns.iter().copied().collect(), whole: false });
        }
    }
    used
}

fn command_of(statement: &Statement) -> PolicyCommand {
    match statement {
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => {
            PolicyCommand::Select
        }
        Statement::Insert(_) => PolicyCommand::Insert,
        Statement::Update(_) => PolicyCommand::Update,
        Statement::Delete(_) => PolicyCommand::Delete,
    }
}

/// The written relation; a query has none.
fn relation_of(statement: &mut Statement) -> Result<&mut RelationId> {
    match statement {
        Statement::Insert(insert) => Ok(&mut insert.relation),
        Statement::Update(update) => Ok(&mut update.relation),
        Statement::Delete(delete) => Ok(&mut delete.relation),
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => {
            Err(Error::internal("a statement without rows of one table to write"))
        }
    }
}

fn rel_of(statement: &mut Statement) -> RelId {
    rel_of_shared(statement)
}

fn rel_of_shared(statement: &Statement) -> RelId {
    match statement {
        Statement::Insert(insert) => insert.rel,
        Statement::Update(update) => update.rel,
        Statement::Delete(delete) => delete.rel,
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => {
            backstay_catalog::ROW
        }
    }
}

fn updates_on_conflict(statement: &Statement) -> bool {
    matches!(statement, Statement::Insert(insert) if insert
        .conflict
        .as_ref()
        .is_some_and(|conflict| matches!(conflict.action, ConflictAction::Update { .. })))
}

/// Every place of the statement that names a column it writes.
fn written_columns(statement: &mut Statement) -> Vec<&mut u16> {
    let mut found: Vec<&mut u16> = Vec::new();
    match statement {
        Statement::Insert(insert) => {
            found.extend(&mut insert.columns);
            if let Some(conflict) = &mut insert.conflict {
                if let ConflictTarget::Columns(columns) = &mut conflict.target {
                    found.extend(columns);
                }
                if let ConflictAction::Update { set, .. } = &mut conflict.action {
                    found.extend(set.iter_mut().map(|assignment| &mut assignment.column));
                }
            }
        }
        Statement::Update(update) => {
            found.extend(update.set.iter_mut().map(|assignment| &mut assignment.column));
        }
        Statement::Delete(_)
        | Statement::Query(_)
        | Statement::Truncate(_)
        | Statement::Sequence(_) => {}
    }
    found
}

fn set_policy(statement: &mut Statement, policy: WritePolicy) {
    match statement {
        Statement::Insert(insert) => insert.policy = policy,
        Statement::Update(update) => update.policy = policy,
        Statement::Delete(delete) => delete.policy = policy,
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => {}
    }
}
