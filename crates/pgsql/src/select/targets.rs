//! The select list: stars, names of outputs.

use backstay_expr::{Expr, Output};
use backstay_model::{Error, Result};
use pg_query::protobuf::{ColumnRef, SelectStmt, SubLinkType};
use pg_query::{Node, NodeEnum};

use crate::Binder;
use crate::nodes::{Located, each, inner, required, string, strings};

/// Limit: columns of a query, as PostgreSQL's.
const COLUMNS_MAX: usize = 1_664;
/// What an output without a name is called.
const ANONYMOUS: &str = "?column?";

impl Binder<'_> {
    /// Binds a list of targets (`SELECT`, `RETURNING`).
    pub(crate) fn targets(&mut self, nodes: &[Node]) -> Result<Vec<Output>> {
        let mut outputs = Vec::new();
        for node in each(nodes) {
            let NodeEnum::ResTarget(target) = node else {
                return Err(Error::internal("a target of another kind"));
            };
            let value = required(target.val.as_deref())?;
            if let Some(expanded) = self.expanded(value)? {
                outputs.extend(expanded.into_iter().map(|(name, expr)| Output { name, expr }));
                continue;
            }
            let expr = self.expr(value)?;
            let name =
                if target.name.is_empty() { output_name(value) } else { target.name.clone() };
            outputs.push(Output { name, expr });
        }
        check_width(outputs.len())?;
        Ok(outputs)
    }

    /// The columns that a star stands for; `None` for an ordinary expression.
    fn expanded(&mut self, value: &NodeEnum) -> Result<Option<Vec<(String, Expr)>>> {
        match value {
            NodeEnum::ColumnRef(reference) if self.is_star(reference) => {
                self.expand_star(reference).map(Some)
            }
            NodeEnum::AIndirection(indirection)
                if matches!(
                    indirection.indirection.last().and_then(|last| last.node.as_ref()),
                    Some(NodeEnum::AStar(_))
                ) =>
            {
                let argument = required(indirection.arg.as_deref())?;
                match (argument, indirection.indirection.as_slice()) {
                    (NodeEnum::FuncCall(call), [_]) => self.expanded_call(call).map(Some),
                    _ => {
                        let mut shorter = indirection.clone();
                        shorter.indirection.pop();
                        let expr = self.indirection(&shorter)?;
                        self.expand_composite(expr).map(Some)
                    }
                }
            }
            _ => Ok(None),
        }
    }

    /// Is it `*` or `t.*`?
    pub(crate) fn is_star(&self, reference: &ColumnRef) -> bool {
        matches!(
            reference.fields.last().and_then(|field| field.node.as_ref()),
            Some(NodeEnum::AStar(_))
        )
    }

    /// The columns of `*` or `t.*`.
    pub(crate) fn expand_star(&mut self, reference: &ColumnRef) -> Result<Vec<(String, Expr)>> {
        let parts = strings(&reference.fields);
        let (schema, table) = match parts.as_slice() {
            [] => {
                let scope = self.scope();
                if scope.names.tables.is_empty() {
                    return Err(Error::new(
                        "42601",
                        "SELECT * with no tables specified is not valid",
                    ))
                    .at(reference.location);
                }
                return Ok(scope.names.columns.clone());
            }
            [table] => (None, *table),
            [schema, table] | [_, schema, table] => (Some(*schema), *table),
            _ => {
                return Err(Error::new("42601", "improper qualified name (too many dotted names)"));
            }
        };
        if let Some(found) = self.find_table(schema, table) {
            return Ok(found.columns.clone());
        }
        let row = self.whole_row(schema, table).at(reference.location)?;
        self.expand_composite(row).at(reference.location)
    }

    fn expand_composite(&mut self, expr: Expr) -> Result<Vec<(String, Expr)>> {
        if let Expr::WholeRow { rel, .. } = &expr
            && let Some(table) = self.scopes.iter().rev().find_map(|scope| scope.names.table(*rel))
        {
            return Ok(table.columns.clone());
        }
        if let Expr::Row { fields, .. } = expr {
            let named = (1..).zip(fields);
            return Ok(named.map(|(at, field)| (format!("f{at}"), field)).collect());
        }
        let ty = expr.ty();
        let fields = self.fields(&expr).ok_or_else(|| {
            let ty = self.resolver.name(&ty);
            Error::new("42809", format!("type {ty} is not composite"))
        })?;
        Ok(fields
            .into_iter()
            .enumerate()
            .map(|(index, (name, ty))| {
                (name, Expr::Field { expr: Box::new(expr.clone()), index, ty })
            })
            .collect())
    }
}

