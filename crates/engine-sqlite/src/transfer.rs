//! Rows in and out as they are: what was checked where they come from is not checked again.

use std::sync::Arc;

use backstay_catalog::{Catalog, Column, Relation};
use backstay_engine::{Cells, Page, Running, Session, Start, Transfer};
use backstay_executor::Store as _;
use backstay_expr::RelationId;
use backstay_model::{Error, Result, Value};
use backstay_policy::Caller;
use backstay_scalar::io;
use backstay_sql::quote;
use tokio::sync::oneshot;

use crate::SqliteEngine;
use crate::connection::Connection;
use crate::sequences::Position;
use crate::session::SessionEnvironment;
use crate::shared::Shared;
use crate::store::{SqliteStore, column};
use crate::table_sql::row_id;
use crate::writer::{Copying, Job, closed};
use crate::{failure, stored};

impl Transfer for SqliteEngine {
    fn count(&self, table: RelationId) -> Running<'_, u64> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                shared.with_reader(|connection| count(&shared, connection, table))
            });
            read.await.map_err(|error| failure::internal("a count ended", error))?
        })
    }

    fn export(&self, table: RelationId, from: Start, limit: u32) -> Running<'_, Page> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                shared.with_reader(|connection| export(&shared, connection, table, &from, limit))
            });
            read.await.map_err(|error| failure::internal("an export ended", error))?
        })
    }

    fn import(&self, table: RelationId, columns: Vec<u16>, rows: Vec<Cells>) -> Running<'_, ()> {
        self.copying(Box::new(move |shared, connection| {
            import(shared, connection, table, &columns, &rows)
        }))
    }

    fn clear(&self, tables: Vec<RelationId>) -> Running<'_, ()> {
        self.copying(Box::new(move |shared, connection| {
            let catalog = shared.catalog();
            connection.fit(&catalog)?;
            for table in tables {
                let relation = relation(&catalog, table)?;
                connection.execute(&format!("DELETE FROM {}", quote(&relation.physical)))?;
            }
            Ok(())
        }))
    }

    fn positions(&self) -> Running<'_, Vec<backstay_engine::Position>> {
        Box::pin(async move {
            let catalog = self.shared.catalog();
            let told = catalog.sequences.iter().map(|(name, sequence)| {
                let Position { last, called } = self.shared.sequences.position(name, sequence);
                backstay_engine::Position { name: name.clone(), last, called }
            });
            Ok(told.collect())
        })
    }

    fn finish(&self, positions: Vec<backstay_engine::Position>) -> Running<'_, ()> {
        self.copying(Box::new(move |shared, _| {
            for one in positions {
                let at = Position { last: one.last, called: one.called };
                shared.sequences.put(one.name, at);
            }
            Ok(())
        }))
    }
}

impl SqliteEngine {
    fn copying(&self, work: Copying) -> Running<'_, ()> {
        Box::pin(async move {
            let (reply, done) = oneshot::channel();
            self.jobs.send(Job::Transfer { work, reply }).map_err(|_| closed())?;
            done.await.map_err(|_| closed())?
        })
    }
}

fn relation(catalog: &Catalog, table: RelationId) -> Result<&Arc<Relation>> {
    catalog.relations.get(&table).ok_or_else(|| Error::internal("a table that is not there"))
}

/// Types and settings for the text forms.
fn environment(shared: &Shared, catalog: &Arc<Catalog>) -> SessionEnvironment {
    let session = Session {
        caller: Caller::system("move"),
        settings: Arc::default(),
        statement_timeout: None,
    };
    SessionEnvironment::new(catalog, &shared.sequences, &session, true)
}

/// The columns of the primary key.
fn key(relation: &Relation) -> Vec<(usize, &Column)> {
    let numbers = relation.primary_key.iter().flat_map(|key| &key.columns);
    let place = |number: &u16| {
        relation.position(*number).and_then(|at| Some((at, relation.columns.get(at)?)))
    };
    numbers.filter_map(place).collect()
}

