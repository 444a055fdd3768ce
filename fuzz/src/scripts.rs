//! SQL of migrations and bodies in PL/pgSQL, against the catalogue of a shop.

use backstay_catalog::{Catalog, SearchPath};
use backstay_migrate::{Migration, bootstrap};
use backstay_model::Result;
use backstay_pgsql::plpgsql::parse_block;

/// What scripts are read against.
pub struct Scripts {
    catalog: Catalog,
}

impl Scripts {
    /// With this schema.
    ///
    /// # Errors
    /// A bootstrap that is broken.
    pub fn new(schema: &str) -> Result<Self> {
        let catalog = bootstrap::catalog()?;
        let catalog = match Migration::new("0001_schema.sql", schema) {
            Some(migration) => backstay_migrate::outcome(&[migration], &catalog).0,
            None => catalog,
        };
        Ok(Self { catalog })
    }

    /// Reads, binds and checks a migration.
    pub fn migration(&self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        let Some(migration) = Migration::new("0002_input.sql", text) else {
            return String::new();
        };
        let findings = backstay_migrate::check(&[migration], &self.catalog);
        // An internal error comes before the others, so that it is seen.
        let mut names: Vec<String> =
            findings.iter().map(|one| format!("{}: {}", one.code, one.message)).collect();
        names.sort_by_key(|name| !name.starts_with("XX"));
        names.into_iter().next().unwrap_or_default()
    }

    /// Reads a body and checks the texts in it.
    pub fn body(&self, input: &[u8]) -> String {
        let source = String::from_utf8_lossy(input);
        let path = SearchPath::of_migrations();
        match parse_block(&self.catalog, &path, &source) {
            Ok(program) => {
                let checked = backstay_pgsql::plpgsql::check_fragments(&program);
                match checked {
                    Ok(()) => format!("{} fragments", program.fragments.len()),
                    Err(error) => format!("{}: {}", error.code, error.message),
                }
            }
            Err(error) => format!("{}: {}", error.code, error.message),
        }
    }
}
