//! How a statement stands to the transaction of the script it is part of.

use backstay_model::Result;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ObjectType, ReindexObjectType, TransactionStmtKind};

use crate::RawStatement;
use crate::text::statement_text;

/// How a statement stands to its script's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Part of it.
    Inside,
    /// PostgreSQL refuses it inside of one (`CREATE INDEX CONCURRENTLY`).
    Apart,
    /// Part of it, but what it makes cannot be used before a commit (`ALTER TYPE … ADD VALUE`).
    UsableAfterCommit,
    /// It begins or commits one, which the script is already.
    Control,
    /// It rolls one back.
    Rollback,
}

/// Tells the placement of a statement.
pub fn placement(statement: &RawStatement) -> Placement {
    let apart = match &statement.node {
        NodeEnum::TransactionStmt(stmt) => return control(stmt.kind()),
        NodeEnum::AlterEnumStmt(stmt) if stmt.old_val.is_empty() => {
            return Placement::UsableAfterCommit;
        }
        NodeEnum::IndexStmt(stmt) => stmt.concurrent,
        NodeEnum::DropStmt(stmt) => stmt.concurrent,
        NodeEnum::ReindexStmt(stmt) => {
            let whole = matches!(
                stmt.kind(),
                ReindexObjectType::ReindexObjectSchema
                    | ReindexObjectType::ReindexObjectDatabase
                    | ReindexObjectType::ReindexObjectSystem
            );
            whole || has(&stmt.params, "concurrently")
        }
        NodeEnum::VacuumStmt(stmt) => stmt.is_vacuumcmd,
        NodeEnum::ClusterStmt(stmt) => stmt.relation.is_none(),
        NodeEnum::CreatedbStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterSystemStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_) => true,
        NodeEnum::AlterTableStmt(stmt) => stmt.cmds.iter().any(|cmd| match &cmd.node {
            Some(NodeEnum::AlterTableCmd(cmd)) => {
                let def = cmd.def.as_deref().and_then(|node| node.node.as_ref());
                matches!(def, Some(NodeEnum::PartitionCmd(partition)) if partition.concurrent)
            }
            _ => false,
        }),
        _ => false,
    };
    if apart { Placement::Apart } else { Placement::Inside }
}

/// The statement that takes back what a `GRANT` on relations or functions gives.
///
/// # Errors
/// `XX000` if it has no text form.
pub fn revocation(statement: &RawStatement) -> Result<Option<String>> {
    let NodeEnum::GrantStmt(grant) = &statement.node else { return Ok(None) };
    let on_objects = matches!(
        grant.objtype(),
        ObjectType::ObjectTable | ObjectType::ObjectFunction | ObjectType::ObjectRoutine
    );
    if !grant.is_grant || !on_objects {
        return Ok(None);
    }
    let mut revoke = grant.clone();
    revoke.is_grant = false;
    revoke.grant_option = false;
    statement_text(&NodeEnum::GrantStmt(revoke)).map(Some)
}

fn control(kind: TransactionStmtKind) -> Placement {
    match kind {
        TransactionStmtKind::TransStmtBegin
        | TransactionStmtKind::TransStmtStart
        | TransactionStmtKind::TransStmtCommit => Placement::Control,
        TransactionStmtKind::TransStmtRollback => Placement::Rollback,
        _ => Placement::Inside,
    }
}

fn has(params: &[Node], name: &str) -> bool {
    params
        .iter()
        .any(|node| matches!(&node.node, Some(NodeEnum::DefElem(param)) if param.defname == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_need_no_transaction_are_told_apart() {
        let check = |sql: &str, expected: Placement| {
            let statement = crate::parse_one(sql).expect(sql);
            assert_eq!(placement(&statement), expected, "{sql}");
        };
        check("CREATE INDEX CONCURRENTLY i ON t (a)", Placement::Apart);
        check("CREATE INDEX i ON t (a)", Placement::Inside);
        check("DROP INDEX CONCURRENTLY i", Placement::Apart);
        check("REINDEX (CONCURRENTLY) TABLE t", Placement::Apart);
        check("REINDEX TABLE t", Placement::Inside);
        check("VACUUM t", Placement::Apart);
        check("ANALYZE t", Placement::Inside);
        check("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", Placement::Apart);
        check("ALTER TYPE mood ADD VALUE 'calm'", Placement::UsableAfterCommit);
        check("ALTER TYPE mood RENAME VALUE 'a' TO 'b'", Placement::Inside);
        check("BEGIN", Placement::Control);
        check("ROLLBACK", Placement::Rollback);
        check("SAVEPOINT a", Placement::Inside);
    }

    #[test]
    fn a_grant_is_taken_back_by_its_opposite() {
        let check = |sql: &str, expected: Option<&str>| {
            let statement = crate::parse_one(sql).expect(sql);
            assert_eq!(revocation(&statement).expect(sql).as_deref(), expected, "{sql}");
        };
        check(
            "GRANT SELECT, UPDATE (a) ON v, s.w TO anon, PUBLIC WITH GRANT OPTION",
            Some("REVOKE select, update (a) ON v, s.w FROM anon, public"),
        );
        check(
            "GRANT EXECUTE ON FUNCTION f(int) TO anon",
            Some("REVOKE execute ON FUNCTION f(int) FROM anon"),
        );
        check(
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO anon",
            Some("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM anon"),
        );
        check("GRANT anon TO me", None);
        check("REVOKE SELECT ON v FROM anon", None);
        check("GRANT USAGE ON SCHEMA s TO anon", None);
    }
}
