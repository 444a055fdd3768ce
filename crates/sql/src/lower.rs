//! From a typed query to SQLite's SQL.

mod aggregates;
mod calls;
mod comparisons;
mod entries;
mod expressions;
mod params;
mod queries;
mod selects;
mod sets;
mod subqueries;

#[cfg(test)]
mod tests;

pub(crate) use expressions::ROW_ID;

use std::collections::HashMap;
use std::sync::Arc;

use backstay_catalog::{Catalog, ROW, Relation};
use backstay_expr::{CteId, Expr, Query, RelId};
use backstay_model::{Error, Result, Type};

use crate::{LowerOptions, Lowered, Needed, NeededKind, Parameter, collation};

/// Renders a query whose scans carry their policies.
///
/// # Errors
/// `0A000` for what this engine cannot do, `54001` for too deep a tree.
pub fn lower(catalog: &Catalog, query: &Query, options: &LowerOptions) -> Result<Lowered> {
    let mut lowerer = Lowerer::new(catalog, options);
    let mut sql = String::with_capacity(256);
    lowerer.query(query, &mut sql)?;
    Ok(Lowered {
        sql,
        params: lowerer.params,
        columns: query.columns().into_iter().map(|(_, ty)| ty).collect(),
        functions: lowerer.functions,
    })
}

/// Renders an expression over a relation's own row ([`ROW`]) with bare column names, as indexes and
/// validating scans need it. Parameters are not allowed.
///
/// # Errors
/// `0A000` if it needs values that are computed per execution.
pub fn lower_row_expression(
    catalog: &Catalog,
    relation: &Arc<Relation>,
    expr: &Expr,
) -> Result<(String, Vec<Needed>)> {
    let options = LowerOptions::default();
    let mut lowerer = Lowerer::new(catalog, &options);
    lowerer
        .entries
        .insert(ROW, Entry::Stored { relation: Arc::clone(relation), nullable: false, bare: true });
    let mut sql = String::new();
    lowerer.expr(expr, &mut sql)?;
    if lowerer.params.is_empty() {
        Ok((sql, lowerer.functions))
    } else {
        Err(Error::unsupported("an index over this expression"))
    }
}

/// Limit: nesting of expressions and queries, below SQLite's own of 1,000.
const DEPTH_MAX: u32 = 300;

/// A `FROM` entry that is in scope.
enum Entry {
    /// A stored relation.
    Stored {
        /// Which.
        relation: Arc<Relation>,
        /// On the nullable side of an outer join.
        nullable: bool,
        /// Columns are written without the alias.
        bare: bool,
    },
    /// Anything else: for each column, is it computed by a total expression?
    Plain(Vec<bool>),
}

struct Lowerer<'a> {
    catalog: &'a Catalog,
    options: &'a LowerOptions,
    entries: HashMap<RelId, Entry>,
    /// Common table expressions: for each column, is it total? And does it hold policies?
    ctes: HashMap<CteId, (Vec<bool>, bool)>,
    params: Vec<Parameter>,
    functions: Vec<Needed>,
    depth: u32,
}

impl<'a> Lowerer<'a> {
    fn new(catalog: &'a Catalog, options: &'a LowerOptions) -> Self {
        Self {
            catalog,
            options,
            entries: HashMap::new(),
            ctes: HashMap::new(),
            params: Vec::new(),
            functions: Vec::new(),
            depth: 0,
        }
    }

    fn base(&self, ty: &Type) -> Type {
        ty.base(self.catalog)
    }

    fn collation(&self, ty: &Type) -> Option<&'static str> {
        collation(ty, self.catalog)
    }

    /// Appends ` COLLATE …` where the type needs one.
    fn push_collation(&self, ty: &Type, out: &mut String) {
        if let Some(name) = self.collation(ty) {
            out.push_str(" COLLATE ");
            out.push_str(name);
        }
    }

    /// Notes that a function must be registered.
    fn need(&mut self, name: &str, arity: usize, kind: impl FnOnce() -> NeededKind) {
        let known = |needed: &Needed| needed.arity == arity && needed.name == name;
        if !self.functions.iter().any(known) {
            self.functions.push(Needed { name: name.to_owned(), arity, kind: kind() });
        }
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::new("54001", "stack depth limit exceeded")
                .with_hint("Simplify the filter or the query; it nests too deeply."));
        }
        Ok(())
    }

    fn ascend(&mut self) {
        self.depth -= 1;
    }
}
