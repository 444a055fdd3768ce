//! The names that a statement makes.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, Node, RangeVar};

use crate::RawStatement;

/// The names of what a statement would make: for telling what a refused one leaves missing.
pub fn names_made(raw: &RawStatement) -> Vec<String> {
    let last = |nodes: &[Node]| {
        nodes.iter().rev().find_map(|node| match node.node.as_ref() {
            Some(NodeEnum::String(text)) => Some(text.sval.clone()),
            _ => None,
        })
    };
    let range = |range: Option<&RangeVar>| range.map(|one| one.relname.clone());
    let name = match &raw.node {
        NodeEnum::CreateStmt(stmt) => range(stmt.relation.as_ref()),
        NodeEnum::ViewStmt(stmt) => range(stmt.view.as_ref()),
        NodeEnum::CreateTableAsStmt(stmt) => {
            range(stmt.into.as_ref().and_then(|into| into.rel.as_ref()))
        }
        NodeEnum::CreateFunctionStmt(stmt) => last(&stmt.funcname),
        NodeEnum::CreateTrigStmt(stmt) => Some(stmt.trigname.clone()),
        NodeEnum::CreateEnumStmt(stmt) => last(&stmt.type_name),
        NodeEnum::CreateDomainStmt(stmt) => last(&stmt.domainname),
        NodeEnum::CreateRangeStmt(stmt) => last(&stmt.type_name),
        NodeEnum::CompositeTypeStmt(stmt) => range(stmt.typevar.as_ref()),
        NodeEnum::CreateSeqStmt(stmt) => range(stmt.sequence.as_ref()),
        NodeEnum::CreateSchemaStmt(stmt) => Some(stmt.schemaname.clone()),
        NodeEnum::CreatePolicyStmt(stmt) => Some(stmt.policy_name.clone()),
        NodeEnum::CreateRoleStmt(stmt) => Some(stmt.role.clone()),
        NodeEnum::CreatePublicationStmt(stmt) => Some(stmt.pubname.clone()),
        NodeEnum::CreateEventTrigStmt(stmt) => Some(stmt.trigname.clone()),
        NodeEnum::DefineStmt(stmt) => last(&stmt.defnames),
        // What an extension would have brought: its schema and its types.
        NodeEnum::CreateExtensionStmt(stmt) => {
            return match stmt.extname.as_str() {
                "pg_cron" => vec!["cron".to_owned()],
                "pg_net" => vec!["net".to_owned()],
                "postgis" => vec!["geography".to_owned(), "geometry".to_owned(), "st_".to_owned()],
                "vector" => vec!["vector".to_owned()],
                other => vec![other.to_owned()],
            };
        }
        NodeEnum::AlterTableStmt(stmt) => return added_columns(stmt),
        _ => None,
    };
    name.into_iter().filter(|name| !name.is_empty()).collect()
}

/// Columns and constraints that `ALTER TABLE` would have added.
fn added_columns(stmt: &AlterTableStmt) -> Vec<String> {
    stmt.cmds
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::AlterTableCmd(command) => command.def.as_deref()?.node.as_ref(),
            _ => None,
        })
        .filter_map(|definition| match definition {
            NodeEnum::ColumnDef(column) => Some(column.colname.clone()),
            NodeEnum::Constraint(constraint) => Some(constraint.conname.clone()),
            _ => None,
        })
        .filter(|name| !name.is_empty())
        .collect()
}
