//! Walks over trees: visiting and rewriting every expression and query once, in order.

use crate::{
    Body, Conflict, ConflictAction, Cte, Distinct, Expr, Frame, FrameBound, From, Insert, Query,
    RelId, Select, SortKey, Source, Statement,
};

/// Hands out identities for `FROM` entries.
#[derive(Debug, Clone, Default)]
pub struct RelIds(u32);

impl RelIds {
    /// Starts above everything handed out so far.
    pub fn after(last: u32) -> Self {
        Self(last)
    }

    /// A new identity.
    pub fn fresh(&mut self) -> RelId {
        self.0 += 1;
        RelId(self.0)
    }
}

/// What a rewriting walk does at each node. Children are walked by [`walk_expr`] and [`walk_query`];
/// an override decides whether before or after its own work.
pub trait Rewriter {
    /// Rewrites an expression; the default walks its children.
    fn expr(&mut self, expr: &mut Expr) {
        walk_expr(self, expr);
    }
    /// Rewrites a query; the default walks its parts.
    fn query(&mut self, query: &mut Query) {
        walk_query(self, query);
    }
    /// Rewrites an entry of `FROM`; the default walks its parts.
    fn from(&mut self, from: &mut From) {
        walk_from(self, from);
    }
}

fn walk_all<R: Rewriter + ?Sized>(rewriter: &mut R, exprs: &mut [Expr]) {
    for expr in exprs {
        rewriter.expr(expr);
    }
}

fn walk_keys<R: Rewriter + ?Sized>(rewriter: &mut R, keys: &mut [SortKey]) {
    for key in keys {
        rewriter.expr(&mut key.expr);
    }
}

fn walk_frame<R: Rewriter + ?Sized>(rewriter: &mut R, frame: &mut Frame) {
    for bound in [&mut frame.start, &mut frame.end] {
        if let FrameBound::Preceding(expr) | FrameBound::Following(expr) = bound {
            rewriter.expr(expr);
        }
    }
}

/// Walks the children of an expression, sub-selects included.
pub fn walk_expr<R: Rewriter + ?Sized>(rewriter: &mut R, expr: &mut Expr) {
    match expr {
        Expr::Const { .. }
        | Expr::Param { .. }
        | Expr::ParentKey { .. }
        | Expr::Argument { .. }
        | Expr::Column { .. }
        | Expr::WholeRow { .. }
        | Expr::OutputColumn { .. }
        | Expr::Default { .. }
        | Expr::Native { .. } => {}
        Expr::Call { args, .. }
        | Expr::UserCall { args, .. }
        | Expr::Coalesce { args, .. }
        | Expr::Extreme { args, .. } => walk_all(rewriter, args),
        Expr::And(terms) | Expr::Or(terms) => walk_all(rewriter, terms),
        Expr::Array { elements, .. } => walk_all(rewriter, elements),
        Expr::Row { fields, .. } => walk_all(rewriter, fields),
        Expr::Compare { left, right, .. }
        | Expr::Operator { left, right, .. }
        | Expr::AnyArray { left, array: right, .. }
        | Expr::IsDistinct { left, right, .. } => {
            rewriter.expr(left);
            rewriter.expr(right);
        }
        Expr::Not(expr)
        | Expr::IsNull { expr, .. }
        | Expr::IsBool { expr, .. }
        | Expr::Field { expr, .. }
        | Expr::Cast { expr, .. } => rewriter.expr(expr),
        Expr::Case { branches, otherwise, .. } => {
            for (when, then) in branches {
                rewriter.expr(when);
                rewriter.expr(then);
            }
            if let Some(otherwise) = otherwise {
                rewriter.expr(otherwise);
            }
        }
        Expr::InList { expr, list, .. } => {
            rewriter.expr(expr);
            walk_all(rewriter, list);
        }
        Expr::Exists(query) | Expr::Scalar { query, .. } | Expr::ArrayQuery { query, .. } => {
            rewriter.query(query);
        }
        Expr::AnyQuery { left, query, .. } => {
            walk_all(rewriter, left);
            rewriter.query(query);
        }
        Expr::Aggregate { args, order, filter, .. } => {
            walk_all(rewriter, args);
            walk_keys(rewriter, order);
            if let Some(filter) = filter {
                rewriter.expr(filter);
            }
        }
        Expr::Window { args, filter, partition, order, frame, .. } => {
            walk_all(rewriter, args);
            if let Some(filter) = filter {
                rewriter.expr(filter);
            }
            walk_all(rewriter, partition);
            walk_keys(rewriter, order);
            if let Some(frame) = frame {
                walk_frame(rewriter, frame);
            }
        }
    }
}

