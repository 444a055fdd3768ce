//! What is refused, and what to do instead.

use backstay_model::Error;
use pg_query::NodeEnum;
use pg_query::protobuf::{DefineStmt, ObjectType};

/// The error for a statement that is refused whatever it says.
pub(super) fn refusal(node: &NodeEnum) -> Option<Error> {
    let (what, hint) = match node {
        NodeEnum::RuleStmt(_) => ("CREATE RULE", "Use a policy or a function."),
        NodeEnum::CreateEventTrigStmt(_) | NodeEnum::AlterEventTrigStmt(_) => {
            ("CREATE EVENT TRIGGER", "Leave it out: migrations are the only schema changes.")
        }
        NodeEnum::CopyStmt(_) => ("COPY", "Use INSERT."),
        NodeEnum::ExplainStmt(_) => ("EXPLAIN", "Leave it out of migrations."),
        NodeEnum::PrepareStmt(_) | NodeEnum::ExecuteStmt(_) => {
            ("PREPARE", "Write the statement where it is used.")
        }
        NodeEnum::CreateFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::CreateForeignTableStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::ImportForeignSchemaStmt(_) => {
            ("a foreign data wrapper", "Other databases need PostgreSQL as the engine.")
        }
        NodeEnum::CreateCastStmt(_) => ("CREATE CAST", "Write a function and call it."),
        NodeEnum::CreateRangeStmt(_) => {
            ("CREATE TYPE … AS RANGE", "Use one of PostgreSQL's own range types.")
        }
        NodeEnum::CreateOpClassStmt(_) | NodeEnum::CreateOpFamilyStmt(_) => {
            ("CREATE OPERATOR CLASS", "Leave it out.")
        }
        NodeEnum::CreatePlangStmt(_) => {
            ("CREATE LANGUAGE", "Functions are written in LANGUAGE sql or plpgsql.")
        }
        NodeEnum::CreateSubscriptionStmt(_) => {
            ("CREATE SUBSCRIPTION", "Replication needs PostgreSQL as the engine.")
        }
        NodeEnum::DefineStmt(stmt) => define(stmt),
        _ => return None,
    };
    Some(not_yet(what).with_hint(hint))
}

fn define(stmt: &DefineStmt) -> (&'static str, &'static str) {
    match stmt.kind() {
        ObjectType::ObjectAggregate => ("CREATE AGGREGATE", "Use a function over array_agg."),
        ObjectType::ObjectOperator => ("CREATE OPERATOR", "Use a function."),
        ObjectType::ObjectType => ("CREATE TYPE of this kind", "Use an enum, a domain or a row."),
        ObjectType::ObjectCollation => {
            ("CREATE COLLATION", "Text is ordered by its bytes; leave it out.")
        }
        ObjectType::ObjectTsconfiguration
        | ObjectType::ObjectTsdictionary
        | ObjectType::ObjectTsparser
        | ObjectType::ObjectTstemplate => {
            ("a text search configuration of one's own", "Use one of PostgreSQL's own.")
        }
        _ => ("CREATE of this kind of object", "Leave it out."),
    }
}

/// `0A000` for what may come later.
pub(super) fn not_yet(what: &str) -> Error {
    Error::new("0A000", format!("{what} is not supported yet"))
}

/// A statement that nobody here knows.
pub(super) fn unknown(node: &NodeEnum) -> Error {
    let debug = format!("{node:?}");
    let name = debug.split(['(', ' ']).next().unwrap_or("this statement");
    Error::unsupported(format!("the statement {name}"))
}
