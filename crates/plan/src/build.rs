//! From a request to a plan.

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation, SearchPath};
use backstay_model::{Error, Result};
use backstay_rest::{Action, Literals, Node, Request, errors, nearest};
use backstay_scalar::Environment;
use backstay_typing::Resolver;

use crate::ApiSettings;
use crate::builder::Builder;
use crate::joins::Linked;
use crate::plan::{Operation, Plan, Read};
use crate::relationships::Relationships;
use crate::resolved::Resolved;
use crate::values::Recipe;

/// What the parts of the building are told.
pub(crate) struct Asked<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) settings: &'a ApiSettings,
    pub(crate) request: &'a Request,
}

/// What building gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The plan.
    pub plan: Plan,
    /// How later requests of the same shape get their values into the same operation; `None` where
    /// the operation depends on the values.
    pub recipe: Option<Recipe>,
}

/// Resolves a request, whose literals were detached, against the catalogue.
///
/// # Errors
/// In PostgREST's order: `PGRST205`/`PGRST202`/`PGRST203`, `PGRST108`, `PGRST200`/`201`, `PGRST118`,
/// `PGRST123`/`127`, `PGRST204`; then what the database would say: `42703`, `42883`, `22P02`…
pub fn build(
    catalog: &Catalog,
    settings: &ApiSettings,
    (request, literals): (&Request, &Literals),
    env: &dyn Environment,
) -> Result<Built> {
    let mut path = vec![request.schema.clone()];
    path.extend(settings.extra_search_path.iter().filter(|s| **s != request.schema).cloned());
    let path = SearchPath(path);
    let mut builder = Builder::new(Resolver::new(catalog, &path), env, &request.schema, literals);
    let asked = Asked { catalog, settings, request };
    let operation = match &request.action {
        Action::Read(read) => {
            let relation = asked.relation(&read.relation)?;
            Operation::Read(builder.read(&asked, relation, &read.node)?)
        }
        Action::Insert(insert) => Operation::Write(builder.insert(&asked, insert)?),
        Action::Update(update) => Operation::Write(builder.update(&asked, update)?),
        Action::Put(put) => Operation::Write(builder.put(&asked, put)?),
        Action::Delete(delete) => Operation::Write(builder.delete(&asked, delete)?),
        Action::Call(call) => Operation::Call(builder.function(&asked, call)?),
        Action::Root | Action::Options(_) => {
            return Err(Error::internal("a request for what the API offers has no plan"));
        }
    };
    let plan = Plan { params: builder.params, rows: builder.rows, operation: Arc::new(operation) };
    Ok(Built { plan, recipe: builder.recipe })
}

impl<'a> Asked<'a> {
    /// The relation of this name in the request's schema.
    ///
    /// # Errors
    /// `PGRST205`, and `PGRST108` that ranks behind it.
    pub(crate) fn relation(&self, name: &str) -> Result<&'a Relation> {
        let schema = &self.request.schema;
        let Some(found) = self.catalog.relation(schema, name) else {
            let names = self.catalog.relations_in(schema).map(|relation| relation.name.as_str());
            let near = nearest(name, names, backstay_rest::RELATION_SCORE_MIN);
            return Err(errors::relation_not_found(schema, name, near));
        };
        self.deferred_embed_path()?;
        Ok(Arc::as_ref(found))
    }

    /// `PGRST108`, if it waits.
    pub(crate) fn deferred_embed_path(&self) -> Result<()> {
        self.request.deferred.embed_path.clone().map_or(Ok(()), Err)
    }

    /// Finds the relationships of a node; `PGRST123` ranks behind them.
    pub(crate) fn resolve(
        &self,
        node: &'a Node,
        relation: Option<&'a Relation>,
        name: &str,
    ) -> Result<Resolved<'a>> {
        let embeds = node.embeds().next().is_some();
        let relationships = Relationships::of(self.catalog, &self.request.schema, embeds);
        let found = Resolved::find(node, relation, name, &relationships)?;
        self.request.deferred.aggregate.clone().map_or(Ok(found), Err)
    }
}

impl<'a> Builder<'a> {
    /// The root of a tree over a relation.
    pub(crate) fn scan(&mut self, relation: &'a Relation) -> Linked<'a> {
        let source = self.source(relation, 0);
        let from = source.scan().into_iter().collect();
        Linked { source, from, on: Vec::new() }
    }

    fn read(&mut self, asked: &Asked<'a>, relation: &'a Relation, node: &'a Node) -> Result<Read> {
        let resolved = asked.resolve(node, Some(relation), &relation.name)?;
        let scan = self.scan(relation);
        let node = self.node(&resolved, scan, true)?;
        let count = if asked.request.wants_count() {
            let scan = self.scan(relation);
            Some(self.count(&resolved, scan)?)
        } else {
            None
        };
        Ok(Read { node, count })
    }
}
