//! Answers that read no rows: which methods there are, and the description of the API.

use backstay_catalog::Catalog;
use backstay_model::Result;
use backstay_rest::response::{Allowed, options};
use backstay_rest::{OptionsTarget, Request, Response, errors};

/// `OPTIONS` that is no preflight.
///
/// # Errors
/// `PGRST205` for an unknown relation, `PGRST202` for an unknown function.
pub(crate) fn allowed(
    catalog: &Catalog,
    request: &Request,
    target: &OptionsTarget,
) -> Result<Response> {
    let schema = &request.schema;
    let allowed = match target {
        OptionsTarget::Root => Allowed::Root,
        OptionsTarget::Relation(name) => {
            let relation = catalog
                .relation(schema, name)
                .ok_or_else(|| errors::relation_not_found(schema, name, None))?;
            let stored = relation.view().is_none();
            Allowed::Relation {
                insert: stored,
                update: stored,
                delete: stored,
                primary_key: relation.primary_key.is_some(),
            }
        }
        OptionsTarget::Function(name) => {
            let volatile = catalog
                .routines_named(schema, name)
                .filter(|routine| !routine.procedure)
                .map(|routine| routine.volatility == backstay_catalog::Volatility::Volatile)
                .reduce(|one, other| one && other);
            match volatile {
                Some(volatile) => Allowed::Function { volatile },
                None => return Err(errors::relation_not_found(schema, name, None)),
            }
        }
    };
    Ok(options(allowed))
}
