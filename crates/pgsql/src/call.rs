//! `CALL` of a procedure: bound as a query whose only output is the call.

use backstay_catalog::Catalog;
use backstay_expr::Query;
use backstay_model::{Error, Result, Type};
use backstay_typing::FunctionMatch;
use pg_query::NodeEnum;
use pg_query::protobuf::{CallStmt, Node, ResTarget};

use crate::{Binder, parse_expression};

impl Binder<'_> {
    /// Binds `CALL`.
    pub(crate) fn procedure_call(&mut self, stmt: &CallStmt) -> Result<Query> {
        let malformed = || Error::internal("CALL without a procedure");
        let call = stmt.funccall.clone().ok_or_else(malformed)?;
        let NodeEnum::SelectStmt(mut select) = parse_expression("NULL")? else {
            return Err(malformed());
        };
        let node = |node| Node { node: Some(node) };
        let output = ResTarget {
            location: call.location,
            val: Some(Box::new(node(NodeEnum::FuncCall(call)))),
            ..ResTarget::default()
        };
        select.target_list = vec![node(NodeEnum::ResTarget(Box::new(output)))];
        self.calling = true;
        self.bind_query(&select)
    }
}

/// Procedures are called by `CALL`, and nothing else is.
pub(crate) fn check_kind(
    catalog: &Catalog,
    found: &FunctionMatch,
    given: &[Type],
    calling: bool,
) -> Result<()> {
    let wrong = |name: &str, what: &str, hint: &str| {
        Err(Error::new("42809", format!("{name} {what}")).with_hint(hint))
    };
    match found {
        FunctionMatch::Routine { routine, .. } if routine.procedure != calling => {
            let types: Vec<String> = given.iter().map(|ty| ty.name(catalog)).collect();
            let name = format!("{}({})", routine.name, types.join(", "));
            if calling {
                wrong(&name, "is not a procedure", "To call a function, use SELECT.")
            } else {
                wrong(&name, "is a procedure", "To call a procedure, use CALL.")
            }
        }
        FunctionMatch::Builtin { function, .. } if calling => {
            wrong(&function.symbol, "is not a procedure", "To call a function, use SELECT.")
        }
        _ => Ok(()),
    }
}
