//! Plans, compiled once for each shape of request.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use backstay_catalog::Catalog;
use backstay_expr::{Body, Comparator, CompareOp, Expr, Query};
use backstay_model::{Error, Result, Type};
use backstay_plan::{CallResult, Node, Operation, Plan, Read, Write};
use backstay_policy::Authorized;
use lru::LruCache;
use parking_lot::Mutex;

use crate::nodes::NodeProgram;
use crate::query::Program;

/// Limit: compiled plans that are kept; about 8 MiB.
const PLANS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// A compiled plan.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Kept so that its place in memory stays its own.
    _source: Arc<Operation>,
    version: u64,
    pub(crate) operation: CompiledOperation,
    /// May it take long? Asked of SQLite's planner once.
    pub(crate) long: OnceLock<bool>,
}

/// What a plan does, compiled.
#[derive(Debug)]
pub(crate) enum CompiledOperation {
    Read(CompiledRead),
    Write(Option<Representation>),
    Call(Option<CompiledRead>),
}

/// Rows and their count.
#[derive(Debug)]
pub(crate) struct CompiledRead {
    pub(crate) node: NodeProgram,
    pub(crate) count: Option<Program>,
}

/// The written rows as the answer shows them.
#[derive(Debug)]
pub(crate) enum Representation {
    /// The node's query for one row id at a time, in the order of the input.
    Each(NodeProgram),
    /// The node's query for a list of row ids, in its own order.
    Together(NodeProgram),
    /// The node's query for a list of rows: of a view with triggers of its own.
    Rows(NodeProgram),
}

impl Compiled {
    fn new(catalog: &Catalog, source: &Arc<Operation>) -> Result<Self> {
        let operation = match &**source {
            Operation::Read(Read { node, count }) => {
                CompiledOperation::Read(compile_read(catalog, node, count.as_ref())?)
            }
            Operation::Write(write) => CompiledOperation::Write(match &write.representation {
                Some(node) => Some(representation(catalog, write, node)?),
                None => None,
            }),
            Operation::Call(call) => CompiledOperation::Call(match &call.result {
                CallResult::Rows { node, count, .. } => {
                    Some(compile_read(catalog, node, count.as_ref())?)
                }
                CallResult::Void | CallResult::Scalar(_) | CallResult::Scalars { .. } => None,
            }),
        };
        Ok(Self {
            _source: Arc::clone(source),
            version: catalog.version,
            operation,
            long: OnceLock::new(),
        })
    }
}

fn compile_read(catalog: &Catalog, node: &Node, count: Option<&Query>) -> Result<CompiledRead> {
    Ok(CompiledRead {
        node: NodeProgram::new(catalog, node)?,
        count: count.map(|query| Program::new(catalog, query)).transpose()?,
    })
}

fn representation(catalog: &Catalog, write: &Write, node: &Node) -> Result<Representation> {
    let view = catalog.relations.get(&write.relation).is_some_and(|one| one.view().is_some());
    if view {
        return NodeProgram::new(catalog, node).map(Representation::Rows);
    }
    let mut node = node.clone();
    let query = &mut node.query;
    let whole = !query.order.is_empty() || query.limit.is_some() || query.offset.is_some();
    let Body::Select(select) = &mut query.body else {
        return Err(Error::unsupported("this representation of written rows"));
    };
    let together = whole || !select.group.is_empty() || select.outputs.iter().any(aggregates);
    let id = Expr::column(write.target, 0, Type::Int8);
    if !together {
        let key = Expr::ParentKey { index: 0, ty: Type::Int8 };
        select.narrow(Expr::equals(Type::Int8, id, key));
        return NodeProgram::new(catalog, &node).map(Representation::Each);
    }
    select.narrow(Expr::AnyArray {
        op: Comparator::Compare(CompareOp::Eq),
        operand: Type::Int8,
        all: false,
        left: Box::new(id),
        array: Box::new(Expr::ParentKey { index: 0, ty: Type::Int8.array_of() }),
    });
    NodeProgram::new(catalog, &node).map(Representation::Together)
}

fn aggregates(output: &backstay_expr::Output) -> bool {
    let mut found = false;
    backstay_expr::visit_expr(&output.expr, &mut |node| {
        found = found || matches!(node, Expr::Aggregate { .. });
    });
    found
}

/// Compiled plans of the process, by the operation that they are the compiled form of.
///
/// The spine gives all requests of one shape one operation, so its place in memory tells which it
/// is; a compiled plan keeps its operation alive, so no other can take the place meanwhile.
#[derive(Debug)]
pub(crate) struct Plans(Mutex<LruCache<usize, Arc<Compiled>>>);

impl Default for Plans {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(PLANS_MAX)))
    }
}

impl Plans {
    /// The compiled form of a plan.
    ///
    /// # Errors
    /// As lowering raises.
    pub(crate) fn get(&self, catalog: &Catalog, plan: &Authorized<Plan>) -> Result<Arc<Compiled>> {
        let operation = &plan.get().operation;
        let name = Arc::as_ptr(operation).addr();
        if let Some(known) = self.0.lock().get(&name)
            && known.version == catalog.version
        {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(Compiled::new(catalog, operation)?);
        self.0.lock().put(name, Arc::clone(&made));
        Ok(made)
    }
}
