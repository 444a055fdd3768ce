//! Bodies and their fragments, bound and authorized when they first run.

use std::sync::{Arc, Mutex, PoisonError};

use backstay_catalog::{Catalog, SearchPath};
use backstay_expr::{Body, Distinct, Expr, Output, Query, Statement, visit_expr};
use backstay_model::{Error, Modifier, Result, Type, TypeId};
use backstay_pgsql::plpgsql::{
    BoundText, Declared, FragmentId, Program, Slot, bind_dynamic, bind_fragment,
};
use backstay_pgsql::{BindArgument, BindOptions, RawStatement};
use backstay_policy::{Caller, authorize_statement};

use super::frame::{Frame, Shape};

/// A body that was read, with what was bound of it so far.
#[derive(Debug)]
pub struct Compiled {
    pub(super) program: Program,
    pub(super) path: SearchPath,
    caller: Caller,
    /// The tables of the statement that fires a trigger: names, and the row type.
    tables: Option<(Option<String>, Option<String>, TypeId)>,
    /// For each fragment: the records that it may use.
    records: Vec<Vec<Slot>>,
    cells: Vec<Mutex<Option<Arc<Bound>>>>,
    pub(super) casts: Mutex<Casts>,
}

/// Casts that assignments needed: from, to, length.
pub(super) type Casts = Vec<((Type, Type, Option<Modifier>), Arc<Expr>)>;

/// A fragment, bound.
#[derive(Debug)]
pub(super) struct Bound {
    version: u64,
    shapes: Vec<Option<Arc<Shape>>>,
    pub(super) what: What,
    /// The row that it gives.
    pub(super) shape: Arc<Shape>,
}

/// What runs.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a fragment of a body holds one of them")]
pub(super) enum What {
    /// One value, without a query, and its name.
    Value(Expr, String),
    /// Rows.
    Query(Query),
    /// A change of rows.
    Write(Statement),
    /// A statement of another kind.
    Other(RawStatement),
    /// No statement.
    Nothing,
}

impl Compiled {
    /// A body for whom it runs as; `path` is where it finds names.
    pub fn new(program: Program, path: SearchPath, caller: Caller) -> Self {
        let records = program
            .fragments
            .iter()
            .map(|fragment| {
                let named =
                    |name: &str| fragment.text.to_lowercase().contains(&name.to_lowercase());
                let mut slots: Vec<Slot> = fragment
                    .visible
                    .iter()
                    .filter(|known| {
                        let ty = &program.variables[known.slot].ty;
                        matches!(ty, Declared::Record | Declared::Temporary) && named(&known.name)
                    })
                    .map(|known| known.slot)
                    .collect();
                // `$n` names an argument without its name.
                let by_number = program.variables.iter().take(program.arguments).enumerate();
                slots.extend(
                    by_number
                        .filter(|(_, variable)| matches!(variable.ty, Declared::Record))
                        .map(|(slot, _)| slot),
                );
                slots
            })
            .collect();
        let cells = program.fragments.iter().map(|_| Mutex::default()).collect();
        Self { program, path, caller, tables: None, records, cells, casts: Mutex::default() }
    }

    /// The same for a trigger that looks back on the rows of its statement.
    #[must_use]
    pub fn with_tables(mut self, old: Option<String>, new: Option<String>, row: TypeId) -> Self {
        self.tables = Some((old, new, row));
        self
    }

