//! What depends on what.
//!
//! Nothing is recorded: the trees in the catalogue say what they refer to.

use std::collections::BTreeSet;

use backstay_catalog::{Catalog, OLD_ROW, ROW, Relation, Trigger, TriggerFunction};
use backstay_expr::walk::{Rewriter, walk_expr, walk_from};
use backstay_expr::{Expr, From, FunctionId, Query, RelId, RelationId, Statement};
use backstay_model::{Type, TypeId, Value};

/// What a tree refers to.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Relations read or written.
    pub(super) relations: BTreeSet<RelationId>,
    /// Their columns.
    pub(super) columns: BTreeSet<(RelationId, u16)>,
    /// Functions of the project.
    pub(super) routines: BTreeSet<FunctionId>,
    /// User-defined types.
    pub(super) types: BTreeSet<TypeId>,
    /// Sequences and relations named by `regclass` constants.
    pub(super) names: BTreeSet<String>,
    /// Symbols of the function table.
    pub(super) symbols: BTreeSet<String>,
}

struct Collector {
    found: References,
    scans: Vec<(RelId, RelationId)>,
    columns: Vec<(RelId, u16)>,
}

impl Rewriter for Collector {
    fn expr(&mut self, expr: &mut Expr) {
        note_type(&mut self.found.types, &expr.ty());
        match expr {
            Expr::Column { rel, column, .. } => self.columns.push((*rel, *column)),
            Expr::UserCall { function, .. } => {
                self.found.routines.insert(*function);
            }
            Expr::Call { symbol, .. }
            | Expr::Aggregate { symbol, .. }
            | Expr::Window { symbol, .. } => {
                self.found.symbols.insert(symbol.to_string());
            }
            Expr::Const { value: Value::Text(name), ty: Type::Regclass } => {
                self.found.names.insert(name.clone());
            }
            _ => {}
        }
        walk_expr(self, expr);
    }

    fn from(&mut self, from: &mut From) {
        if let From::Relation(scan) = from {
            self.scans.push((scan.rel, scan.relation));
        }
        walk_from(self, from);
    }
}

fn note_type(types: &mut BTreeSet<TypeId>, ty: &Type) {
    match ty {
        Type::Array(element) => note_type(types, element),
        Type::Enum(id) | Type::Domain(id) | Type::Composite(id) => {
            types.insert(*id);
        }
        _ => {}
    }
}

impl Collector {
    fn new(row: Option<RelationId>) -> Self {
        Self {
            found: References::default(),
            scans: row.map(|id| (ROW, id)).into_iter().collect(),
            columns: Vec::new(),
        }
    }

    fn finish(mut self) -> References {
        self.found.relations.extend(self.scans.iter().map(|(_, relation)| *relation));
        for (rel, column) in self.columns {
            for (scan, relation) in &self.scans {
                if *scan == rel {
                    self.found.columns.insert((*relation, column));
                }
            }
        }
        self.found
    }
}

/// What an expression over the row of a relation refers to; the relation itself only by columns.
pub(super) fn of_expr(expr: &Expr, row: Option<RelationId>) -> References {
    let mut collector = Collector::new(row);
    collector.expr(&mut expr.clone());
    let scanned =
        collector.scans.iter().skip(usize::from(row.is_some())).any(|(_, id)| Some(*id) == row);
    let mut found = collector.finish();
    if let (Some(row), false) = (row, scanned) {
        found.relations.remove(&row);
    }
    found
}

/// What a query refers to.
pub(super) fn of_query(query: &Query) -> References {
    let mut collector = Collector::new(None);
    collector.query(&mut query.clone());
    collector.finish()
}

/// The relations that a query reads, with their identities in it.
pub(super) fn scans(query: &Query) -> Vec<(RelId, RelationId)> {
    let mut collector = Collector::new(None);
    collector.query(&mut query.clone());
    collector.scans
}

/// What a statement refers to, and whether it writes.
pub(super) fn of_statement(statement: &Statement) -> (References, bool) {
    let mut collector = Collector::new(None);
    let writes = collect_statement(&mut collector, &mut statement.clone());
    (collector.finish(), writes)
}

