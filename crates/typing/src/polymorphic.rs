//! Polymorphic signatures: what `anyelement` and its relatives stand for in one call.

use backstay_model::{RangeKind, Type};

use crate::{CastContext, Resolver};

/// What came of matching a signature.
pub(crate) enum Binding {
    /// Concrete argument types and the concrete result.
    Concrete(Vec<Type>, Type),
    /// The arguments contradict each other or the signature.
    Inconsistent,
    /// All polymorphic arguments are untyped literals.
    Undetermined,
}

#[derive(Default)]
struct Found {
    element: Option<Type>,
    range: Option<RangeKind>,
    compatible: Vec<Type>,
    polymorphic: bool,
    conflict: bool,
}

impl Found {
    fn element(&mut self, ty: Type) {
        match &self.element {
            Some(known) if *known != ty => self.conflict = true,
            _ => self.element = Some(ty),
        }
    }

    fn observe(&mut self, declared: &Type, actual: &Type) {
        self.polymorphic |= matches!(
            declared,
            Type::AnyElement | Type::AnyArray | Type::AnyNonArray | Type::AnyEnum | Type::AnyRange
        );
        if *actual == Type::Unknown {
            return;
        }
        match (declared, actual) {
            (Type::AnyArray, Type::Array(element)) => self.element((**element).clone()),
            (Type::AnyRange, Type::Range(kind)) => {
                self.conflict |= self.range.is_some_and(|known| known != *kind);
                self.range = Some(*kind);
                self.element(kind.subtype());
            }
            (Type::AnyNonArray, Type::Array(_)) => self.conflict = true,
            (Type::AnyEnum, Type::Enum(_)) | (Type::AnyElement | Type::AnyNonArray, _) => {
                self.element(actual.clone());
            }
            (Type::AnyCompatible, _) => self.compatible.push(actual.clone()),
            (Type::AnyCompatibleArray, Type::Array(element)) => {
                self.compatible.push((**element).clone());
            }
            (Type::AnyArray | Type::AnyRange | Type::AnyEnum | Type::AnyCompatibleArray, _) => {
                self.conflict = true;
            }
            _ => {}
        }
    }
}

impl Resolver<'_> {
    /// Binds the polymorphic types of a signature (`declared`, one per actual argument).
    pub(crate) fn bind_polymorphic(
        &self,
        declared: &[Type],
        actual: &[Type],
        result: &Type,
    ) -> Binding {
        if !declared.iter().any(Type::is_polymorphic) {
            return Binding::Concrete(declared.to_vec(), result.clone());
        }
        let mut found = Found::default();
        for (declared, actual) in declared.iter().zip(actual) {
            found.observe(declared, &actual.base(self.catalog()));
        }
        if found.conflict {
            return Binding::Inconsistent;
        }
        let compatible = match self.common_of(&found.compatible) {
            Some(ty) => ty,
            None => return Binding::Inconsistent,
        };
        if !found
            .compatible
            .iter()
            .all(|ty| self.can_coerce(ty, &compatible, CastContext::Implicit))
        {
            return Binding::Inconsistent;
        }
        if found.polymorphic && found.element.is_none() {
            return Binding::Undetermined;
        }
        let element = found.element.unwrap_or(Type::Text);
        let range = found.range.or_else(|| range_over(&element));
        let concrete = |ty: &Type| match ty {
            Type::AnyElement | Type::AnyNonArray | Type::AnyEnum => Some(element.clone()),
            Type::AnyArray => Some(element.clone().array_of()),
            Type::AnyRange => range.map(Type::Range),
            Type::AnyCompatible => Some(compatible.clone()),
            Type::AnyCompatibleArray => Some(compatible.clone().array_of()),
            other => Some(other.clone()),
        };
        let args: Option<Vec<Type>> = declared.iter().map(concrete).collect();
        match (args, concrete(result)) {
            (Some(args), Some(result)) => Binding::Concrete(args, result),
            _ => Binding::Inconsistent,
        }
    }
}

fn range_over(subtype: &Type) -> Option<RangeKind> {
    [
        RangeKind::Int4,
        RangeKind::Int8,
        RangeKind::Num,
        RangeKind::Date,
        RangeKind::Ts,
        RangeKind::TsTz,
    ]
    .into_iter()
    .find(|kind| kind.subtype() == *subtype)
}
