//! Inserts, upserts, updates and deletes.

use backstay_catalog::{Column, Relation};
use backstay_expr::{
    Assignment, Conflict, ConflictAction, ConflictTarget, Delete, Expr, Insert, Source, Statement,
    Update, WritePolicy,
};
use backstay_model::{Error, Result, Value};
use backstay_rest::{Condition, Node, Payload, Resolution, errors};
use backstay_scalar::{compare, io};

use crate::build::Asked;
use crate::builder::Builder;
use crate::filters::Purpose;
use crate::lineage::{is_unique, primary_key};
use crate::plan::Write;
use crate::resolved::Resolved;
use crate::values::{RowSource, ValueSource};

impl<'a> Builder<'a> {
    /// `POST`.
    pub(crate) fn insert(
        &mut self,
        asked: &Asked<'a>,
        insert: &'a backstay_rest::Insert,
    ) -> Result<Write> {
        let relation = asked.relation(&insert.relation)?;
        let resolved = asked.resolve(&insert.node, Some(relation), &relation.name)?;
        let columns = columns(relation, insert.payload.columns())?;
        check_computed(&columns, &self.literals.payload, insert.missing_default)?;
        self.take_rows(row_source(&columns, insert.missing_default))?;
        let target = match &insert.conflict {
            Some(conflict) => self.conflict_target(relation, conflict.target.as_deref())?,
            None => None,
        };
        let merges = insert
            .conflict
            .as_ref()
            .is_some_and(|conflict| conflict.resolution == Resolution::MergeDuplicates);
        let upsert = merges && target.is_some();
        let target = target.map(|target| (target, merges));
        let statement = self.insert_statement(relation, &columns, target);
        let mut write = self.write(asked, statement, relation, &resolved)?;
        write.upsert = upsert;
        if asked.request.wants_location() {
            write.location = primary_key(self.catalog, relation);
        }
        Ok(write)
    }

