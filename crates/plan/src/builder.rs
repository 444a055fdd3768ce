//! What all parts of the building share: the catalogue, literals, identities.

use backstay_catalog::{Catalog, Relation};
use backstay_expr::{Expr, RelId, RelIds};
use backstay_model::{Error, Result, Type, Value};
use backstay_rest::{Literal, Literals};
use backstay_scalar::{CastContext, Environment};
use backstay_typing::{Argument, FunctionMatch, Resolver};

use crate::plan::Cells;
use crate::source::Source;
use crate::values::{Recipe, RowSource, ValueSource};

/// The state of the building of one plan.
pub(crate) struct Builder<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) resolver: Resolver<'a>,
    pub(crate) env: &'a dyn Environment,
    /// The schema of the request.
    pub(crate) schema: &'a str,
    /// The request's literals.
    pub(crate) literals: &'a Literals,
    /// The values so far.
    pub(crate) params: Vec<Value>,
    /// The rows to write.
    pub(crate) rows: Vec<Cells>,
    /// How the values came about; `None` where the next request of this shape needs a plan of its
    /// own.
    pub(crate) recipe: Option<Recipe>,
    rels: RelIds,
}

impl<'a> Builder<'a> {
    /// Begins a plan for a request to the schema; `resolver` looks along its search path.
    pub(crate) fn new(
        resolver: Resolver<'a>,
        env: &'a dyn Environment,
        schema: &'a str,
        literals: &'a Literals,
    ) -> Self {
        Self {
            catalog: resolver.catalog(),
            resolver,
            env,
            schema,
            literals,
            params: Vec::new(),
            rows: Vec::new(),
            recipe: Some(Recipe::default()),
            rels: RelIds::default(),
        }
    }

    /// A new identity of a `FROM` entry.
    pub(crate) fn rel(&mut self) -> RelId {
        self.rels.fresh()
    }

    /// A value of the request as a parameter of this type.
    ///
    /// # Errors
    /// As reading the value raises.
    pub(crate) fn param(&mut self, source: ValueSource, ty: Type) -> Result<Expr> {
        self.params.push(source.value(self.literals, self.env)?);
        if let Some(recipe) = &mut self.recipe {
            recipe.params.push(source);
        }
        Ok(Expr::Param { index: self.params.len() - 1, ty })
    }

    /// A literal of the request, read as the type.
    pub(crate) fn literal(&mut self, ty: &Type, literal: &Literal) -> Result<Expr> {
        self.param(ValueSource::Text(literal.clone(), ty.clone()), ty.clone())
    }

    /// A number of rows.
    pub(crate) fn row_number(&mut self, number: u64) -> Result<Expr> {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.param(ValueSource::Fixed(Value::Int(number)), Type::Int8)
    }

    /// The rows that the request brings.
    ///
    /// # Errors
    /// As reading a value raises.
    pub(crate) fn take_rows(&mut self, source: RowSource) -> Result<()> {
        self.rows = source.rows(self.literals, self.env)?;
        if let Some(recipe) = &mut self.recipe {
            recipe.rows = Some(source);
        }
        Ok(())
    }

    /// The type of a cast. Names are folded to lower case, as unquoted names in SQL are.
    pub(crate) fn type_named(&self, name: &str) -> Result<Type> {
        let folded = name.trim().to_lowercase();
        if let Some(ty) = Type::from_name(&folded) {
            return Ok(ty);
        }
        match self.resolver.path().type_named(self.catalog, None, &folded) {
            Some(found) => Ok(self.catalog.type_of(found.id)),
            None => Err(Error::new("42704", format!("type \"{folded}\" does not exist"))),
        }
    }

    /// `expr::type`.
    pub(crate) fn cast(&self, expr: Expr, ty: &str) -> Result<Expr> {
        let ty = self.type_named(ty)?;
        self.resolver.coerce(expr, &ty, None, CastContext::Explicit)
    }

    /// A call of a function of the table or the catalogue.
    pub(crate) fn call(&self, name: &str, args: Vec<Expr>) -> Result<Expr> {
        let args = args.into_iter().map(Argument::positional).collect();
        Ok(match self.resolver.call(None, name, args, false)? {
            FunctionMatch::Builtin { function, args, result } => match function.kind {
                backstay_scalar::Kind::Aggregate => Expr::Aggregate {
                    symbol: function.symbol.clone(),
                    args,
                    distinct: false,
                    order: Vec::new(),
                    filter: None,
                    ty: result,
                },
                _ => Expr::Call { symbol: function.symbol.clone(), args, ty: result },
            },
            FunctionMatch::Routine { routine, args, result } => {
                Expr::UserCall { function: routine.id, args, ty: result }
            }
            FunctionMatch::Cast(expr) => expr,
        })
    }

    /// A scan of a relation under a new identity.
    pub(crate) fn source(&mut self, relation: &'a Relation, depth: usize) -> Source<'a> {
        Source::relation(self.rel(), relation, depth)
    }
}
