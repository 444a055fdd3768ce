//! Casts: which exist, and how an expression gets another type.

use std::sync::Arc;

use backstay_expr::{CastMethod, Expr};
use backstay_model::{Error, Modifier, Result, Type, TypeCategory, Value};
use backstay_scalar::{CastContext, Kind, table};

use crate::{Resolver, fold};

/// Casts that leave the stored value as it is, and where they apply by themselves.
fn relabels(from: &Type, to: &Type) -> Option<CastContext> {
    use CastContext::{Assignment, Implicit};
    Some(match (from, to) {
        (Type::Int2, Type::Int4 | Type::Int8)
        | (Type::Int4, Type::Int8)
        | (Type::Float4, Type::Float8)
        | (Type::Text | Type::Varchar | Type::Char, Type::Text | Type::Varchar | Type::Char)
        | (Type::Name, Type::Text)
        | (Type::Citext, Type::Text | Type::Varchar)
        | (Type::Cidr, Type::Inet)
        | (Type::Bit, Type::Varbit)
        | (Type::Varbit, Type::Bit)
        | (Type::Composite(_), Type::Record) => Implicit,
        (Type::Name, Type::Varchar | Type::Char)
        | (Type::Citext, Type::Char)
        | (Type::Text | Type::Varchar | Type::Char, Type::Citext)
        | (Type::Oid, Type::Int8)
        | (Type::Xml, Type::Text | Type::Varchar | Type::Char) => Assignment,
        _ => return None,
    })
}

