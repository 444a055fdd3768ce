//! Row policies.

use backstay_catalog::{PUBLIC, Policy, PolicyCommand, Relation, RelationKind};
use backstay_model::{Error, Result};
use pg_query::protobuf::{AlterPolicyStmt, CreatePolicyStmt, Node, RangeVar};

use super::names::{located, wrong_kind};
use super::role::role_names;
use super::{Draft, bind, text};

/// `CREATE POLICY`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreatePolicyStmt) -> Result<()> {
    let relation = table(draft, stmt.table.as_ref())?;
    if relation.policies.iter().any(|policy| policy.name == stmt.policy_name) {
        let message = format!(
            "policy \"{}\" for table \"{}\" already exists",
            stmt.policy_name, relation.name
        );
        return Err(Error::new("42710", message));
    }
    let command = command(&stmt.cmd_name);
    check_parts(command, stmt.qual.is_some(), stmt.with_check.is_some())?;
    let roles = policy_roles(draft, &stmt.roles)?;
    let (using, using_text) = condition(draft, &relation, stmt.qual.as_deref())?;
    let (check, check_text) = condition(draft, &relation, stmt.with_check.as_deref())?;
    draft.edit_relation(relation.id)?.policies.push(Policy {
        name: stmt.policy_name.clone(),
        permissive: stmt.permissive,
        command,
        roles,
        using,
        check,
        using_text,
        check_text,
    });
    Ok(())
}

fn policy_roles(draft: &Draft<'_>, nodes: &[Node]) -> Result<Vec<String>> {
    let mut roles = role_names(draft, nodes)?;
    if roles.iter().any(|role| role == PUBLIC) {
        roles = vec![PUBLIC.to_owned()];
    }
    Ok(roles)
}

fn table(draft: &Draft<'_>, range: Option<&RangeVar>) -> Result<std::sync::Arc<Relation>> {
    let range = range.ok_or_else(|| Error::internal("a policy without a table"))?;
    let relation = draft.relation(range)?;
    if relation.kind != RelationKind::Table {
        return Err(located(wrong_kind(&relation, "table"), range.location));
    }
    Ok(relation)
}

fn command(name: &str) -> PolicyCommand {
    match name {
        "select" => PolicyCommand::Select,
        "insert" => PolicyCommand::Insert,
        "update" => PolicyCommand::Update,
        "delete" => PolicyCommand::Delete,
        _ => PolicyCommand::All,
    }
}

fn check_parts(command: PolicyCommand, using: bool, check: bool) -> Result<()> {
    let fail = |message: &str| Err(Error::new("42601", message));
    match command {
        PolicyCommand::Select | PolicyCommand::Delete if check => {
            fail("WITH CHECK cannot be applied to SELECT or DELETE")
        }
        PolicyCommand::Insert if using => fail("only WITH CHECK expression allowed for INSERT"),
        _ => Ok(()),
    }
}

type Condition = (Option<backstay_expr::Expr>, Option<String>);

fn condition(draft: &Draft<'_>, relation: &Relation, node: Option<&Node>) -> Result<Condition> {
    let Some(node) = node else { return Ok((None, None)) };
    let expr = bind::policy(draft, relation, node)?;
    Ok((Some(expr), Some(text::expression(node)?)))
}

/// `ALTER POLICY … TO … USING … WITH CHECK`.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterPolicyStmt) -> Result<()> {
    let relation = table(draft, stmt.table.as_ref())?;
    let position = find(&relation, &stmt.policy_name)?;
    let mut policy = relation.policies[position].clone();
    check_parts(policy.command, stmt.qual.is_some(), stmt.with_check.is_some())?;
    if !stmt.roles.is_empty() {
        policy.roles = policy_roles(draft, &stmt.roles)?;
    }
    if stmt.qual.is_some() {
        (policy.using, policy.using_text) = condition(draft, &relation, stmt.qual.as_deref())?;
    }
    if stmt.with_check.is_some() {
        (policy.check, policy.check_text) =
            condition(draft, &relation, stmt.with_check.as_deref())?;
    }
    draft.edit_relation(relation.id)?.policies[position] = policy;
    Ok(())
}

/// The position of a policy.
pub(super) fn find(relation: &Relation, name: &str) -> Result<usize> {
    relation.policies.iter().position(|policy| policy.name == name).ok_or_else(|| {
        let message = format!("policy \"{name}\" for table \"{}\" does not exist", relation.name);
        Error::new("42704", message)
    })
}
