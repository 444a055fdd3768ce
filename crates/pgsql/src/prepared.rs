//! `PREPARE name (types) AS statement`: how a service of Backstay writes its statements.

use backstay_catalog::{Catalog, SearchPath};
use backstay_expr::Statement;
use backstay_model::{Error, Result, Type};
use pg_query::NodeEnum;

use crate::nodes::{each, required};
use crate::{BindArgument, BindOptions, Binder, parse_one, resolve_type};

/// A prepared statement, bound.
#[derive(Debug)]
pub struct BoundPrepare {
    /// Its name.
    pub name: String,
    /// Types of `$1`, `$2`…
    pub parameters: Vec<Type>,
    /// What it does; the parameters are [`backstay_expr::Expr::Argument`].
    pub statement: Statement,
    /// The text of that statement alone.
    pub text: String,
}

/// Binds the text of one `PREPARE`.
///
/// # Errors
/// PostgreSQL's for the statement; `42601` for any other kind of text.
pub fn bind_prepare(catalog: &Catalog, path: &SearchPath, text: &str) -> Result<BoundPrepare> {
    let raw = parse_one(text)?;
    let NodeEnum::PrepareStmt(prepare) = &raw.node else {
        return Err(Error::new("42601", "this is no PREPARE"));
    };
    let mut parameters = Vec::new();
    for node in each(&prepare.argtypes) {
        let NodeEnum::TypeName(name) = node else {
            return Err(Error::internal("a parameter without its type"));
        };
        parameters.push(resolve_type(catalog, path, name)?.0);
    }
    let unnamed =
        |ty: &Type| BindArgument { name: None, label: None, ty: ty.clone(), fields: Vec::new() };
    let options = BindOptions {
        arguments: parameters.iter().map(unnamed).collect(),
        parameters: parameters.len(),
        ..BindOptions::default()
    };
    let statement =
        Binder::new(catalog, path, options).bind_statement(required(prepare.query.as_deref())?)?;
    let body = raw.text.split_once(" AS ").map_or("", |(_, body)| body).trim().to_owned();
    Ok(BoundPrepare { name: prepare.name.clone(), parameters, statement, text: body })
}
