//! Functions: the right to call them, and their bodies in the place of the call where that means
//! the same.

use std::mem;

use backstay_catalog::{Routine, Volatility};
use backstay_expr::walk::{Rewriter, walk_expr};
use backstay_expr::{
    Body, Distinct, Expr, From, FunctionId, Output, Query, RelId, Select, Statement, visit_expr,
    visit_query,
};
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::{Volatility as TableVolatility, table};

use crate::renumber::Renumber;
use crate::walk::Walk;

/// How many functions may be expanded inside each other.
const DEPTH: usize = 8;

/// How many calls of one tree may be expanded: policies and functions that use each other would
/// otherwise multiply.
const EXPANSIONS: usize = 256;

/// Built-in functions whose answer depends on the role that is in force, so that they cannot move
/// out of a `SECURITY DEFINER` body.
const ROLE_DEPENDENT: &[&str] =
    &["current_user", "current_role", "user", "current_setting", "row_security_active"];

impl<'a> Walk<'a> {
    /// The function, if it may be called here.
    pub(crate) fn callable(&self, id: FunctionId) -> Result<&'a Routine> {
        let routine: &'a Routine = self
            .catalog
            .routines
            .get(&id)
            .map(AsRef::as_ref)
            .ok_or_else(|| Error::internal("a tree names a function that is gone"))?;
        self.check_schema(&routine.schema)?;
        self.current.execute(routine, !self.stored)?;
        Ok(routine)
    }

    /// The value that a call gives, as an expression; `None` where the call must stay a call.
    pub(crate) fn value_of_body(
        &mut self,
        routine: &'a Routine,
        args: &[Expr],
        ty: &Type,
    ) -> Option<Expr> {
        let composite =
            matches!(ty, Type::Composite(_) | Type::Record | Type::Void | Type::Trigger);
        let body = self.single_select(routine).filter(|_| !routine.returns.set && !composite)?;
        let columns = body.columns();
        let [(_, output)] = columns.as_slice() else { return None };
        let nulls: Vec<&Expr> = if routine.strict { args.iter().collect() } else { Vec::new() };
        if output != ty || !nulls.iter().all(|arg| is_plain(arg)) || args.iter().any(aggregates) {
            return None;
        }
        let (body, wrap) = self.body_with(routine, body, args).ok()??;
        let value = match wrap {
            None => scalar_of(body, ty),
            Some(entry) => {
                let inner = scalar_of(body, ty);
                let output = Output { name: routine.name.clone(), expr: inner };
                let query = Box::new(Query::select(Select::new(vec![output], vec![entry])));
                Expr::Scalar { query, ty: ty.clone() }
            }
        };
        let tests = nulls
            .into_iter()
            .filter(|arg| may_be_null(arg))
            .map(|arg| Expr::IsNull { expr: Box::new(arg.clone()), negated: false });
        Some(match Expr::any_of(tests) {
            None => value,
            Some(any_null) => Expr::Case {
                branches: vec![(any_null, Expr::null(ty.clone()))],
                otherwise: Some(Box::new(value)),
                ty: ty.clone(),
            },
        })
    }

    /// The rows that a call in `FROM` gives, as a query with exactly these columns; `None` where the
    /// call must stay a call.
    ///
    /// # Errors
    /// Those of the body, where PostgreSQL would expand the call too: it then checks the rights of
    /// the whole statement before the first row.
    pub(crate) fn rows_of_body(
        &mut self,
        routine: &'a Routine,
        args: &[Expr],
        columns: &[(String, Type)],
        ordinality: bool,
    ) -> Result<Option<Query>> {
        let Some(body) = self.single_select(routine) else { return Ok(None) };
        let fits = routine.returns.set
            && !routine.strict
            && !ordinality
            && body.columns().iter().map(|(_, ty)| ty).eq(columns.iter().map(|(_, ty)| ty));
        if !fits || args.iter().any(aggregates) {
            return Ok(None);
        }
        let expanded_by_postgres = routine.volatility != Volatility::Volatile
            && !routine.security_definer
            && routine.settings.is_empty();
        match self.body_with(routine, body, args) {
            Ok(Some((mut body, None))) => {
                rename(&mut body, columns);
                Ok(Some(body))
            }
            Err(error) if expanded_by_postgres => Err(error),
            _ => Ok(None),
        }
    }

    /// The one `SELECT` that the function consists of, if it may stand in the place of a call.
    fn single_select(&self, routine: &'a Routine) -> Option<&'a Query> {
        let Ok([Statement::Query(query)]) = routine.statements() else { return None };
        let quiet = !routine.effects.writes && !routine.effects.sets && !has_volatile(query);
        let settled = routine.settings.iter().all(|(name, _)| name == "search_path");
        // A volatile function sees what the calling statement has changed so far; an expanded one
        // would not.
        let early = !self.writing || routine.volatility != Volatility::Volatile;
        let known = self.functions.contains(&routine.id)
            || self.functions.len() >= DEPTH
            || self.expansions >= EXPANSIONS;
        (quiet && settled && early && !known).then_some(&**query)
    }

    /// A copy of the body with its arguments put in, authorized with the rights it runs with, and
    /// the `FROM` entry that computes the arguments where they are not simply repeated.
    ///
    /// # Errors
    /// Those of a body that may not be expanded, since its tables are closed to whom it runs as. It
    /// mostly stays a call then: PostgreSQL raises only when the function is really called.
    fn body_with(
        &mut self,
        routine: &'a Routine,
        body: &Query,
        args: &[Expr],
    ) -> Result<Option<(Query, Option<From>)>> {
        self.expansions += 1;
        let mut query = body.clone();
        Renumber::new(&mut self.fresh).query(&mut query);
        self.authorize_inner(routine, &mut query)?;
        let computed = args.iter().enumerate().any(|(index, arg)| {
            !is_cheap(arg) && (is_volatile(arg) || occurrences(&query, index) != 1)
        });
        if computed && args.iter().any(is_volatile) {
            return Ok(None);
        }
        if routine.security_definer && depends_on_role(&query) {
            return Ok(None);
        }
        let rel = self.fresh.rel();
        let mut put = PutArguments { args, rel: computed.then_some(rel) };
        put.query(&mut query);
        let entry = computed.then(|| arguments_entry(rel, args));
        Ok(Some((query, entry)))
    }

    /// Authorizes a body with the rights of the caller, or of the owner.
    fn authorize_inner(&mut self, routine: &'a Routine, query: &mut Query) -> Result<()> {
        let inner = if routine.security_definer {
            self.current.of_owner(self.catalog, &routine.owner)
        } else {
            self.current.clone()
        };
        self.uses.query(query);
        let rights = mem::replace(&mut self.rights, inner.clone());
        let current = mem::replace(&mut self.current, inner);
        let policies = mem::take(&mut self.policies);
        let stored = mem::replace(&mut self.stored, false);
        self.functions.push(routine.id);
        let done = self.rewrite_query(query);
        self.functions.pop();
        self.stored = stored;
        self.policies = policies;
        self.current = current;
        self.rights = rights;
        done
    }
}

