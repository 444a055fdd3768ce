//! Plans in short.

use backstay_expr::{
    Body, BoolTest, Comparator, CompareOp, ConflictAction, ConflictTarget, Expr, From, JoinKind,
    Query, RelId, RelationId, RelationScan, Source, Statement,
};
use backstay_model::Value;
use backstay_plan::{CallResult, Cells, MemberKind, Node, Operation, Plan};

use crate::shop;

struct Names {
    /// Each entry with what it reads.
    known: Vec<(RelId, From)>,
    params: Vec<Value>,
    rows: Vec<Cells>,
}

pub(crate) fn plan(plan: &Plan) -> String {
    let mut names =
        Names { known: Vec::new(), params: plan.params.clone(), rows: plan.rows.clone() };
    match &*plan.operation {
        Operation::Read(read) => {
            let mut text = names.node(&read.node);
            if let Some(count) = &read.count {
                text += &format!("\ncount: {}", names.query(count));
            }
            text
        }
        Operation::Write(write) => {
            let mut text = names.statement(&write.statement);
            if let Some(node) = &write.representation {
                text += &format!("\nshows: {}", names.node(node));
            }
            if !write.location.is_empty() {
                text += &format!("\nlocation: {:?}", write.location);
            }
            if write.upsert {
                text += "\nupsert";
            }
            text
        }
        Operation::Call(call) => {
            let args = names.list(&call.arguments, ", ");
            let result = match &call.result {
                CallResult::Void => "void".to_owned(),
                CallResult::Scalar(ty) => ty.builtin_name().to_owned(),
                CallResult::Scalars { ty, limit } => format!("{}[] {limit:?}", ty.builtin_name()),
                CallResult::Rows { set, node, count } => {
                    let count = count
                        .as_ref()
                        .map_or(String::new(), |q| format!("\ncount: {}", names.query(q)));
                    format!("{} {}{count}", if *set { "rows" } else { "row" }, names.node(node))
                }
            };
            let only = if call.read_only { " read only" } else { "" };
            format!("f{}({args}){only} -> {result}", call.function.0)
        }
    }
}

impl Names {
    fn node(&mut self, node: &Node) -> String {
        let query = self.query(&node.query);
        let members: Vec<String> = node
            .members
            .iter()
            .map(|member| match member.kind {
                MemberKind::Output(index) => format!("{}:{index}", member.key),
                MemberKind::Child(index) => {
                    let child = &node.children[index];
                    format!(
                        "{}: {:?} by {:?} ({})",
                        member.key,
                        child.kind,
                        child.keys,
                        self.node(&child.node)
                    )
                }
                MemberKind::Spread(index) => {
                    let child = &node.children[index];
                    format!("...{:?} by {:?} ({})", child.kind, child.keys, self.node(&child.node))
                }
            })
            .collect();
        format!("{{{}}} {query}", members.join(", "))
    }

    fn query(&mut self, query: &Query) -> String {
        let Body::Select(select) = &query.body else { return "…".to_owned() };
        let from: Vec<String> = select.from.iter().map(|from| self.from(from)).collect();
        let outputs: Vec<String> =
            select.outputs.iter().map(|output| self.expr(&output.expr)).collect();
        let mut text = format!("select {} from {}", outputs.join(", "), from.join(", "));
        if let Some(filter) = &select.filter {
            text += &format!(" where {}", self.expr(filter));
        }
        if !select.group.is_empty() {
            text += &format!(" group by {}", self.list(&select.group, ", "));
        }
        for key in &query.order {
            let direction = if key.descending { "desc" } else { "asc" };
            let nulls = if key.nulls_first { "first" } else { "last" };
            text += &format!(" order by {} {direction} nulls {nulls}", self.expr(&key.expr));
        }
        if let Some(limit) = &query.limit {
            text += &format!(" limit {}", self.expr(limit));
        }
        if let Some(offset) = &query.offset {
            text += &format!(" offset {}", self.expr(offset));
        }
        text
    }

    fn from(&mut self, from: &From) -> String {
        if let Some(rel) = from.rel() {
            self.known.push((rel, from.clone()));
        }
        match from {
            From::Relation(scan) => {
                let catalog = shop::catalog();
                format!("{} {}", catalog.relations[&scan.relation].name, scan.rel.0)
            }
            From::Function(scan) => format!("{} {}", self.expr(&scan.call), scan.rel.0),
            From::Join { kind, left, right, on } => {
                let kind = if *kind == JoinKind::Left { "left" } else { "inner" };
                let (left, right) = (self.from(left), self.from(right));
                let on = on.as_ref().map_or(String::new(), |on| self.expr(on));
                format!("{left} {kind} join {right} on {on}")
            }
            other => format!("{other:?}"),
        }
    }

    fn remember(&mut self, rel: RelId, relation: RelationId) {
        self.known.push((rel, From::Relation(RelationScan { rel, relation, policy: None })));
    }

