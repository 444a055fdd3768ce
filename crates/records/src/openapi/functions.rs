//! Functions as a description shows them: all functions of one name together, since they share a
//! path.

use std::collections::BTreeMap;

use backstay_catalog::{Argument, ArgumentMode, Catalog, Routine, Volatility};
use backstay_model::Type;
use backstay_policy::{Caller, executable};

/// The functions of one name that can be called over the API.
pub(super) struct Function<'c> {
    /// The name.
    pub(super) name: &'c str,
    /// At least one.
    overloads: Vec<&'c Routine>,
}

/// An argument given by name.
pub(super) struct Parameter<'c> {
    /// Its name.
    pub(super) name: &'c str,
    /// Its declaration in the first overload that has it.
    pub(super) argument: &'c Argument,
    /// Every overload needs it.
    pub(super) required: bool,
}

impl<'c> Function<'c> {
    /// The functions of the schema that the caller may call, in name order.
    pub(super) fn all(catalog: &'c Catalog, caller: &Caller, schema: &str) -> Vec<Self> {
        let mut by_name: BTreeMap<&str, Vec<&Routine>> = BTreeMap::new();
        for routine in catalog.routines_in(schema) {
            if is_callable(routine) && executable(catalog, caller, routine) {
                by_name.entry(&routine.name).or_default().push(routine);
            }
        }
        by_name.into_iter().map(|(name, overloads)| Self { name, overloads }).collect()
    }

    /// The comment of the first overload that has one.
    pub(super) fn comment(&self) -> Option<&'c str> {
        self.overloads.iter().find_map(|routine| routine.comment.as_deref())
    }

    /// May it be called with `GET`?
    pub(super) fn reads_only(&self) -> bool {
        self.overloads.iter().any(|routine| routine.volatility != Volatility::Volatile)
    }

    /// The arguments of all overloads.
    pub(super) fn parameters(&self) -> Vec<Parameter<'c>> {
        let mut found: Vec<Parameter<'c>> = Vec::new();
        for routine in &self.overloads {
            for argument in routine.inputs() {
                let Some(name) = argument.name.as_deref() else { continue };
                if found.iter().all(|known| known.name != name) {
                    let required = self.overloads.iter().all(|routine| needs(routine, name));
                    found.push(Parameter { name, argument, required });
                }
            }
        }
        found
    }

    /// The type of the whole body, for a function with one argument without a name.
    pub(super) fn body(&self) -> Option<&'c Type> {
        self.overloads.iter().find_map(|routine| body_of(routine))
    }

    /// What the first overload returns.
    pub(super) fn result(&self) -> &'c Routine {
        self.overloads[0]
    }
}

fn needs(routine: &Routine, name: &str) -> bool {
    routine.inputs().any(|input| {
        input.name.as_deref() == Some(name)
            && input.default.is_none()
            && input.mode != ArgumentMode::Variadic
    })
}

fn body_of(routine: &Routine) -> Option<&Type> {
    let mut inputs = routine.inputs();
    let (Some(only), None) = (inputs.next(), inputs.next()) else { return None };
    let takes = matches!(only.ty, Type::Json | Type::Jsonb | Type::Text | Type::Bytea | Type::Xml);
    (only.name.is_none() && takes).then_some(&only.ty)
}

/// Can it be called over the API: by name, or with the whole body?
fn is_callable(routine: &Routine) -> bool {
    let named = routine.inputs().all(|input| input.name.as_deref().is_some_and(|n| !n.is_empty()));
    routine.returns.ty != Type::Trigger
        && !routine.procedure
        && (named || body_of(routine).is_some())
}
