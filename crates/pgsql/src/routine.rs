//! Bodies of `LANGUAGE sql` functions.

use backstay_catalog::{Catalog, Returns, Routine, SearchPath};
use backstay_expr::{Expr, Output, Query, Select, Statement};
use backstay_model::{Error, Result, Type};
use backstay_typing::CastContext;
use pg_query::NodeEnum;
use pg_query::protobuf::ReturnStmt;

use crate::nodes::{Located, each, location, required};
use crate::types::fields_of;
use crate::{BindArgument, BindOptions, Binder, Clause, parse};

/// Binds the body of a function whose arguments and result are known. `body` is the tree of a body
/// in SQL's own form (`RETURN …`, `BEGIN ATOMIC …`); without it `routine.source` is read. The last
/// statement gives the result, coerced to what the function returns.
///
/// # Errors
/// `42601` for syntax, `42P13` where the last statement does not give what is declared, and every
/// error of binding; positions count from the start of the source.
pub fn bind_routine_body(
    catalog: &Catalog,
    path: &SearchPath,
    routine: &Routine,
    body: Option<&NodeEnum>,
) -> Result<Vec<Statement>> {
    let nodes = match body {
        Some(body) => standard_body(body)?,
        None => parse(&routine.source)?.into_iter().map(|statement| statement.node).collect(),
    };
    let arguments: Vec<BindArgument> = routine
        .inputs()
        .map(|argument| BindArgument {
            name: argument.name.clone(),
            label: Some(routine.name.clone()),
            ty: argument.ty.clone(),
            fields: Vec::new(),
        })
        .collect();
    let parameters = arguments.len();
    let options = BindOptions { arguments, parameters, ..BindOptions::default() };
    let mut binder = Binder::new(catalog, path, options);
    let mut statements = Vec::new();
    for node in &nodes {
        let bound = match node {
            NodeEnum::ReturnStmt(returned) => binder.return_statement(returned),
            NodeEnum::SelectStmt(_)
            | NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::TruncateStmt(_)
            | NodeEnum::RefreshMatViewStmt(_)
            | NodeEnum::CallStmt(_) => binder.bind_statement(node),
            _ => Err(Error::unsupported("this statement in a function in SQL")),
        }?;
        statements.push(bound);
    }
    if routine.returns.ty == Type::Void {
        return Ok(statements);
    }
    let last = statements.pop().ok_or_else(|| mismatch(catalog, &routine.returns, NO_RESULT))?;
    statements.push(binder.coerce_result(last, &routine.returns)?);
    Ok(statements)
}

const NO_RESULT: &str =
    "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.";

/// The statements of `RETURN expr` or `BEGIN ATOMIC … END`.
fn standard_body(body: &NodeEnum) -> Result<Vec<NodeEnum>> {
    match body {
        NodeEnum::List(list) => {
            let mut statements = Vec::new();
            for node in each(&list.items) {
                statements.extend(standard_body(node)?);
            }
            Ok(statements)
        }
        other => Ok(vec![other.clone()]),
    }
}

fn mismatch(catalog: &Catalog, returns: &Returns, details: impl Into<String>) -> Error {
    Error::new(
        "42P13",
        format!("return type mismatch in function declared to return {}", returns.ty.name(catalog)),
    )
    .with_details(details)
}