fn count(shared: &Shared, connection: &Connection, table: RelationId) -> Result<u64> {
    let catalog = shared.catalog();
    let relation = relation(&catalog, table)?;
    let sql = format!("SELECT count(*) FROM {}", quote(&relation.physical));
    let rows: i64 = connection
        .prepare(&sql)?
        .query_row([], |row| row.get(0))
        .map_err(|error| failure::translate(&error))?;
    u64::try_from(rows).map_err(|_| Error::internal("a negative count"))
}

fn export(
    shared: &Shared,
    connection: &Connection,
    table: RelationId,
    from: &Start,
    limit: u32,
) -> Result<Page> {
    let catalog = shared.catalog();
    connection.fit(&catalog)?;
    let relation = relation(&catalog, table)?;
    let env = environment(shared, &catalog);
    let key = key(relation);
    let order: Vec<String> = if key.is_empty() {
        vec![quote(row_id(relation))]
    } else {
        key.iter().map(|(_, column)| quote(&column.physical)).collect()
    };
    let mut statement = connection.prepare(&select(relation, &order, from, limit))?;
    if let Start::After(last) = from {
        for (index, text) in last.iter().enumerate() {
            let value = match key.get(index) {
                Some((_, column)) => io::input(&env, &column.ty, None, text)?,
                None => Value::Int(text.parse().map_err(|_| Error::internal("no row id"))?),
            };
            statement
                .raw_bind_parameter(index + 1, stored::encode(&value)?)
                .map_err(|error| failure::translate(&error))?;
        }
    }
    let mut page = Page::default();
    let mut id = String::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| failure::translate(&error))? {
        id = row.get::<_, i64>(0).map_err(|error| failure::translate(&error))?.to_string();
        let cells = relation.columns.iter().enumerate().map(|(index, of)| {
            let value = stored::decode(&of.ty, column(row, index + 1), catalog.as_ref())?;
            if value.is_null() { Ok(None) } else { io::output(&env, &of.ty, &value).map(Some) }
        });
        page.rows.push(cells.collect::<Result<_>>()?);
    }
    if let Some(last) = page.rows.last() {
        page.last = match key.as_slice() {
            [] => vec![id],
            key => key.iter().filter_map(|(at, _)| last.get(*at).cloned().flatten()).collect(),
        };
    }
    Ok(page)
}

/// Row id and columns, in order of the key.
fn select(relation: &Relation, order: &[String], from: &Start, limit: u32) -> String {
    let columns: String =
        relation.columns.iter().map(|column| format!(", {}", quote(&column.physical))).collect();
    let (id, table) = (quote(row_id(relation)), quote(&relation.physical));
    let order = order.join(", ");
    let (after, skip) = match from {
        Start::Skipping(rows) => (String::new(), *rows),
        Start::After(last) => {
            let marks: Vec<String> = (1..=last.len()).map(|at| format!("?{at}")).collect();
            (format!(" WHERE ({order}) > ({})", marks.join(", ")), 0)
        }
    };
    format!("SELECT {id}{columns} FROM {table}{after} ORDER BY {order} LIMIT {limit} OFFSET {skip}")
}

fn import(
    shared: &Shared,
    connection: &Connection,
    table: RelationId,
    columns: &[u16],
    rows: &[Cells],
) -> Result<()> {
    let catalog = shared.catalog();
    connection.fit(&catalog)?;
    let relation = relation(&catalog, table)?;
    let env = environment(shared, &catalog);
    let store = SqliteStore { connection, catalog: &catalog, env: &env };
    for cells in rows {
        let mut row = vec![Value::Null; relation.columns.len()];
        for (number, cell) in columns.iter().zip(cells) {
            let (Some(text), Some(at)) = (cell, relation.position(*number)) else { continue };
            if let (Some(place), Some(of)) = (row.get_mut(at), relation.columns.get(at)) {
                *place = io::input(&env, &of.ty, of.modifier, text)?;
            }
        }
        if store.insert(relation, &row)?.is_err() {
            return Err(Error::new(
                "23505",
                format!("a row of {} is in the target twice", relation.name),
            ));
        }
    }
    Ok(())
}
