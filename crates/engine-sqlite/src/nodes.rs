//! The nodes of an answer: one prepared statement each, children run per parent row, all written
//! straight into one buffer.

mod children;

use backstay_catalog::Catalog;
use backstay_executor::{Scope, Store};
use backstay_model::{Error, Result, Type, Value};
use backstay_plan::{Child, ChildKind, MemberKind, Node};
use backstay_scalar::io;
use rusqlite::Row;

use self::children::{OpenChild, opened};
use crate::connection::Connection;
use crate::json::{Writing, push_csv_field};
use crate::query::Program;
use crate::store::column;
use crate::stored;

/// A node, compiled.
#[derive(Debug)]
pub(crate) struct NodeProgram {
    /// Gives the rows.
    pub(crate) query: Program,
    members: Vec<MemberProgram>,
    children: Vec<ChildProgram>,
}

#[derive(Debug)]
struct MemberProgram {
    /// As given.
    name: String,
    /// `"name":`, escaped.
    key: Vec<u8>,
    kind: MemberKind,
}

/// A child, compiled.
#[derive(Debug)]
struct ChildProgram {
    kind: ChildKind,
    keys: Vec<usize>,
    node: NodeProgram,
    /// Equal keys give the same text: nothing in it is computed by a function of ours.
    repeats: bool,
}

/// Where and for whom nodes are written.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) store: &'a dyn Store,
}

impl<'a> Run<'a> {
    fn writing(&self) -> Writing<'a> {
        Writing { catalog: self.scope.catalog, env: self.scope.env }
    }
}

/// Takes the members of one object.
trait Members {
    /// Writes the next member.
    fn member(
        &mut self,
        key: &[u8],
        write: &mut dyn FnMut(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()>;
}

/// `{"a":1,"b":2}`, without the braces.
struct ObjectMembers<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Members for ObjectMembers<'_> {
    fn member(
        &mut self,
        key: &[u8],
        write: &mut dyn FnMut(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.extend_from_slice(key);
        write(self.out)
    }
}

/// Each member's values over all rows, for spread to-many children.
struct ColumnMembers<'o> {
    columns: &'o mut [Vec<u8>],
    at: usize,
}

impl Members for ColumnMembers<'_> {
    fn member(
        &mut self,
        _: &[u8],
        write: &mut dyn FnMut(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let column = self
            .columns
            .get_mut(self.at)
            .ok_or_else(|| Error::internal("a spread member without a place"))?;
        self.at += 1;
        if !column.is_empty() {
            column.extend_from_slice(b", ");
        }
        write(column)
    }
}

impl NodeProgram {
    /// Compiles a node with its children.
    ///
    /// # Errors
    /// As lowering raises.
    pub(crate) fn new(catalog: &Catalog, node: &Node) -> Result<Self> {
        let members = node
            .members
            .iter()
            .map(|member| {
                let mut key = Vec::with_capacity(member.key.len() + 3);
                io::json::write_string(&member.key, &mut key);
                key.push(b':');
                MemberProgram { name: member.key.clone(), key, kind: member.kind.clone() }
            })
            .collect();
        let child = |child: &Child| {
            let node = Self::new(catalog, &child.node)?;
            let ours = |program: &&Program| !program.lowered.functions.is_empty();
            let repeats = child.kind == ChildKind::One && !node.programs().iter().any(ours);
            Ok(ChildProgram { kind: child.kind, keys: child.keys.clone(), node, repeats })
        };
        Ok(Self {
            query: Program::new(catalog, &node.query)?,
            members,
            children: node.children.iter().map(child).collect::<Result<_>>()?,
        })
    }

    /// Its statement and those of all nodes below.
    pub(crate) fn programs(&self) -> Vec<&Program> {
        let below = self.children.iter().flat_map(|child| child.node.programs());
        std::iter::once(&self.query).chain(below).collect()
    }

    /// Appends all rows as objects with commas; answers how many.
    ///
    /// # Errors
    /// As the statements raise.
    pub(crate) fn objects(&self, run: Run<'_>, out: &mut Vec<u8>) -> Result<u64> {
        let mut count = 0;
        let mut children = self.open(run);
        self.query.run(run.connection, run.scope, run.store, &mut |row| {
            if count > 0 {
                out.extend_from_slice(b",\n ");
            }
            count += 1;
            self.object(run, row, &mut children, out)?;
            Ok(true)
        })?;
        Ok(count)
    }

    /// Its children, to be run for one row after another.
    fn open<'r>(&'r self, run: Run<'r>) -> Vec<OpenChild<'r>> {
        self.children.iter().map(|child| OpenChild::new(child, run)).collect()
    }

