//! Statements that change no catalogue: settings, transactions, maintenance.

use backstay_catalog::{Catalog, SearchPath};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    FuncCall, Node, SelectStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt,
};

use super::names::strings;
use super::{Analyzed, DdlSession};

/// Does what can be done without a change; `None` for every other statement.
pub(super) fn analyze(
    catalog: &Catalog,
    session: &mut DdlSession,
    node: &NodeEnum,
) -> Result<Option<Analyzed>> {
    let note = |text: &str| Ok(Some(Analyzed::Nothing(text.to_owned())));
    match node {
        NodeEnum::VariableSetStmt(stmt) => set(catalog, session, stmt).map(Some),
        NodeEnum::SelectStmt(stmt) => Ok(set_config(session, stmt)),
        NodeEnum::TransactionStmt(stmt) => match stmt.kind() {
            TransactionStmtKind::TransStmtRollback | TransactionStmtKind::TransStmtRollbackTo => {
                Err(Error::unsupported("ROLLBACK in a script")
                    .with_hint("Each file runs in one transaction of its own."))
            }
            _ => note("the file is one transaction already"),
        },
        NodeEnum::NotifyStmt(_) | NodeEnum::ListenStmt(_) | NodeEnum::UnlistenStmt(_) => {
            note("nobody listens; the catalogue is reloaded by itself")
        }
        NodeEnum::LockStmt(_) => note("a migration is the only writer"),
        NodeEnum::VacuumStmt(_)
        | NodeEnum::ReindexStmt(_)
        | NodeEnum::ClusterStmt(_)
        | NodeEnum::CheckPointStmt(_)
        | NodeEnum::DiscardStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::SecLabelStmt(_)
        | NodeEnum::AlterSystemStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterObjectDependsStmt(_)
        | NodeEnum::VariableShowStmt(_)
        | NodeEnum::DeallocateStmt(_) => note("maintenance that this engine needs none of"),
        NodeEnum::ConstraintsSetStmt(stmt) => {
            let when = if stmt.deferred { "deferred" } else { "immediate" };
            Ok(Some(Analyzed::Setting("constraints".to_owned(), when.to_owned())))
        }
        _ => Ok(None),
    }
}

fn set(catalog: &Catalog, session: &mut DdlSession, stmt: &VariableSetStmt) -> Result<Analyzed> {
    let value = match stmt.kind() {
        VariableSetKind::VarSetValue => value_text(&stmt.args),
        VariableSetKind::VarSetMulti => {
            return Ok(Analyzed::Nothing("the file is one transaction already".to_owned()));
        }
        VariableSetKind::VarSetCurrent => {
            return Ok(Analyzed::Nothing("the value stays".to_owned()));
        }
        VariableSetKind::VarResetAll => {
            *session = DdlSession {
                notices: std::mem::take(&mut session.notices),
                ..DdlSession::of_migrations()
            };
            return Ok(Analyzed::Setting("role".to_owned(), session.role.clone()));
        }
        _ => default_value(&stmt.name),
    };
    if matches!(stmt.name.as_str(), "role" | "session_authorization")
        && !matches!(value.as_str(), "" | "none")
        && !catalog.roles.contains_key(&value)
    {
        return Err(Error::new("22023", format!("role \"{value}\" does not exist")));
    }
    Ok(note_setting(session, &stmt.name, value))
}

fn default_value(name: &str) -> String {
    match name {
        "search_path" => "\"$user\", public, extensions".to_owned(),
        "role" | "session_authorization" => "postgres".to_owned(),
        "check_function_bodies" => "on".to_owned(),
        _ => String::new(),
    }
}

/// Keeps what the analysis itself needs, and hands the setting on.
fn note_setting(session: &mut DdlSession, name: &str, value: String) -> Analyzed {
    match name {
        "search_path" => session.search_path = SearchPath::parse(&value),
        "role" | "session_authorization" => {
            session.role = match value.as_str() {
                "" | "none" => "postgres".to_owned(),
                other => other.to_owned(),
            };
        }
        "check_function_bodies" => {
            session.check_function_bodies = !matches!(value.as_str(), "off" | "false" | "0" | "no");
        }
        _ => {}
    }
    Analyzed::Setting(name.to_owned(), value)
}

/// The value behind `SET name =`, a list with commas; identifiers keep their quotes' meaning.
pub(super) fn value_text(args: &[Node]) -> String {
    args.iter().filter_map(constant).collect::<Vec<_>>().join(", ")
}

fn constant(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) => Some(match constant.val.as_ref()? {
            Val::Ival(number) => number.ival.to_string(),
            Val::Fval(number) => number.fval.clone(),
            Val::Boolval(truth) => if truth.boolval { "on" } else { "off" }.to_owned(),
            Val::Sval(text) => text.sval.clone(),
            Val::Bsval(bits) => bits.bsval.clone(),
        }),
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_deref()?),
        _ => None,
    }
}

/// `SELECT set_config('name', 'value', …)` as dumps write it.
fn set_config(session: &mut DdlSession, stmt: &SelectStmt) -> Option<Analyzed> {
    let [target] = stmt.target_list.as_slice() else { return None };
    if !stmt.from_clause.is_empty() || stmt.where_clause.is_some() {
        return None;
    }
    let Some(NodeEnum::ResTarget(target)) = target.node.as_ref() else { return None };
    let Some(NodeEnum::FuncCall(call)) = target.val.as_deref()?.node.as_ref() else { return None };
    let (name, value) = arguments(call)?;
    Some(note_setting(session, &name, value))
}

fn arguments(call: &FuncCall) -> Option<(String, String)> {
    if !matches!(strings(&call.funcname)[..], ["set_config"] | ["pg_catalog", "set_config"]) {
        return None;
    }
    let [name, value, _] = call.args.as_slice() else { return None };
    Some((constant(name)?, constant(value)?))
}
