//! Statements kept prepared on one connection, and how parameters travel.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::BytesMut;
use lru::LruCache;
use tokio_postgres::Statement;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

use crate::render::Argument;

/// Limit: statements that a connection keeps; each takes 5 to 15 KiB of the server.
const STATEMENTS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// For whom a text was prepared. The role and the search path belong to it: the server plans a
/// statement under row security anew whenever the role changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) role: String,
    pub(crate) search_path: String,
    pub(crate) sql: Arc<str>,
}

/// What is known of a text.
#[derive(Clone)]
enum Known {
    /// It was run once, as text.
    Seen,
    /// It is prepared.
    Prepared(Statement),
}

/// What to do with a text.
pub(crate) enum Advice {
    /// Run it as text: it may never come again.
    Text,
    /// It came again: prepare it.
    Prepare,
    /// It is prepared.
    Use(Statement),
}

/// The statements of one connection, the least used of which go first.
pub(crate) struct Prepared(LruCache<Key, Known>);

impl Default for Prepared {
    fn default() -> Self {
        Self(LruCache::new(STATEMENTS_MAX))
    }
}

impl Prepared {
    /// What to do with a text now.
    pub(crate) fn advice(&mut self, key: &Key) -> Advice {
        match self.0.get(key) {
            Some(Known::Prepared(statement)) => Advice::Use(statement.clone()),
            Some(Known::Seen) => Advice::Prepare,
            None => {
                self.0.put(key.clone(), Known::Seen);
                Advice::Text
            }
        }
    }

    /// Keeps a prepared statement.
    pub(crate) fn keep(&mut self, key: Key, statement: Statement) {
        self.0.put(key, Known::Prepared(statement));
    }

    /// Forgets all: they do not fit any more.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Argument {
    /// The type that a statement declares for it.
    pub(crate) fn declared(&self) -> Type {
        if self.typed_by_context { Type::UNKNOWN } else { Type::TEXT }
    }
}

/// Every parameter travels in its text form, whatever type it has.
impl ToSql for Argument {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.text {
            None => Ok(IsNull::Yes),
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}
