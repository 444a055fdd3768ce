//! The description of the API: what a role may do with the relations and functions of a schema, as
//! Swagger 2.0 and OpenAPI 3.1.
//!
//! Invariant: what the caller may not see is in no document; foreign keys to it are left out too.
//!
//! Source: rest.md section 20 of the protocol notes; the Swagger 2.0 and OpenAPI 3.1
//! specifications.

mod columns;
mod contents;
mod functions;
mod names;
mod swagger;
mod three;
mod types;

use std::num::NonZeroUsize;
use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_model::Result;
use backstay_policy::Caller;
use backstay_rest::response::{OpenApiVersion, openapi, openapi_version};
use backstay_rest::{Request, Response, errors};
use lru::LruCache;
use parking_lot::Mutex;

use crate::settings::{OpenApiMode, RecordsSettings};
use contents::Contents;

/// Limit: descriptions that are kept. Few roles ask, and each change of the catalogue makes new ones.
const KEPT_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

/// Describes the API, and keeps what was described.
pub(crate) struct Descriptions {
    /// Where the data API is.
    base_path: String,
    kept: Mutex<LruCache<Key, Arc<[u8]>>>,
}

/// All that a description depends on.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    catalog: u64,
    role: String,
    schema: String,
    version: OpenApiVersion,
}

impl Descriptions {
    pub(crate) fn new(base_path: String) -> Self {
        Self { base_path, kept: Mutex::new(LruCache::new(KEPT_MAX)) }
    }

    /// Answers a read of the root. `host` is the value of the header `Host`.
    ///
    /// # Errors
    /// `PGRST126` where descriptions are switched off, `PGRST107` if the caller accepts none.
    pub(crate) fn answer(
        &self,
        catalog: &Catalog,
        settings: &RecordsSettings,
        caller: &Caller,
        (request, host): (&Request, Option<&str>),
    ) -> Result<Response> {
        if settings.openapi.mode == OpenApiMode::Disabled {
            return Err(errors::root_disabled());
        }
        let version = openapi_version(request)?;
        let schema = &request.schema;
        let is_default = settings.dialect.schemas.first() == Some(schema);
        let shown = (settings.openapi.mode, is_default);
        let document = self.document(catalog, shown, caller, (schema, version))?;
        let document = match version {
            OpenApiVersion::Two => swagger::at_host(&document, host),
            OpenApiVersion::ThreeOne => document.to_vec(),
        };
        Ok(openapi(request, version, document))
    }

    fn document(
        &self,
        catalog: &Catalog,
        (mode, is_default): (OpenApiMode, bool),
        caller: &Caller,
        (schema, version): (&str, OpenApiVersion),
    ) -> Result<Arc<[u8]>> {
        let key = Key {
            catalog: catalog.version,
            role: caller.role.to_string(),
            schema: schema.to_owned(),
            version,
        };
        if let Some(known) = self.kept.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let everybody = Caller::system("openapi");
        let caller = match mode {
            OpenApiMode::IgnorePrivileges => &everybody,
            OpenApiMode::FollowPrivileges | OpenApiMode::Disabled => caller,
        };
        let contents = Contents::of(catalog, caller, schema);
        let base_path = &self.base_path;
        let document = match version {
            OpenApiVersion::Two => swagger::document(&contents, base_path),
            OpenApiVersion::ThreeOne => three::document(&contents, base_path, !is_default),
        };
        let document: Arc<[u8]> = document.to_string().into_bytes().into();
        self.kept.lock().put(key, Arc::clone(&document));
        Ok(document)
    }
}

#[cfg(test)]
mod tests;
