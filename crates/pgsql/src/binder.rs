//! The binder: names and types of a syntax tree resolved against a catalogue.

use backstay_catalog::{Catalog, ROW, Relation, SearchPath};
use backstay_expr::{CteId, Expr, Query, RelId, RelIds, Statement};
use backstay_model::{Error, Modifier, Result, Type, TypeId};
use backstay_typing::{CastContext, Resolver};
use pg_query::NodeEnum;
use pg_query::protobuf::SelectStmt;

use crate::nodes::{Located, location};
use crate::plpgsql::Conflict;
use crate::scope::{Clause, Namespace, Scope, Table};

/// Limit: how deep expressions and queries may nest.
const DEPTH_MAX: usize = 1_200;
/// A level needs less than this; where less is left, the stack grows.
const STACK_RED_ZONE_BYTES: usize = 256 << 10;
/// By how much the stack grows.
const STACK_GROWTH_BYTES: usize = 4 << 20;

/// A value that a body knows by name or number: an argument of the function, or a variable.
#[derive(Debug, Clone)]
pub struct BindArgument {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The function or block that may qualify the name (`f.x`).
    pub label: Option<String>,
    /// Its type. Fields of composite ones are reached as `name.field`.
    pub ty: Type,
    /// Names and types of the fields of a [`Type::Record`], where they are known.
    pub fields: Vec<(String, Type)>,
}

/// What else names may mean.
#[derive(Debug, Clone, Default)]
pub struct BindOptions {
    /// Arguments and variables; bound as [`Expr::Argument`], each with its place among these.
    pub arguments: Vec<BindArgument>,
    /// How many of them are `$1`, `$2`….
    pub parameters: usize,
    /// The names of the arguments, the nearest first: name, label, place. Those of `arguments`
    /// where it is `None`.
    pub names: Option<std::sync::Arc<[crate::plpgsql::Visible]>>,
    /// What a name means that is an argument and a column as well.
    pub conflict: Conflict,
    /// The argument whose first element has the subscript 0 (`TG_ARGV`).
    pub zero_based: Option<usize>,
    /// The statement runs at once: it may read the system's own tables.
    pub system_tables: bool,
    /// Relations in memory: a name, the argument that holds its rows (an array), their type.
    pub tables: Vec<(String, usize, TypeId)>,
}

/// Binds one statement or expression at a time; identities of `FROM` entries go on counting.
pub struct Binder<'c> {
    pub(crate) catalog: &'c Catalog,
    pub(crate) path: &'c SearchPath,
    pub(crate) resolver: Resolver<'c>,
    pub(crate) options: BindOptions,
    pub(crate) scopes: Vec<Scope>,
    rels: RelIds,
    last_cte: u32,
    depth: usize,
    /// The next call is that of `CALL`.
    pub(crate) calling: bool,
    /// What runs before the statement itself: `WITH … AS (INSERT …)`.
    pub(crate) parts: Vec<Statement>,
}

impl<'c> Binder<'c> {
    /// A binder over the catalogue that finds names along `path`.
    pub fn new(catalog: &'c Catalog, path: &'c SearchPath, options: BindOptions) -> Self {
        Self {
            catalog,
            path,
            resolver: Resolver::new(catalog, path),
            options,
            scopes: Vec::new(),
            rels: RelIds::default(),
            last_cte: 0,
            depth: 0,
            calling: false,
            parts: Vec::new(),
        }
    }