/// `SELECT a AS …, b AS …`: the arguments, computed once.
fn arguments_entry(rel: RelId, args: &[Expr]) -> From {
    let outputs = args
        .iter()
        .enumerate()
        .map(|(index, arg)| Output { name: format!("a{}", index + 1), expr: arg.clone() })
        .collect();
    let query = Query::select(Select::new(outputs, Vec::new()));
    From::Query { rel, query: Box::new(query), lateral: false }
}

/// The first row's value of the query: bare if it reads nothing.
fn scalar_of(mut query: Query, ty: &Type) -> Expr {
    let bare = query.with.is_empty()
        && query.order.is_empty()
        && query.limit.is_none()
        && query.offset.is_none();
    if let Body::Select(select) = &mut query.body
        && bare
        && is_bare(select)
        && select.outputs.len() == 1
        && let Some(output) = select.outputs.pop()
    {
        return output.expr;
    }
    if !gives_one_row(&query) {
        query = first_row(query);
    }
    Expr::Scalar { query: Box::new(query), ty: ty.clone() }
}

fn is_bare(select: &Select) -> bool {
    select.from.is_empty()
        && select.filter.is_none()
        && select.group.is_empty()
        && select.having.is_none()
        && select.distinct == Distinct::No
        && !select.outputs.iter().any(|output| aggregates(&output.expr))
}

/// An aggregate without groups gives exactly one row.
fn gives_one_row(query: &Query) -> bool {
    matches!(&query.body, Body::Select(select)
        if select.group.is_empty()
            && (select.from.is_empty() || select.outputs.iter().any(|o| aggregates(&o.expr))))
}

