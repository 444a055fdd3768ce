//! Computing columns of rows that are there already.

use std::sync::Arc;

use backstay_catalog::{ROW, Relation};
use backstay_executor::{RowId, RowSource, Scope, eval};
use backstay_expr::{Expr, RelationId, visit_expr};
use backstay_model::{Error, Result, Type, Value};
use backstay_sql::quote;
use backstay_sql::schema::column_definition;

use super::Applying;
use crate::store::column;
use crate::table_sql::row_id;
use crate::{failure, stored};

/// Rows that are read before they are written, at once.
const ROWS_PER_STEP: usize = 1_000;

/// Row ids with the values of all columns.
type Rows = Vec<(RowId, Vec<Value>)>;

impl Applying<'_> {
    pub(super) fn fill(&self, id: RelationId, number: u16, value: &Expr) -> Result<()> {
        let relation = self.relation(id)?;
        self.connection.fit(self.after)?;
        let target = physical(&relation, number)?;
        if is_same_for_all(value) {
            let result = eval(value, &self.scope(), Some(&self.store()))?;
            let sql = format!("UPDATE {} SET {} = ?1", quote(&relation.physical), quote(&target));
            let mut statement = self.connection.prepare(&sql)?;
            return statement
                .raw_bind_parameter(1, stored::encode(&result)?)
                .and_then(|()| self.store().execute(&mut statement))
                .map_err(|error| failure::translate(&error));
        }
        self.compute(&relation, (number, &target), value)
    }

    /// Changes the stored form of a column: the new one is made beside the old one.
    pub(super) fn retype(&mut self, id: RelationId, number: u16, value: &Expr) -> Result<()> {
        let relation = self.relation(id)?;
        self.connection.unfit();
        let target = physical(&relation, number)?;
        let changed = relation
            .column_by_number(number)
            .ok_or_else(|| Error::internal("a column to retype is gone"))?;
        if self.row_id(&relation.physical)?.as_ref() == Some(&target) {
            return self.retype_key(&relation, (number, &target), value);
        }
        let beside = format!("_backstay_retyped_{number}");
        let table = quote(&relation.physical);
        let mut made = changed.clone();
        made.physical.clone_from(&beside);
        self.execute(&format!(
            "ALTER TABLE {table} ADD COLUMN {}",
            column_definition(self.after, &made)
        ))?;
        self.compute(&relation, (number, &beside), value)?;
        self.drop_indexes_but(&relation, &[])?;
        self.execute(&format!("ALTER TABLE {table} DROP COLUMN {}", quote(&target)))?;
        self.execute(&format!(
            "ALTER TABLE {table} RENAME COLUMN {} TO {}",
            quote(&beside),
            quote(&target)
        ))?;
        self.connection.unfit();
        self.retyped.push((id, number));
        self.create_missing_indexes(&relation)
    }

    /// The row id stays an integer; another stored form would need another identity of rows.
    fn retype_key(
        &mut self,
        relation: &Arc<Relation>,
        (number, target): (u16, &str),
        value: &Expr,
    ) -> Result<()> {
        let integers = [Type::Int2, Type::Int4, Type::Int8];
        let changed = relation.column_by_number(number);
        if changed.is_some_and(|column| integers.contains(&column.ty.base(self.after.as_ref()))) {
            self.retyped.push((relation.id, number));
            return self.compute(relation, (number, target), value);
        }
        let name = changed.map_or(target, |column| column.name.as_str());
        Err(Error::unsupported(format!("changing the type of the primary key column \"{name}\""))
            .with_hint("Add a column of the new type, fill it, and make it the primary key."))
    }

    /// Computes `value` over every row and stores it in the column `target`.
    fn compute(
        &self,
        relation: &Arc<Relation>,
        (number, target): (u16, &str),
        value: &Expr,
    ) -> Result<()> {
        let table = quote(&relation.physical);
        let id_column = self.row_id(&relation.physical)?;
        let id_column = quote(id_column.as_deref().unwrap_or_else(|| row_id(relation)));
        let update = format!("UPDATE {table} SET {} = ?1 WHERE {id_column} = ?2", quote(target));
        let old = self.as_it_was(relation, number);
        let store = self.store();
        self.each_row(&old, &mut |id, row| {
            let rows = [(ROW, RowSource::Stored { relation: &old, row, id: Some(id) })];
            let scope = Scope { rows: &rows, ..self.scope() };
            let result = eval(value, &scope, Some(&store))?;
            let mut statement = self.connection.prepare(&update)?;
            statement
                .raw_bind_parameter(1, stored::encode(&result)?)
                .and_then(|()| statement.raw_bind_parameter(2, id))
                .and_then(|()| store.execute(&mut statement))
                .map_err(|error| failure::translate(&error))?;
            Ok(true)
        })
    }

    /// The relation with the columns that the table has now, of the types that they are stored as.
    fn as_it_was(&self, relation: &Relation, number: u16) -> Relation {
        let mut old = relation.clone();
        let before = self.before.relations.get(&relation.id);
        for column in &mut old.columns {
            let done = self.retyped.contains(&(relation.id, column.number));
            let known = before.and_then(|before| before.column_by_number(column.number));
            if let (Some(known), true) = (known, !done || column.number == number) {
                column.ty = known.ty.clone();
                column.modifier = known.modifier;
            }
        }
        old
    }

    /// Calls `each` for every row, in the order of the row ids; it may write to the table.
    pub(super) fn each_row(
        &self,
        relation: &Relation,
        each: &mut dyn FnMut(RowId, &[Value]) -> Result<bool>,
    ) -> Result<()> {
        let mut after = i64::MIN;
        let mut first = true;
        loop {
            let rows = self.rows_after(relation, (after, first))?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            (after, first) = (*last, false);
            for (id, row) in &rows {
                if self.connection.is_late() {
                    return Err(failure::timed_out());
                }
                if !each(*id, row)? {
                    return Ok(());
                }
            }
        }
    }

    fn rows_after(&self, relation: &Relation, (after, first): (i64, bool)) -> Result<Rows> {
        let present = self.columns(&relation.physical)?;
        let id = self.row_id(&relation.physical)?;
        let id = quote(id.as_deref().unwrap_or_else(|| row_id(relation)));
        let mut list = id.clone();
        for column in &relation.columns {
            list.push_str(", ");
            // A column that another piece of work still has to add is null.
            let there = present.contains(&column.physical);
            list.push_str(&if there { quote(&column.physical) } else { "NULL".to_owned() });
        }
        let relation_sql = quote(&relation.physical);
        let from = if first { ">=" } else { ">" };
        let sql = format!(
            "SELECT {list} FROM {relation_sql} WHERE {id} {from} ?1 ORDER BY {id} LIMIT {ROWS_PER_STEP}"
        );
        let mut statement = self.connection.prepare(&sql)?;
        statement.raw_bind_parameter(1, after).map_err(|error| failure::translate(&error))?;
        let mut rows = statement.raw_query();
        let mut found = Rows::new();
        while let Some(row) = rows.next().map_err(|error| failure::translate(&error))? {
            let values = relation.columns.iter().enumerate().map(|(index, known)| {
                stored::decode(&known.ty, column(row, index + 1), self.after.as_ref())
            });
            let id = row.get(0).map_err(|error| failure::translate(&error))?;
            found.push((id, values.collect::<Result<_>>()?));
        }
        Ok(found)
    }
}

fn physical(relation: &Relation, number: u16) -> Result<String> {
    let column = relation.column_by_number(number);
    column
        .map(|column| column.physical.clone())
        .ok_or_else(|| Error::internal(format!("{} has no column {number}", relation.name)))
}

/// Does the expression give every row the same value?
fn is_same_for_all(expr: &Expr) -> bool {
    let mut same = true;
    visit_expr(expr, &mut |node| {
        same = same
            && match node {
                Expr::Column { .. } | Expr::WholeRow { .. } | Expr::UserCall { .. } => false,
                Expr::Call { symbol, .. } => backstay_scalar::table()
                    .get(symbol)
                    .is_some_and(|f| f.volatility != backstay_scalar::Volatility::Volatile),
                Expr::Scalar { .. } | Expr::Exists(_) | Expr::AnyQuery { .. } => false,
                _ => true,
            };
    });
    same
}