    /// Appends one row as an object.
    fn object(
        &self,
        run: Run<'_>,
        row: &Row<'_>,
        children: &mut [OpenChild<'_>],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        out.push(b'{');
        self.write_members(run, row, children, &mut ObjectMembers { out, first: true })?;
        out.push(b'}');
        Ok(())
    }

    fn write_members(
        &self,
        run: Run<'_>,
        row: &Row<'_>,
        children: &mut [OpenChild<'_>],
        to: &mut dyn Members,
    ) -> Result<()> {
        let writing = run.writing();
        for member in &self.members {
            match member.kind {
                MemberKind::Output(index) => {
                    let ty = self.query.types.get(index).unwrap_or(&Type::Text);
                    to.member(&member.key, &mut |out| writing.json(ty, column(row, index), out))?;
                }
                MemberKind::Child(index) => {
                    let keys = self.keys(self.child(index)?, run, row)?;
                    let child = opened(children, index)?;
                    to.member(&member.key, &mut |out| child.write(run, &keys, out))?;
                }
                MemberKind::Spread(index) => {
                    let keys = self.keys(self.child(index)?, run, row)?;
                    opened(children, index)?.spread(run, &keys, to)?;
                }
            }
        }
        Ok(())
    }

    fn child(&self, index: usize) -> Result<&ChildProgram> {
        self.children
            .get(index)
            .ok_or_else(|| Error::internal(format!("a node lacks child {index}")))
    }

    fn keys(&self, child: &ChildProgram, run: Run<'_>, row: &Row<'_>) -> Result<Vec<Value>> {
        let one = |output: &usize| {
            let ty = self.query.types.get(*output).unwrap_or(&Type::Text);
            stored::decode(ty, column(row, *output), run.scope.catalog.as_ref())
        };
        child.keys.iter().map(one).collect()
    }

    /// The members as a spread shows them when there is no row.
    fn write_nulls(&self, to: &mut dyn Members) -> Result<()> {
        for member in &self.members {
            let mut null = |out: &mut Vec<u8>| {
                out.extend_from_slice(b"null");
                Ok(())
            };
            match member.kind {
                MemberKind::Output(_) => to.member(&member.key, &mut null)?,
                MemberKind::Child(index) => {
                    let empty: &[u8] = match self.child(index)?.kind {
                        ChildKind::One => b"null",
                        ChildKind::Many => b"[]",
                    };
                    to.member(&member.key, &mut |out| {
                        out.extend_from_slice(empty);
                        Ok(())
                    })?;
                }
                MemberKind::Spread(index) => self.child(index)?.node.write_nulls(to)?,
            }
        }
        Ok(())
    }

    /// Keys of the members with those of spread children in their places.
    fn flat_keys(&self) -> Result<Vec<&[u8]>> {
        let mut keys = Vec::with_capacity(self.members.len());
        for member in &self.members {
            match member.kind {
                MemberKind::Output(_) | MemberKind::Child(_) => keys.push(member.key.as_slice()),
                MemberKind::Spread(index) => keys.extend(self.child(index)?.node.flat_keys()?),
            }
        }
        Ok(keys)
    }

    /// Appends all rows as CSV with a header line; answers how many.
    ///
    /// # Errors
    /// As the statements raise.
    pub(crate) fn csv(&self, run: Run<'_>, out: &mut Vec<u8>) -> Result<u64> {
        let mut count = 0;
        let writing = run.writing();
        let mut lines = Vec::new();
        let mut children = self.open(run);
        self.query.run(run.connection, run.scope, run.store, &mut |row| {
            count += 1;
            lines.push(b'\n');
            for (index, member) in self.members.iter().enumerate() {
                if index > 0 {
                    lines.push(b',');
                }
                match member.kind {
                    MemberKind::Output(at) => {
                        let ty = self.query.types.get(at).unwrap_or(&Type::Text);
                        writing.csv(ty, column(row, at), &mut lines)?;
                    }
                    MemberKind::Child(at) | MemberKind::Spread(at) => {
                        let mut json = Vec::new();
                        let keys = self.keys(self.child(at)?, run, row)?;
                        opened(&mut children, at)?.write(run, &keys, &mut json)?;
                        push_csv_field(&String::from_utf8_lossy(&json), &mut lines);
                    }
                }
            }
            Ok(true)
        })?;
        if count == 0 {
            out.push(b'\n');
            return Ok(0);
        }
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(member.name.as_bytes());
        }
        out.extend_from_slice(&lines);
        Ok(count)
    }
}