/// A scalar function returns the first row of its `SELECT` and does not mind more.
fn first_row(mut query: Query) -> Query {
    let one = || Some(Expr::constant(Value::Int(1), Type::Int8));
    if query.limit.is_none() {
        query.limit = one();
    } else if query.limit != one() {
        // A limit of the body's own: `least` of both, null meaning no limit.
        query.limit = query.limit.take().map(|own| Expr::Extreme {
            greatest: false,
            args: vec![own, Expr::constant(Value::Int(1), Type::Int8)],
            ty: Type::Int8,
        });
    }
    query
}

fn rename(query: &mut Query, columns: &[(String, Type)]) {
    match &mut query.body {
        Body::Select(select) => {
            for (output, (name, _)) in select.outputs.iter_mut().zip(columns) {
                output.name.clone_from(name);
            }
        }
        Body::SetOperation { left, .. } => rename(left, columns),
        Body::Values(_) => {}
    }
}

/// Replaces `$n`, by the argument itself or by a column of the entry that computed it.
struct PutArguments<'e> {
    args: &'e [Expr],
    rel: Option<RelId>,
}

impl Rewriter for PutArguments<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        let Expr::Argument { index, ty } = expr else {
            walk_expr(self, expr);
            return;
        };
        let Some(arg) = self.args.get(*index) else { return };
        *expr = match self.rel {
            Some(rel) => {
                let column = u16::try_from(*index + 1).unwrap_or(u16::MAX);
                Expr::column(rel, column, ty.clone())
            }
            None => arg.clone(),
        };
    }
}

/// May the expression be repeated without cost?
fn is_cheap(expr: &Expr) -> bool {
    match expr {
        Expr::Const { .. }
        | Expr::Param { .. }
        | Expr::ParentKey { .. }
        | Expr::Argument { .. }
        | Expr::Column { .. }
        | Expr::WholeRow { .. } => true,
        Expr::Field { expr, .. } => is_cheap(expr),
        Expr::Cast { expr, method: backstay_expr::CastMethod::Relabel, .. } => is_cheap(expr),
        _ => false,
    }
}

/// Strictness is about the argument being null, `IS NULL` of a row about its fields: only for other
/// types are they the same.
fn is_plain(expr: &Expr) -> bool {
    is_cheap(expr) && !matches!(expr.ty(), Type::Composite(_) | Type::Record)
}

fn may_be_null(expr: &Expr) -> bool {
    !matches!(expr, Expr::Const { value, .. } if !value.is_null())
}

fn occurrences(query: &Query, argument: usize) -> usize {
    let mut count = 0;
    visit_query(query, &mut |expr| {
        count += usize::from(matches!(expr, Expr::Argument { index, .. } if *index == argument));
    });
    count
}

fn symbol_is_volatile(expr: &Expr) -> bool {
    match expr {
        Expr::Call { symbol, .. } => table()
            .get(symbol)
            .is_none_or(|function| function.volatility == TableVolatility::Volatile),
        _ => false,
    }
}

/// Could it give another value, or do something, when computed again? A call that is left is taken
/// to.
fn is_volatile(expr: &Expr) -> bool {
    let mut found = false;
    visit_expr(expr, &mut |part| {
        found |= symbol_is_volatile(part) || matches!(part, Expr::UserCall { .. });
    });
    found
}

fn has_volatile(query: &Query) -> bool {
    let mut found = false;
    visit_query(query, &mut |part| found |= symbol_is_volatile(part));
    found
}

/// Does the body ask for the role, directly or through a call that is left?
fn depends_on_role(query: &Query) -> bool {
    let mut found = false;
    visit_query(query, &mut |part| match part {
        Expr::UserCall { .. } => found = true,
        Expr::Call { symbol, .. } => {
            let name = symbol.split('(').next().unwrap_or_default();
            found |= ROLE_DEPENDENT.contains(&name) || name.starts_with("has_");
        }
        _ => {}
    });
    found
}

/// Is there an aggregate or window function of this level?
fn aggregates(expr: &Expr) -> bool {
    struct Finder(bool);
    impl Rewriter for Finder {
        fn expr(&mut self, expr: &mut Expr) {
            self.0 |= matches!(expr, Expr::Aggregate { .. } | Expr::Window { .. });
            walk_expr(self, expr);
        }
        fn query(&mut self, _: &mut Query) {}
    }
    let mut finder = Finder(false);
    finder.expr(&mut expr.clone());
    finder.0
}