    fn insert_statement(
        &mut self,
        relation: &'a Relation,
        columns: &[&'a Column],
        target: Option<(Vec<u16>, bool)>,
    ) -> Statement {
        let (rel, excluded) = (self.rel(), self.rel());
        let conflict = target.map(|(target, merges)| {
            let set: Vec<Assignment> = columns
                .iter()
                .map(|column| Assignment {
                    column: column.number,
                    value: Expr::column(excluded, column.number, column.ty.clone()),
                })
                .collect();
            let action = if merges && !set.is_empty() {
                ConflictAction::Update { set, filter: None }
            } else {
                ConflictAction::Nothing
            };
            Conflict { target: ConflictTarget::Columns(target), action }
        });
        Statement::Insert(Box::new(Insert {
            with: Vec::new(),
            relation: relation.id,
            rel,
            excluded,
            columns: numbers(columns),
            source: Source::Payload,
            overriding: None,
            conflict,
            returning: Vec::new(),
            policy: WritePolicy::default(),
        }))
    }

    /// The columns that decide a conflict; `None` if there are none to decide by.
    fn conflict_target(
        &self,
        relation: &Relation,
        written: Option<&[String]>,
    ) -> Result<Option<Vec<u16>>> {
        let Some(names) = written else {
            let key = primary_key(self.catalog, relation);
            return Ok((!key.is_empty()).then_some(key));
        };
        let mut numbers = Vec::new();
        for name in names {
            let column = relation
                .column(name)
                .ok_or_else(|| Error::new("42703", format!("column \"{name}\" does not exist")))?;
            if !numbers.contains(&column.number) {
                numbers.push(column.number);
            }
        }
        if !is_unique(self.catalog, relation, &numbers) {
            return Err(Error::new(
                "42P10",
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            ));
        }
        Ok(Some(numbers))
    }

    /// `PATCH`.
    pub(crate) fn update(
        &mut self,
        asked: &Asked<'a>,
        update: &'a backstay_rest::Update,
    ) -> Result<Write> {
        let relation = asked.relation(&update.relation)?;
        let resolved = asked.resolve(&update.node, Some(relation), &relation.name)?;
        let columns = columns(relation, update.payload.columns())?;
        guard(asked, &update.node, "UPDATE")?;
        let set = self.assignments(&columns, update)?;
        let source = self.source(relation, 0);
        let mut filter = self.chosen(&resolved, &source)?;
        if set.is_empty() {
            // Nothing to set: nothing changes, and no row counts as changed.
            filter = Some(Expr::bool(false));
        }
        let statement = Statement::Update(Box::new(Update {
            with: Vec::new(),
            relation: relation.id,
            rel: source.rel,
            set,
            from: Vec::new(),
            filter,
            returning: Vec::new(),
            policy: WritePolicy::default(),
        }));
        self.write(asked, statement, relation, &resolved)
    }

    /// What an update sets.
    fn assignments(
        &mut self,
        columns: &[&'a Column],
        update: &backstay_rest::Update,
    ) -> Result<Vec<Assignment>> {
        if update.payload.row_count() == 0 {
            return Ok(Vec::new());
        }
        let mut set = Vec::with_capacity(columns.len());
        for (position, column) in columns.iter().enumerate() {
            let ty = column.ty.clone();
            let absent = update.payload.cell(0, position).is_none();
            let value = if absent && update.missing_default {
                Expr::Default { ty }
            } else {
                column.check_updatable()?;
                self.param(ValueSource::Cell(position, ty.clone(), column.modifier), ty)?
            };
            set.push(Assignment { column: column.number, value });
        }
        Ok(set)
    }

    /// `DELETE`.
    pub(crate) fn delete(
        &mut self,
        asked: &Asked<'a>,
        delete: &'a backstay_rest::Delete,
    ) -> Result<Write> {
        let relation = asked.relation(&delete.relation)?;
        let resolved = asked.resolve(&delete.node, Some(relation), &relation.name)?;
        guard(asked, &delete.node, "DELETE")?;
        let source = self.source(relation, 0);
        let filter = self.chosen(&resolved, &source)?;
        let statement = Statement::Delete(Box::new(Delete {
            with: Vec::new(),
            relation: relation.id,
            rel: source.rel,
            using: Vec::new(),
            filter,
            returning: Vec::new(),
            policy: WritePolicy::default(),
        }));
        self.write(asked, statement, relation, &resolved)
    }

    /// `PUT`.
    pub(crate) fn put(&mut self, asked: &Asked<'a>, put: &'a backstay_rest::Put) -> Result<Write> {
        let relation = asked.relation(&put.relation)?;
        let key = primary_key(self.catalog, relation);
        let filters = self.put_key(relation, &key, put)?;
        let resolved = asked.resolve(&put.node, Some(relation), &relation.name)?;
        let columns = columns(relation, put.payload.columns())?;
        check_computed(&columns, &self.literals.payload, put.missing_default)?;
        self.take_rows(row_source(&columns, put.missing_default))?;
        let numbers = numbers(&columns);
        let position = |column: u16| numbers.iter().position(|number| *number == column);
        self.rows.retain(|row| {
            filters.iter().all(|(column, wanted)| {
                let value = position(column.number).and_then(|at| row.get(at));
                matches!(value, Some(Some(value)) if same(column, value, wanted))
            })
        });
        if self.rows.len() != 1 {
            return Err(errors::put_payload());
        }
        // Which row is written depends on the values.
        self.recipe = None;
        let statement = self.insert_statement(relation, &columns, Some((key, true)));
        let mut write = self.write(asked, statement, relation, &resolved)?;
        write.upsert = true;
        Ok(write)
    }

    /// The key columns with the values that the filters of a `PUT` give them.
    fn put_key(
        &self,
        relation: &'a Relation,
        key: &[u16],
        put: &backstay_rest::Put,
    ) -> Result<Vec<(&'a Column, Value)>> {
        let filters = put.keys.as_ref().ok_or_else(errors::put_filters)?;
        if key.is_empty() || filters.len() != key.len() {
            return Err(errors::put_filters());
        }
        let mut found = Vec::with_capacity(key.len());
        for number in key {
            let column = relation
                .column_by_number(*number)
                .ok_or_else(|| Error::internal("a key without its column"))?;
            let mut named = filters.iter().filter(|(name, _)| *name == column.name);
            let (_, text) = named.next().ok_or_else(errors::put_filters)?;
            found.push((column, io::input(self.env, &column.ty, None, text)?));
        }
        Ok(found)
    }

    /// The rows that an update or delete is for.
    fn chosen(
        &mut self,
        node: &Resolved<'a>,
        source: &crate::source::Source<'a>,
    ) -> Result<Option<Expr>> {
        let mut terms = Vec::new();
        for condition in &node.node.conditions {
            if let Some(name) = embed_in(condition, node) {
                // Embeds cannot choose rows to write, so the name can only mean a column.
                return Err(source.no_column(name));
            }
            terms.push(self.condition(condition, node, source, Purpose::Show)?);
        }
        Ok(Expr::all_of(terms))
    }

    /// The write with what it shows.
    fn write(
        &mut self,
        asked: &Asked<'a>,
        statement: Statement,
        relation: &'a Relation,
        node: &Resolved<'a>,
    ) -> Result<Write> {
        let scan = self.scan(relation);
        let target = scan.source.rel;
        let representation = if asked.request.wants_representation() {
            Some(self.node(node, scan, false)?)
        } else {
            None
        };
        Ok(Write {
            statement,
            relation: relation.id,
            representation,
            target,
            location: Vec::new(),
            upsert: false,
        })
    }
}

/// The columns of a payload.
fn columns<'a>(relation: &'a Relation, names: &[String]) -> Result<Vec<&'a Column>> {
    let find = |name: &String| {
        relation.column(name).ok_or_else(|| errors::column_not_found(name, &relation.name))
    };
    names.iter().map(find).collect()
}

