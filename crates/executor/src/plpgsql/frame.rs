//! The variables of a running body.

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation};
use backstay_model::{Modifier, Type, TypeSource, Value};
use backstay_pgsql::plpgsql::{Declared, Program, Slot};

/// What a record holds at the moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    /// `Record`, a row type, or the type of a temporary value.
    pub(super) ty: Type,
    /// Names and types of its fields.
    pub(super) fields: Vec<(String, Type)>,
}

impl Shape {
    /// The rows of a relation.
    pub(super) fn of_relation(relation: &Relation) -> Self {
        let fields = relation.columns.iter();
        Self {
            ty: Type::Composite(relation.row_type),
            fields: fields.map(|column| (column.name.clone(), column.ty.clone())).collect(),
        }
    }

    /// A record with these fields.
    pub(super) fn record(fields: Vec<(String, Type)>) -> Self {
        Self { ty: Type::Record, fields }
    }
}

/// Values and shapes, one a slot. Behind the variables stand the old and the new rows of the
/// statement that fired a trigger.
pub(super) struct Frame {
    pub(super) values: Vec<Value>,
    pub(super) shapes: Vec<Option<Arc<Shape>>>,
}

impl Frame {
    pub(super) fn new(program: &Program) -> Self {
        let count = program.variables.len() + 2;
        let mut values = vec![Value::Null; count];
        values[program.found] = Value::Bool(false);
        Self { values, shapes: vec![None; count] }
    }

    /// The type of a variable at the moment; `None` for a record that nothing was assigned to.
    pub(super) fn type_of(
        &self,
        program: &Program,
        slot: Slot,
    ) -> Option<(Type, Option<Modifier>)> {
        match &program.variables[slot].ty {
            Declared::Typed(ty, modifier) => Some((ty.clone(), *modifier)),
            Declared::Cursor(_) => Some((Type::Text, None)),
            Declared::Record | Declared::Temporary => {
                self.shapes[slot].as_ref().map(|shape| (shape.ty.clone(), None))
            }
        }
    }
}

/// Names, types and lengths of the fields of a row type.
pub(super) fn fields_of(
    catalog: &Catalog,
    ty: &Type,
) -> Option<Vec<(String, Type, Option<Modifier>)>> {
    match ty.base(catalog) {
        Type::Composite(id) => catalog.fields(id),
        _ => None,
    }
}
