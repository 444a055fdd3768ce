//! The entry points: plans, queries, statements and function bodies become [`Authorized`].

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation, Routine};
use backstay_expr::walk::{Rewriter, walk_from, walk_statement};
use backstay_expr::{Expr, From, FunctionScan, Query, RelId, Statement};
use backstay_model::{Error, Result, Type};
use backstay_plan::{Call, CallResult, Node, Operation, Plan, Read, Write};

use crate::renumber::Greatest;
use crate::walk::Walk;
use crate::writes::Shown;
use crate::{Authorized, Caller};

/// Authorizes a plan for a caller.
///
/// # Errors
/// `42501` for rights that are missing, `42P17` for policies that refer to themselves, `55000`,
/// `0A000` and `42809` for views that cannot be written to.
pub fn authorize(catalog: &Catalog, caller: &Caller, mut plan: Plan) -> Result<Authorized<Plan>> {
    let mut greatest = Greatest::default();
    let operation = Arc::make_mut(&mut plan.operation);
    match operation {
        Operation::Read(read) => each_of_read(read, &mut greatest),
        Operation::Write(write) => {
            see_statement(&mut write.statement, &mut greatest);
            greatest.see(write.target);
            if let Some(node) = &mut write.representation {
                each_of_node(node, &mut greatest);
            }
        }
        Operation::Call(call) => each_of_call(call, &mut greatest),
    }
    let mut walk = Walk::new(catalog, caller, &greatest);
    match operation {
        Operation::Read(read) => {
            each_of_read(read, &mut walk.uses);
            each_of_read(read, &mut walk);
        }
        Operation::Write(write) => authorize_write(&mut walk, write)?,
        Operation::Call(call) => {
            walk.callable(call.function)?;
            each_of_call(call, &mut walk.uses);
            each_of_call(call, &mut walk);
        }
    }
    finish(walk, plan)
}

/// Authorizes a query for a caller.
///
/// # Errors
/// As [`authorize`].
pub fn authorize_query(
    catalog: &Catalog,
    caller: &Caller,
    mut query: Query,
) -> Result<Authorized<Query>> {
    let mut greatest = Greatest::default();
    greatest.query(&mut query);
    let mut walk = Walk::new(catalog, caller, &greatest);
    walk.uses.query(&mut query);
    walk.rewrite_query(&mut query)?;
    Ok(Authorized::new(query))
}

/// Authorizes a statement for a caller.
///
/// # Errors
/// As [`authorize`].
pub fn authorize_statement(
    catalog: &Catalog,
    caller: &Caller,
    statement: Statement,
) -> Result<Authorized<Statement>> {
    one_statement(catalog, caller, statement, false).map(Authorized::new)
}

/// Authorizes a statement that a migration wrote, a policy's clause say: functions that run with
/// their owner's rights may be called in it as they may in a policy.
///
/// # Errors
/// As [`authorize`].
pub fn authorize_stored(
    catalog: &Catalog,
    caller: &Caller,
    statement: Statement,
) -> Result<Authorized<Statement>> {
    one_statement(catalog, caller, statement, true).map(Authorized::new)
}

/// Authorizes the body of a function for whom it runs as: see [`Caller::within`]. The right to call
/// the function was checked where the call stands.
///
/// # Errors
/// As [`authorize`].
pub fn authorize_body(
    catalog: &Catalog,
    caller: &Caller,
    routine: &Routine,
) -> Result<Authorized<Vec<Statement>>> {
    let statements: Result<Vec<Statement>> = routine
        .statements()?
        .iter()
        .map(|statement| one_statement(catalog, caller, statement.clone(), false))
        .collect();
    statements.map(Authorized::new)
}

fn one_statement(
    catalog: &Catalog,
    caller: &Caller,
    mut statement: Statement,
    stored: bool,
) -> Result<Statement> {
    let mut greatest = Greatest::default();
    see_statement(&mut statement, &mut greatest);
    let mut walk = Walk::new(catalog, caller, &greatest);
    walk.stored = stored;
    let mut shown =
        Shown { rel: RelId(u32::MAX), parts: &mut |_| {}, location: &mut Vec::new(), any: false };
    walk.statement(&mut statement, &mut shown)?;
    Ok(statement)
}