/// Columns that compute their own values take none. An engine says so too, but only to who may
/// write; what is wrong whoever asks comes first.
fn check_computed(columns: &[&Column], payload: &Payload, missing_default: bool) -> Result<()> {
    let given =
        |position| (0..payload.row_count()).any(|row| payload.cell(row, position).is_some());
    for (position, column) in columns.iter().enumerate() {
        if !missing_default || given(position) {
            column.check_insertable(false)?;
        }
    }
    Ok(())
}

fn numbers(columns: &[&Column]) -> Vec<u16> {
    columns.iter().map(|column| column.number).collect()
}

fn row_source(columns: &[&Column], missing_default: bool) -> RowSource {
    let columns = columns.iter().map(|column| (column.ty.clone(), column.modifier)).collect();
    RowSource { columns, missing_default }
}

/// The first embed that a condition asks for.
fn embed_in<'n>(condition: &Condition, node: &Resolved<'n>) -> Option<&'n str> {
    match condition {
        Condition::Filter(_) => None,
        Condition::All(terms) | Condition::Any(terms) => {
            terms.iter().find_map(|term| embed_in(term, node))
        }
        Condition::Not(inner) => embed_in(inner, node),
        Condition::EmbedIsNull { embed, .. } => {
            node.embed(*embed).ok().map(|found| found.embed.key())
        }
    }
}

/// `21000`, if unfiltered writes are refused.
fn guard(asked: &Asked<'_>, node: &Node, verb: &str) -> Result<()> {
    if asked.settings.refuse_unfiltered_writes && node.conditions.is_empty() {
        return Err(Error::new("21000", format!("{verb} requires a WHERE clause")));
    }
    Ok(())
}

fn same(column: &Column, value: &Value, wanted: &Value) -> bool {
    !value.is_null()
        && !wanted.is_null()
        && compare::compare(&column.ty, value, wanted) == std::cmp::Ordering::Equal
}
