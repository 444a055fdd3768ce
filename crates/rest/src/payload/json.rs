//! JSON bodies: one pass that finds where each value begins and ends.

use std::fmt;

use backstay_model::{Error, Result};
use indexmap::IndexSet;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{ABSENT, Payload, check_cells, nests_deeper, span};
use crate::errors;
use crate::settings::Limits;

/// Reads a body: an object is one row, an array of objects is many, any other value is none. The
/// payload is without its text.
pub(super) fn parse(text: &str, columns: Option<&[String]>, limits: &Limits) -> Result<Payload> {
    let fixed = columns.is_some();
    let mut builder = Builder {
        base: text.as_ptr() as usize,
        limits,
        columns: columns.unwrap_or_default().iter().cloned().collect(),
        fixed,
        cells: Vec::new(),
        rows: 0,
        problem: None,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => RowSeed(&mut builder).deserialize(&mut reader),
        Some(b'[') => RowsSeed(&mut builder).deserialize(&mut reader),
        Some(_) if fixed => return validate(text).and(Err(not_objects())),
        _ => return validate(text).map(|()| Payload::default()),
    };
    if let Err(error) = read.and_then(|()| reader.end()) {
        // An element that is no object stops the reading; what follows may still be no JSON.
        validate(text)?;
        return Err(match error.classify() {
            serde_json::error::Category::Data if fixed => not_objects(),
            serde_json::error::Category::Data => errors::keys_differ(),
            _ => errors::invalid_json(),
        });
    }
    if let Some(problem) = builder.problem {
        return Err(problem);
    }
    let Builder { columns, cells, rows, .. } = builder;
    Ok(Payload { columns: columns.into_iter().collect(), text: String::new(), cells, rows })
}

/// Is the text JSON at all? Does not recurse.
fn validate(text: &str) -> Result<()> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|_| errors::invalid_json())
}

fn not_objects() -> Error {
    Error::new("22023", "argument of json_to_recordset must be an array of objects")
}

struct Builder<'l> {
    /// Address of the body's first byte.
    base: usize,
    limits: &'l Limits,
    columns: IndexSet<String>,
    /// The columns are given; other keys are ignored.
    fixed: bool,
    cells: Vec<(u32, u32)>,
    rows: usize,
    /// What is wrong though it is JSON; reported only if the rest is JSON too.
    problem: Option<Error>,
}

impl Builder<'_> {
    /// The column of a key; `None` if it is ignored. `hint`: the column where it is expected.
    fn column(&mut self, key: &str, hint: usize) -> Option<usize> {
        if self.columns.get_index(hint).is_some_and(|column| column == key) {
            return Some(hint);
        }
        if let Some(column) = self.columns.get_index_of(key) {
            return Some(column);
        }
        if self.fixed {
            return None;
        }
        if self.rows > 0 {
            self.problem.get_or_insert_with(errors::keys_differ);
            return None;
        }
        self.cells.push(ABSENT);
        Some(self.columns.insert_full(key.to_owned()).0)
    }

    /// Stores a value; `true` if the cell was absent before.
    fn store(&mut self, row_start: usize, column: usize, value: &RawValue) -> bool {
        let text = value.get();
        if text.starts_with(['[', '{']) && nests_deeper(text, self.limits.json_depth) {
            let limit = self.limits.json_depth;
            self.problem.get_or_insert_with(|| too_deep(limit));
        }
        let from = text.as_ptr() as usize - self.base;
        match span(from, from + text.len()) {
            Ok(span) => match self.cells.get_mut(row_start + column) {
                Some(cell) => std::mem::replace(cell, span) == ABSENT,
                None => false,
            },
            Err(error) => {
                self.problem.get_or_insert(error);
                false
            }
        }
    }
}

/// A value of the body nests deeper than the limit.
pub(crate) fn too_deep(limit: usize) -> Error {
    errors::invalid_json().with_details(format!(
        "values nested deeper than the limit of {limit} (setting `limits.json_depth`)"
    ))
}

struct RowsSeed<'b, 'l>(&'b mut Builder<'l>);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(RowSeed(self.0))?.is_some() {}
        Ok(())
    }
}

struct RowSeed<'b, 'l>(&'b mut Builder<'l>);

impl<'de> DeserializeSeed<'de> for RowSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let builder = self.0;
        let start = builder.cells.len();
        let end = start + builder.columns.len();
        if let Err(error) = check_cells(end, builder.limits) {
            builder.problem.get_or_insert(error);
        }
        if builder.problem.is_some() {
            // Only whether the rest is JSON still matters.
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        builder.cells.resize(end, ABSENT);
        let (mut filled, mut hint) = (0, 0);
        while let Some(column) = members.next_key_seed(KeySeed { builder: &mut *builder, hint })? {
            let Some(column) = column else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &'de RawValue = members.next_value()?;
            if builder.store(start, column, value) {
                filled += 1;
            }
            hint = column + 1;
        }
        if !builder.fixed && filled != builder.columns.len() {
            builder.problem.get_or_insert_with(errors::keys_differ);
        }
        builder.rows += 1;
        Ok(())
    }
}

/// Turns a key into its column without keeping the text.
struct KeySeed<'b, 'l> {
    builder: &'b mut Builder<'l>,
    hint: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.builder.column(key, self.hint))
    }
}