    /// The fragment, bound for the variables as they are.
    pub(super) fn bound(
        &self,
        id: FragmentId,
        frame: &Frame,
        catalog: &Catalog,
    ) -> Result<Arc<Bound>> {
        let records = &self.records[id];
        let mut cell = self.cells[id].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bound) = &*cell {
            let same =
                |(slot, known): (&Slot, &Option<Arc<Shape>>)| match (&frame.shapes[*slot], known) {
                    (Some(now), Some(known)) => Arc::ptr_eq(now, known) || now == known,
                    (None, None) => true,
                    _ => false,
                };
            if bound.version == catalog.version && records.iter().zip(&bound.shapes).all(same) {
                return Ok(Arc::clone(bound));
            }
        }
        let options = self.options(frame, id);
        let text = bind_fragment(catalog, &self.path, &self.program.fragments[id], options)?;
        let (what, shape) = self.authorized(catalog, text, frame)?;
        let shapes = records.iter().map(|slot| frame.shapes[*slot].clone()).collect();
        let bound = Arc::new(Bound { version: catalog.version, shapes, what, shape });
        *cell = Some(Arc::clone(&bound));
        Ok(bound)
    }

    /// The statements of a text that `EXECUTE` runs, bound.
    pub(super) fn dynamic(
        &self,
        catalog: &Catalog,
        text: &str,
        types: Vec<(Type, Vec<(String, Type)>)>,
    ) -> Result<Vec<Bound>> {
        let none = Frame { values: Vec::new(), shapes: Vec::new() };
        bind_dynamic(catalog, &self.path, text, types)?
            .into_iter()
            .map(|text| {
                let (what, shape) = self.authorized(catalog, text, &none)?;
                Ok(Bound { version: catalog.version, shapes: Vec::new(), what, shape })
            })
            .collect()
    }

    fn options(&self, frame: &Frame, id: FragmentId) -> BindOptions {
        let program = &self.program;
        let variables = program.variables.iter().enumerate().map(|(slot, _)| {
            let shape = frame.shapes[slot].as_ref();
            BindArgument {
                name: None,
                label: None,
                ty: frame.type_of(program, slot).map_or(Type::Record, |(ty, _)| ty),
                fields: shape.map_or_else(Vec::new, |shape| shape.fields.clone()),
            }
        });
        let mut tables = Vec::new();
        if let Some((old, new, row)) = &self.tables {
            for (offset, name) in [old, new].into_iter().enumerate() {
                let place = program.variables.len() + offset;
                tables.extend(name.clone().map(|name| (name, place, *row)));
            }
        }
        BindOptions {
            arguments: variables.collect(),
            parameters: program.arguments,
            names: Some(Arc::clone(&program.fragments[id].visible)),
            conflict: program.conflict,
            system_tables: true,
            zero_based: program.trigger.map(|slots| slots.arguments()),
            tables,
        }
    }

    fn authorized(
        &self,
        catalog: &Catalog,
        text: BoundText,
        frame: &Frame,
    ) -> Result<(What, Arc<Shape>)> {
        let statement = match text {
            BoundText::Query(query) => Statement::Query(Box::new(query)),
            BoundText::Write(statement) => statement,
            BoundText::Other(raw) => return Ok((What::Other(raw), nothing())),
            BoundText::Nothing => return Ok((What::Nothing, nothing())),
        };
        let statement = authorize_statement(catalog, &self.caller, statement)?.get().clone();
        let outputs = statement.columns();
        let Statement::Query(query) = statement else {
            return Ok((What::Write(statement), Arc::new(Shape::record(outputs))));
        };
        match single_value(&query) {
            Some(output) => {
                let shape = Arc::new(value_shape(catalog, &output.expr, frame));
                Ok((What::Value(output.expr.clone(), output.name.clone()), shape))
            }
            None => Ok((What::Query(*query), Arc::new(Shape::record(outputs)))),
        }
    }
}

fn nothing() -> Arc<Shape> {
    Arc::new(Shape::record(Vec::new()))
}

/// The only output of a `SELECT` that reads nothing.
fn single_value(query: &Query) -> Option<&Output> {
    let Body::Select(select) = &query.body else { return None };
    let bare = query.with.is_empty()
        && query.limit.is_none()
        && query.offset.is_none()
        && select.from.is_empty()
        && select.filter.is_none()
        && select.group.is_empty()
        && select.having.is_none()
        && select.distinct == Distinct::No;
    let [output] = select.outputs.as_slice() else { return None };
    let mut gathers = false;
    visit_expr(&output.expr, &mut |part| {
        gathers |= matches!(part, Expr::Aggregate { .. } | Expr::Window { .. });
    });
    (bare && !gathers).then_some(output)
}

/// The shape of a value: fields of a record as far as they are known.
fn value_shape(catalog: &Catalog, expr: &Expr, frame: &Frame) -> Shape {
    let ty = expr.ty();
    if let (Expr::Argument { index, .. }, Type::Record) = (expr, &ty)
        && let Some(Some(shape)) = frame.shapes.get(*index)
    {
        return Shape::clone(shape);
    }
    if let (Expr::Row { fields, .. }, Type::Record) = (expr, &ty) {
        let fields = (1..).zip(fields).map(|(at, field)| (format!("f{at}"), field.ty()));
        return Shape { fields: fields.collect(), ty };
    }
    if let (Expr::UserCall { function, .. }, Type::Record) = (expr, &ty)
        && let Some(routine) = catalog.routines.get(function)
    {
        return Shape { fields: routine.returns.columns.clone(), ty };
    }
    let fields = super::frame::fields_of(catalog, &ty).unwrap_or_default();
    Shape { fields: fields.into_iter().map(|(name, ty, _)| (name, ty)).collect(), ty }
}

/// `42601` for a text where one statement was wanted.
pub(super) fn not_one_statement() -> Error {
    Error::new("42601", "cannot open multi-query plan as cursor")
}
