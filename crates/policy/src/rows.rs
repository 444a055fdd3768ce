//! Row policies of one relation for one role, combined as PostgreSQL combines them.

use backstay_catalog::{PUBLIC, Policy, PolicyCommand, ROW, Relation};
use backstay_expr::walk::Rewriter;
use backstay_expr::{Expr, PolicyCheck, RelId, visit_expr};
use backstay_model::{Error, Result, Value};

use crate::renumber::Renumber;
use crate::walk::Walk;

/// Which side of a policy a new row is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// `USING`.
    Using,
    /// `WITH CHECK`, or `USING` where there is none.
    Check,
}

/// The policies that apply: permissive ones, and restrictive ones in name order.
struct Applicable<'a> {
    permissive: Vec<&'a Policy>,
    restrictive: Vec<&'a Policy>,
}

impl<'a> Applicable<'a> {
    fn find(relation: &'a Relation, command: PolicyCommand, roles: &[&str]) -> Self {
        let mut found = Self { permissive: Vec::new(), restrictive: Vec::new() };
        for policy in &relation.policies {
            if is_for(policy, command, roles) {
                let list =
                    if policy.permissive { &mut found.permissive } else { &mut found.restrictive };
                list.push(policy);
            }
        }
        found.restrictive.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }
}

/// Is the policy for this command and one of these roles?
pub(crate) fn is_for(policy: &Policy, command: PolicyCommand, roles: &[&str]) -> bool {
    let meant = policy.command == PolicyCommand::All || policy.command == command;
    meant && policy.roles.iter().any(|role| role == PUBLIC || roles.contains(&role.as_str()))
}

/// Does any permissive policy let some rows through?
pub(crate) fn has_permissive(relation: &Relation, command: PolicyCommand, roles: &[&str]) -> bool {
    !Applicable::find(relation, command, roles).permissive.is_empty()
}

fn clause(policy: &Policy, side: Side) -> Option<&Expr> {
    match side {
        Side::Using => policy.using.as_ref(),
        Side::Check => policy.check.as_ref().or(policy.using.as_ref()),
    }
}

fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::Const { value: Value::Bool(true), .. })
}

fn has_sub_select(expr: &Expr) -> bool {
    let mut found = false;
    visit_expr(expr, &mut |part| {
        found |= matches!(
            part,
            Expr::Exists(_) | Expr::Scalar { .. } | Expr::ArrayQuery { .. } | Expr::AnyQuery { .. }
        );
    });
    found
}

/// Any of the permissive clauses; `None` when one of them is plainly true.
fn permitted(clauses: &[&Expr]) -> Option<Expr> {
    if clauses.iter().any(|clause| is_true(clause)) {
        return None;
    }
    Some(Expr::any_of(clauses.iter().copied().cloned()).unwrap_or(Expr::bool(false)))
}

impl Walk<'_> {
    /// The rows of the relation that `command` may touch, over `rel`; `None` for all.
    ///
    /// # Errors
    /// `42P17` when the policies refer to themselves; `42501` inside their sub-selects.
    pub(crate) fn row_filter(
        &mut self,
        relation: &Relation,
        command: PolicyCommand,
        rel: RelId,
    ) -> Result<Option<Expr>> {
        if !self.rights.bound_by(self.catalog, relation) {
            return Ok(None);
        }
        let policies = Applicable::find(relation, command, self.rights.roles());
        let permissive: Vec<&Expr> =
            policies.permissive.iter().filter_map(|policy| clause(policy, Side::Using)).collect();
        let restrictive = policies.restrictive.iter().filter_map(|p| clause(p, Side::Using));
        let combined = if permissive.is_empty() {
            Some(Expr::bool(false))
        } else {
            let terms = restrictive.filter(|clause| !is_true(clause)).cloned();
            Expr::all_of(terms.chain(permitted(&permissive)))
        };
        combined.map(|expr| self.policy_expr(relation, expr, rel)).transpose()
    }

    /// The tests that a row must pass for `command`, over `rel`, in PostgreSQL's order. `using`
    /// says so in the message (the existing row of an upsert).
    ///
    /// # Errors
    /// As [`Walk::row_filter`].
    pub(crate) fn row_checks(
        &mut self,
        relation: &Relation,
        command: PolicyCommand,
        side: Side,
        (rel, using): (RelId, bool),
    ) -> Result<Vec<PolicyCheck>> {
        let policies = Applicable::find(relation, command, self.rights.roles());
        let permissive: Vec<&Expr> =
            policies.permissive.iter().filter_map(|policy| clause(policy, side)).collect();
        if permissive.is_empty() {
            return Ok(vec![PolicyCheck { policy: None, using, expr: Expr::bool(false) }]);
        }
        let mut found: Vec<(Option<String>, Expr)> = Vec::new();
        found.extend(permitted(&permissive).map(|expr| (None, expr)));
        for policy in &policies.restrictive {
            if let Some(expr) = clause(policy, side).filter(|expr| !is_true(expr)) {
                found.push((Some(policy.name.clone()), expr.clone()));
            }
        }
        found
            .into_iter()
            .map(|(policy, expr)| {
                let expr = self.policy_expr(relation, expr, rel)?;
                Ok(PolicyCheck { policy, using, expr })
            })
            .collect()
    }

    /// Puts `rel` in the place of the relation's own row and authorizes what is inside.
    fn policy_expr(&mut self, relation: &Relation, mut expr: Expr, rel: RelId) -> Result<Expr> {
        let descends = has_sub_select(&expr);
        if descends && self.policies.contains(&relation.id) {
            return Err(Error::new(
                "42P17",
                format!("infinite recursion detected in policy for relation \"{}\"", relation.name),
            ));
        }
        if descends {
            self.spend()?;
        }
        Renumber::new(&mut self.fresh).standing_for(ROW, rel).expr(&mut expr);
        if descends {
            self.policies.push(relation.id);
        }
        let stored = std::mem::replace(&mut self.stored, true);
        self.uses.expr(&mut expr);
        let done = self.rewrite_expr(&mut expr);
        self.stored = stored;
        if descends {
            self.policies.pop();
        }
        done.map(|()| expr)
    }
}