fn finish<T>(mut walk: Walk<'_>, done: T) -> Result<Authorized<T>> {
    // The walk notes its first error; an expression without parts picks it up.
    walk.rewrite_expr(&mut Expr::bool(true))?;
    Ok(Authorized::new(done))
}

fn authorize_write(walk: &mut Walk<'_>, write: &mut Write) -> Result<()> {
    if matches!(write.statement, Statement::Query(_)) {
        return Err(Error::internal("a write that writes nothing"));
    }
    let any = write.representation.is_some() || !write.location.is_empty();
    let representation = &mut write.representation;
    let mut shown = Shown {
        rel: write.target,
        parts: &mut |rewriter| {
            for node in representation.iter_mut() {
                each_of_node(node, &mut Dynamic(rewriter));
            }
        },
        location: &mut write.location,
        any,
    };
    walk.statement(&mut write.statement, &mut shown)?;
    write.relation = match &write.statement {
        Statement::Insert(insert) => insert.relation,
        Statement::Update(update) => update.relation,
        Statement::Delete(delete) => delete.relation,
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => write.relation,
    };
    let relation = walk.relation(write.relation)?;
    if let Some(node) = &mut write.representation
        && relation.view().is_some()
    {
        // The rows that its triggers let through are stored nowhere: they come as a value.
        each_of_node(node, &mut GivenRows { rel: write.target, relation });
    }
    if let Some(node) = &mut write.representation {
        each_of_node(node, &mut walk.uses);
        walk.written = Some(write.target);
        each_of_node(node, walk);
        walk.written = None;
    }
    Ok(())
}

/// Reads the written rows of a view from the first parent key, an array of them.
struct GivenRows<'r> {
    rel: RelId,
    relation: &'r Relation,
}

impl Rewriter for GivenRows<'_> {
    fn from(&mut self, from: &mut From) {
        match from {
            From::Relation(scan) if scan.rel == self.rel => {
                let row = Type::Composite(self.relation.row_type);
                let rows = Expr::ParentKey { index: 0, ty: row.clone().array_of() };
                let columns = self.relation.columns.iter();
                *from = From::Function(FunctionScan {
                    rel: self.rel,
                    call: Expr::Call {
                        symbol: "unnest(anyarray)".into(),
                        args: vec![rows],
                        ty: row,
                    },
                    columns: columns.map(|one| (one.name.clone(), one.ty.clone())).collect(),
                    ordinality: false,
                });
            }
            _ => walk_from(self, from),
        }
    }
}

fn see_statement(statement: &mut Statement, greatest: &mut Greatest) {
    match statement {
        Statement::Query(_) | Statement::Truncate(_) => {}
        Statement::Sequence(sequence) => {
            for part in &mut sequence.parts {
                see_statement(part, greatest);
            }
            return see_statement(&mut sequence.last, greatest);
        }
        Statement::Insert(insert) => {
            greatest.see(insert.rel);
            greatest.see(insert.excluded);
            greatest.see_ctes(&insert.with);
        }
        Statement::Update(update) => {
            greatest.see(update.rel);
            greatest.see_ctes(&update.with);
        }
        Statement::Delete(delete) => {
            greatest.see(delete.rel);
            greatest.see_ctes(&delete.with);
        }
    }
    walk_statement(greatest, statement);
}

pub(crate) fn each_of_read(read: &mut Read, rewriter: &mut impl Rewriter) {
    each_of_node(&mut read.node, rewriter);
    if let Some(count) = &mut read.count {
        rewriter.query(count);
    }
}

pub(crate) fn each_of_node(node: &mut Node, rewriter: &mut impl Rewriter) {
    rewriter.query(&mut node.query);
    for child in &mut node.children {
        each_of_node(&mut child.node, rewriter);
    }
}

pub(crate) fn each_of_call(call: &mut Call, rewriter: &mut impl Rewriter) {
    for argument in &mut call.arguments {
        rewriter.expr(argument);
    }
    if let CallResult::Rows { node, count, .. } = &mut call.result {
        each_of_node(node, rewriter);
        if let Some(count) = count {
            rewriter.query(count);
        }
    }
}

/// A rewriter behind a pointer.
struct Dynamic<'r>(&'r mut dyn Rewriter);

impl Rewriter for Dynamic<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        self.0.expr(expr);
    }
    fn query(&mut self, query: &mut Query) {
        self.0.query(query);
    }
    fn from(&mut self, from: &mut backstay_expr::From) {
        self.0.from(from);
    }
}
