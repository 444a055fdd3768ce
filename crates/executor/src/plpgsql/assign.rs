//! Assignments, and the casts that they do.

use std::sync::{Arc, PoisonError};

use backstay_expr::{CastMethod, Expr};
use backstay_model::{Array, Error, Modifier, Result, Type, Value};
use backstay_pgsql::plpgsql::{Declared, FragmentId, PathPart, Slot, Target};
use backstay_typing::{CastContext, Resolver};

use super::Interpreter;
use super::frame::{Shape, fields_of};
use crate::{Scope, Store, eval};

/// A type with its length or precision.
type Typed = (Type, Option<Modifier>);

impl Interpreter<'_> {
    /// Puts a value into a variable or a part of one.
    pub(super) fn assign(&mut self, target: &Target, value: Value, shape: &Shape) -> Result<()> {
        match target {
            Target::Variable(slot, path) if path.is_empty() => self.store(*slot, value, shape),
            Target::Variable(slot, path) => {
                let mut subscripts = Vec::new();
                for part in path {
                    subscripts.push(match part {
                        PathPart::Subscript(id) => {
                            let index = self.integer(*id)?;
                            Some((index, index))
                        }
                        PathPart::Slice(from, to) => {
                            Some((self.integer(*from)?, self.integer(*to)?))
                        }
                        PathPart::Field(_) => None,
                    });
                }
                let typed = self.type_of(*slot)?;
                let fields = self.frame.shapes[*slot].as_ref().map(|shape| shape.fields.clone());
                let whole = self.frame.values[*slot].clone();
                let of = self.compiled.program.variables[*slot].name.clone();
                let part = Part { path, subscripts: &subscripts, known: fields, of: Some(&of) };
                let whole = self.changed(whole, &typed, part, (value, shape))?;
                check_size(&whole)?;
                self.frame.values[*slot] = whole;
                Ok(())
            }
            Target::List(list) => match value {
                Value::Record(values) => {
                    let types: Vec<Type> = shape.fields.iter().map(|(_, ty)| ty.clone()).collect();
                    self.assign_list(list, values, &types)
                }
                other => {
                    let (first, rest) = list.split_first().ok_or_else(empty)?;
                    self.assign(first, other, shape)?;
                    rest.iter().try_for_each(|one| self.assign_null(one))
                }
            },
        }
    }

    /// Puts a row of a query into what `INTO` names; `None` is no row.
    pub(super) fn assign_row(
        &mut self,
        target: &Target,
        row: Option<Vec<Value>>,
        shape: &Arc<Shape>,
    ) -> Result<()> {
        match target {
            Target::Variable(slot, path) if path.is_empty() => match row {
                Some(row) => self.store(*slot, Value::Record(row), shape),
                // No row is a row of nulls.
                None => {
                    let nulls = vec![Value::Null; shape.fields.len()];
                    self.store(*slot, Value::Record(nulls), shape)
                }
            },
            Target::Variable(..) => {
                self.assign_row(&Target::List(vec![target.clone()]), row, shape)
            }
            Target::List(list) => match row {
                Some(row) => {
                    let types: Vec<Type> = shape.fields.iter().map(|(_, ty)| ty.clone()).collect();
                    self.assign_list(list, row, &types)
                }
                None => list.iter().try_for_each(|one| self.assign_null(one)),
            },
        }
    }

    /// Missing values are null, values without a target are left out.
    fn assign_list(&mut self, list: &[Target], values: Vec<Value>, types: &[Type]) -> Result<()> {
        let mut values = values.into_iter().zip(types);
        for target in list {
            match values.next() {
                Some((value, ty)) => {
                    let shape = self.shape_of(ty)?;
                    self.assign(target, value, &shape)?;
                }
                None => self.assign_null(target)?,
            }
        }
        Ok(())
    }

    fn assign_null(&mut self, target: &Target) -> Result<()> {
        self.assign(target, Value::Null, &Shape { ty: Type::Unknown, fields: Vec::new() })
    }

    fn shape_of(&self, ty: &Type) -> Result<Shape> {
        let mut fields = Vec::new();
        self.world.with(&mut |scope, _| {
            let known = fields_of(scope.catalog, ty).unwrap_or_default();
            fields = known.into_iter().map(|(name, ty, _)| (name, ty)).collect();
            Ok(())
        })?;
        Ok(Shape { ty: ty.clone(), fields })
    }

    /// The type of a variable; `55000` for a record that has none yet.
    pub(super) fn type_of(&self, slot: Slot) -> Result<Typed> {
        let program = &self.compiled.program;
        self.frame.type_of(program, slot).ok_or_else(|| {
            let name = &program.variables[slot].name;
            Error::new("55000", format!("record \"{name}\" is not assigned yet"))
                .with_details("The tuple structure of a not-yet-assigned record is indeterminate.")
        })
    }

    fn store(&mut self, slot: Slot, value: Value, shape: &Shape) -> Result<()> {
        let variable = &self.compiled.program.variables[slot];
        let value = match &variable.ty {
            Declared::Typed(ty, modifier) => {
                self.converted(value, shape, &(ty.clone(), *modifier))?
            }
            Declared::Cursor(_) => self.converted(value, shape, &(Type::Text, None))?,
            Declared::Record => {
                let is_row = matches!(shape.ty, Type::Record | Type::Composite(_))
                    || !shape.fields.is_empty();
                if !is_row && !value.is_null() {
                    return Err(Error::new(
                        "42804",
                        "cannot assign non-composite value to a record variable",
                    ));
                }
                if is_row {
                    self.frame.shapes[slot] = Some(Arc::new(shape.clone()));
                }
                value
            }
            Declared::Temporary => {
                self.frame.shapes[slot] = Some(Arc::new(shape.clone()));
                value
            }
        };
        check_size(&value)?;
        if variable.not_null && value.is_null() {
            let message = format!(
                "null value cannot be assigned to variable \"{}\" declared NOT NULL",
                variable.name
            );
            return Err(Error::new("22004", message));
        }
        self.frame.values[slot] = value;
        Ok(())
    }

    /// The value as one of the type.
    pub(super) fn converted(&self, value: Value, shape: &Shape, to: &Typed) -> Result<Value> {
        let mut done = Value::Null;
        let mut value = Some(value);
        self.world.with(&mut |scope, store| {
            let value = value.take().unwrap_or(Value::Null);
            done = self.cast(value, shape, to, (scope, store))?;
            Ok(())
        })?;
        Ok(done)
    }

    fn cast(
        &self,
        value: Value,
        shape: &Shape,
        to: &Typed,
        (scope, store): (&Scope<'_>, &dyn Store),
    ) -> Result<Value> {
        let (ty, modifier) = to;
        let is_domain = matches!(ty, Type::Domain(_));
        if shape.ty == *ty && modifier.is_none() && !is_domain {
            return Ok(value);
        }
        if value.is_null() && !is_domain {
            return Ok(Value::Null);
        }
        if let (Value::Record(values), Some(fields)) = (&value, fields_of(scope.catalog, ty)) {
            // Rows are taken over by position.
            let mut given = values.iter().zip(&shape.fields);
            let mut row = Vec::with_capacity(fields.len());
            for (_, ty, modifier) in fields {
                let field = match given.next() {
                    Some((value, (_, from))) => {
                        let from = Shape { ty: from.clone(), fields: Vec::new() };
                        self.cast(value.clone(), &from, &(ty, modifier), (scope, store))?
                    }
                    None => Value::Null,
                };
                row.push(field);
            }
            return Ok(Value::Record(row));
        }
        if fields_of(scope.catalog, ty).is_some() && shape.ty != Type::Text && !value.is_null() {
            return Err(Error::new("42804", "cannot assign non-composite value to a row variable"));
        }
        let expr = self.cast_expr(scope, (&shape.ty, ty, *modifier))?;
        let inner = Scope { arguments: std::slice::from_ref(&value), rows: &[], ..*scope };
        eval(&expr, &inner, Some(store))
    }

    fn cast_expr(
        &self,
        scope: &Scope<'_>,
        (from, to, modifier): (&Type, &Type, Option<Modifier>),
    ) -> Result<Arc<Expr>> {
        let key = (from.clone(), to.clone(), modifier);
        let mut casts = self.compiled.casts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, expr)) = casts.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(expr));
        }
        let resolver = Resolver::new(scope.catalog, &self.compiled.path);
        let from = if *from == Type::Unknown { Type::Text } else { from.clone() };
        let value = Expr::Argument { index: 0, ty: from.clone() };
        let assignable = resolver.can_coerce(&from, to, CastContext::Assignment);
        let expr = if assignable {
            resolver.coerce(value, to, modifier, CastContext::Assignment)?
        } else {
            // PL/pgSQL goes through the text form where there is no cast.
            Expr::Cast {
                expr: Box::new(value),
                method: CastMethod::Io,
                modifier,
                explicit: false,
                ty: to.clone(),
            }
        };
        let expr = Arc::new(expr);
        casts.push((key, Arc::clone(&expr)));
        Ok(expr)
    }

    /// The whole with a part of it changed.
    fn changed(
        &self,
        whole: Value,
        (ty, modifier): &Typed,
        part: Part<'_>,
        (value, shape): (Value, &Shape),
    ) -> Result<Value> {
        let Some(first) = part.path.first() else {
            return self.converted(value, shape, &(ty.clone(), *modifier));
        };
        match (first, part.subscripts.first().copied().flatten()) {
            (PathPart::Field(name), _) => {
                let fields = self.fields(ty, part.known.as_ref())?;
                let Some(at) = fields.iter().position(|(known, ..)| known == name) else {
                    let of = part.of.map(|record| format!(" \"{record}\"")).unwrap_or_default();
                    let message = format!("record{of} has no field \"{name}\"");
                    return Err(Error::new("42703", message));
                };
                let mut row = match whole {
                    Value::Record(row) => row,
                    _ => vec![Value::Null; fields.len()],
                };
                let (_, ty, modifier) = fields[at].clone();
                let inner = std::mem::replace(&mut row[at], Value::Null);
                row[at] = self.changed(inner, &(ty, modifier), part.rest(), (value, shape))?;
                Ok(Value::Record(row))
            }
            (PathPart::Slice(..), bounds) => {
                let bounds = bounds.ok_or_else(|| Error::internal("a slice without its bounds"))?;
                if part.path.len() > 1 {
                    return Err(Error::unsupported("assigning to a part of a slice"));
                }
                let given = self.converted(value, shape, &(ty.clone(), *modifier))?;
                with_slice(whole, bounds, given)
            }
            (PathPart::Subscript(_), index) => {
                let (index, _) = index.ok_or_else(|| {
                    Error::new("22004", "array subscript in assignment must not be null")
                })?;
                let Some(element) = ty.element().cloned() else {
                    return Err(Error::new("42804", "subscripted object is not an array"));
                };
                self.with_element(whole, (index, &element), part, (value, shape))
            }
        }
    }

    fn with_element(
        &self,
        whole: Value,
        (index, element): (i64, &Type),
        part: Part<'_>,
        (value, shape): (Value, &Shape),
    ) -> Result<Value> {
        let mut array = match whole {
            Value::Array(array) => array,
            _ => Array::default(),
        };
        if array.dims.len() > 1 {
            return Err(Error::unsupported("assigning to an element of an array of arrays"));
        }
        let at = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        let Some(at) = at.filter(|at| *at < ELEMENTS_MAX) else {
            return Err(Error::unsupported("an array that does not begin at 1"));
        };
        if at >= array.elements.len() {
            array.elements.resize(at + 1, Value::Null);
        }
        let inner = std::mem::replace(&mut array.elements[at], Value::Null);
        let typed = (element.clone(), None);
        array.elements[at] = self.changed(inner, &typed, part.rest(), (value, shape))?;
        Ok(Value::Array(Array::from_elements(array.elements)))
    }

    fn fields(
        &self,
        ty: &Type,
        known: Option<&Vec<(String, Type)>>,
    ) -> Result<Vec<(String, Type, Option<Modifier>)>> {
        let mut fields = None;
        self.world.with(&mut |scope, _| {
            fields = fields_of(scope.catalog, ty);
            Ok(())
        })?;
        let known = || {
            let fields = known.map(|fields| fields.iter());
            fields.map(|all| all.map(|(name, ty)| (name.clone(), ty.clone(), None)).collect())
        };
        fields.or_else(known).ok_or_else(|| {
            Error::new("42809", "a field of something that is not a row is assigned to")
        })
    }

    fn integer(&self, id: FragmentId) -> Result<i64> {
        let (value, shape) = self.value(id)?;
        let value = self.converted(value, &shape, &(Type::Int4, None))?;
        value
            .as_int()
            .ok_or_else(|| Error::new("22004", "array subscript in assignment must not be null"))
    }
}