impl Binder<'_> {
    fn return_statement(&mut self, node: &ReturnStmt) -> Result<Statement> {
        let value = required(node.returnval.as_deref())?;
        let expr = self.bind_expr(value, Clause::Select).at(location(value))?;
        let outputs = vec![Output { name: "?column?".to_owned(), expr }];
        let query = self.decide_outputs(Query::select(Select::new(outputs, Vec::new())))?;
        Ok(Statement::Query(Box::new(query)))
    }

    fn coerce_result(&mut self, statement: Statement, returns: &Returns) -> Result<Statement> {
        let wanted = self.result_columns(returns);
        match statement {
            Statement::Query(query) => {
                let query = self.result_query(*query, &wanted, returns)?;
                Ok(Statement::Query(Box::new(query)))
            }
            Statement::Insert(mut insert) if !insert.returning.is_empty() => {
                self.result_outputs(&mut insert.returning, &wanted, returns)?;
                Ok(Statement::Insert(insert))
            }
            Statement::Update(mut update) if !update.returning.is_empty() => {
                self.result_outputs(&mut update.returning, &wanted, returns)?;
                Ok(Statement::Update(update))
            }
            Statement::Delete(mut delete) if !delete.returning.is_empty() => {
                self.result_outputs(&mut delete.returning, &wanted, returns)?;
                Ok(Statement::Delete(delete))
            }
            Statement::Sequence(mut sequence) => {
                sequence.last = self.coerce_result(sequence.last, returns)?;
                Ok(Statement::Sequence(sequence))
            }
            _ => Err(mismatch(self.catalog, returns, NO_RESULT)),
        }
    }

    /// Names and types of the columns that the last statement must give.
    fn result_columns(&self, returns: &Returns) -> Vec<(String, Type)> {
        if !returns.columns.is_empty() {
            return returns.columns.clone();
        }
        fields_of(self.catalog, &returns.ty)
            .unwrap_or_else(|| vec![(String::new(), returns.ty.clone())])
    }

    fn result_query(
        &mut self,
        query: Query,
        wanted: &[(String, Type)],
        returns: &Returns,
    ) -> Result<Query> {
        let have = query.columns();
        if returns.ty == Type::Record && returns.columns.is_empty() {
            return Ok(query);
        }
        // One value of the row type itself gives its fields.
        if let [(_, ty)] = have.as_slice()
            && wanted.len() != 1
            && fields_of(self.catalog, ty).is_some_and(|fields| fields.len() == wanted.len())
        {
            let ty = ty.clone();
            let (mut select, rel) = self.wrap(query);
            let row = Expr::column(rel, 1, ty);
            select.outputs = wanted
                .iter()
                .enumerate()
                .map(|(index, (name, ty))| Output {
                    name: name.clone(),
                    expr: Expr::Field { expr: Box::new(row.clone()), index, ty: ty.clone() },
                })
                .collect();
            return Ok(Query::select(select));
        }
        self.check_result(&have, wanted, returns)?;
        let types: Vec<Type> = wanted.iter().map(|(_, ty)| ty.clone()).collect();
        self.coerce_outputs(query, &types, &mut |binder, expr, index| {
            binder.resolver.coerce(expr, &types[index], None, CastContext::Assignment)
        })
    }

    fn result_outputs(
        &mut self,
        outputs: &mut [Output],
        wanted: &[(String, Type)],
        returns: &Returns,
    ) -> Result<()> {
        let have: Vec<(String, Type)> =
            outputs.iter().map(|output| (output.name.clone(), output.expr.ty())).collect();
        self.check_result(&have, wanted, returns)?;
        for (output, (_, ty)) in outputs.iter_mut().zip(wanted) {
            let expr = output.expr.clone();
            output.expr = self.resolver.coerce(expr, ty, None, CastContext::Assignment)?;
        }
        Ok(())
    }

    fn check_result(
        &self,
        have: &[(String, Type)],
        wanted: &[(String, Type)],
        returns: &Returns,
    ) -> Result<()> {
        let fail = |details: String| Err(mismatch(self.catalog, returns, details));
        let is_row = !returns.columns.is_empty() || fields_of(self.catalog, &returns.ty).is_some();
        if !is_row && have.len() != 1 {
            return fail("Final statement must return exactly one column.".to_owned());
        }
        if have.len() < wanted.len() {
            return fail("Final statement returns too few columns.".to_owned());
        }
        if have.len() > wanted.len() {
            return fail("Final statement returns too many columns.".to_owned());
        }
        for (at, ((_, have), (_, wanted))) in (1..).zip(have.iter().zip(wanted)) {
            if !self.resolver.can_coerce(have, wanted, CastContext::Assignment) {
                let have = self.resolver.name(have);
                return fail(if is_row {
                    let wanted = self.resolver.name(wanted);
                    format!("Final statement returns {have} instead of {wanted} at column {at}.")
                } else {
                    format!("Actual return type is {have}.")
                });
            }
        }
        Ok(())
    }
}
