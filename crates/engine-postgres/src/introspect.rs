//! What a PostgreSQL database holds, read from its system catalogues.
//!
//! A few set-based queries in one snapshot, sent together. Expressions stay in the database: the
//! catalogue has their texts and [`Expr::Native`](backstay_expr::Expr::Native) in their place.

mod acl;
mod objects;
mod origins;
mod queries;
mod relations;
mod routines;
mod types;

use backstay_catalog::Catalog;
use tokio_postgres::{Client, Error, Row};

use crate::grants;

/// Everything that is read, one set of rows a kind of object.
struct Rows {
    schemas: Vec<Row>,
    roles: Vec<Row>,
    settings: Vec<Row>,
    default_privileges: Vec<Row>,
    extensions: Vec<Row>,
    publications: Vec<Row>,
    types: Vec<Row>,
    relations: Vec<Row>,
    columns: Vec<Row>,
    constraints: Vec<Row>,
    indexes: Vec<Row>,
    policies: Vec<Row>,
    sequences: Vec<Row>,
    routines: Vec<Row>,
    aggregates: Vec<Row>,
}

/// Reads the catalogue of the database that the client is connected to. Ids are oids, column
/// numbers are attribute numbers. System schemas are left out, but for the types that columns have.
///
/// # Errors
/// As the connection and the server raise; nothing else, whatever the database holds.
pub async fn load(client: &Client, version: u64) -> Result<Catalog, Error> {
    let begin = client.batch_execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; \
         SET LOCAL jit = off",
    );
    // Everything is sent at once; the first poll of each future puts it on the wire, in this order.
    let (begun, rows, ended) =
        futures_util::join!(begin, read(client), client.batch_execute("COMMIT"));
    begun?;
    let rows = rows?;
    ended?;
    let mut catalog = assemble(&rows, version)?;
    grants::mark(client, &mut catalog).await?;
    Ok(catalog)
}

async fn read(client: &Client) -> Result<Rows, Error> {
    let query = |text| client.query_typed(text, &[]);
    let (
        (schemas, roles, settings, default_privileges, extensions, publications, types),
        (relations, columns, constraints, indexes, policies, sequences, routines, aggregates),
    ) = futures_util::try_join!(
        async {
            futures_util::try_join!(
                query(queries::SCHEMAS),
                query(queries::ROLES),
                query(queries::SETTINGS),
                query(queries::DEFAULT_PRIVILEGES),
                query(queries::EXTENSIONS),
                query(queries::PUBLICATIONS),
                query(queries::TYPES),
            )
        },
        async {
            futures_util::try_join!(
                query(queries::RELATIONS),
                query(queries::COLUMNS),
                query(queries::CONSTRAINTS),
                query(queries::INDEXES),
                query(queries::POLICIES),
                query(queries::SEQUENCES),
                query(queries::ROUTINES),
                query(queries::AGGREGATES),
            )
        },
    )?;
    Ok(Rows {
        schemas,
        roles,
        settings,
        default_privileges,
        extensions,
        publications,
        types,
        relations,
        columns,
        constraints,
        indexes,
        policies,
        sequences,
        routines,
        aggregates,
    })
}

fn assemble(rows: &Rows, version: u64) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    catalog.version = version;
    objects::fill(&mut catalog, rows)?;
    let types = types::fill(&mut catalog, rows)?;
    relations::fill(&mut catalog, rows, &types)?;
    objects::sequences(&mut catalog, rows, &types)?;
    routines::fill(&mut catalog, rows, &types)?;
    Ok(catalog)
}