/// Refuses more columns than a row may have.
pub(crate) fn check_width(columns: usize) -> Result<()> {
    if columns > COLUMNS_MAX {
        return Err(Error::new(
            "54011",
            format!("target lists can have at most {COLUMNS_MAX} entries"),
        ));
    }
    Ok(())
}

/// The name that PostgreSQL gives an output.
pub(crate) fn output_name(node: &NodeEnum) -> String {
    figure(node).map_or_else(|| ANONYMOUS.to_owned(), |(name, _)| name)
}

/// A name and whether it is a strong one (a cast does not replace a strong name).
fn figure(node: &NodeEnum) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match node {
        NodeEnum::ColumnRef(reference) => {
            strings(&reference.fields).last().and_then(|name| strong(name))
        }
        NodeEnum::AIndirection(indirection) => {
            let field = indirection.indirection.iter().rev().find_map(string);
            match field {
                Some(name) => strong(name),
                None => inner(indirection.arg.as_deref()).and_then(figure),
            }
        }
        NodeEnum::FuncCall(call) => strings(&call.funcname).last().and_then(|name| strong(name)),
        NodeEnum::AExpr(operator)
            if operator.kind() == pg_query::protobuf::AExprKind::AexprNullif =>
        {
            strong("nullif")
        }
        NodeEnum::TypeCast(cast) => {
            let argument = inner(cast.arg.as_deref()).and_then(figure);
            match argument {
                Some((name, true)) => Some((name, true)),
                other => cast
                    .type_name
                    .as_ref()
                    .and_then(|name| {
                        strings(&name.names).last().map(|name| ((*name).to_owned(), false))
                    })
                    .or(other),
            }
        }
        NodeEnum::CollateClause(collate) => inner(collate.arg.as_deref()).and_then(figure),
        NodeEnum::CaseExpr(case) => match inner(case.defresult.as_deref()).and_then(figure) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_owned(), false)),
        },
        NodeEnum::CoalesceExpr(_) => strong("coalesce"),
        NodeEnum::MinMaxExpr(extreme) => {
            strong(if extreme.op() == pg_query::protobuf::MinMaxOp::IsGreatest {
                "greatest"
            } else {
                "least"
            })
        }
        NodeEnum::AArrayExpr(_) => strong("array"),
        NodeEnum::RowExpr(_) => strong("row"),
        NodeEnum::SqlvalueFunction(function) => strong(value_function_name(function.op())),
        NodeEnum::SubLink(link) => match link.sub_link_type() {
            SubLinkType::ExistsSublink => strong("exists"),
            SubLinkType::ArraySublink => strong("array"),
            SubLinkType::ExprSublink => match inner(link.subselect.as_deref()) {
                Some(NodeEnum::SelectStmt(select)) => first_target_name(select),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn first_target_name(select: &SelectStmt) -> Option<(String, bool)> {
    let mut select = select;
    while let Some(left) = &select.larg {
        select = left;
    }
    match each(&select.target_list).next()? {
        NodeEnum::ResTarget(target) if !target.name.is_empty() => Some((target.name.clone(), true)),
        NodeEnum::ResTarget(target) => inner(target.val.as_deref()).and_then(figure),
        _ => None,
    }
}

fn value_function_name(op: pg_query::protobuf::SqlValueFunctionOp) -> &'static str {
    use pg_query::protobuf::SqlValueFunctionOp as Op;
    match op {
        Op::SvfopCurrentDate => "current_date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => "current_timestamp",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
        Op::SqlvalueFunctionOpUndefined => ANONYMOUS,
    }
}
