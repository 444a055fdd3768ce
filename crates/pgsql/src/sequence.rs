//! Data-modifying statements in `WITH`: the statement becomes a [`Sequence`] of parts.
//!
//! PostgreSQL shows every part the rows as they were before the statement. Here parts run one after
//! the other, so what a later part reads of a table that an earlier one changes is read first of all.

use std::collections::BTreeSet;

use backstay_catalog::{Catalog, Column};
use backstay_expr::walk::{Rewriter, walk_expr, walk_from, walk_statement};
use backstay_expr::{
    Cte, Expr, From, FunctionScan, Output, Query, RelId, RelationId, RelationScan, Select,
    Sequence, Statement,
};
use backstay_model::{Error, Result, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, WithClause};

use crate::Binder;
use crate::nodes::{each, required};
use crate::scope::CteBinding;
use crate::select::named_columns;

impl Binder<'_> {
    /// Does the clause hold statements that write? They may stand at the top level only.
    pub(crate) fn holds_writes(&mut self, with: &WithClause) -> Result<bool> {
        let writes = each(&with.ctes).any(|node| match node {
            NodeEnum::CommonTableExpr(cte) => {
                let query = cte.ctequery.as_deref().and_then(|query| query.node.as_ref());
                !matches!(query, Some(NodeEnum::SelectStmt(_)) | None)
            }
            _ => false,
        });
        if writes && self.scopes.len() > 1 {
            let message =
                "WITH clause containing a data-modifying statement must be at the top level";
            return Err(Error::new("0A000", message));
        }
        Ok(writes)
    }

    /// Binds one expression of such a clause as a part. What reads it reads the rows that it gave;
    /// without `RETURNING` there is nothing to read.
    pub(crate) fn part(
        &mut self,
        node: &CommonTableExpr,
        recursive: bool,
        earlier: &[Cte],
    ) -> Result<(Option<Cte>, CteBinding)> {
        let query = required(node.ctequery.as_deref())?;
        let mut statement = if let NodeEnum::SelectStmt(_) = query {
            let (cte, binding) = self.cte(node, recursive)?;
            let rel = self.fresh_rel();
            let from = From::Cte { rel, cte: cte.id };
            let mut query = Query::select(all_of(rel, &binding.columns, from));
            query.with.push(cte);
            Statement::Query(Box::new(query))
        } else {
            self.write_statement(query)?
        };
        match &mut statement {
            Statement::Query(query) => query.with.splice(0..0, earlier.iter().cloned()),
            Statement::Insert(insert) => insert.with.splice(0..0, earlier.iter().cloned()),
            Statement::Update(update) => update.with.splice(0..0, earlier.iter().cloned()),
            Statement::Delete(delete) => delete.with.splice(0..0, earlier.iter().cloned()),
            Statement::Truncate(_) | Statement::Sequence(_) => {
                return Err(Error::internal("a part of another kind"));
            }
        };
        let columns = named_columns(node, &statement.columns())?;
        let id = self.fresh_cte();
        let binding = CteBinding { id, name: node.ctename.clone(), columns: columns.clone() };
        let index = self.parts.len();
        self.parts.push(statement);
        if columns.is_empty() {
            return Ok((None, binding));
        }
        let rel = self.fresh_rel();
        let from = From::Function(given(rel, index, Type::Record, columns.clone()));
        let cte = Cte {
            id,
            name: node.ctename.clone(),
            columns: columns.iter().map(|(name, _)| name.clone()).collect(),
            query: Box::new(Query::select(all_of(rel, &columns, from))),
            recursive: false,
            materialized: None,
        };
        Ok((Some(cte), binding))
    }

    /// The statement with the parts that run before it.
    pub(crate) fn sequenced(&mut self, last: Statement) -> Result<Statement> {
        let parts = std::mem::take(&mut self.parts);
        if parts.is_empty() {
            return Ok(last);
        }
        let mut sequence = Sequence { parts, last };
        self.keep_snapshot(&mut sequence)?;
        Ok(Statement::Sequence(Box::new(sequence)))
    }

    /// Reads at the start what later parts read of the tables that earlier ones change.
    fn keep_snapshot(&mut self, sequence: &mut Sequence) -> Result<()> {
        let (mut changed, mut read_first) = (BTreeSet::new(), Vec::new());
        for part in sequence.parts.iter_mut().chain([&mut sequence.last]) {
            walk_statement(&mut Early { changed: &changed, scans: &mut read_first }, part);
            changed.extend(written(part));
        }
        if read_first.is_empty() {
            return Ok(());
        }
        let mut used = Used::default();
        let mut moved = Moved { catalog: self.catalog, read_first: &read_first };
        for part in sequence.parts.iter_mut().chain([&mut sequence.last]) {
            walk_statement(&mut used, part);
            walk_statement(&mut moved, part);
        }
        let mut parts = Vec::with_capacity(sequence.parts.len() + read_first.len());
        for (rel, id) in &read_first {
            parts.push(self.rows_before(*rel, *id, &used)?);
        }
        parts.append(&mut sequence.parts);
        sequence.parts = parts;
        Ok(())
    }

    /// All rows of a relation. Columns that nobody reads are null: the caller may have no right to them.
    fn rows_before(&mut self, of: RelId, id: RelationId, used: &Used) -> Result<Statement> {
        let relation = self.catalog.relations.get(&id);
        let relation = relation.ok_or_else(|| Error::internal("a scan of no relation"))?;
        let rel = self.fresh_rel();
        let output = |column: &Column| {
            let read = used.whole.contains(&of) || used.columns.contains(&(of, column.number));
            let ty = column.ty.clone();
            let expr = if read { Expr::column(rel, column.number, ty) } else { Expr::null(ty) };
            Output { name: column.name.clone(), expr }
        };
        let outputs = relation.columns.iter().map(output).collect();
        let from = From::Relation(RelationScan { rel, relation: id, policy: None });
        Ok(Statement::Query(Box::new(Query::select(Select::new(outputs, vec![from])))))
    }
}

