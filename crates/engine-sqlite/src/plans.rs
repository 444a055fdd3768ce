//! Plans, compiled once for each shape of request.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use backstay_catalog::Catalog;
use backstay_expr::{Body, Comparator, CompareOp, Expr, Query};
use backstay_model::{Error, Result, Type};
use backstay_plan::{CallResult, Node, Operation, Plan, Read, Write};
use backstay_policy::Authorized;
use parking_lot::Mutex;

use crate::nodes::NodeProgram;
use crate::query::Program;

/// Limit: compiled plans that are kept; about 8 MiB.
const PLANS_MAX: usize = 1_000;
/// Limit: plans of one kind that are compared before one is compiled anew.
const ALIKE_MAX: usize = 32;

/// A compiled plan.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// For comparing with the next request's.
    plan: Arc<Authorized<Plan>>,
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
    fn new(catalog: &Catalog, plan: &Arc<Authorized<Plan>>) -> Result<Self> {
        let operation = match &plan.get().operation {
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
            plan: Arc::clone(plan),
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

/// What two plans of one shape share, cheap to compute.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sort {
    operation: u8,
    first: u32,
    outputs: usize,
    params: usize,
    filtered: bool,
}

fn sort_of(plan: &Plan) -> Sort {
    let (operation, node, first) = match &plan.operation {
        Operation::Read(read) => (0, Some(&read.node), 0),
        Operation::Write(write) => (1, write.representation.as_ref(), write.relation.0),
        Operation::Call(call) => match &call.result {
            CallResult::Rows { node, .. } => (2, Some(&**node), call.function.0),
            CallResult::Void | CallResult::Scalar(_) | CallResult::Scalars { .. } => {
                (2, None, call.function.0)
            }
        },
    };
    let mut sort =
        Sort { operation, first, outputs: 0, params: plan.params.len(), filtered: false };
    if let Some(Body::Select(select)) = node.map(|node| &node.query.body) {
        sort.outputs = select.outputs.len();
        sort.filtered = select.filter.is_some();
        if let Some(backstay_expr::From::Relation(scan)) = select.from.first() {
            sort.first = scan.relation.0;
        }
    }
    sort
}

/// Compiled plans of the process.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<HashMap<Sort, Vec<Arc<Compiled>>>>);

impl Plans {
    /// The compiled form of a plan; literals do not count, the catalogue's version does.
    ///
    /// # Errors
    /// As lowering raises.
    pub(crate) fn get(
        &self,
        catalog: &Catalog,
        plan: &Arc<Authorized<Plan>>,
    ) -> Result<Arc<Compiled>> {
        let wanted = plan.get();
        let sort = sort_of(wanted);
        if let Some(alike) = self.0.lock().get(&sort) {
            let same = |known: &&Arc<Compiled>| {
                known.version == catalog.version
                    && (Arc::ptr_eq(&known.plan, plan)
                        || known.plan.get().operation == wanted.operation)
            };
            if let Some(found) = alike.iter().find(same) {
                return Ok(Arc::clone(found));
            }
        }
        let made = Arc::new(Compiled::new(catalog, plan)?);
        // A write's statement may hold the rows of the body: those plans are not kept.
        if let Operation::Write(_) = wanted.operation {
            return Ok(made);
        }
        let mut plans = self.0.lock();
        if plans.values().map(Vec::len).sum::<usize>() >= PLANS_MAX {
            plans.clear();
        }
        let alike = plans.entry(sort).or_default();
        alike.retain(|known| known.version == catalog.version);
        if alike.len() >= ALIKE_MAX {
            alike.remove(0);
        }
        alike.push(Arc::clone(&made));
        Ok(made)
    }
}
