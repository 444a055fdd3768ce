//! Casts.

use backstay_expr::CastMethod;
use backstay_model::{Array, Error, Modifier, Result, Type, TypeSource, Value};
use backstay_scalar::{Call, io, table};

use super::{Evaluator, domains};

/// What a value is cast to.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    pub(super) ty: &'t Type,
    pub(super) modifier: Option<Modifier>,
    pub(super) explicit: bool,
}

impl Evaluator<'_> {
    pub(super) fn cast(
        &self,
        value: Value,
        source: &Type,
        method: &CastMethod,
        target: Target<'_>,
    ) -> Result<Value> {
        let types = self.scope.env.types();
        let mut value =
            self.converted(value, &source.base(types), method, &target.ty.base(types))?;
        if let Some(modifier) = target.modifier.or_else(|| domain_modifier(types, target.ty))
            && !value.is_null()
        {
            let env = self.scope.env;
            value = io::apply_modifier(env, target.ty, modifier, value, target.explicit)?;
        }
        domains::check(target.ty, &value, self.scope, self.store)?;
        Ok(value)
    }

    /// The value in the form of the target, a base type as the source is.
    fn converted(
        &self,
        value: Value,
        source: &Type,
        method: &CastMethod,
        target: &Type,
    ) -> Result<Value> {
        let env = self.scope.env;
        match method {
            CastMethod::Relabel => Ok(value),
            CastMethod::Function(symbol) => {
                let function = table()
                    .get(symbol)
                    .ok_or_else(|| Error::internal(format!("no cast {symbol}")))?;
                function.call(&Call {
                    env,
                    args: &[value],
                    arg_types: std::slice::from_ref(source),
                    result: target,
                })
            }
            CastMethod::Io if value.is_null() => Ok(Value::Null),
            CastMethod::Io => io::input(env, target, None, &io::output(env, source, &value)?),
            CastMethod::Array(method) => {
                let Value::Array(Array { dims, elements }) = value else { return Ok(value) };
                let of = |ty: &Type| {
                    ty.element().map_or(Type::Unknown, |element| element.base(env.types()))
                };
                let (source, target) = (of(source), of(target));
                let elements = elements
                    .into_iter()
                    .map(|element| self.converted(element, &source, method, &target))
                    .collect::<Result<_>>()?;
                Ok(Value::Array(Array { dims, elements }))
            }
        }
    }
}

/// The length or precision that a domain puts on its base type.
fn domain_modifier(types: &dyn TypeSource, ty: &Type) -> Option<Modifier> {
    let mut current = ty;
    while let Type::Domain(id) = current {
        let (base, modifier) = types.domain_base(*id)?;
        if modifier.is_some() {
            return modifier;
        }
        current = base;
    }
    None
}
