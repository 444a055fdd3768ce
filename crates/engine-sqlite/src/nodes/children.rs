//! The children of the rows that one statement gives.

use backstay_executor::Scope;
use backstay_model::{Error, Result, Value};
use backstay_plan::ChildKind;

use super::{ChildProgram, ColumnMembers, Members, Run};
use crate::query::Repeated;

/// Limit: keys of which a to-one child is kept while its parents are read; lists show few categories
/// and authors many times.
const KNOWN_MAX: usize = 64;

/// A child while the rows of its parents are read.
pub(super) struct OpenChild<'r> {
    program: &'r ChildProgram,
    query: Repeated<'r>,
    below: Vec<OpenChild<'r>>,
    /// What was written for which keys.
    known: Vec<(Vec<Value>, Vec<u8>)>,
}

impl<'r> OpenChild<'r> {
    /// A child that has not run yet.
    pub(super) fn new(program: &'r ChildProgram, run: Run<'r>) -> Self {
        let query = Repeated::new(&program.node.query, run.connection);
        Self { program, query, below: program.node.open(run), known: Vec::new() }
    }

    /// Appends the child of one parent row: an object, `null`, or an array.
    pub(super) fn write(&mut self, run: Run<'_>, keys: &[Value], out: &mut Vec<u8>) -> Result<()> {
        if !self.program.repeats {
            return self.query(run, keys, out);
        }
        if let Some((_, text)) = self.known.iter().find(|(known, _)| known == keys) {
            out.extend_from_slice(text);
            return Ok(());
        }
        let start = out.len();
        self.query(run, keys, out)?;
        if self.known.len() < KNOWN_MAX {
            self.known.push((keys.to_vec(), out[start..].to_vec()));
        }
        Ok(())
    }

    fn query(&mut self, run: Run<'_>, keys: &[Value], out: &mut Vec<u8>) -> Result<()> {
        let scope = Scope { parent_keys: keys, ..*run.scope };
        let run = Run { scope: &scope, ..run };
        let ChildProgram { kind, node, .. } = self.program;
        let below = &mut self.below;
        let start = out.len();
        let mut count = 0;
        if *kind == ChildKind::Many {
            out.push(b'[');
        }
        self.query.run(run.scope, run.store, &mut |row| {
            if count > 0 {
                out.extend_from_slice(b", ");
            }
            count += 1;
            node.object(run, row, below, out)?;
            Ok(*kind == ChildKind::Many)
        })?;
        match kind {
            ChildKind::Many => out.push(b']'),
            ChildKind::One if out.len() == start => out.extend_from_slice(b"null"),
            ChildKind::One => {}
        }
        Ok(())
    }

    /// Writes the child's members among its parent's.
    pub(super) fn spread(
        &mut self,
        run: Run<'_>,
        keys: &[Value],
        to: &mut dyn Members,
    ) -> Result<()> {
        let scope = Scope { parent_keys: keys, ..*run.scope };
        let run = Run { scope: &scope, ..run };
        let ChildProgram { kind, node, .. } = self.program;
        let below = &mut self.below;
        if *kind == ChildKind::One {
            let mut found = false;
            self.query.run(run.scope, run.store, &mut |row| {
                found = true;
                node.write_members(run, row, below, to)?;
                Ok(false)
            })?;
            return if found { Ok(()) } else { node.write_nulls(to) };
        }
        let keys = node.flat_keys()?;
        let mut columns = vec![Vec::new(); keys.len()];
        self.query.run(run.scope, run.store, &mut |row| {
            let mut members = ColumnMembers { columns: &mut columns, at: 0 };
            node.write_members(run, row, below, &mut members)?;
            Ok(true)
        })?;
        for (key, column) in keys.into_iter().zip(columns) {
            to.member(key, &mut |out| {
                out.push(b'[');
                out.extend_from_slice(&column);
                out.push(b']');
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// The child at a position.
pub(super) fn opened<'c, 'r>(
    children: &'c mut [OpenChild<'r>],
    index: usize,
) -> Result<&'c mut OpenChild<'r>> {
    children.get_mut(index).ok_or_else(|| Error::internal(format!("a node lacks child {index}")))
}