/// `SELECT * FROM from`.
pub(crate) fn all_of(rel: RelId, columns: &[(String, Type)], from: From) -> Select {
    let outputs = columns.iter().zip(1..).map(|((name, ty), number)| Output {
        name: name.clone(),
        expr: Expr::column(rel, number, ty.clone()),
    });
    Select::new(outputs.collect(), vec![from])
}

/// The rows that a part gave.
fn given(rel: RelId, index: usize, row: Type, columns: Vec<(String, Type)>) -> FunctionScan {
    let rows = Expr::ParentKey { index, ty: row.clone().array_of() };
    let call = Expr::Call { symbol: "unnest(anyarray)".into(), args: vec![rows], ty: row };
    FunctionScan { rel, call, columns, ordinality: false }
}

/// The table that a part changes.
fn written(part: &Statement) -> Option<RelationId> {
    match part {
        Statement::Insert(insert) => Some(insert.relation),
        Statement::Update(update) => Some(update.relation),
        Statement::Delete(delete) => Some(delete.relation),
        Statement::Query(_) | Statement::Truncate(_) | Statement::Sequence(_) => None,
    }
}

/// Finds the scans of tables that were changed before.
struct Early<'c> {
    changed: &'c BTreeSet<RelationId>,
    scans: &'c mut Vec<(RelId, RelationId)>,
}

impl Rewriter for Early<'_> {
    fn from(&mut self, from: &mut From) {
        if let From::Relation(scan) = from
            && self.changed.contains(&scan.relation)
        {
            self.scans.push((scan.rel, scan.relation));
        }
        walk_from(self, from);
    }
}

/// Which columns are read, and which relations as a whole.
#[derive(Default)]
struct Used {
    columns: BTreeSet<(RelId, u16)>,
    whole: BTreeSet<RelId>,
}

impl Rewriter for Used {
    fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Column { rel, column, .. } => {
                self.columns.insert((*rel, *column));
            }
            Expr::WholeRow { rel, .. } => {
                self.whole.insert(*rel);
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}

/// Makes room for what is read first, and reads it there.
struct Moved<'c> {
    catalog: &'c Catalog,
    read_first: &'c [(RelId, RelationId)],
}

impl Rewriter for Moved<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::ParentKey { index, .. } => *index += self.read_first.len(),
            Expr::Column { rel, column, .. } => {
                let scan = self.read_first.iter().find(|(known, _)| known == rel);
                let relation = scan.and_then(|(_, id)| self.catalog.relations.get(id));
                let position = relation.and_then(|relation| relation.position(*column));
                if let Some(position) = position.and_then(|at| u16::try_from(at + 1).ok()) {
                    *column = position;
                }
            }
            _ => {}
        }
        walk_expr(self, expr);
    }

    fn from(&mut self, from: &mut From) {
        if let From::Relation(scan) = from
            && let Some(index) = self.read_first.iter().position(|(rel, _)| *rel == scan.rel)
            && let Some(relation) = self.catalog.relations.get(&scan.relation)
        {
            let columns = relation.columns.iter().map(|one| (one.name.clone(), one.ty.clone()));
            let row = Type::Composite(relation.row_type);
            *from = From::Function(given(scan.rel, index, row, columns.collect()));
            return;
        }
        walk_from(self, from);
    }
}
