//! Inserts, upserts, updates and deletes, and the rows they show.
//!
//! Written rows are given back by `RETURNING` with only the columns that the answer needs, since each
//! asks for the right to read it, and are shown through the common table expression `written`.

use backstay_catalog::{Column, Relation, TypeKind};
use backstay_expr::{
    Assignment, Conflict, ConflictAction, ConflictTarget, Delete, Insert, Overriding, RelId,
    RelationId, Source, Statement, Update,
};
use backstay_model::{Error, Result, Type, quote_literal};
use backstay_plan::Write;

use super::expressions::alias;
use super::values::Given;
use super::{Entry, Layout, Renderer, names};

/// Counts the rows that an upsert found and updated; it never decides anything.
pub(crate) const UPDATED: &str = "backstay.updated";

/// Limit: values of one statement, PostgreSQL's own.
const VALUES_MAX: usize = 65_535;

impl<'a> Renderer<'a> {
    /// A write.
    pub(super) fn write(&mut self, write: &'a Write) -> Result<Layout> {
        let relation = self.relation(write.relation)?;
        if let Some(node) = &write.representation {
            self.entries.insert(write.target, Entry::Written(relation));
            let mut layout = Layout::Void;
            let total = ("SELECT pg_catalog.count(*) AS n FROM written".to_owned(), "n");
            let shown = self.apart(|this| {
                layout = this.rows(node, Some(&total))?;
                Ok(())
            })?;
            self.written(write)?;
            self.push(&shown);
            return Ok(layout);
        }
        if write.location.is_empty() {
            self.statement(&write.statement)?;
            if self.sql.is_empty() {
                let name = names::relation(relation);
                self.push(&format!("SELECT FROM {name} WHERE FALSE"));
            }
            return Ok(Layout::Affected);
        }
        self.returned.columns.clone_from(&write.location);
        self.written(write)?;
        self.push("SELECT pg_catalog.count(*)");
        for number in &write.location {
            self.push(&format!(", pg_catalog.min(a{number}::pg_catalog.text)"));
        }
        self.push(" FROM written");
        let key = relation.column_names(&write.location);
        Ok(Layout::Location(key.into_iter().map(str::to_owned).collect()))
    }

