//! Cursors: their rows are read when they are opened.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_model::{Error, Result, Type, Value};
use backstay_pgsql::plpgsql::{CursorSource, Declared, Direction, FragmentId, Slot, Target};

use super::Interpreter;
use super::frame::Shape;
use crate::Row;

/// Open cursors by name.
#[derive(Default)]
pub(super) struct Cursors {
    open: HashMap<String, Open>,
    unnamed: usize,
}

struct Open {
    rows: Vec<Row>,
    shape: Arc<Shape>,
    /// Number of the current row, from 1; 0 before the first, one too many behind the last.
    at: usize,
}

impl Interpreter<'_> {
    fn cursor_name(&self, slot: Slot) -> Result<String> {
        match &self.frame.values[slot] {
            Value::Text(name) => Ok(name.clone()),
            _ => {
                let name = &self.compiled.program.variables[slot].name;
                Err(Error::new("22004", format!("cursor variable \"{name}\" is null")))
            }
        }
    }

    pub(super) fn open(&mut self, slot: Slot, source: &CursorSource) -> Result<()> {
        let variable = &self.compiled.program.variables[slot];
        let name = match (&self.frame.values[slot], &variable.ty) {
            (Value::Text(name), _) => name.clone(),
            (_, Declared::Cursor(Some(_))) => variable.name.clone(),
            _ => {
                self.cursors.unnamed += 1;
                format!("<unnamed portal {}>", self.cursors.unnamed)
            }
        };
        if self.cursors.open.contains_key(&name) {
            return Err(Error::new("42P03", format!("cursor \"{name}\" already in use")));
        }
        let given = match source {
            CursorSource::For(rows) => self.all_rows(rows)?,
            CursorSource::Bound(arguments) => match &variable.ty {
                Declared::Cursor(Some(cursor)) => {
                    let cursor = Arc::clone(cursor);
                    self.bound_rows(&cursor, arguments)?
                }
                _ => return Err(Error::internal("an unbound cursor is opened as a bound one")),
            },
        };
        let open = Open { rows: given.rows, shape: given.shape, at: 0 };
        self.cursors.open.insert(name.clone(), open);
        self.frame.values[slot] = Value::Text(name);
        Ok(())
    }

    pub(super) fn fetch(
        &mut self,
        slot: Slot,
        direction: &Direction,
        into: Option<&Target>,
    ) -> Result<()> {
        let name = self.cursor_name(slot)?;
        let step = match direction {
            Direction::Absolute(id) | Direction::Relative(id) => Some(self.steps(*id)?),
            _ => None,
        };
        let missing = || Error::new("34000", format!("cursor \"{name}\" does not exist"));
        let cursor = self.cursors.open.get_mut(&name).ok_or_else(missing)?;
        let count = cursor.rows.len();
        let before = cursor.at;
        let end = count + 1;
        let to = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(end);
        let here = i64::try_from(cursor.at).unwrap_or(i64::MAX);
        cursor.at = match direction {
            Direction::Next => to(here.saturating_add(1)),
            Direction::Prior => to(here.saturating_sub(1)),
            Direction::First => to(1),
            Direction::Last => count,
            Direction::Absolute(_) => match step.unwrap_or(0) {
                back @ ..0 => to(i64::try_from(end).unwrap_or(i64::MAX).saturating_add(back)),
                at => to(at),
            },
            Direction::Relative(_) => to(here.saturating_add(step.unwrap_or(0))),
            Direction::All { backward: true } => 0,
            Direction::All { backward: false } => end,
        };
        let row = cursor.at.checked_sub(1).and_then(|at| cursor.rows.get(at)).cloned();
        let moved = match direction {
            Direction::All { .. } => cursor.at.abs_diff(before).saturating_sub(1),
            _ => usize::from(row.is_some()),
        };
        let shape = Arc::clone(&cursor.shape);
        self.row_count = moved as u64;
        self.set_found(moved > 0);
        match into {
            Some(target) => self.assign_row(target, row, &shape),
            None => Ok(()),
        }
    }

    fn steps(&self, id: FragmentId) -> Result<i64> {
        let (value, shape) = self.value(id)?;
        let value = self.converted(value, &shape, &(Type::Int4, None))?;
        value
            .as_int()
            .ok_or_else(|| Error::new("22004", "relative or absolute cursor position is null"))
    }

    pub(super) fn close(&mut self, slot: Slot) -> Result<()> {
        let name = self.cursor_name(slot)?;
        match self.cursors.open.remove(&name) {
            Some(_) => Ok(()),
            None => Err(Error::new("34000", format!("cursor \"{name}\" does not exist"))),
        }
    }
}
