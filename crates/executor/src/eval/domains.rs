//! The constraints of domains.

use backstay_catalog::{Domain, ROW, TypeDefinition, TypeKind};
use backstay_model::types::display_name;
use backstay_model::{About, Error, Result, Type, TypeId, Value};

use crate::{RowSource, Scope, Store};

/// Tests a value against the domain that its type is or holds; other types pass.
///
/// # Errors
/// `23502`, `23514`.
pub(crate) fn check(
    ty: &Type,
    value: &Value,
    scope: &Scope<'_>,
    store: Option<&dyn Store>,
) -> Result<()> {
    match (ty, value) {
        (Type::Domain(id), _) => check_domain(*id, value, scope, store),
        (Type::Array(element), Value::Array(array)) if is_checked(element) => {
            array.elements.iter().try_for_each(|value| check(element, value, scope, store))
        }
        (Type::Composite(id), Value::Record(fields)) => {
            let types = scope.env.types().fields(*id).unwrap_or_default();
            types
                .iter()
                .zip(fields)
                .filter(|((_, ty, _), _)| is_checked(ty))
                .try_for_each(|((_, ty, _), value)| check(ty, value, scope, store))
        }
        _ => Ok(()),
    }
}

fn is_checked(ty: &Type) -> bool {
    match ty {
        Type::Domain(_) | Type::Composite(_) => true,
        Type::Array(element) => is_checked(element),
        _ => false,
    }
}

fn check_domain(
    id: TypeId,
    value: &Value,
    scope: &Scope<'_>,
    store: Option<&dyn Store>,
) -> Result<()> {
    let Some((definition, domain)) = domain(scope, id) else { return Ok(()) };
    // PostgreSQL tests the constraints of the underlying domain first.
    check(&domain.base, value, scope, store)?;
    let schema = || About { schema: Some(definition.schema.clone()), ..About::default() };
    let name = || display_name(&definition.schema, &definition.name);
    if domain.not_null && value.is_null() {
        let error = Error::new("23502", format!("domain {} does not allow null values", name()));
        return Err(error.about(About { datatype: Some(definition.name.clone()), ..schema() }));
    }
    let row = [value.clone()];
    let rows = [(ROW, RowSource::Plain(&row))];
    let inner = scope.with_rows(&rows);
    for constraint in &domain.checks {
        if super::truth(&constraint.expr, &inner, store)? == Some(false) {
            return Err(Error::new(
                "23514",
                format!(
                    "value for domain {} violates check constraint \"{}\"",
                    name(),
                    constraint.name
                ),
            )
            .about(About {
                datatype: Some(definition.name.clone()),
                constraint: Some(constraint.name.clone()),
                ..schema()
            }));
        }
    }
    Ok(())
}

/// The domain behind the id.
pub(crate) fn domain<'a>(
    scope: &Scope<'a>,
    id: TypeId,
) -> Option<(&'a TypeDefinition, &'a Domain)> {
    let definition: &'a TypeDefinition = scope.catalog.types.get(&id)?;
    match &definition.kind {
        TypeKind::Domain(domain) => Some((definition, domain)),
        TypeKind::Enum(_) | TypeKind::Composite(_) | TypeKind::Row(_) | TypeKind::Other { .. } => {
            None
        }
    }
}
