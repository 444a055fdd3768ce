//! Tests of rows that are there already against new constraints.

use std::collections::HashMap;

use backstay_catalog::ROW;
use backstay_executor::{RowSource, Scope, Store, truth};
use backstay_expr::RelationId;
use backstay_model::{Error, Result, Value};
use backstay_scalar::io;
use backstay_sql::quote;

use super::Applying;
use crate::failure;

impl Applying<'_> {
    pub(super) fn validate_not_null(&self, id: RelationId, number: u16) -> Result<()> {
        let relation = self.relation(id)?;
        let column = relation
            .column_by_number(number)
            .ok_or_else(|| Error::internal(format!("{} has no column {number}", relation.name)))?;
        let sql = format!(
            "SELECT 1 FROM {} WHERE {} IS NULL LIMIT 1",
            quote(&relation.physical),
            quote(&column.physical)
        );
        let found = self.connection.prepare(&sql)?.exists([]);
        if found.map_err(|error| failure::translate(&error))? {
            let message = format!(
                "column \"{}\" of relation \"{}\" contains null values",
                column.name, relation.name
            );
            return Err(Error::new("23502", message));
        }
        Ok(())
    }

    pub(super) fn validate_check(&self, id: RelationId, name: &str) -> Result<()> {
        let relation = self.relation(id)?;
        self.connection.fit(self.after)?;
        let Some(check) = relation.checks.iter().find(|check| check.name == name) else {
            return Ok(());
        };
        let store = self.store();
        self.each_row(&relation, &mut |row_id, row| {
            let rows = [(ROW, RowSource::Stored { relation: &relation, row, id: Some(row_id) })];
            let scope = Scope { rows: &rows, ..self.scope() };
            if truth(&check.expr, &scope, Some(&store))? == Some(false) {
                let message = format!(
                    "check constraint \"{name}\" of relation \"{}\" is violated by some row",
                    relation.name
                );
                return Err(Error::new("23514", message));
            }
            Ok(true)
        })
    }

    pub(super) fn validate_exclusion(&self, id: RelationId, name: &str) -> Result<()> {
        let relation = self.relation(id)?;
        self.connection.fit(self.after)?;
        let index = relation.indexes.iter().find(|index| index.name == name);
        let Some(exclusion) = index.and_then(|index| index.exclusion.as_ref()) else {
            return Ok(());
        };
        let store = self.store();
        self.each_row(&relation, &mut |row_id, row| {
            let rows = [(ROW, RowSource::Stored { relation: &relation, row, id: Some(row_id) })];
            let scope = Scope { rows: &rows, ..self.scope() };
            store.query(&exclusion.conflicting, &scope, &mut |_| {
                let message = format!("could not create exclusion constraint \"{name}\"");
                Err(Error::new("23P01", message))
            })?;
            Ok(true)
        })
    }

    pub(super) fn validate_foreign_key(&self, id: RelationId, name: &str) -> Result<()> {
        let relation = self.relation(id)?;
        self.connection.fit(self.after)?;
        let Some(key) = relation.foreign_keys.iter().find(|key| key.name == name) else {
            return Ok(());
        };
        let target = self.relation(key.target)?;
        let store = self.store();
        let mut known: HashMap<String, bool> = HashMap::new();
        self.each_row(&relation, &mut |_, row| {
            let values: Vec<Value> = key
                .columns
                .iter()
                .map(|number| relation.position(*number).and_then(|at| row.get(at)))
                .map(|value| value.cloned().unwrap_or(Value::Null))
                .collect();
            let nulls = values.iter().filter(|value| value.is_null()).count();
            if nulls == values.len() || (nulls > 0 && !key.match_full) {
                return Ok(true);
            }
            let seen = format!("{values:?}");
            let found = match known.get(&seen) {
                Some(found) => *found,
                None => {
                    let parents = store.find(&target, &key.target_columns, &values, 1)?;
                    known.insert(seen, !parents.is_empty());
                    !parents.is_empty()
                }
            };
            if found {
                return Ok(true);
            }
            let texts: Result<Vec<String>> = key
                .columns
                .iter()
                .zip(&values)
                .map(|(number, value)| match relation.column_by_number(*number) {
                    Some(column) if !value.is_null() => io::output(self.env, &column.ty, value),
                    _ => Ok("null".to_owned()),
                })
                .collect();
            let message = format!(
                "insert or update on table \"{}\" violates foreign key constraint \"{name}\"",
                relation.name
            );
            Err(Error::new("23503", message).with_details(format!(
                "Key ({})=({}) is not present in table \"{}\".",
                relation.column_names(&key.columns).join(", "),
                texts?.join(", "),
                target.name
            )))
        })
    }
}
