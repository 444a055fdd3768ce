//! Schemas and functions that the settings name: does the database have them?

use backstay_catalog::{Catalog, Routine};
use miette::miette;

use super::Mode;
use crate::project::Project;
use crate::settings::Loaded;

/// A schema that settings name by custom, and that only Supabase's own databases have.
const GRAPHQL: &str = "graphql_public";

/// Looks for what the settings name. A schema may still be made, so a missing one is told and waited
/// for.
///
/// # Errors
/// In `serve`, a function that every request would fail for.
pub(super) fn check(project: &Project, catalog: &Catalog, mode: Mode) -> miette::Result<()> {
    let loaded = &project.loaded;
    let api = &loaded.settings.api;
    for schema in &api.schemas {
        if schema != GRAPHQL && !catalog.schemas.contains_key(schema) {
            let what = format!("names `{schema}`, a schema that the database does not have");
            warn(loaded, "api.schemas", &what);
        }
    }
    if !api.pre_request.is_empty() && !has_function(catalog, loaded, &api.pre_request) {
        let what = format!("names `{}`, and there is no such function", api.pre_request);
        if mode == Mode::Serve {
            return Err(miette!(
                help = "write it as schema.name; it takes no arguments",
                "`api.pre_request` {what}: every request would fail"
            ));
        }
        warn(loaded, "api.pre_request", &what);
    }
    Ok(())
}

/// Is there such a function without arguments that must be given?
fn has_function(catalog: &Catalog, loaded: &Loaded, name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').map(|part| part.trim().trim_matches('"')).collect();
    let takes_none = |routine: &Routine| {
        routine.inputs().all(|input| input.default.is_some() || input.default_text.is_some())
    };
    let there = |schema: &str, name: &str| {
        catalog.routines_named(schema, name).any(|routine| takes_none(routine))
    };
    match parts.as_slice() {
        [schema, name] => there(schema, name),
        [name] => loaded.settings.api.extra_search_path.iter().any(|schema| there(schema, name)),
        _ => false,
    }
}

fn warn(loaded: &Loaded, setting: &str, what: &str) {
    match loaded.places.line(setting) {
        Some(place) => tracing::warn!("{place}: `{setting}` {what}"),
        None => tracing::warn!("`{setting}` {what}"),
    }
}
