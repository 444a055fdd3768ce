//! Extensions: those whose work is built in are accepted, others are refused with the reason.

use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::CreateExtensionStmt;

use super::Draft;
use super::sequence::elements;

/// Extensions whose functions are built in, or that change nothing a project can see.
const KNOWN: &[&str] = &[
    "btree_gin",
    "btree_gist",
    "citext",
    "fuzzystrmatch",
    "moddatetime",
    "pg_graphql",
    "pg_stat_statements",
    "pg_trgm",
    "pgaudit",
    "pgcrypto",
    "pgjwt",
    "pgtap",
    "plpgsql",
    "supabase_vault",
    "unaccent",
    "uuid-ossp",
    "vector",
];

/// Extensions that projects declare more often than they use them: the declaration is accepted, and
/// each call is refused. Name, schema of the functions, what to do instead.
const DECLARED: &[(&str, &str, &str)] = &[
    ("pg_net", "net", NETWORK),
    ("http", "extensions", NETWORK),
    (
        "pg_cron",
        "cron",
        "Nothing runs on a schedule in the database; call a function from a scheduler.",
    ),
    ("pg_tle", "pgtle", "Extensions written in PL/pgSQL cannot be installed."),
    ("dbdev", "dbdev", "Extensions written in PL/pgSQL cannot be installed."),
];

const NETWORK: &str =
    "SQL cannot call over the network here; call from the app or a function of the project.";

/// What to say of a call into the schema of a declared extension.
pub(crate) fn refused_call(schema: &str, name: &str) -> Option<Error> {
    let (_, _, hint) =
        DECLARED.iter().find(|(_, own, _)| *own == schema && *own != "extensions")?;
    Some(Error::unsupported(format!("function {schema}.{name}")).with_hint(*hint))
}

/// Extensions that cannot be had here, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("postgis", "Geometry types and indexes need PostgreSQL as the engine."),
    ("pgmq", "Queues need PL/pgSQL and PostgreSQL's own storage; use a table of jobs."),
    ("timescaledb", "Time partitions need PostgreSQL as the engine."),
    ("dblink", "Other databases cannot be read from SQL; use PostgreSQL as the engine."),
    ("postgres_fdw", "Other databases cannot be read from SQL; use PostgreSQL as the engine."),
    ("plv8", "Functions in JavaScript belong to the project's functions folder."),
    ("hstore", "Use jsonb."),
    ("ltree", "Use text with a prefix condition, or PostgreSQL as the engine."),
    ("tablefunc", "Use CASE and FILTER for a crosstab."),
];

/// `CREATE EXTENSION`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateExtensionStmt) -> Result<()> {
    let name = stmt.extname.as_str();
    if draft.catalog.extensions.contains_key(name) {
        if stmt.if_not_exists {
            draft.notice(format!("extension \"{name}\" already exists, skipping"));
            return Ok(());
        }
        return Err(Error::new("42710", format!("extension \"{name}\" already exists")));
    }
    if let Some((_, hint)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(Error::unsupported(format!("extension \"{name}\"")).with_hint(*hint));
    }
    let declared = DECLARED.iter().find(|(known, ..)| *known == name);
    if let Some((_, own, _)) = declared {
        draft.notice(format!("calls of extension \"{name}\" are refused"));
        if *own != "extensions" && !draft.catalog.schemas.contains_key(*own) {
            let owner = draft.session.role.clone();
            let schema = backstay_catalog::Schema { owner, ..Default::default() };
            draft.edit().schemas.insert((*own).to_owned(), schema);
        }
    }
    if declared.is_none() && !KNOWN.contains(&name) {
        return Err(Error::unsupported(format!("extension \"{name}\""))
            .with_hint(format!("Built in are: {}.", KNOWN.join(", "))));
    }
    let named = elements(&stmt.options).find(|option| option.defname == "schema");
    let schema = match named.and_then(|option| option.arg.as_deref()?.node.as_ref()) {
        Some(NodeEnum::String(text)) => text.sval.clone(),
        _ => draft.creation_schema(None)?,
    };
    if !draft.catalog.schemas.contains_key(&schema) && schema != "pg_catalog" {
        return Err(super::names::no_schema(&schema));
    }
    draft.edit().extensions.insert(name.to_owned(), schema);
    Ok(())
}