/// The array with the elements between the bounds replaced; a null leaves it as it is.
fn with_slice(whole: Value, (from, to): (i64, i64), given: Value) -> Result<Value> {
    let Value::Array(given) = given else { return Ok(whole) };
    let mut array = match whole {
        Value::Array(array) => array,
        _ => Array::default(),
    };
    if array.dims.len() > 1 || given.dims.len() > 1 {
        return Err(Error::unsupported("assigning to a slice of an array of arrays"));
    }
    if from > to {
        return Err(Error::new("2202E", "upper bound cannot be less than lower bound"));
    }
    let place = |bound: i64| {
        let at = usize::try_from(bound).ok().and_then(|bound| bound.checked_sub(1));
        at.filter(|at| *at < ELEMENTS_MAX)
            .ok_or_else(|| Error::unsupported("an array that does not begin at 1"))
    };
    let (first, last) = (place(from)?, place(to)?);
    if given.elements.len() <= last - first {
        return Err(Error::new("2202E", "source array too small"));
    }
    if last >= array.elements.len() {
        array.elements.resize(last + 1, Value::Null);
    }
    for (slot, value) in array.elements[first..=last].iter_mut().zip(given.elements) {
        *slot = value;
    }
    Ok(Value::Array(Array::from_elements(array.elements)))
}

