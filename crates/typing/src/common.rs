//! The common type of several expressions: `CASE`, `COALESCE`, `UNION`, `VALUES`, `ARRAY`.

use backstay_expr::Expr;
use backstay_model::{Error, Result, Type};

use crate::{CastContext, Resolver};

impl Resolver<'_> {
    /// The type that all of these become; `what` (`CASE`, `UNION`, `ARRAY`…) begins the message.
    /// Only untyped literals: `text`.
    ///
    /// # Errors
    /// `42804` `CASE types text and integer cannot be matched`.
    pub fn common_type(&self, what: &str, types: &[Type]) -> Result<Type> {
        let known: Vec<&Type> = types.iter().filter(|ty| **ty != Type::Unknown).collect();
        let Some(first) = known.first() else { return Ok(Type::Text) };
        if known.len() == types.len() && known.iter().all(|ty| ty == first) {
            return Ok((*first).clone());
        }
        let mut chosen = first.base(self.catalog());
        for ty in known.iter().map(|ty| ty.base(self.catalog())) {
            if ty == chosen {
                continue;
            }
            if ty.category() != chosen.category() {
                return Err(Error::new(
                    "42804",
                    format!(
                        "{what} types {} and {} cannot be matched",
                        self.name(&chosen),
                        self.name(&ty)
                    ),
                ));
            }
            if !chosen.is_preferred()
                && self.can_coerce(&chosen, &ty, CastContext::Implicit)
                && !self.can_coerce(&ty, &chosen, CastContext::Implicit)
            {
                chosen = ty;
            }
        }
        Ok(chosen)
    }

    /// The same without a message; `text` for no types at all.
    pub(crate) fn common_of(&self, types: &[Type]) -> Option<Type> {
        self.common_type("", types).ok()
    }

    /// The expression as the common type.
    ///
    /// # Errors
    /// `42846` `CASE could not convert type x to y`, or what reading a literal raises.
    pub fn coerce_to_common(&self, what: &str, expr: Expr, target: &Type) -> Result<Expr> {
        let source = expr.ty();
        if !self.can_coerce(&source, target, CastContext::Implicit) {
            return Err(Error::new(
                "42846",
                format!(
                    "{what} could not convert type {} to {}",
                    self.name(&source),
                    self.name(target)
                ),
            ));
        }
        self.coerce(expr, target, None, CastContext::Implicit)
    }

    /// All of them as their common type.
    ///
    /// # Errors
    /// As [`Resolver::common_type`] and [`Resolver::coerce_to_common`].
    pub fn unify(&self, what: &str, exprs: Vec<Expr>) -> Result<(Vec<Expr>, Type)> {
        let types: Vec<Type> = exprs.iter().map(Expr::ty).collect();
        let common = self.common_type(what, &types)?;
        let exprs = exprs
            .into_iter()
            .map(|expr| self.coerce_to_common(what, expr, &common))
            .collect::<Result<_>>()?;
        Ok((exprs, common))
    }

    /// The expression as a boolean; `what` is `WHERE`, `JOIN/ON`, `AND`…
    ///
    /// # Errors
    /// `42804` `argument of WHERE must be type boolean, not type integer`.
    pub fn condition(&self, what: &str, expr: Expr) -> Result<Expr> {
        let source = expr.ty();
        if !self.can_coerce(&source, &Type::Bool, CastContext::Implicit) {
            return Err(Error::new(
                "42804",
                format!("argument of {what} must be type boolean, not type {}", self.name(&source)),
            ));
        }
        let ty = source.base(self.catalog());
        if ty == Type::Bool {
            return Ok(expr);
        }
        self.coerce(expr, &Type::Bool, None, CastContext::Implicit)
    }

    /// The expression with a type in any case: an untyped literal is `text`.
    ///
    /// # Errors
    /// None that a literal of type `text` could raise.
    pub fn decided(&self, expr: Expr) -> Result<Expr> {
        match expr {
            Expr::Row { fields, ty: Type::Record } => {
                let fields =
                    fields.into_iter().map(|field| self.decided(field)).collect::<Result<_>>()?;
                Ok(Expr::Row { fields, ty: Type::Record })
            }
            expr if expr.ty() == Type::Unknown => {
                self.coerce(expr, &Type::Text, None, CastContext::Implicit)
            }
            expr => Ok(expr),
        }
    }
}
