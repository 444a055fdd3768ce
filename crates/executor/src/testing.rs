//! Fixtures of this room's tests: tables written as text, statements from a few words.

mod tables;

use std::sync::Arc;

use backstay_catalog::{Catalog, CheckConstraint, Relation, Role, Routine, SearchPath};
use backstay_expr::{
    Assignment, CompareOp, Delete, Expr, FunctionId, Insert, Output, RelId, Source, Statement,
    Update, WritePolicy,
};
use backstay_model::{Details, Error, Result, Type, Value};
use backstay_pgsql::{BindOptions, Binder, parse_one};

use backstay_policy::Caller;

use crate::plpgsql::Compiled;
use crate::referee::{MemoryEnvironment, MemoryStore};
pub(crate) use tables::key;

use crate::{
    Bodies, ProgramOf, Run, Scope, Store, WriteState, Written, check_constraints, execute, finish,
};

/// The row of a statement.
pub(crate) const T: RelId = RelId(1);
/// The proposed row of an upsert.
pub(crate) const EXCLUDED: RelId = RelId(2);

/// Tables in memory with what statements need.
pub(crate) struct Fixture {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) store: MemoryStore,
    pub(crate) env: MemoryEnvironment,
    pub(crate) state: WriteState,
    pub(crate) read_only: bool,
}

impl Bodies for Fixture {
    fn body(&self, function: FunctionId, _: &str) -> Result<Arc<Vec<Statement>>> {
        let routine: &Routine = &self.catalog.routines[&function];
        routine.statements().map(|body| Arc::new(body.to_vec()))
    }

    fn program(&self, of: &ProgramOf<'_>) -> Result<Arc<Compiled>> {
        of.read(&self.catalog, Caller::system("test")).map(Arc::new)
    }
}

impl Fixture {
    /// Tables, one a line: `orders: id int pk, customer int -> customers.id delete=cascade`.
    pub(crate) fn new(tables: &str) -> Self {
        Self::with(tables, |_| {})
    }

    /// The same, with the catalogue finished by hand.
    pub(crate) fn with(tables: &str, finish: impl FnOnce(&mut Catalog)) -> Self {
        Self::as_role("postgres", tables, finish)
    }