/// Limit: elements of an array that assignments make longer.
const ELEMENTS_MAX: usize = 10_000_000;

/// Limit: bytes of a text that a variable holds. A loop could double it until memory ends.
const TEXT_SIZE_BYTES_MAX: usize = 256 << 20;

fn check_size(value: &Value) -> Result<()> {
    let fits = match value {
        Value::Text(text) | Value::Json(text) | Value::Jsonb(text) => {
            text.len() <= TEXT_SIZE_BYTES_MAX
        }
        Value::Bytes(bytes) => bytes.len() <= TEXT_SIZE_BYTES_MAX,
        Value::Array(array) => array.elements.len() <= ELEMENTS_MAX,
        _ => true,
    };
    if fits { Ok(()) } else { Err(Error::new("54000", "a variable holds too much")) }
}

fn empty() -> Error {
    Error::internal("an assignment to nothing")
}

/// What of a value is assigned to.
#[derive(Clone)]
struct Part<'p> {
    path: &'p [PathPart],
    subscripts: &'p [Option<(i64, i64)>],
    /// The fields of a record.
    known: Option<Vec<(String, Type)>>,
    /// The variable that the path begins at, if this is its beginning.
    of: Option<&'p str>,
}

impl<'p> Part<'p> {
    fn rest(self) -> Part<'p> {
        Part {
            path: self.path.get(1..).unwrap_or_default(),
            subscripts: self.subscripts.get(1..).unwrap_or_default(),
            known: None,
            of: None,
        }
    }
}