    /// Type resolution over the same catalogue and path.
    pub fn resolver(&self) -> Resolver<'c> {
        self.resolver
    }

    /// Binds a query (`SELECT`, `VALUES`, set operations).
    ///
    /// # Errors
    /// PostgreSQL's error with its place; `0A000` for what is not supported.
    pub fn bind_query(&mut self, select: &SelectStmt) -> Result<Query> {
        let query = self.top_query(select)?;
        if self.parts.is_empty() {
            return Ok(query);
        }
        Err(Error::new("0A000", "a data-modifying statement in WITH is not allowed here"))
    }

    fn top_query(&mut self, select: &SelectStmt) -> Result<Query> {
        let query = self.query(select)?;
        self.decide_outputs(query)
    }

    /// Binds `SELECT`, `VALUES`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE` or `CALL`.
    ///
    /// # Errors
    /// As [`Binder::bind_query`]; `0A000` for other statements.
    pub fn bind_statement(&mut self, node: &NodeEnum) -> Result<Statement> {
        let statement = match node {
            NodeEnum::SelectStmt(select) => Statement::Query(Box::new(self.top_query(select)?)),
            NodeEnum::CallStmt(call) => Statement::Query(Box::new(self.procedure_call(call)?)),
            NodeEnum::TruncateStmt(stmt) => Statement::Truncate(self.truncate(stmt)?),
            NodeEnum::RefreshMatViewStmt(stmt) => return self.refresh(stmt),
            node => self.write_statement(node)?,
        };
        self.sequenced(statement)
    }

    /// Binds `INSERT`, `UPDATE` or `DELETE`, by itself or in `WITH`.
    pub(crate) fn write_statement(&mut self, node: &NodeEnum) -> Result<Statement> {
        match node {
            NodeEnum::InsertStmt(insert) => Ok(Statement::Insert(Box::new(self.insert(insert)?))),
            NodeEnum::UpdateStmt(update) => Ok(Statement::Update(Box::new(self.update(update)?))),
            NodeEnum::DeleteStmt(delete) => Ok(Statement::Delete(Box::new(self.delete(delete)?))),
            NodeEnum::MergeStmt(_) => Err(Error::unsupported("MERGE")),
            _ => Err(Error::unsupported("this statement here")),
        }
    }

    /// Binds an expression that sees no relation (a default, an argument).
    ///
    /// # Errors
    /// As [`Binder::bind_query`].
    pub fn bind_expr(&mut self, node: &NodeEnum, clause: Clause) -> Result<Expr> {
        self.scoped(clause, |binder| binder.expr(node))
    }

    /// Binds an expression over the row of `relation` ([`ROW`]): a check, a policy, a generated column,
    /// an index key. The relation need not be in the catalogue yet.
    ///
    /// # Errors
    /// As [`Binder::bind_query`].
    pub fn bind_row_expr(
        &mut self,
        node: &NodeEnum,
        relation: &Relation,
        clause: Clause,
    ) -> Result<Expr> {
        let table = self.relation_table(relation, ROW, None);
        self.scoped(clause, |binder| {
            binder.scope().names = Namespace::of(table);
            binder.expr(node)
        })
    }

    /// Binds a condition over the row of `relation`; it must be boolean. `what` begins the message:
    /// `CHECK`, `POLICY`, `WHERE`.
    ///
    /// # Errors
    /// As [`Binder::bind_row_expr`]; `42804` for another type.
    pub fn bind_row_condition(
        &mut self,
        node: &NodeEnum,
        relation: &Relation,
        clause: Clause,
        what: &str,
    ) -> Result<Expr> {
        let expr = self.bind_row_expr(node, relation, clause)?;
        self.resolver.condition(what, expr).at(location(node))
    }

    /// Binds the check of a domain: `VALUE` is column 1 of [`ROW`].
    ///
    /// # Errors
    /// As [`Binder::bind_row_expr`].
    pub fn bind_domain_check(&mut self, node: &NodeEnum, base: &Type) -> Result<Expr> {
        let value = Expr::column(ROW, 1, base.clone());
        self.scoped(Clause::Domain, |binder| {
            binder.scope().names.columns = vec![("value".to_owned(), value)];
            let expr = binder.expr(node)?;
            binder.resolver.condition("CHECK", expr).at(location(node))
        })
    }

    /// The expression as the value of a column, a variable or an argument called `name`.
    ///
    /// # Errors
    /// `42804` `column "x" is of type integer but expression is of type text`.
    pub fn assign(
        &self,
        expr: Expr,
        name: &str,
        ty: &Type,
        modifier: Option<Modifier>,
    ) -> Result<Expr> {
        let source = expr.ty();
        if !self.resolver.can_coerce(&source, ty, CastContext::Assignment) {
            return Err(Error::new(
                "42804",
                format!(
                    "column \"{name}\" is of type {} but expression is of type {}",
                    self.resolver.name(ty),
                    self.resolver.name(&source)
                ),
            )
            .with_hint("You will need to rewrite or cast the expression."));
        }
        self.resolver.coerce(expr, ty, modifier, CastContext::Assignment)
    }

    /// Runs `bind` in a query level of its own.
    pub(crate) fn scoped<T>(
        &mut self,
        clause: Clause,
        bind: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.scopes.push(Scope::new(clause));
        let result = self.deeper(bind);
        self.scopes.pop();
        result
    }

    /// Runs `bind` with the current level's clause changed.
    pub(crate) fn within<T>(
        &mut self,
        clause: Clause,
        bind: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let before = std::mem::replace(&mut self.scope().clause, clause);
        let result = bind(self);
        self.scope().clause = before;
        result
    }

    /// Counts a level of nesting and makes room on the stack.
    pub(crate) fn deeper<T>(&mut self, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::new("54001", "stack depth limit exceeded"));
        }
        self.depth += 1;
        let result =
            stacker::maybe_grow(STACK_RED_ZONE_BYTES, STACK_GROWTH_BYTES, || bind(&mut *self));
        self.depth -= 1;
        result
    }

    /// The innermost query level.
    pub(crate) fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::new(Clause::Select));
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    pub(crate) fn fresh_rel(&mut self) -> RelId {
        self.rels.fresh()
    }

    pub(crate) fn fresh_cte(&mut self) -> CteId {
        self.last_cte += 1;
        CteId(self.last_cte)
    }

    /// A relation of the catalogue as an entry of `FROM`.
    pub(crate) fn relation_table(
        &self,
        relation: &Relation,
        rel: RelId,
        alias: Option<&str>,
    ) -> Table {
        Table {
            alias: alias.unwrap_or(&relation.name).to_owned(),
            schema: alias.is_none().then(|| relation.schema.clone()),
            rel: Some(rel),
            columns: relation
                .columns
                .iter()
                .map(|column| {
                    let expr = Expr::column(rel, column.number, column.ty.clone());
                    (column.name.clone(), expr)
                })
                .collect(),
            row_type: Type::Composite(relation.row_type),
            scalar: false,
            nullable: false,
            relation: Some(relation.id),
        }
    }
}
