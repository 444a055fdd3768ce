//! The system's own tables, as far as migrations ask them: rows made of the catalogue when a
//! statement is bound.
//!
//! They serve statements that run at once (migrations, `DO`, bodies in PL/pgSQL, which are bound
//! anew when the catalogue has changed). What is bound once and kept (views, policies, bodies in SQL)
//! cannot use them.

mod rows;

use backstay_catalog::Catalog;
use backstay_expr::{Body, Expr, Query};
use backstay_model::{Type, Value};

/// A table of the system: its columns, and its rows.
pub(crate) struct SystemTable {
    pub(crate) columns: Vec<(String, Type)>,
    rows: Vec<Vec<Value>>,
}

/// The table of this name, if it is one that is known.
pub(crate) fn table(catalog: &Catalog, schema: Option<&str>, name: &str) -> Option<SystemTable> {
    let (columns, rows) = match schema {
        None | Some("pg_catalog") => rows::of_catalog(catalog, name)?,
        Some("information_schema") => rows::of_information_schema(catalog, name)?,
        Some(_) => return None,
    };
    let columns = columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
    Some(SystemTable { columns, rows })
}

impl SystemTable {
    /// The rows as a query.
    pub(crate) fn query(self) -> Query {
        let constants = |row: Vec<Value>| {
            let cells = row.into_iter().zip(&self.columns);
            cells.map(|(value, (_, ty))| Expr::constant(value, ty.clone())).collect()
        };
        let mut rows: Vec<Vec<Expr>> = self.rows.into_iter().map(constants).collect();
        let empty = rows.is_empty();
        if empty {
            rows.push(self.columns.iter().map(|(_, ty)| Expr::null(ty.clone())).collect());
        }
        let mut query = Query {
            with: Vec::new(),
            body: Body::Values(rows),
            order: Vec::new(),
            limit: None,
            offset: None,
        };
        if empty {
            query.limit = Some(Expr::constant(Value::Int(0), Type::Int8));
        }
        query
    }
}
