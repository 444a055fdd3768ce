//! Writes to views that are simple enough: they become writes to the table underneath.

use backstay_catalog::{PolicyCommand, Relation, View};
use backstay_expr::walk::{Rewriter, walk_expr, walk_from};
use backstay_expr::{Body, Distinct, Expr, From, RelId, RelationId, Select};
use backstay_model::{Error, Result};

/// A view over one relation, as a statement that writes to it sees it.
pub(crate) struct Simple<'a> {
    /// The relation underneath.
    pub(crate) base: RelationId,
    /// What the view calls it.
    rel: RelId,
    select: &'a Select,
}

/// The form of a view that PostgreSQL updates by itself.
///
/// # Errors
/// `55000` with the reason, `42809` for a materialised view, `0A000` for a check option.
pub(crate) fn simple<'a>(
    relation: &Relation,
    view: &'a View,
    command: PolicyCommand,
) -> Result<Simple<'a>> {
    if view.materialized {
        let message = format!("cannot change materialized view \"{}\"", relation.name);
        return Err(Error::new("42809", message));
    }
    if view.check_option && command != PolicyCommand::Delete {
        return Err(Error::unsupported("writing through a view WITH CHECK OPTION"));
    }
    let query = view.query()?;
    let Body::Select(select) = &query.body else {
        return Err(refused(
            relation,
            command,
            "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.",
        ));
    };
    let reason = if select.distinct != Distinct::No {
        Some("Views containing DISTINCT are not automatically updatable.")
    } else if !select.group.is_empty() {
        Some("Views containing GROUP BY are not automatically updatable.")
    } else if select.having.is_some() {
        Some("Views containing HAVING are not automatically updatable.")
    } else if !query.with.is_empty() {
        Some("Views containing WITH are not automatically updatable.")
    } else if query.limit.is_some() || query.offset.is_some() {
        Some("Views containing LIMIT or OFFSET are not automatically updatable.")
    } else if select.outputs.iter().any(|output| gathers(&output.expr)) {
        Some("Views that return aggregate functions are not automatically updatable.")
    } else {
        None
    };
    if let Some(reason) = reason {
        return Err(refused(relation, command, reason));
    }
    match select.from.as_slice() {
        [From::Relation(scan)] => Ok(Simple { base: scan.relation, rel: scan.rel, select }),
        _ => Err(refused(
            relation,
            command,
            "Views that do not select from a single table or view are not automatically updatable.",
        )),
    }
}

fn gathers(expr: &Expr) -> bool {
    matches!(expr, Expr::Aggregate { .. } | Expr::Window { .. })
}

fn refused(relation: &Relation, command: PolicyCommand, reason: &str) -> Error {
    let (doing, what, trigger) = match command {
        PolicyCommand::Insert => ("insert into", "inserting into", "INSERT"),
        PolicyCommand::Delete => ("delete from", "deleting from", "DELETE"),
        _ => ("update", "updating", "UPDATE"),
    };
    Error::new("55000", format!("cannot {doing} view \"{}\"", relation.name))
        .with_details(reason)
        .with_hint(format!(
            "To enable {what} the view, provide an INSTEAD OF {trigger} trigger or an unconditional \
             ON {trigger} DO INSTEAD rule."
        ))
}

impl Simple<'_> {
    /// What the view's columns are, over the base relation called `rel`.
    fn columns(&self, rel: RelId) -> Vec<Expr> {
        let outputs = self.select.outputs.iter().map(|output| output.expr.clone());
        outputs.map(|expr| self.standing_for(expr, rel)).collect()
    }

    /// The view's own condition, over the base relation called `rel`.
    pub(crate) fn filter(&self, rel: RelId) -> Option<Expr> {
        self.select.filter.clone().map(|expr| self.standing_for(expr, rel))
    }

    fn standing_for(&self, mut expr: Expr, rel: RelId) -> Expr {
        Rename { from: self.rel, to: rel }.expr(&mut expr);
        expr
    }

    /// The rewriting of what a statement says about the view, called `rel` there.
    pub(crate) fn substitute(&self, rel: RelId) -> Substitute {
        Substitute { rel, base: self.base, columns: self.columns(rel) }
    }

    /// The base relation's number of a written column of the view.
    ///
    /// # Errors
    /// `0A000` if the column is no plain column underneath.
    pub(crate) fn written(
        &self,
        relation: &Relation,
        column: u16,
        command: PolicyCommand,
    ) -> Result<u16> {
        let output = usize::from(column)
            .checked_sub(1)
            .and_then(|index| self.select.outputs.get(index))
            .ok_or_else(|| Error::internal("a view lacks one of its columns"))?;
        if let Expr::Column { rel, column, .. } = &output.expr
            && *rel == self.rel
        {
            return Ok(*column);
        }
        let doing = if command == PolicyCommand::Insert { "insert into" } else { "update" };
        let message =
            format!("cannot {doing} column \"{}\" of view \"{}\"", output.name, relation.name);
        Err(Error::new("0A000", message).with_details(
            "View columns that are not columns of their base relation are not updatable.",
        ))
    }
}

/// Calls an entry by another name.
struct Rename {
    from: RelId,
    to: RelId,
}

impl Rewriter for Rename {
    fn expr(&mut self, expr: &mut Expr) {
        if let Expr::Column { rel, .. } | Expr::WholeRow { rel, .. } = expr
            && *rel == self.from
        {
            *rel = self.to;
        }
        walk_expr(self, expr);
    }
}

/// Puts what a view's columns are in the place of the columns, and the base in the place of a scan.
pub(crate) struct Substitute {
    rel: RelId,
    base: RelationId,
    columns: Vec<Expr>,
}

impl Rewriter for Substitute {
    fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Column { rel, column, .. } if *rel == self.rel => {
                let index = usize::from(*column).wrapping_sub(1);
                if let Some(under) = self.columns.get(index) {
                    *expr = under.clone();
                }
            }
            Expr::WholeRow { rel, ty } if *rel == self.rel => {
                *expr = Expr::Row { fields: self.columns.clone(), ty: ty.clone() };
            }
            _ => walk_expr(self, expr),
        }
    }

    fn from(&mut self, from: &mut From) {
        match from {
            From::Relation(scan) if scan.rel == self.rel => scan.relation = self.base,
            _ => walk_from(self, from),
        }
    }
}