    /// The same, as another role.
    pub(crate) fn as_role(role: &str, tables: &str, finish: impl FnOnce(&mut Catalog)) -> Self {
        let mut catalog = Catalog::default();
        catalog.roles.insert("postgres".to_owned(), Role { superuser: true, ..Role::default() });
        for line in tables.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let relation = tables::table(&mut catalog, line);
            catalog.put_relation(relation);
        }
        finish(&mut catalog);
        let env = MemoryEnvironment::new(&catalog, role);
        let catalog = Arc::new(catalog);
        let store = MemoryStore::new(Arc::clone(&catalog));
        Self { catalog, store, env, state: WriteState::new(), read_only: false }
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        let run = Run { bodies: self, state: &self.state, read_only: self.read_only, depth: 0 };
        Scope { run: Some(run), ..Scope::new(&self.catalog, &self.env) }
    }

    pub(crate) fn relation(&self, name: &str) -> &Arc<Relation> {
        self.catalog.relation("public", name).unwrap()
    }

    pub(crate) fn column(&self, table: &str, column: &str) -> (u16, Type) {
        let column = self.relation(table).column(column).unwrap();
        (column.number, column.ty.clone())
    }

    /// A column of the statement's row.
    pub(crate) fn col(&self, table: &str, column: &str) -> Expr {
        let (number, ty) = self.column(table, column);
        Expr::column(T, number, ty)
    }

    /// `INSERT INTO table (columns) VALUES …`; columns and values are separated by blanks, rows by
    /// semicolons: `null`, `default`, numbers, words.
    pub(crate) fn insert(&self, table: &str, columns: &str, rows: &str) -> Insert {
        let columns: Vec<(u16, Type)> =
            columns.split_whitespace().map(|name| self.column(table, name)).collect();
        let values = rows
            .split(';')
            .map(|row| {
                let cells = row.split_whitespace().zip(&columns);
                cells.map(|(text, (_, ty))| cell(text, ty)).collect()
            })
            .collect();
        Insert {
            with: Vec::new(),
            relation: self.relation(table).id,
            rel: T,
            excluded: EXCLUDED,
            columns: columns.into_iter().map(|(number, _)| number).collect(),
            source: Source::Values(values),
            overriding: None,
            conflict: None,
            returning: Vec::new(),
            policy: WritePolicy::default(),
        }
    }

    /// `UPDATE table SET column = value WHERE key = …`.
    pub(crate) fn update(&self, table: &str, set: &str, filter: &str) -> Update {
        let set = set
            .split(',')
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap();
                let (column, ty) = self.column(table, name.trim());
                Assignment { column, value: cell(value.trim(), &ty) }
            })
            .collect();
        Update {
            with: Vec::new(),
            relation: self.relation(table).id,
            rel: T,
            set,
            from: Vec::new(),
            filter: self.filter(table, filter),
            returning: Vec::new(),
            policy: WritePolicy::default(),
        }
    }

    /// `DELETE FROM table WHERE key = …`.
    pub(crate) fn delete(&self, table: &str, filter: &str) -> Delete {
        Delete {
            with: Vec::new(),
            relation: self.relation(table).id,
            rel: T,
            using: Vec::new(),
            filter: self.filter(table, filter),
            returning: Vec::new(),
            policy: WritePolicy::default(),
        }
    }

    fn filter(&self, table: &str, filter: &str) -> Option<Expr> {
        let (name, value) = filter.split_once('=')?;
        let column = self.col(table, name.trim());
        let ty = column.ty();
        Some(Expr::equals(ty.clone(), column, cell(value.trim(), &ty)))
    }

    /// Outputs of the statement's columns.
    pub(crate) fn returning(&self, table: &str, columns: &str) -> Vec<Output> {
        columns
            .split_whitespace()
            .map(|name| Output { name: name.to_owned(), expr: self.col(table, name) })
            .collect()
    }

    /// Runs one statement in a savepoint, with what is deferred at its end.
    pub(crate) fn execute(&self, statement: &Statement) -> Result<Written> {
        self.together(std::slice::from_ref(statement))
    }

    /// Runs statements as one request; gives what the last one did.
    pub(crate) fn together(&self, statements: &[Statement]) -> Result<Written> {
        let scope = self.scope();
        let mark = self.state.mark();
        self.store.savepoint(1)?;
        let mut outcome = Ok(Written::default());
        for statement in statements {
            outcome = outcome.and_then(|_| execute(statement, &scope, &self.store));
        }
        let outcome = outcome.and_then(|written| finish(&scope, &self.store).map(|()| written));
        if outcome.is_err() {
            self.store.roll_back(1)?;
            self.state.cut_back(mark);
        } else {
            self.store.release(1)?;
        }
        let findings = check_constraints(&scope, &self.store).unwrap();
        assert!(findings.is_empty(), "stored against the rules: {findings:?}");
        outcome
    }

    /// What came of the statement: `ok`, the rows of `RETURNING`, or the error.
    pub(crate) fn run(&self, statement: impl Into<AnyStatement>) -> String {
        match self.execute(&statement.into().0) {
            Ok(written) if written.returning.is_empty() => "ok".to_owned(),
            Ok(written) => rows_text(written.returning.iter()),
            Err(error) => error_text(&error),
        }
    }

    /// Runs a statement written in SQL; its rows, `ok`, or the error.
    pub(crate) fn sql(&self, text: &str) -> String {
        let bound = parse_one(text).and_then(|raw| {
            let path = SearchPath::of_migrations();
            Binder::new(&self.catalog, &path, BindOptions::default()).bind_statement(&raw.node)
        });
        let outcome = bound.and_then(|statement| {
            let types = types_of(&statement);
            self.execute(&statement).map(|written| (types, written))
        });
        match outcome {
            Ok((types, _)) if types.is_empty() => "ok".to_owned(),
            Ok((types, written)) => {
                let row = |row: &Vec<Value>| {
                    let cells = types.iter().zip(row).map(|(ty, value)| self.text(ty, value));
                    cells.collect::<Vec<_>>().join(" ")
                };
                written.returning.iter().map(row).collect::<Vec<_>>().join(" | ")
            }
            Err(error) => error_text(&error),
        }
    }

    fn text(&self, ty: &Type, value: &Value) -> String {
        match value {
            Value::Null => "null".to_owned(),
            value => backstay_scalar::io::output(&self.env, ty, value).unwrap(),
        }
    }

    /// The rows of a table.
    pub(crate) fn rows(&self, table: &str) -> String {
        let rows = self.store.rows(self.relation(table).id);
        rows_text(rows.iter().map(|(_, row)| row))
    }

    /// The events so far: `+ new`, `- old`, `old > new`, with the table.
    pub(crate) fn events(&self) -> String {
        let one = |row: &Vec<Value>| rows_text(std::iter::once(row));
        let events = self.state.take_events().into_iter().map(|event| {
            let name = &self.catalog.relations[&event.relation].name;
            match (event.old, event.new) {
                (Some(old), Some(new)) => format!("{name} {} > {}", one(&old), one(&new)),
                (Some(old), None) => format!("{name} - {}", one(&old)),
                (_, new) => format!("{name} + {}", new.as_ref().map_or_else(String::new, one)),
            }
        });
        events.collect::<Vec<_>>().join("; ")
    }
}

