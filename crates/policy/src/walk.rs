//! The walk that authorizes a tree: every relation checked and given its row policies, every view
//! expanded, every function checked and expanded where that is possible.

use std::mem;

use backstay_catalog::{Catalog, PolicyCommand, Relation, View};
use backstay_expr::walk::{Rewriter, walk_expr, walk_from};
use backstay_expr::{Expr, From, FunctionId, FunctionScan, Query, RelId, RelationId, RelationScan};
use backstay_model::{Error, Result};

use crate::Caller;
use crate::renumber::{Fresh, Greatest, Renumber, Uses};
use crate::rights::Rights;

/// How deep views and functions may nest before the walk gives up (`54001`).
const DEPTH: usize = 64;

/// How many policies with sub-selects and how many views one tree may expand to before the walk
/// gives up (`54001`): those that use several others, which use several others, multiply.
const PARTS: usize = 2_000;

/// The state of the walk.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) catalog: &'a Catalog,
    /// Whose rights relations are read with here: a view's owner inside the view.
    pub(crate) rights: Rights<'a>,
    /// Whose rights functions are called with and run with (views do not change it).
    pub(crate) current: Rights<'a>,
    pub(crate) fresh: Fresh,
    /// Relations whose policies (with sub-selects) are being expanded.
    pub(crate) policies: Vec<RelationId>,
    /// Functions that are being expanded.
    pub(crate) functions: Vec<FunctionId>,
    /// Inside a tree that was bound when it was created (a policy, a view): names are resolved
    /// already, so schemas are not checked again.
    pub(crate) stored: bool,
    /// The statement changes rows, so a volatile function could see its work.
    pub(crate) writing: bool,
    /// The entry that stands for the rows a write has just written: its policies were applied as
    /// checks already.
    pub(crate) written: Option<RelId>,
    pub(crate) uses: Uses,
    /// How many calls were expanded so far.
    pub(crate) expansions: usize,
    views: usize,
    /// How many policies and views were expanded so far.
    parts: usize,
    error: Option<Error>,
}

impl<'a> Walk<'a> {
    /// A walk over trees that use no greater identities than `greatest`.
    pub(crate) fn new(catalog: &'a Catalog, caller: &'a Caller, greatest: &Greatest) -> Self {
        let rights = Rights::of(catalog, caller);
        Self {
            catalog,
            current: rights.clone(),
            rights,
            fresh: Fresh::after(greatest),
            policies: Vec::new(),
            functions: Vec::new(),
            stored: false,
            writing: false,
            written: None,
            uses: Uses::default(),
            expansions: 0,
            views: 0,
            parts: 0,
            error: None,
        }
    }

    /// Authorizes an expression in place. Its uses must have been collected.
    pub(crate) fn rewrite_expr(&mut self, expr: &mut Expr) -> Result<()> {
        self.expr(expr);
        self.error.take().map_or(Ok(()), Err)
    }

    /// Authorizes a query in place. Its uses must have been collected.
    pub(crate) fn rewrite_query(&mut self, query: &mut Query) -> Result<()> {
        self.query(query);
        self.error.take().map_or(Ok(()), Err)
    }

    /// Looks a relation up.
    pub(crate) fn relation(&self, id: RelationId) -> Result<&'a Relation> {
        self.catalog
            .relations
            .get(&id)
            .map(AsRef::as_ref)
            .ok_or_else(|| Error::internal("a tree names a relation that is gone"))
    }

    /// Counts a policy or a view that is expanded.
    ///
    /// # Errors
    /// `54001` when they are too many.
    pub(crate) fn spend(&mut self) -> Result<()> {
        self.parts += 1;
        if self.parts <= PARTS {
            return Ok(());
        }
        Err(Error::new(
            "54001",
            format!("policies and views use each other more than {PARTS} times"),
        )
        .with_hint("Put what several of them test into a function that is SECURITY DEFINER."))
    }

    /// `USAGE` on the schema of something that is named here.
    pub(crate) fn check_schema(&self, schema: &str) -> Result<()> {
        if self.stored { Ok(()) } else { self.current.use_schema(self.catalog, schema) }
    }

    /// Checks the right to read a relation; returns what replaces the scan if it is a view.
    fn scan(&mut self, scan: &mut RelationScan) -> Result<Option<From>> {
        let relation = self.relation(scan.relation)?;
        self.check_schema(&relation.schema)?;
        self.rights.read(relation, &self.uses.of(scan.rel))?;
        if let Some(view) = relation.view() {
            return self.view(relation, view, scan.rel).map(Some);
        }
        scan.policy = if self.written == Some(scan.rel) {
            None
        } else {
            self.row_filter(relation, PolicyCommand::Select, scan.rel)?.map(Box::new)
        };
        Ok(None)
    }

    /// A view's query, read with its owner's rights or the reader's.
    fn view(&mut self, relation: &'a Relation, view: &'a View, rel: RelId) -> Result<From> {
        if self.views >= DEPTH {
            return Err(too_deep());
        }
        self.spend()?;
        let mut query = view.query()?.clone();
        Renumber::new(&mut self.fresh).query(&mut query);
        self.uses.query(&mut query);
        let owner = self.rights_inside(relation, view);
        let rights = mem::replace(&mut self.rights, owner);
        let stored = mem::replace(&mut self.stored, true);
        self.views += 1;
        let done = self.rewrite_query(&mut query);
        self.views -= 1;
        self.stored = stored;
        self.rights = rights;
        done.map(|()| From::Query { rel, query: Box::new(query), lateral: false })
    }

    /// Whose rights hold inside a view.
    pub(crate) fn rights_inside(&self, relation: &'a Relation, view: &View) -> Rights<'a> {
        if view.security_invoker {
            self.rights.clone()
        } else {
            self.rights.of_owner(self.catalog, &relation.owner)
        }
    }

    /// Checks a function in `FROM`; returns what replaces it if its body can stand there.
    fn function(&mut self, scan: &mut FunctionScan) -> Result<Option<From>> {
        let Expr::UserCall { function, args, .. } = &mut scan.call else {
            return self.rewrite_expr(&mut scan.call).map(|()| None);
        };
        for arg in args.iter_mut() {
            self.rewrite_expr(arg)?;
        }
        let routine = self.callable(*function)?;
        let query = self.rows_of_body(routine, args, &scan.columns, scan.ordinality);
        Ok(query?.map(|query| From::Query { rel: scan.rel, query: Box::new(query), lateral: true }))
    }

    fn note<T>(&mut self, result: Result<Option<T>>) -> Option<T> {
        match result {
            Ok(found) => found,
            Err(error) => {
                self.error.get_or_insert(error);
                None
            }
        }
    }
}

/// `54001` in PostgreSQL's words.
pub(crate) fn too_deep() -> Error {
    Error::new("54001", "stack depth limit exceeded")
}

impl Rewriter for Walk<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        if self.error.is_some() {
            return;
        }
        walk_expr(self, expr);
        if let Expr::UserCall { function, args, ty } = expr {
            let expanded =
                self.callable(*function).map(|routine| self.value_of_body(routine, args, ty));
            if let Some(value) = self.note(expanded) {
                *expr = value;
            }
        }
    }

    fn from(&mut self, from: &mut From) {
        if self.error.is_some() {
            return;
        }
        let replaced = match from {
            From::Relation(scan) => self.scan(scan),
            From::Function(scan) => self.function(scan),
            _ => {
                walk_from(self, from);
                return;
            }
        };
        if let Some(new) = self.note(replaced) {
            *from = new;
        }
    }
}
