//! Sequences: the numbers live in memory, so that no failed request gives one back; what was used is
//! written with each batch, outside of the requests' savepoints.

use std::collections::{BTreeMap, BTreeSet};

use backstay_catalog::{Catalog, Sequence};
use backstay_model::{Error, Result};
use backstay_scalar::environment::SequenceAction;
use parking_lot::Mutex;

use crate::connection::Connection;
use crate::failure;

/// Schema and name.
pub(crate) type SequenceKey = (String, String);

/// Where a sequence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last number, or the first one to come.
    pub(crate) last: i64,
    /// Was `last` handed out?
    pub(crate) called: bool,
}

#[derive(Debug, Default, Clone)]
struct State {
    positions: BTreeMap<SequenceKey, Position>,
    /// What is to be written, with where it stood at the mark.
    changed: BTreeMap<SequenceKey, Option<Position>>,
    gone: BTreeSet<SequenceKey>,
}

impl State {
    fn set(&mut self, key: &SequenceKey, position: Position) {
        let before = match self.positions.get_mut(key) {
            Some(known) => Some(std::mem::replace(known, position)),
            None => self.positions.insert(key.clone(), position),
        };
        if !self.changed.contains_key(key) {
            self.changed.insert(key.clone(), before);
        }
    }
}

/// All sequences of a database.
#[derive(Debug, Default)]
pub(crate) struct Sequences(Mutex<State>);

/// What all sequences were at some moment.
pub(crate) struct Remembered(State);

impl Sequences {
    /// Reads the stored positions.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn load(&self, connection: &Connection) -> Result<()> {
        let mut statement = connection.prepare(
            "SELECT \"schema\", \"name\", \"last\", \"called\" FROM \"_backstay_sequences\"",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(((row.get(0)?, row.get(1)?), Position { last: row.get(2)?, called: row.get(3)? }))
        });
        let positions = rows.and_then(Iterator::collect);
        let positions = positions.map_err(|error| failure::translate(&error))?;
        *self.0.lock() = State { positions, ..State::default() };
        Ok(())
    }

    /// Writes what changed since the last time; within the batch's transaction.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn store(&self, connection: &Connection) -> Result<()> {
        let state = self.0.lock();
        if state.changed.is_empty() && state.gone.is_empty() {
            return Ok(());
        }
        let gone = "DELETE FROM \"_backstay_sequences\" WHERE \"schema\" = ?1 AND \"name\" = ?2";
        for (schema, name) in &state.gone {
            let done = connection.prepare(gone)?.execute((schema, name));
            done.map_err(|error| failure::translate(&error))?;
        }
        let put = "INSERT OR REPLACE INTO \"_backstay_sequences\" \
                   (\"schema\", \"name\", \"last\", \"called\") VALUES (?1, ?2, ?3, ?4)";
        for key in state.changed.keys() {
            if let Some(at) = state.positions.get(key) {
                let row = (&key.0, &key.1, at.last, at.called);
                let done = connection.prepare(put)?.execute(row);
                done.map_err(|error| failure::translate(&error))?;
            }
        }
        Ok(())
    }

    /// What [`Sequences::store`] wrote is on disk.
    pub(crate) fn stored(&self) {
        let mut state = self.0.lock();
        state.changed.clear();
        state.gone.clear();
    }

    /// Marks where all sequences stand, see [`Sequences::rewind`].
    pub(crate) fn mark(&self) {
        let State { positions, changed, .. } = &mut *self.0.lock();
        for (key, marked) in changed {
            *marked = positions.get(key).copied();
        }
    }

    /// Comes back to the mark: nobody has seen the numbers that were used since.
    pub(crate) fn rewind(&self) {
        let State { positions, changed, .. } = &mut *self.0.lock();
        for (key, marked) in changed {
            match *marked {
                Some(position) => positions.insert(key.clone(), position),
                None => positions.remove(key),
            };
        }
    }

    /// What there is now, to come back to if a change of the schema fails.
    pub(crate) fn remember(&self) -> Remembered {
        Remembered(self.0.lock().clone())
    }

    /// Comes back to what there was. Numbers that were used since stay used.
    pub(crate) fn restore(&self, remembered: Remembered) {
        let mut state = self.0.lock();
        let mut before = remembered.0;
        for (key, position) in &mut before.positions {
            if let Some(now) = state.positions.get(key)
                && now != position
            {
                *position = *now;
                before.changed.insert(key.clone(), Some(*now));
            }
        }
        *state = before;
    }

    /// Where a sequence stands; one that was never used, at its start.
    pub(crate) fn position(&self, key: &SequenceKey, sequence: &Sequence) -> Position {
        let fresh = Position { last: sequence.start, called: false };
        self.0.lock().positions.get(key).copied().unwrap_or(fresh)
    }

    /// Sets a sequence to a position; the next number is `last` unless it was called.
    pub(crate) fn put(&self, key: SequenceKey, position: Position) {
        let mut state = self.0.lock();
        state.gone.remove(&key);
        state.set(&key, position);
    }

    /// Forgets a sequence; answers where it stood.
    pub(crate) fn take(&self, key: &SequenceKey) -> Option<Position> {
        let mut state = self.0.lock();
        state.changed.remove(key);
        state.gone.insert(key.clone());
        state.positions.remove(key)
    }

    /// `nextval`, `setval`, and what `currval` shows without a session.
    ///
    /// # Errors
    /// `42P01` for an unknown name, `2200H` at the end, `22003` out of bounds.
    pub(crate) fn act(
        &self,
        catalog: &Catalog,
        key: &SequenceKey,
        action: SequenceAction,
    ) -> Result<i64> {
        let sequence = catalog.sequences.get(key).ok_or_else(|| unknown(&key.1))?;
        let mut state = self.0.lock();
        let fresh = Position { last: sequence.start, called: false };
        let at = state.positions.get(key).copied().unwrap_or(fresh);
        let position = match action {
            SequenceAction::Current => return Ok(at.last),
            SequenceAction::Next if !at.called => Position { called: true, ..at },
            SequenceAction::Next => {
                Position { last: next(sequence, &key.1, at.last)?, called: true }
            }
            SequenceAction::Set { value, called } => {
                if value < sequence.min || value > sequence.max {
                    return Err(Error::new(
                        "22003",
                        format!(
                            "setval: value {value} is out of bounds for sequence \"{}\" ({}..{})",
                            key.1, sequence.min, sequence.max
                        ),
                    ));
                }
                Position { last: value, called }
            }
        };
        state.set(key, position);
        Ok(position.last)
    }
}

fn next(sequence: &Sequence, name: &str, last: i64) -> Result<i64> {
    let up = sequence.increment > 0;
    let next = last
        .checked_add(sequence.increment)
        .filter(|next| if up { *next <= sequence.max } else { *next >= sequence.min });
    match (next, sequence.cycle, up) {
        (Some(next), _, _) => Ok(next),
        (None, true, true) => Ok(sequence.min),
        (None, true, false) => Ok(sequence.max),
        (None, false, up) => {
            let (word, bound) =
                if up { ("maximum", sequence.max) } else { ("minimum", sequence.min) };
            Err(Error::new(
                "2200H",
                format!("nextval: reached {word} value of sequence \"{name}\" ({bound})"),
            ))
        }
    }
}

/// `42P01`.
pub(crate) fn unknown(name: &str) -> Error {
    Error::new("42P01", format!("relation \"{name}\" does not exist"))
}
