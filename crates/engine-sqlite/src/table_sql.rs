//! Texts of the statements that read and write single rows of a table.

use std::cell::RefCell;
use std::rc::Rc;

use backstay_catalog::{Catalog, Relation};
use backstay_model::Type;
use backstay_sql::quote;
use backstay_sql::schema::ROW_ID;

/// The statements of one table. Values are bound in the order of the relation's columns.
pub(crate) struct TableSql {
    /// Row id, then the columns; up to the `WHERE`.
    select: String,
    /// `… WHERE row id = ?1`.
    pub(crate) get: String,
    /// One row.
    pub(crate) insert: String,
    /// All columns of the row with the id that is bound last.
    pub(crate) update: String,
    /// The row with this id.
    pub(crate) delete: String,
    /// Types of the columns, domains resolved.
    pub(crate) types: Vec<Type>,
    /// What was asked of [`TableSql::find`]: a table has few keys.
    finds: RefCell<Vec<Find>>,
}

/// What is wanted of the rows with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// At most so many of them.
    Rows(usize),
    /// One row with a 1, if there are any.
    Any,
}

/// A statement that finds rows by some columns.
struct Find {
    columns: Vec<u16>,
    wanted: Wanted,
    sql: Rc<str>,
}

impl TableSql {
    pub(crate) fn new(catalog: &Catalog, relation: &Relation) -> Self {
        let table = quote(&relation.physical);
        let id = quote(row_id(relation));
        let columns: Vec<String> =
            relation.columns.iter().map(|column| quote(&column.physical)).collect();
        let list = columns.join(", ");
        let comma = if columns.is_empty() { "" } else { ", " };
        let select = format!("SELECT {id}{comma}{list} FROM {table} WHERE ");
        let marks: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let insert = if columns.is_empty() {
            format!("INSERT INTO {table} DEFAULT VALUES")
        } else {
            format!("INSERT INTO {table} ({list}) VALUES ({})", marks.join(", "))
        };
        let assignments: Vec<String> =
            columns.iter().zip(&marks).map(|(column, mark)| format!("{column} = {mark}")).collect();
        let last = columns.len() + 1;
        Self {
            get: format!("{select}{id} = ?1"),
            insert,
            update: format!("UPDATE {table} SET {} WHERE {id} = ?{last}", assignments.join(", ")),
            delete: format!("DELETE FROM {table} WHERE {id} = ?1"),
            types: relation.columns.iter().map(|column| column.ty.base(catalog)).collect(),
            finds: RefCell::default(),
            select,
        }
    }

    /// Rows whose columns equal what is bound, in order of their row ids.
    pub(crate) fn find(
        &self,
        relation: &Relation,
        columns: &[u16],
        wanted: Wanted,
    ) -> Option<Rc<str>> {
        let mut finds = self.finds.borrow_mut();
        if let Some(known) =
            finds.iter().find(|find| find.columns == columns && find.wanted == wanted)
        {
            return Some(Rc::clone(&known.sql));
        }
        let sql: Rc<str> = self.find_sql(relation, columns, wanted)?.into();
        finds.push(Find { columns: columns.to_owned(), wanted, sql: Rc::clone(&sql) });
        Some(sql)
    }

    fn find_sql(&self, relation: &Relation, columns: &[u16], wanted: Wanted) -> Option<String> {
        let (mut sql, limit) = match wanted {
            Wanted::Rows(limit) => (self.select.clone(), limit),
            Wanted::Any => (format!("SELECT 1 FROM {} WHERE ", quote(&relation.physical)), 1),
        };
        for (index, number) in columns.iter().enumerate() {
            let column = relation.column_by_number(*number)?;
            if index > 0 {
                sql.push_str(" AND ");
            }
            sql.push_str(&format!("{} = ?{}", quote(&column.physical), index + 1));
        }
        sql.push_str(&format!(" LIMIT {limit}"));
        Some(sql)
    }
}

/// Physical name of the column that is the row id.
pub(crate) fn row_id(relation: &Relation) -> &str {
    relation.integer_key().map_or(ROW_ID, |key| key.physical.as_str())
}