/// Walks the parts of a query.
pub fn walk_query<R: Rewriter + ?Sized>(rewriter: &mut R, query: &mut Query) {
    for Cte { query, .. } in &mut query.with {
        rewriter.query(query);
    }
    match &mut query.body {
        Body::Select(select) => walk_select(rewriter, select),
        Body::Values(rows) => {
            for row in rows {
                walk_all(rewriter, row);
            }
        }
        Body::SetOperation { left, right, .. } => {
            rewriter.query(left);
            rewriter.query(right);
        }
    }
    walk_keys(rewriter, &mut query.order);
    for expr in [&mut query.limit, &mut query.offset].into_iter().flatten() {
        rewriter.expr(expr);
    }
}

fn walk_select<R: Rewriter + ?Sized>(rewriter: &mut R, select: &mut Select) {
    for from in &mut select.from {
        rewriter.from(from);
    }
    if let Distinct::On(exprs) = &mut select.distinct {
        walk_all(rewriter, exprs);
    }
    for output in &mut select.outputs {
        rewriter.expr(&mut output.expr);
    }
    if let Some(filter) = &mut select.filter {
        rewriter.expr(filter);
    }
    walk_all(rewriter, &mut select.group);
    if let Some(having) = &mut select.having {
        rewriter.expr(having);
    }
}

/// Walks the parts of an entry of `FROM`.
pub fn walk_from<R: Rewriter + ?Sized>(rewriter: &mut R, from: &mut From) {
    match from {
        From::Relation(scan) => {
            if let Some(policy) = &mut scan.policy {
                rewriter.expr(policy);
            }
        }
        From::Query { query, .. } => rewriter.query(query),
        From::Function(scan) => rewriter.expr(&mut scan.call),
        From::Cte { .. } => {}
        From::Join { left, right, on, .. } => {
            rewriter.from(left);
            rewriter.from(right);
            if let Some(on) = on {
                rewriter.expr(on);
            }
        }
    }
}

/// Walks the parts of a statement (its `policy` not: that is what others make of it).
pub fn walk_statement<R: Rewriter + ?Sized>(rewriter: &mut R, statement: &mut Statement) {
    match statement {
        Statement::Query(query) => rewriter.query(query),
        Statement::Insert(insert) => walk_insert(rewriter, insert),
        Statement::Update(update) => {
            walk_ctes(rewriter, &mut update.with);
            for from in &mut update.from {
                rewriter.from(from);
            }
            for assignment in &mut update.set {
                rewriter.expr(&mut assignment.value);
            }
            if let Some(filter) = &mut update.filter {
                rewriter.expr(filter);
            }
            for output in &mut update.returning {
                rewriter.expr(&mut output.expr);
            }
        }
        Statement::Delete(delete) => {
            walk_ctes(rewriter, &mut delete.with);
            for from in &mut delete.using {
                rewriter.from(from);
            }
            if let Some(filter) = &mut delete.filter {
                rewriter.expr(filter);
            }
            for output in &mut delete.returning {
                rewriter.expr(&mut output.expr);
            }
        }
        Statement::Truncate(_) => {}
        Statement::Sequence(sequence) => {
            for part in &mut sequence.parts {
                walk_statement(rewriter, part);
            }
            walk_statement(rewriter, &mut sequence.last);
        }
    }
}

fn walk_ctes<R: Rewriter + ?Sized>(rewriter: &mut R, ctes: &mut [Cte]) {
    for cte in ctes {
        rewriter.query(&mut cte.query);
    }
}

fn walk_insert<R: Rewriter + ?Sized>(rewriter: &mut R, insert: &mut Insert) {
    walk_ctes(rewriter, &mut insert.with);
    match &mut insert.source {
        Source::Defaults | Source::Rows(_) | Source::Payload => {}
        Source::Values(rows) => {
            for row in rows {
                walk_all(rewriter, row);
            }
        }
        Source::Query(query) => rewriter.query(query),
    }
    if let Some(Conflict { action: ConflictAction::Update { set, filter }, .. }) =
        &mut insert.conflict
    {
        for assignment in set {
            rewriter.expr(&mut assignment.value);
        }
        if let Some(filter) = filter {
            rewriter.expr(filter);
        }
    }
    for output in &mut insert.returning {
        rewriter.expr(&mut output.expr);
    }
}

/// A rewriter that only looks: calls `look` on every expression, parents before children.
struct Looker<'a>(&'a mut dyn FnMut(&Expr));

impl Rewriter for Looker<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        (self.0)(expr);
        walk_expr(self, expr);
    }
}

/// Calls `look` on the expression and everything below it, sub-selects included.
pub fn visit_expr(expr: &Expr, look: &mut dyn FnMut(&Expr)) {
    Looker(look).expr(&mut expr.clone());
}

/// Calls `look` on every expression of the query.
pub fn visit_query(query: &Query, look: &mut dyn FnMut(&Expr)) {
    Looker(look).query(&mut query.clone());
}
