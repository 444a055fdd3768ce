//! Expressions and queries of schema statements, bound and held to what may stand there.

use backstay_catalog::{Catalog, Column, Relation, Volatility};
use backstay_expr::{CastMethod, Expr, Query, Statement, visit_expr};
use backstay_model::{Error, Modifier, Result, Type};
use backstay_scalar as scalar;
use backstay_typing::CastContext;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt, TypeName};

use super::{DdlSession, Draft};
use crate::{BindOptions, Binder, Clause};

/// Binds a statement that reads or changes rows.
pub(super) fn statement(
    catalog: &Catalog,
    session: &DdlSession,
    node: &NodeEnum,
) -> Result<Statement> {
    let options = BindOptions { system_tables: true, ..BindOptions::default() };
    Binder::new(catalog, &session.search_path, options).bind_statement(node)
}

fn content(node: &Node) -> Result<&NodeEnum> {
    node.node.as_ref().ok_or_else(|| Error::internal("an empty expression"))
}

impl Draft<'_> {
    /// A binder over the catalogue as it is now.
    pub(super) fn binder(&self, options: BindOptions) -> Binder<'_> {
        Binder::new(&self.catalog, &self.session.search_path, options)
    }

    /// The type that was written.
    pub(super) fn resolve_type(&self, name: &TypeName) -> Result<(Type, Option<Modifier>)> {
        crate::types::resolve_type(&self.catalog, &self.session.search_path, name)
    }
}

fn plain<'d>(draft: &'d Draft<'_>) -> Binder<'d> {
    draft.binder(BindOptions::default())
}

/// A column as the target of a value: name, type, modifier.
type Target<'t> = (&'t str, &'t Type, Option<Modifier>);

fn assigned(
    binder: &Binder<'_>,
    expr: Expr,
    (name, ty, modifier): Target<'_>,
    what: &str,
) -> Result<Expr> {
    binder.assign(expr, name, ty, modifier).map_err(|mut error| {
        let plain = "but expression is";
        error.message = error.message.replace(plain, &format!("but {what} expression is"));
        error
    })
}

/// `DEFAULT`, coerced.
pub(super) fn default(draft: &Draft<'_>, node: &Node, target: Target<'_>) -> Result<Expr> {
    let mut binder = plain(draft);
    let expr = binder.bind_expr(content(node)?, Clause::Default).map_err(|error| {
        if error.code == "42703" {
            let message = "cannot use column reference in DEFAULT expression";
            return Error { position: error.position, ..Error::new("0A000", message) };
        }
        error
    })?;
    assigned(&binder, expr, target, "default")
}

/// `GENERATED ALWAYS AS`, coerced; it must give the same for ever.
pub(super) fn generated(
    draft: &Draft<'_>,
    relation: &Relation,
    node: &Node,
    column: &Column,
) -> Result<Expr> {
    let mut binder = plain(draft);
    let expr = binder.bind_row_expr(content(node)?, relation, Clause::Generated)?;
    let expr = assigned(&binder, expr, (&column.name, &column.ty, column.modifier), "generation")?;
    let mut other = None;
    visit_expr(&expr, &mut |expr| {
        if let Expr::Column { column: number, .. } = expr
            && let Some(found) = relation.column_by_number(*number)
            && (found.generated.is_some() || found.number == column.number)
        {
            other = Some(found.name.clone());
        }
    });
    if let Some(other) = other {
        let message =
            format!("cannot use generated column \"{other}\" in column generation expression");
        return Err(Error::new("42P17", message)
            .with_details("A generated column cannot reference another generated column."));
    }
    if !is_immutable(&draft.catalog, &expr) {
        return Err(Error::new("42P17", "generation expression is not immutable"));
    }
    Ok(expr)
}

/// A check over the row.
pub(super) fn check(draft: &Draft<'_>, relation: &Relation, node: &Node) -> Result<Expr> {
    plain(draft).bind_row_condition(content(node)?, relation, Clause::Check, "CHECK")
}

/// A check of a domain over `VALUE`.
pub(super) fn domain_check(draft: &Draft<'_>, base: &Type, node: &Node) -> Result<Expr> {
    plain(draft).bind_domain_check(content(node)?, base)
}

/// `USING` or `WITH CHECK` of a policy.
pub(super) fn policy(draft: &Draft<'_>, relation: &Relation, node: &Node) -> Result<Expr> {
    plain(draft).bind_row_condition(content(node)?, relation, Clause::Policy, "POLICY")
}

/// A key of an index; it must give the same for ever.
pub(super) fn index_expression(
    draft: &Draft<'_>,
    relation: &Relation,
    node: &Node,
) -> Result<Expr> {
    let mut binder = plain(draft);
    let expr = binder.bind_row_expr(content(node)?, relation, Clause::IndexExpression)?;
    let expr = binder.resolver().decided(expr)?;
    must_be_immutable(draft, &expr, "expression")?;
    Ok(expr)
}

/// `WHERE` of an index.
pub(super) fn index_predicate(draft: &Draft<'_>, relation: &Relation, node: &Node) -> Result<Expr> {
    let clause = Clause::IndexPredicate;
    let expr = plain(draft).bind_row_condition(content(node)?, relation, clause, "WHERE")?;
    must_be_immutable(draft, &expr, "predicate")?;
    Ok(expr)
}

fn must_be_immutable(draft: &Draft<'_>, expr: &Expr, what: &str) -> Result<()> {
    if is_immutable(&draft.catalog, expr) {
        return Ok(());
    }
    Err(Error::new("42P17", format!("functions in index {what} must be marked IMMUTABLE")))
}

