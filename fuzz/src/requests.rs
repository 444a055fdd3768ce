//! Requests of the data API, from the request line to the answer, on embedded SQLite.

use std::sync::Arc;

use backstay_engine::{Engine, Session};
use backstay_engine_sqlite::{Durability, Settings, SqliteEngine};
use backstay_migrate::{FileSteps, Form, Migration, bootstrap};
use backstay_model::{Error, Result};
use backstay_policy::Caller;
use backstay_records::{OpenApi, OpenApiMode, Records, RecordsSettings, StatementTimeouts, Who};
use backstay_rest::{Call, TransactionEnd};
use tokio::runtime::Runtime;

/// The data API over a shop.
pub struct Requests {
    records: Records,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Requests {
    /// Over a database of its own with this schema. Every request rolls back.
    ///
    /// # Errors
    /// A schema that cannot be made.
    pub fn new(schema: &str) -> Result<Self> {
        let internal = |error: std::io::Error| Error::internal(error.to_string());
        let folder = tempfile::tempdir().map_err(internal)?;
        let engine = SqliteEngine::open(Settings {
            path: folder.path().join("db.sqlite"),
            durability: Durability::Off,
            holder: "fuzzing".to_owned(),
        })?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(internal)?;
        let session = || Session {
            caller: Caller::system("migrate"),
            settings: Arc::default(),
            statement_timeout: None,
        };
        if let Some(steps) = bootstrap::pending(&engine.catalog())? {
            runtime.block_on(engine.change(session(), Box::new(steps)))?;
        }
        let migration = Migration::new("0001_schema.sql", schema)
            .ok_or_else(|| Error::internal("a name of a migration"))?;
        let steps = FileSteps::migration(&migration, Form::Analysed)
            .map_err(|error| Error::internal(error.to_string()))?;
        runtime.block_on(engine.change(session(), Box::new(steps)))?;
        Ok(Self { records: Records::new(Arc::new(engine), settings()), runtime, _folder: folder })
    }

    /// Serves a request: `METHOD target`, lines of headers, an empty line, the body.
    pub fn serve(&self, input: &[u8]) -> String {
        let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => (&input[..end], &input[end + 2..]),
            None => (input, &b""[..]),
        };
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let (method, target) = first.split_once(' ').unwrap_or(("GET", first));
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let headers: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let mut headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            headers.push(("content-type", "application/json"));
        }
        let call = Call { method, path, query, headers: &headers, body: body.into() };
        let who = Who {
            role: "anon".into(),
            claims: "{\"role\":\"anon\"}".into(),
            subject: None,
            headers: "{}".into(),
            cookies: "{}".into(),
            held: None,
        };
        match self.runtime.block_on(self.records.serve(call, &who)) {
            Ok(served) => format!("{method} {}", served.response.status),
            Err(error) => format!("{}: {}", error.code, error.message),
        }
    }
}

fn settings() -> RecordsSettings {
    let mut dialect = backstay_rest::Settings::new(vec!["public".to_owned()]);
    dialect.aggregates = true;
    dialect.plans = true;
    dialect.transaction_end = TransactionEnd::Rollback;
    RecordsSettings {
        dialect,
        meaning: backstay_plan::ApiSettings::default(),
        pre_request: None,
        anonymous_role: "anon".into(),
        require_row_security: false,
        openapi: OpenApi { mode: OpenApiMode::FollowPrivileges, base_path: "/rest/v1".to_owned() },
        statement_timeouts: StatementTimeouts {
            anonymous: Some(std::time::Duration::from_secs(3)),
            others: None,
        },
        app_settings: std::collections::BTreeMap::default(),
    }
}