fn collect_statement(collector: &mut Collector, statement: &mut Statement) -> bool {
    use backstay_expr::{ConflictAction, Source};
    match statement {
        Statement::Query(query) => {
            collector.query(query);
            return false;
        }
        Statement::Truncate(truncate) => {
            let tables = truncate.relations.iter();
            collector.scans.extend(tables.map(|relation| (backstay_catalog::ROW, *relation)));
        }
        Statement::Sequence(sequence) => {
            for part in &mut sequence.parts {
                collect_statement(collector, part);
            }
            collect_statement(collector, &mut sequence.last);
        }
        Statement::Insert(insert) => {
            let relation = insert.relation;
            collector.scans.extend([(insert.rel, relation), (insert.excluded, relation)]);
            collector.columns.extend(insert.columns.iter().map(|column| (insert.rel, *column)));
            for cte in &mut insert.with {
                collector.query(&mut cte.query);
            }
            match &mut insert.source {
                Source::Values(rows) => rows.iter_mut().flatten().for_each(|e| collector.expr(e)),
                Source::Query(query) => collector.query(query),
                Source::Defaults | Source::Rows(_) | Source::Payload => {}
            }
            if let Some(conflict) = &mut insert.conflict
                && let ConflictAction::Update { set, filter } = &mut conflict.action
            {
                set.iter_mut().for_each(|one| collector.expr(&mut one.value));
                filter.iter_mut().for_each(|filter| collector.expr(filter));
            }
            insert.returning.iter_mut().for_each(|output| collector.expr(&mut output.expr));
        }
        Statement::Update(update) => {
            collector.scans.push((update.rel, update.relation));
            for cte in &mut update.with {
                collector.query(&mut cte.query);
            }
            for one in &mut update.set {
                collector.columns.push((update.rel, one.column));
                collector.expr(&mut one.value);
            }
            update.from.iter_mut().for_each(|from| collector.from(from));
            update.filter.iter_mut().for_each(|filter| collector.expr(filter));
            update.returning.iter_mut().for_each(|output| collector.expr(&mut output.expr));
        }
        Statement::Delete(delete) => {
            collector.scans.push((delete.rel, delete.relation));
            for cte in &mut delete.with {
                collector.query(&mut cte.query);
            }
            delete.using.iter_mut().for_each(|from| collector.from(from));
            delete.filter.iter_mut().for_each(|filter| collector.expr(filter));
            delete.returning.iter_mut().for_each(|output| collector.expr(&mut output.expr));
        }
    }
    true
}

/// Every expression that hangs on a relation, with what it is.
pub(super) fn parts(relation: &Relation) -> Vec<(Part, References)> {
    let row = Some(relation.id);
    let mut parts = Vec::new();
    for column in &relation.columns {
        if let Some(default) = &column.default {
            parts.push((Part::Default(column.number), of_expr(default, None)));
        }
        if let Some(generated) = &column.generated {
            parts.push((Part::Generated(column.number), of_expr(&generated.expr, row)));
        }
        let mut types = References::default();
        note_type(&mut types.types, &column.ty);
        parts.push((Part::ColumnType(column.number), types));
    }
    for check in &relation.checks {
        parts.push((Part::Check(check.name.clone()), of_expr(&check.expr, row)));
    }
    for policy in &relation.policies {
        let mut found = References::default();
        for expr in policy.using.iter().chain(&policy.check) {
            merge(&mut found, of_expr(expr, row));
        }
        parts.push((Part::Policy(policy.name.clone()), found));
    }
    for index in &relation.indexes {
        let mut found = References::default();
        for expr in index.keys.iter().map(|key| &key.expr).chain(&index.predicate) {
            merge(&mut found, of_expr(expr, row));
        }
        parts.push((Part::Index(index.name.clone()), found));
    }
    for trigger in &relation.triggers {
        parts.push((Part::Trigger(trigger.name.clone()), of_trigger(relation.id, trigger)));
    }
    if let Some(query) = relation.view().and_then(|view| view.defined_as()) {
        parts.push((Part::View, of_query(query)));
    }
    parts
}

/// What a trigger refers to; the relation itself only by columns.
fn of_trigger(id: RelationId, trigger: &Trigger) -> References {
    let mut collector = Collector::new(Some(id));
    collector.scans.push((OLD_ROW, id));
    if let Some(condition) = &trigger.condition {
        collector.expr(&mut condition.clone());
    }
    let mut found = collector.finish();
    found.relations.remove(&id);
    found.columns.extend(trigger.columns.iter().map(|column| (id, *column)));
    if let TriggerFunction::Routine(function) = &trigger.function {
        found.routines.insert(*function);
    }
    found
}

fn merge(into: &mut References, from: References) {
    into.relations.extend(from.relations);
    into.columns.extend(from.columns);
    into.routines.extend(from.routines);
    into.types.extend(from.types);
    into.names.extend(from.names);
    into.symbols.extend(from.symbols);
}

/// A part of a relation that refers to other things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Default(u16),
    Generated(u16),
    ColumnType(u16),
    Check(String),
    Policy(String),
    Index(String),
    Trigger(String),
    View,
}

/// A name for messages: bare in `public`, else with its schema.
pub(super) fn shown(schema: &str, name: &str) -> String {
    backstay_model::types::display_name(schema, name)
}

/// `table t`, `view v`.
pub(super) fn shown_relation(relation: &Relation) -> String {
    format!("{} {}", relation.noun(), shown(&relation.schema, &relation.name))
}

/// `function f(integer)`.
pub(super) fn shown_routine(catalog: &Catalog, routine: &backstay_catalog::Routine) -> String {
    let types: Vec<String> = routine.inputs().map(|argument| argument.ty.name(catalog)).collect();
    format!("function {}({})", shown(&routine.schema, &routine.name), types.join(","))
}