fn types_of(statement: &Statement) -> Vec<Type> {
    statement.columns().into_iter().map(|(_, ty)| ty).collect()
}

/// A statement of any kind.
pub(crate) struct AnyStatement(Statement);

macro_rules! statement_from {
    ($($kind:ident),*) => {$(
        impl From<$kind> for AnyStatement {
            fn from(statement: $kind) -> Self {
                Self(Statement::$kind(Box::new(statement)))
            }
        }
        impl From<&$kind> for AnyStatement {
            fn from(statement: &$kind) -> Self {
                Self(Statement::$kind(Box::new(statement.clone())))
            }
        }
    )*};
}
statement_from!(Insert, Update, Delete);

impl From<AnyStatement> for Statement {
    fn from(statement: AnyStatement) -> Self {
        statement.0
    }
}

pub(crate) fn int(number: i64) -> Expr {
    Expr::constant(Value::Int(number), Type::Int4)
}

pub(crate) fn compare(op: CompareOp, left: Expr, right: Expr) -> Expr {
    let operand = left.ty();
    Expr::Compare { op, operand, left: Box::new(left), right: Box::new(right) }
}

fn cell(text: &str, ty: &Type) -> Expr {
    match text {
        "default" => Expr::Default { ty: ty.clone() },
        "null" => Expr::null(ty.clone()),
        _ => Expr::constant(value(text, ty), ty.clone()),
    }
}

fn value(text: &str, ty: &Type) -> Value {
    match ty {
        Type::Int2 | Type::Int4 | Type::Int8 => Value::Int(text.parse().unwrap()),
        _ => Value::text(text),
    }
}

pub(crate) fn rows_text<'r>(rows: impl Iterator<Item = &'r Vec<Value>>) -> String {
    let cell = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    rows.map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(" | ")
}

pub(crate) fn error_text(error: &Error) -> String {
    let mut text = format!("{}: {}", error.code, error.message);
    let details = error.details.as_ref().map(|details| match details {
        Details::Text(text) | Details::Json(text) => text,
    });
    for more in [details, error.hint.as_ref()].into_iter().flatten() {
        text.push_str(" / ");
        text.push_str(more);
    }
    text
}

/// Changes a table of a catalogue under construction.
pub(crate) fn alter(catalog: &mut Catalog, name: &str, change: impl FnOnce(&mut Relation)) {
    let mut relation = Relation::clone(catalog.relation("public", name).unwrap());
    change(&mut relation);
    catalog.put_relation(relation);
}

/// Adds `CHECK (column op number)`.
pub(crate) fn add_check(
    relation: &mut Relation,
    name: &str,
    column: &str,
    (op, bound): (CompareOp, i64),
) {
    let column = relation.column(column).unwrap();
    let left = Expr::column(backstay_catalog::ROW, column.number, column.ty.clone());
    relation.checks.push(CheckConstraint {
        name: name.to_owned(),
        expr: compare(op, left, int(bound)),
        text: String::new(),
        not_valid: false,
    });
    relation.checks.sort_by(|a, b| a.name.cmp(&b.name));
}