    fn statement(&mut self, statement: &Statement) -> String {
        let catalog = shop::catalog();
        match statement {
            Statement::Insert(insert) => {
                let table = &catalog.relations[&insert.relation];
                let columns = table.column_names(&insert.columns).join(", ");
                let rows = match &insert.source {
                    Source::Payload => self
                        .rows
                        .iter()
                        .map(|row| {
                            let cells: Vec<String> = row
                                .iter()
                                .map(|cell| cell.as_ref().map_or("default".to_owned(), value))
                                .collect();
                            format!("({})", cells.join(", "))
                        })
                        .collect::<Vec<_>>()
                        .join(" "),
                    other => format!("{other:?}"),
                };
                let conflict = insert.conflict.as_ref().map_or(String::new(), |conflict| {
                    let target = match &conflict.target {
                        ConflictTarget::Any => String::new(),
                        ConflictTarget::Columns(columns) => table.column_names(columns).join(", "),
                    };
                    let action = match &conflict.action {
                        ConflictAction::Nothing => "nothing".to_owned(),
                        ConflictAction::Update { set, .. } => {
                            let set: Vec<u16> = set.iter().map(|one| one.column).collect();
                            format!("set {}", table.column_names(&set).join(", "))
                        }
                    };
                    format!(" on conflict ({target}) {action}")
                });
                format!("insert {} ({columns}) {rows}{conflict}", table.name)
            }
            Statement::Update(update) => {
                let table = &catalog.relations[&update.relation];
                self.remember(update.rel, update.relation);
                let set: Vec<String> = update
                    .set
                    .iter()
                    .map(|one| {
                        let name = table.column_names(&[one.column]).join("");
                        format!("{name} = {}", self.expr(&one.value))
                    })
                    .collect();
                let filter = update
                    .filter
                    .as_ref()
                    .map_or(String::new(), |filter| format!(" where {}", self.expr(filter)));
                format!("update {} set {}{filter}", table.name, set.join(", "))
            }
            Statement::Delete(delete) => {
                let table = &catalog.relations[&delete.relation];
                self.remember(delete.rel, delete.relation);
                let filter = delete
                    .filter
                    .as_ref()
                    .map_or(String::new(), |filter| format!(" where {}", self.expr(filter)));
                format!("delete {}{filter}", table.name)
            }
            Statement::Query(query) => self.query(query),
            Statement::Truncate(_) | Statement::Sequence(_) => {
                unreachable!("no request truncates, or is several statements")
            }
        }
    }

    fn list(&mut self, exprs: &[Expr], between: &str) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(between)
    }

    fn column(&self, rel: RelId, number: u16) -> String {
        let catalog = shop::catalog();
        let entry = self.known.iter().find(|(known, _)| *known == rel);
        let name = match entry {
            Some((_, From::Relation(scan))) => catalog.relations[&scan.relation]
                .column_by_number(number)
                .map(|column| column.name.clone()),
            Some((_, From::Function(scan))) => {
                scan.columns.get(usize::from(number) - 1).map(|(name, _)| name.clone())
            }
            _ => None,
        };
        format!("{}.{}", rel.0, name.unwrap_or_else(|| number.to_string()))
    }

    fn expr(&mut self, expr: &Expr) -> String {
        match expr {
            Expr::Const { value: constant, .. } => value(constant),
            Expr::Param { index, .. } => format!("<{}>", value(&self.params[*index])),
            Expr::ParentKey { index, .. } => format!("^{index}"),
            Expr::Column { rel, column, .. } => self.column(*rel, *column),
            Expr::WholeRow { rel, .. } => format!("{}.*", rel.0),
            Expr::UserCall { function, args, .. } => {
                format!("f{}({})", function.0, self.list(args, ", "))
            }
            Expr::Call { symbol, args, .. } | Expr::Aggregate { symbol, args, .. } => {
                let name = symbol.split('(').next().unwrap_or_default();
                format!("{name}({})", self.list(args, ", "))
            }
            Expr::Compare { op, left, right, .. } => {
                format!("{} {} {}", self.expr(left), operator(*op), self.expr(right))
            }
            Expr::And(terms) => format!("({})", self.list(terms, " and ")),
            Expr::Or(terms) => format!("({})", self.list(terms, " or ")),
            Expr::Not(inner) => format!("not {}", self.expr(inner)),
            Expr::IsNull { expr, negated } => {
                format!("{} is {}null", self.expr(expr), if *negated { "not " } else { "" })
            }
            Expr::IsBool { expr, test, .. } => {
                let test = match test {
                    BoolTest::True => "true",
                    BoolTest::False => "false",
                    BoolTest::Unknown => "unknown",
                };
                format!("{} is {test}", self.expr(expr))
            }
            Expr::IsDistinct { left, right, .. } => {
                format!("{} is distinct from {}", self.expr(left), self.expr(right))
            }
            Expr::AnyArray { op, all, left, array, .. } => {
                let op = match op {
                    Comparator::Compare(op) => operator(*op).to_owned(),
                    Comparator::Symbol(name) | Comparator::Operator(name) => name.to_string(),
                };
                let quantifier = if *all { "all" } else { "any" };
                format!("{} {op} {quantifier} {}", self.expr(left), self.expr(array))
            }
            Expr::Exists(query) => format!("exists({})", self.query(query)),
            Expr::Scalar { query, .. } => format!("({})", self.query(query)),
            Expr::Cast { expr, ty, .. } => {
                format!("{}::{}", self.expr(expr), ty.name(&shop::catalog()))
            }
            Expr::Default { .. } => "default".to_owned(),
            Expr::Operator { name, left, right, .. } => {
                format!("{} {name} {}", self.expr(left), self.expr(right))
            }
            other => format!("{other:?}"),
        }
    }
}

fn operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::Ne => "<>",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) | Value::Enum(number) => number.to_string(),
        Value::Numeric(number) => number.to_string(),
        Value::Text(text) | Value::Json(text) | Value::Jsonb(text) => text.clone(),
        Value::Uuid(bytes) => format!("uuid {}", bytes[15]),
        Value::Array(array) => {
            let elements: Vec<String> = array.elements.iter().map(self::value).collect();
            format!("{{{}}}", elements.join(","))
        }
        other => format!("{other:?}"),
    }
}