impl Resolver<'_> {
    /// How a value of one type becomes one of the other, if it may in this context. `None` if not.
    /// Equal types are [`CastMethod::Relabel`].
    pub fn cast_path(&self, from: &Type, to: &Type, context: CastContext) -> Option<CastMethod> {
        let from = from.base(self.catalog());
        let to = to.base(self.catalog());
        if from == to {
            return Some(CastMethod::Relabel);
        }
        if let Some(needed) = relabels(&from, &to) {
            return (needed <= context).then_some(CastMethod::Relabel);
        }
        if let Some((needed, symbol)) = self.table_cast(&from, &to) {
            return (needed <= context).then_some(CastMethod::Function(symbol));
        }
        if let (Type::Array(from), Type::Array(to)) = (&from, &to) {
            return self.cast_path(from, to, context).map(|method| match method {
                CastMethod::Relabel => CastMethod::Relabel,
                other => CastMethod::Array(Box::new(other)),
            });
        }
        if from.is_other() || to.is_other() {
            // The database knows its casts.
            return (context == CastContext::Explicit).then_some(CastMethod::Io);
        }
        let is_text = |ty: &Type| ty.category() == TypeCategory::String;
        let is_real = |ty: &Type| ty.category() != TypeCategory::Pseudo && *ty != Type::Unknown;
        let through_text = match context {
            CastContext::Implicit => false,
            CastContext::Assignment => is_text(&to),
            CastContext::Explicit => is_text(&to) || is_text(&from),
        };
        (through_text && is_real(&from) && is_real(&to)).then_some(CastMethod::Io)
    }

    fn table_cast(&self, from: &Type, to: &Type) -> Option<(CastContext, Arc<str>)> {
        let symbol = format!("::({},{})", self.name(from), self.name(to));
        let row = table().get(&symbol)?;
        match row.kind {
            Kind::Cast(context) => Some((context, Arc::clone(&row.symbol))),
            _ => None,
        }
    }

    /// May a value of one type stand where the other is expected? Unknown literals always may.
    pub fn can_coerce(&self, from: &Type, to: &Type, context: CastContext) -> bool {
        match (from, to) {
            (_, Type::Any) => true,
            (Type::Unknown, _) => true,
            (Type::Record, Type::Composite(_)) => true,
            _ => self.cast_path(from, to, context).is_some(),
        }
    }

    /// The expression as a value of the type.
    ///
    /// # Errors
    /// `42846` when there is no such cast in this context; whatever reading a literal raises.
    pub fn coerce(
        &self,
        expr: Expr,
        target: &Type,
        modifier: Option<Modifier>,
        context: CastContext,
    ) -> Result<Expr> {
        let explicit = context == CastContext::Explicit;
        let source = expr.ty();
        if source == Type::Unknown {
            return self.coerce_unknown(expr, target, modifier, explicit);
        }
        if source == *target {
            return Ok(match modifier {
                None => expr,
                Some(_) => cast(expr, CastMethod::Relabel, modifier, explicit, target),
            });
        }
        if let (Expr::Row { .. }, Type::Composite(_)) = (&expr, target) {
            return self.coerce_row(expr, target, context);
        }
        if let (Expr::Array { .. }, Type::Array(_), None) = (&expr, target, modifier) {
            return self.coerce_array(expr, target, context);
        }
        let Some(method) = self.cast_path(&source, target, context) else {
            return Err(self.cannot_cast(&source, target));
        };
        let base = target.base(self.catalog());
        let expr = if source.base(self.catalog()) == base && source != base {
            cast(expr, CastMethod::Relabel, None, explicit, &base)
        } else {
            expr
        };
        if base == *target {
            return Ok(fold::cast(self, cast(expr, method, modifier, explicit, target)));
        }
        let inner = if expr.ty() == base {
            expr
        } else {
            fold::cast(self, cast(expr, method, None, explicit, &base))
        };
        Ok(self.as_domain(inner, target, explicit))
    }

    /// `42846`.
    pub fn cannot_cast(&self, source: &Type, target: &Type) -> Error {
        Error::new(
            "42846",
            format!("cannot cast type {} to {}", self.name(source), self.name(target)),
        )
    }

    fn coerce_unknown(
        &self,
        expr: Expr,
        target: &Type,
        modifier: Option<Modifier>,
        explicit: bool,
    ) -> Result<Expr> {
        let decided = match target {
            Type::Unknown | Type::Any => Type::Text,
            other => other.clone(),
        };
        match expr {
            Expr::Const { value: Value::Null, .. } => {
                let base = decided.base(self.catalog());
                let null = Expr::null(base.clone());
                Ok(if base == decided { null } else { self.as_domain(null, &decided, explicit) })
            }
            Expr::Const { value: Value::Text(text), .. } => {
                self.literal(&decided, modifier, &text, explicit)
            }
            Expr::Param { index, .. } => {
                let param = Expr::Param { index, ty: decided.clone() };
                Ok(match modifier {
                    None => param,
                    Some(_) => cast(param, CastMethod::Relabel, modifier, explicit, &decided),
                })
            }
            other if decided == Type::Text => {
                Ok(cast(other, CastMethod::Relabel, modifier, explicit, &decided))
            }
            other => Ok(cast(other, CastMethod::Io, modifier, explicit, &decided)),
        }
    }

    fn coerce_row(&self, expr: Expr, target: &Type, context: CastContext) -> Result<Expr> {
        let (Expr::Row { fields, ty }, Type::Composite(id)) = (expr, target) else {
            return Err(Error::internal("no row"));
        };
        let wanted = backstay_model::TypeSource::fields(self.catalog(), *id).unwrap_or_default();
        if wanted.len() != fields.len() {
            let fault = if fields.len() < wanted.len() { "few" } else { "many" };
            return Err(self
                .cannot_cast(&ty, target)
                .with_details(format!("Input has too {fault} columns.")));
        }
        let fields = fields
            .into_iter()
            .zip(&wanted)
            .map(|(field, (_, ty, modifier))| self.coerce(field, ty, *modifier, context))
            .collect::<Result<_>>()?;
        Ok(Expr::Row { fields, ty: target.clone() })
    }

    fn coerce_array(&self, expr: Expr, target: &Type, context: CastContext) -> Result<Expr> {
        let (Expr::Array { elements, ty }, Type::Array(element)) = (expr, target) else {
            return Err(Error::internal("no array"));
        };
        let elements = elements
            .into_iter()
            .map(|item| {
                // A nested constructor is one more dimension of the same array type.
                let nested = matches!(item.ty(), Type::Array(_)) && item.ty() == ty;
                let wanted = if nested { target } else { element.as_ref() };
                self.coerce(item, wanted, None, context)
            })
            .collect::<Result<_>>()?;
        Ok(Expr::Array { elements, ty: target.clone() })
    }

    /// The expression as the type, where rules were checked before and only labels or implicit casts
    /// remain; labels that a native comparison does not need are left out.
    ///
    /// # Errors
    /// As [`Resolver::coerce`].
    pub fn coerce_operand(&self, expr: Expr, target: &Type) -> Result<Expr> {
        if expr.ty() != Type::Unknown
            && self.cast_path(&expr.ty(), target, CastContext::Implicit)
                == Some(CastMethod::Relabel)
            && !matches!(target, Type::Domain(_))
            && !matches!(expr, Expr::Const { .. })
        {
            return Ok(expr);
        }
        self.coerce(expr, target, None, CastContext::Implicit)
    }

    /// An argument of a function of the table: never unknown, never a domain.
    pub(crate) fn coerce_argument(&self, expr: Expr, target: &Type) -> Result<Expr> {
        let expr = if matches!(expr, Expr::Row { .. }) { self.decided(expr)? } else { expr };
        let target = match target {
            Type::Any => match expr.ty() {
                Type::Unknown => Type::Text,
                other => other.base(self.catalog()),
            },
            other => other.base(self.catalog()),
        };
        self.coerce(expr, &target, None, CastContext::Implicit)
    }
}

/// A cast node.
pub(crate) fn cast(
    expr: Expr,
    method: CastMethod,
    modifier: Option<Modifier>,
    explicit: bool,
    ty: &Type,
) -> Expr {
    Expr::Cast { expr: Box::new(expr), method, modifier, explicit, ty: ty.clone() }
}
