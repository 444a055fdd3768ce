//! Full-text search and trigrams.

mod config;
mod cover;
mod documents;
mod headline;
mod matching;
mod query;
mod rank;
mod tokens;
mod trigram;

use backstay_model::{Result, Value};

use crate::io::nested::tsquery::TsQuery;
use crate::io::nested::tsvector::TsVector;
use crate::{Call, Table};

use config::Config;

pub(super) fn register(table: &mut Table) {
    documents::register(table);
    query::register(table);
    matching::register(table);
    rank::register(table);
    cover::register(table);
    headline::register(table);
    trigram::register(table);
}

fn vector(call: &Call<'_>, index: usize) -> Result<TsVector> {
    TsVector::parse(call.text(index)?)
}

fn query(call: &Call<'_>, index: usize) -> Result<TsQuery> {
    TsQuery::parse(call.text(index)?)
}

/// A vector or query as a value.
fn shown(value: &impl ToString) -> Result<Value> {
    Ok(Value::Text(value.to_string()))
}

/// The configuration in the first argument if there is one argument more than `plain`, else the
/// session's; and the index of the next argument.
fn config(call: &Call<'_>, plain: usize) -> Result<(Config, usize)> {
    if call.args.len() > plain {
        return Ok((Config::named(call.text(0)?)?, 1));
    }
    let name = call.env.setting("default_text_search_config");
    let config = name.and_then(|name| Config::named(&name).ok());
    Ok((config.unwrap_or_else(Config::english), 0))
}

#[cfg(test)]
mod tests;
