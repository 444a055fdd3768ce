//! `json_to_record(set)` in `FROM`: each column of the definition list reads its member.

use backstay_expr::{Expr, From, FunctionScan, Output, Query, Select};
use backstay_model::{Result, Type};
use backstay_typing::{Argument, CastContext};
use pg_query::protobuf::{FuncCall, RangeFunction};

use super::from::{plain_table, rename_columns};
use crate::Binder;
use crate::expr::text;
use crate::nodes::{Located, strings, unsupported};
use crate::scope::{Clause, Namespace};

/// Name, type of the argument, and the function that gives the elements of a set.
const RECORDS: &[(&str, Type, Option<&str>)] = &[
    ("json_to_record", Type::Json, None),
    ("jsonb_to_record", Type::Jsonb, None),
    ("json_to_recordset", Type::Json, Some("json_array_elements")),
    ("jsonb_to_recordset", Type::Jsonb, Some("jsonb_array_elements")),
];

impl Binder<'_> {
    /// The entry, if the call is one of these functions.
    pub(crate) fn json_record(
        &mut self,
        call: &FuncCall,
        range: &RangeFunction,
    ) -> Result<Option<(From, Namespace)>> {
        let names = strings(&call.funcname);
        let Some((name, ty, elements)) = names
            .last()
            .and_then(|written| RECORDS.iter().find(|(name, ..)| name == written))
            .filter(|_| matches!(names.as_slice(), [_] | ["pg_catalog", _]))
        else {
            return Ok(None);
        };
        let [Some(argument)] =
            call.args.iter().map(|node| node.node.as_ref()).collect::<Vec<_>>()[..]
        else {
            return Ok(None);
        };
        if range.ordinality {
            return unsupported(format!("{name} WITH ORDINALITY"), call.location);
        }
        let definitions = self.definition_list(range).at(call.location)?;
        let value = self.within(Clause::From, |binder| {
            let value = binder.expr(argument)?;
            binder.resolver.coerce(value, ty, None, CastContext::Implicit).at(call.location)
        })?;
        let mut from = Vec::new();
        let source = match elements {
            None => value,
            Some(function) => {
                let rel = self.fresh_rel();
                let args = vec![Argument::positional(value)];
                let found = self.resolver.call(Some("pg_catalog"), function, args, false)?;
                let call = self.bound_function(found, function)?.call;
                let columns = vec![("value".to_owned(), ty.clone())];
                from.push(From::Function(FunctionScan { rel, call, columns, ordinality: false }));
                Expr::column(rel, 1, ty.clone())
            }
        };
        let outputs = definitions
            .iter()
            .map(|(name, ty)| {
                let wanted = Expr::null(ty.base(self.catalog));
                let args = [source.clone(), text(name), wanted].map(Argument::positional).into();
                let found =
                    self.resolver.call(Some("pg_catalog"), "json_member_as", args, false)?;
                let expr = self.plain_call(found, "json_member_as")?;
                let expr = self.resolver.coerce(expr, ty, None, CastContext::Explicit)?;
                Ok(Output { name: name.clone(), expr })
            })
            .collect::<Result<Vec<_>>>()
            .at(call.location)?;
        let query = Query::select(Select::new(outputs, from));
        let rel = self.fresh_rel();
        let alias = range.alias.as_ref();
        let name = alias.map_or(*name, |alias| &alias.aliasname);
        let mut table = plain_table(name, rel, &query.columns());
        rename_columns(&mut table, alias)?;
        let from = From::Query { rel, query: Box::new(query), lateral: true };
        Ok(Some((from, Namespace::of(table))))
    }
}