/// `USING` of `ALTER COLUMN … TYPE`: over the old row, coerced to the new type.
pub(super) fn conversion(
    draft: &Draft<'_>,
    relation: &Relation,
    using: Option<&Node>,
    old: &Column,
    (ty, modifier): (&Type, Option<Modifier>),
) -> Result<Expr> {
    let mut binder = plain(draft);
    let resolver = binder.resolver();
    let expr = match using {
        Some(node) => binder.bind_row_expr(content(node)?, relation, Clause::AlterUsing)?,
        None => Expr::column(backstay_catalog::ROW, old.number, old.ty.clone()),
    };
    if !resolver.can_coerce(&expr.ty(), ty, CastContext::Assignment) {
        let wanted = ty.name_with(modifier, &draft.catalog);
        let name = &old.name;
        return Err(if using.is_some() {
            let message = format!(
                "result of USING clause for column \"{name}\" cannot be cast automatically to type {}",
                resolver.name(ty)
            );
            Error::new("42804", message).with_hint("You might need to add an explicit cast.")
        } else {
            let message = format!(
                "column \"{name}\" cannot be cast automatically to type {}",
                resolver.name(ty)
            );
            let quoted = backstay_model::quote_identifier(name);
            Error::new("42804", message)
                .with_hint(format!("You might need to specify \"USING {quoted}::{wanted}\"."))
        });
    }
    resolver.coerce(expr, ty, modifier, CastContext::Assignment)
}

/// A default that exists, for a column whose type has changed.
pub(super) fn recast_default(
    draft: &Draft<'_>,
    default: Expr,
    column: &str,
    (ty, modifier): (&Type, Option<Modifier>),
) -> Result<Expr> {
    let binder = plain(draft);
    let resolver = binder.resolver();
    if !resolver.can_coerce(&default.ty(), ty, CastContext::Assignment) {
        let message = format!(
            "default for column \"{column}\" cannot be cast automatically to type {}",
            resolver.name(ty)
        );
        return Err(Error::new("42804", message));
    }
    resolver.coerce(default, ty, modifier, CastContext::Assignment)
}

/// The query of a view.
pub(super) fn query(draft: &Draft<'_>, select: &SelectStmt) -> Result<Query> {
    plain(draft).bind_query(select)
}

/// May a value of one type stand where the other is wanted, without a cast being written?
pub(super) fn implicitly_castable(draft: &Draft<'_>, from: &Type, to: &Type) -> bool {
    plain(draft).resolver().can_coerce(from, to, CastContext::Implicit)
}

/// Does the expression give the same for ever?
pub(super) fn is_immutable(catalog: &Catalog, expr: &Expr) -> bool {
    let mut immutable = true;
    visit_expr(expr, &mut |expr| {
        immutable &= match expr {
            Expr::Call { symbol, .. } => {
                is_symbol(symbol, |row| row.volatility == scalar::Volatility::Immutable)
            }
            Expr::UserCall { function, .. } => catalog
                .routines
                .get(function)
                .is_some_and(|routine| routine.volatility == Volatility::Immutable),
            Expr::Cast { expr, method, ty, .. } => immutable_cast(method, &expr.ty(), ty),
            _ => true,
        };
    });
    immutable
}

fn is_symbol(symbol: &str, holds: impl Fn(&scalar::Function) -> bool) -> bool {
    scalar::table().get(symbol).is_none_or(|row| holds(row))
}

fn immutable_cast(method: &CastMethod, from: &Type, to: &Type) -> bool {
    match method {
        CastMethod::Relabel => true,
        CastMethod::Function(symbol) => {
            is_symbol(symbol, |row| row.volatility == scalar::Volatility::Immutable)
        }
        CastMethod::Io => text_form_is_fixed(from) && text_form_is_fixed(to),
        CastMethod::Array(inner) => match (from.element(), to.element()) {
            (Some(from), Some(to)) => immutable_cast(inner, from, to),
            _ => false,
        },
    }
}

/// Does no setting change how values of the type are written or read?
fn text_form_is_fixed(ty: &Type) -> bool {
    !matches!(
        ty,
        Type::Date
            | Type::Time
            | Type::TimeTz
            | Type::Timestamp
            | Type::TimestampTz
            | Type::Interval
            | Type::Money
            | Type::Enum(_)
            | Type::Array(_)
            | Type::Composite(_)
            | Type::Record
            | Type::Range(_)
    )
}

/// Can the expression be computed for every row without an error? Only then can an engine keep it in
/// an index.
pub(super) fn never_raises(expr: &Expr) -> bool {
    let mut total = true;
    visit_expr(expr, &mut |expr| {
        total &= match expr {
            Expr::Call { symbol, .. } => scalar::table().get(symbol).is_some_and(|row| row.total),
            Expr::Cast { method, .. } => match method {
                CastMethod::Relabel => true,
                CastMethod::Function(symbol) => {
                    scalar::table().get(symbol).is_some_and(|row| row.total)
                }
                CastMethod::Io | CastMethod::Array(_) => false,
            },
            Expr::Const { .. }
            | Expr::Column { .. }
            | Expr::Compare { .. }
            | Expr::IsDistinct { .. }
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::IsNull { .. }
            | Expr::IsBool { .. }
            | Expr::Case { .. }
            | Expr::Coalesce { .. }
            | Expr::InList { .. } => true,
            _ => false,
        };
    });
    total
}
