//! The settings that hold now: those of the server, and over them what the database says itself by
//! `ALTER ROLE authenticator SET pgrst.… TO …`.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_catalog::{Catalog, SearchPath};
use backstay_engine::{Engine, Prepared};
use backstay_model::{Result, quote_identifier};
use backstay_pgsql::bind_prepare;
use backstay_policy::{Caller, authorize_stored};
use backstay_rest::TransactionEnd;
use parking_lot::{Mutex, RwLock};

use crate::who::search_path;
use crate::{OpenApiMode, RecordsSettings};

/// Settings as they hold under one version of the catalogue.
pub(crate) struct Effective {
    version: u64,
    /// Everything that has a name in the settings of the server.
    pub(crate) settings: RecordsSettings,
    /// The search path of each exposed schema.
    search_paths: Vec<(String, Arc<str>)>,
    /// `app.settings.…` and their texts.
    pub(crate) app_settings: Vec<(String, Arc<str>)>,
    /// What runs before each request, by the role that it is authorized for.
    before: Mutex<HashMap<Arc<str>, Arc<Prepared>>>,
}

/// Keeps the settings of the newest catalogue that was asked for.
pub(crate) struct EffectiveSettings {
    given: RecordsSettings,
    kept: RwLock<Arc<Effective>>,
}

impl EffectiveSettings {
    /// Over the settings of the server.
    pub(crate) fn new(given: RecordsSettings, engine: &dyn Engine) -> Self {
        let kept = Effective::of(&given, &engine.catalog(), engine.login());
        Self { given, kept: RwLock::new(Arc::new(kept)) }
    }

    /// The settings of the server alone.
    pub(crate) fn given(&self) -> &RecordsSettings {
        &self.given
    }

    /// Those that hold under the catalogue of now.
    pub(crate) fn now(&self, engine: &dyn Engine) -> Arc<Effective> {
        let catalog = engine.catalog();
        let kept = Arc::clone(&self.kept.read());
        if kept.version == catalog.version {
            return kept;
        }
        let made = Arc::new(Effective::of(&self.given, &catalog, engine.login()));
        *self.kept.write() = Arc::clone(&made);
        made
    }
}

impl Effective {
    fn of(given: &RecordsSettings, catalog: &Catalog, login: &str) -> Self {
        let mut settings = given.clone();
        let login =
            if catalog.roles.contains_key("authenticator") { "authenticator" } else { login };
        // What is said of the role holds over what is said of the database.
        let mut said: Vec<_> = catalog
            .role_settings
            .iter()
            .filter(|(role, ..)| role.is_empty() || role == login)
            .collect();
        said.sort_by_key(|(role, ..)| !role.is_empty());
        for (_, name, value) in said {
            let Some(name) = name.strip_prefix("pgrst.") else { continue };
            if !set(&mut settings, name, value.trim()) {
                tracing::warn!(
                    "the setting pgrst.{name} = '{value}' of the database is not followed"
                );
            }
        }
        let extra = &settings.meaning.extra_search_path;
        let path = |schema: &String| (schema.clone(), search_path(schema, extra).into());
        let app_setting = |(name, text): (&String, &String)| {
            (format!("app.settings.{}", name.to_ascii_lowercase()), text.as_str().into())
        };
        Self {
            version: catalog.version,
            search_paths: settings.dialect.schemas.iter().map(path).collect(),
            app_settings: settings.app_settings.iter().map(app_setting).collect(),
            settings,
            before: Mutex::default(),
        }
    }

    /// The search path of a request for this schema.
    pub(crate) fn search_path(&self, schema: &str) -> Arc<str> {
        match self.search_paths.iter().find(|(known, _)| known == schema) {
            Some((_, path)) => Arc::clone(path),
            None => search_path(schema, &self.settings.meaning.extra_search_path).into(),
        }
    }

    /// The call of the function that runs before each request, if there is one.
    ///
    /// # Errors
    /// `42883` if there is no such function, `42501` if the caller may not call it.
    pub(crate) fn before(
        &self,
        catalog: &Catalog,
        caller: &Caller,
    ) -> Result<Option<Arc<Prepared>>> {
        let Some(function) = &self.settings.pre_request else { return Ok(None) };
        if let Some(known) = self.before.lock().get(&caller.role) {
            return Ok(Some(Arc::clone(known)));
        }
        let parts: Vec<String> = function
            .split('.')
            .map(|part| quote_identifier(part.trim().trim_matches('"')))
            .collect();
        let text = format!("PREPARE pre_request AS SELECT {}()", parts.join("."));
        let path = SearchPath(self.settings.meaning.extra_search_path.clone());
        let bound = bind_prepare(catalog, &path, &text)?;
        let statement = authorize_stored(catalog, caller, bound.statement)?;
        let (name, text, parameters) = (bound.name, bound.text, bound.parameters);
        let made = Arc::new(Prepared { name, text, parameters, statement });
        if catalog.version == self.version {
            self.before.lock().insert(caller.role.clone(), Arc::clone(&made));
        }
        Ok(Some(made))
    }
}

/// Takes a setting over; `false` for a name or value that means nothing here.
fn set(settings: &mut RecordsSettings, name: &str, value: &str) -> bool {
    let dialect = &mut settings.dialect;
    let switch = match value.to_ascii_lowercase().as_str() {
        "true" | "t" | "on" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "off" | "no" | "n" | "0" => Some(false),
        _ => None,
    };
    match name {
        "db_schemas" | "db_schema" => match names(value) {
            schemas if schemas.is_empty() => return false,
            schemas => dialect.schemas = schemas,
        },
        "db_extra_search_path" => settings.meaning.extra_search_path = names(value),
        "db_max_rows" if value.is_empty() => dialect.max_rows = None,
        "db_max_rows" => match value.parse::<u64>() {
            Ok(rows) => dialect.max_rows = Some(rows),
            Err(_) => return false,
        },
        "db_aggregates_enabled" => match switch {
            Some(on) => dialect.aggregates = on,
            None => return false,
        },
        "db_plan_enabled" => match switch {
            Some(on) => dialect.plans = on,
            None => return false,
        },
        "db_tx_end" => {
            dialect.transaction_end = match value {
                "commit" => TransactionEnd::Commit,
                "commit-allow-override" => TransactionEnd::CommitAllowOverride,
                "rollback" => TransactionEnd::Rollback,
                "rollback-allow-override" => TransactionEnd::RollbackAllowOverride,
                _ => return false,
            }
        }
        "db_root_spec" => dialect.root_spec = (!value.is_empty()).then(|| value.to_owned()),
        "db_pre_request" => {
            settings.pre_request = (!value.is_empty()).then(|| value.to_owned());
        }
        "openapi_mode" => {
            settings.openapi.mode = match value {
                "follow-privileges" => OpenApiMode::FollowPrivileges,
                "ignore-privileges" => OpenApiMode::IgnorePrivileges,
                "disabled" => OpenApiMode::Disabled,
                _ => return false,
            }
        }
        _ => return false,
    }
    true
}

fn names(list: &str) -> Vec<String> {
    let names = list.split(',').map(|name| name.trim().trim_matches('"'));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