    fn relation(&self, id: RelationId) -> Result<&'a Relation> {
        let found = self.catalog().relations.get(&id);
        found.map(AsRef::as_ref).ok_or_else(|| Error::internal("a write without its table"))
    }

    /// `WITH written AS (… RETURNING …)`.
    fn written(&mut self, write: &'a Write) -> Result<()> {
        self.push("WITH written AS (");
        let rel = self.statement(&write.statement)?;
        let (relation, alias) = (self.relation(write.relation)?, alias(rel));
        let returned = std::mem::take(&mut self.returned);
        let nothing =
            matches!(&write.statement, Statement::Update(update) if update.set.is_empty());
        let mut columns: Vec<String> = Vec::new();
        for number in &returned.columns {
            let column = relation
                .column_by_number(*number)
                .ok_or_else(|| Error::internal("a written row lacks a column"))?;
            columns.push(format!("{alias}.{} AS a{number}", names::quoted(&column.name)));
        }
        if returned.row {
            let name = names::relation(relation);
            columns.push(format!("({alias}.*)::{name} AS written_row"));
        }
        if columns.is_empty() {
            columns.push("1 AS written".to_owned());
        }
        let columns = columns.join(", ");
        if nothing {
            let name = names::relation(relation);
            self.push(&format!("SELECT {columns} FROM {name} AS {alias} WHERE FALSE) "));
        } else {
            self.push(&format!(" RETURNING {columns}) "));
        }
        Ok(())
    }

    /// The statement; answers the identity of its table.
    fn statement(&mut self, statement: &'a Statement) -> Result<RelId> {
        match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => {
                Err(Error::internal("a write to no single table"))
            }
        }
    }

    fn insert(&mut self, insert: &'a Insert) -> Result<RelId> {
        let relation = self.relation(insert.relation)?;
        self.entries.insert(insert.rel, Entry::Relation(relation));
        self.entries.insert(insert.excluded, Entry::Excluded(relation));
        self.with(&insert.with)?;
        let (name, alias) = (names::relation(relation), alias(insert.rel));
        self.push(&format!("INSERT INTO {name} AS {alias}"));
        if !insert.columns.is_empty() {
            let columns: Vec<String> =
                relation.column_names(&insert.columns).into_iter().map(names::quoted).collect();
            self.push(&format!(" ({})", columns.join(", ")));
        }
        match insert.overriding {
            None => {}
            Some(Overriding::System) => self.push(" OVERRIDING SYSTEM VALUE"),
            Some(Overriding::User) => self.push(" OVERRIDING USER VALUE"),
        }
        self.source_rows(insert, relation)?;
        if let Some(conflict) = &insert.conflict {
            self.conflict(conflict, relation)?;
        }
        Ok(insert.rel)
    }

    fn source_rows(&mut self, insert: &'a Insert, relation: &Relation) -> Result<()> {
        match &insert.source {
            Source::Defaults => self.push(" DEFAULT VALUES"),
            Source::Values(rows) => {
                self.push(" VALUES ");
                self.each(rows, ", ", |this, row| this.joined(row, ", "))?;
            }
            Source::Query(query) => {
                self.push(" ");
                self.query(query)?;
            }
            Source::Payload if insert.columns.is_empty() => {
                self.depends_on_rows = true;
                let rows = Given::Text(Some(self.plan.rows.len().to_string()));
                let number = self.argument(rows);
                self.push(&format!(
                    " SELECT FROM pg_catalog.generate_series(1, ${number}::pg_catalog.int4)"
                ));
            }
            Source::Payload => {
                let columns = columns(relation, &insert.columns)?;
                let types = columns.iter().map(|column| column.ty.clone()).collect();
                let cells = self.plan.rows.iter().flatten();
                let given = cells.clone().flatten().count();
                self.depends_on_rows = given < cells.count();
                if !self.depends_on_rows {
                    self.rows_together(types);
                } else if given <= VALUES_MAX - self.arguments.len() {
                    self.rows_with_defaults(&types)?;
                } else {
                    self.rows_with_gaps(relation, &columns);
                }
            }
            Source::Rows(_) => {
                return Err(Error::internal("the rows of a request travel beside its plan"));
            }
        }
        Ok(())
    }

    /// All rows in one parameter: the text does not depend on how many there are.
    fn rows_together(&mut self, types: Vec<Type>) {
        let numbers = 1..=types.len();
        let outputs: Vec<String> = numbers.clone().map(|index| format!("v.c{index}")).collect();
        let columns: Vec<String> = numbers
            .zip(&types)
            .map(|(index, ty)| format!("c{index} {}", names::type_name(self.catalog(), ty)))
            .collect();
        let number = self.argument(Given::Rows(types));
        self.push(&format!(
            " SELECT {} FROM pg_catalog.json_to_recordset(${number}::pg_catalog.json) AS v ({})",
            outputs.join(", "),
            columns.join(", ")
        ));
    }

    /// Value by value, with `DEFAULT` where a row leaves a column to the table.
    fn rows_with_defaults(&mut self, types: &[Type]) -> Result<()> {
        let rows = &self.plan.rows;
        self.push(" VALUES ");
        self.each(rows, ", ", |this, row| {
            this.push("(");
            this.each(row.iter().zip(types), ", ", |this, (value, ty)| match value {
                Some(value) => this.value(ty, value),
                None => {
                    this.push("DEFAULT");
                    Ok(())
                }
            })?;
            this.push(")");
            Ok(())
        })
    }

    /// All rows in one parameter, where there are too many values for one each. `DEFAULT` has no place
    /// in a query, so the defaults are written out.
    fn rows_with_gaps(&mut self, relation: &Relation, columns: &[&Column]) {
        let (mut outputs, mut listed) = (Vec::new(), Vec::new());
        for (index, column) in columns.iter().enumerate() {
            let number = index + 1;
            listed.push(format!("c{number} {}", names::type_name(self.catalog(), &column.ty)));
            listed.push(format!("d{number} pg_catalog.bool"));
            let default = self.default_of(relation, column);
            outputs.push(format!("CASE WHEN v.d{number} THEN {default} ELSE v.c{number} END"));
        }
        let types = columns.iter().map(|column| column.ty.clone()).collect();
        let number = self.argument(Given::Rows(types));
        self.push(&format!(
            " SELECT {} FROM pg_catalog.json_to_recordset(${number}::pg_catalog.json) AS v ({})",
            outputs.join(", "),
            listed.join(", ")
        ));
    }

    /// What `DEFAULT` means for a column. The texts are the server's own, every name qualified.
    fn default_of(&self, relation: &Relation, column: &Column) -> String {
        if column.identity.is_some() {
            let table = quote_literal(&names::relation(relation));
            let name = quote_literal(&column.name);
            return format!(
                "pg_catalog.nextval(pg_catalog.pg_get_serial_sequence({table}, {name})::pg_catalog.regclass)"
            );
        }
        let of_domain = || match &column.ty {
            Type::Domain(id) => match self.catalog().types.get(id).map(|found| &found.kind) {
                Some(TypeKind::Domain(domain)) => domain.default_text.clone(),
                _ => None,
            },
            _ => None,
        };
        column.default_text.clone().or_else(of_domain).unwrap_or_else(|| "NULL".to_owned())
    }

    fn conflict(&mut self, conflict: &'a Conflict, relation: &Relation) -> Result<()> {
        self.push(" ON CONFLICT");
        if let ConflictTarget::Columns(numbers) = &conflict.target {
            let columns: Vec<String> =
                relation.column_names(numbers).into_iter().map(names::quoted).collect();
            self.push(&format!(" ({})", columns.join(", ")));
        }
        match &conflict.action {
            ConflictAction::Nothing => self.push(" DO NOTHING"),
            ConflictAction::Update { set, filter } => {
                self.push(" DO UPDATE SET ");
                self.assignments(set, relation)?;
                self.push(&format!(
                    " WHERE pg_catalog.set_config('{UPDATED}', (COALESCE(NULLIF(\
                     pg_catalog.current_setting('{UPDATED}', TRUE), ''), '0')::pg_catalog.int8 + 1)\
                     ::pg_catalog.text, TRUE) IS NOT NULL"
                ));
                if let Some(filter) = filter {
                    self.push(" AND ");
                    self.expr(filter)?;
                }
            }
        }
        Ok(())
    }

    fn assignments(&mut self, set: &'a [Assignment], relation: &Relation) -> Result<()> {
        self.each(set, ", ", |this, assignment| {
            let column = relation
                .column_by_number(assignment.column)
                .ok_or_else(|| Error::internal("a write names a column that is gone"))?;
            this.push(&format!("{} = ", names::quoted(&column.name)));
            this.expr(&assignment.value)
        })
    }

    fn update(&mut self, update: &'a Update) -> Result<RelId> {
        let relation = self.relation(update.relation)?;
        self.entries.insert(update.rel, Entry::Relation(relation));
        if update.set.is_empty() {
            // Nothing to set, and no row that it could be set in: `written` says so by itself.
            return Ok(update.rel);
        }
        self.with(&update.with)?;
        for from in &update.from {
            self.enter(from)?;
        }
        let (name, alias) = (names::relation(relation), alias(update.rel));
        self.push(&format!("UPDATE {name} AS {alias} SET "));
        self.assignments(&update.set, relation)?;
        self.others(" FROM ", &update.from)?;
        self.only(update.filter.as_ref())?;
        Ok(update.rel)
    }

    fn delete(&mut self, delete: &'a Delete) -> Result<RelId> {
        let relation = self.relation(delete.relation)?;
        self.entries.insert(delete.rel, Entry::Relation(relation));
        self.with(&delete.with)?;
        for from in &delete.using {
            self.enter(from)?;
        }
        let (name, alias) = (names::relation(relation), alias(delete.rel));
        self.push(&format!("DELETE FROM {name} AS {alias}"));
        self.others(" USING ", &delete.using)?;
        self.only(delete.filter.as_ref())?;
        Ok(delete.rel)
    }

    fn others(&mut self, word: &str, from: &'a [backstay_expr::From]) -> Result<()> {
        if from.is_empty() {
            return Ok(());
        }
        self.push(word);
        self.each(from, ", ", |this, from| this.from(from))
    }

    fn only(&mut self, filter: Option<&'a backstay_expr::Expr>) -> Result<()> {
        if let Some(filter) = filter {
            self.push(" WHERE ");
            self.expr(filter)?;
        }
        Ok(())
    }
}

fn columns<'r>(relation: &'r Relation, numbers: &[u16]) -> Result<Vec<&'r Column>> {
    let one = |number: &u16| {
        relation
            .column_by_number(*number)
            .ok_or_else(|| Error::internal("a write names a column that is gone"))
    };
    numbers.iter().map(one).collect()
}
