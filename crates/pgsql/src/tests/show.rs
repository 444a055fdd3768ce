//! Trees as short text, for assertions.

use backstay_expr::{
    Body, Comparator, CompareOp, Distinct, Expr, From, JoinKind, Query, SortKey, Statement,
};
use backstay_model::{Type, Value};

pub(super) fn list(exprs: &[Expr]) -> String {
    exprs.iter().map(expr).collect::<Vec<_>>().join(", ")
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Numeric(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn comparator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::Ne => "<>",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    }
}

fn name(ty: &Type) -> String {
    match ty {
        Type::Array(element) => format!("{}[]", name(element)),
        Type::Enum(id) | Type::Composite(id) | Type::Domain(id) => format!("t{}", id.0),
        other => other.builtin_name().to_owned(),
    }
}

fn keys(order: &[SortKey]) -> String {
    order
        .iter()
        .map(|key| format!("{}{}", expr(&key.expr), if key.descending { " desc" } else { "" }))
        .collect::<Vec<_>>()
        .join(", ")
}

#[expect(clippy::too_many_lines, reason = "one line a kind of node")]
pub(super) fn expr(node: &Expr) -> String {
    match node {
        Expr::Const { value: constant, ty } => format!("{}::{}", value(constant), name(ty)),
        Expr::Param { index, .. } => format!("${index}"),
        Expr::ParentKey { index, .. } => format!("parent{index}"),
        Expr::Argument { index, .. } => format!("arg{index}"),
        Expr::Column { rel, column, .. } => format!("r{}.{column}", rel.0),
        Expr::WholeRow { rel, ty } => format!("r{}.*:{}", rel.0, name(ty)),
        Expr::OutputColumn { index, .. } => format!("out{index}"),
        Expr::Call { symbol, args, ty } => format!("{symbol}<{}>[{}]", name(ty), list(args)),
        Expr::UserCall { function, args, .. } => format!("fn{}[{}]", function.0, list(args)),
        Expr::Compare { op, operand, left, right } => {
            format!("({} {}:{} {})", expr(left), comparator(*op), name(operand), expr(right))
        }
        Expr::IsDistinct { negated, left, right, .. } => {
            format!("({} distinct{} {})", expr(left), if *negated { "!" } else { "" }, expr(right))
        }
        Expr::And(terms) => format!("and[{}]", list(terms)),
        Expr::Or(terms) => format!("or[{}]", list(terms)),
        Expr::Not(term) => format!("not[{}]", expr(term)),
        Expr::IsNull { expr: inner, negated } => {
            format!("{}null[{}]", if *negated { "not" } else { "is" }, expr(inner))
        }
        Expr::IsBool { expr: inner, test, negated } => {
            format!("is{}{test:?}[{}]", if *negated { "not" } else { "" }, expr(inner))
        }
        Expr::Case { branches, otherwise, ty } => {
            let branches: Vec<_> = branches
                .iter()
                .map(|(when, then)| format!("{}: {}", expr(when), expr(then)))
                .collect();
            let otherwise = otherwise.as_ref().map_or_else(String::new, |other| expr(other));
            format!("case<{}>[{}; {otherwise}]", name(ty), branches.join(", "))
        }
        Expr::Coalesce { args, ty } => format!("coalesce<{}>[{}]", name(ty), list(args)),
        Expr::Extreme { greatest, args, .. } => {
            format!("{}[{}]", if *greatest { "greatest" } else { "least" }, list(args))
        }
        Expr::InList { negated, operand, expr: inner, list: items } => format!(
            "({} {}in:{} {})",
            expr(inner),
            if *negated { "not " } else { "" },
            name(operand),
            list(items)
        ),
        Expr::AnyArray { op, operand, all, left, array } => {
            let op = match op {
                Comparator::Compare(op) => comparator(*op).to_owned(),
                Comparator::Symbol(name) | Comparator::Operator(name) => name.to_string(),
            };
            let which = if *all { "all" } else { "any" };
            format!("({} {op}:{} {which} {})", expr(left), name(operand), expr(array))
        }
        Expr::Exists(inner) => format!("exists({})", query(inner)),
        Expr::Scalar { query: inner, .. } => format!("scalar({})", query(inner)),
        Expr::AnyQuery { left, query: inner, .. } => {
            format!("({} any ({}))", list(left), query(inner))
        }
        Expr::ArrayQuery { query: inner, ty } => format!("array<{}>({})", name(ty), query(inner)),
        Expr::Array { elements, ty } => format!("array<{}>[{}]", name(ty), list(elements)),
        Expr::Row { fields, ty } => format!("row<{}>[{}]", name(ty), list(fields)),
        Expr::Field { expr: inner, index, .. } => format!("{}.{index}", expr(inner)),
        Expr::Cast { expr: inner, ty, modifier, .. } => {
            let modifier = modifier.map_or_else(String::new, |modifier| format!("{modifier:?}"));
            format!("cast<{}{modifier}>[{}]", name(ty), expr(inner))
        }
        Expr::Aggregate { symbol, args, distinct, order, filter, .. } => {
            let distinct = if *distinct { "distinct " } else { "" };
            let order =
                if order.is_empty() { String::new() } else { format!(" order {}", keys(order)) };
            let filter =
                filter.as_ref().map_or_else(String::new, |f| format!(" filter {}", expr(f)));
            format!("{symbol}{{{distinct}{}{order}{filter}}}", list(args))
        }
        Expr::Window { symbol, args, partition, order, .. } => {
            format!("{symbol}[{}] over({}; {})", list(args), list(partition), keys(order))
        }
        Expr::Default { .. } => "default".to_owned(),
        Expr::Operator { name, left, right, .. } => {
            format!("({} {name} {})", expr(left), expr(right))
        }
        Expr::Native { .. } => "native".to_owned(),
    }
}

pub(super) fn from(entry: &From) -> String {
    match entry {
        From::Relation(scan) => format!("t{} r{}", scan.relation.0, scan.rel.0),
        From::Query { rel, query: inner, lateral } => {
            format!("{}({}) r{}", if *lateral { "lateral " } else { "" }, query(inner), rel.0)
        }
        From::Function(scan) => format!("{} r{}", expr(&scan.call), scan.rel.0),
        From::Cte { rel, cte } => format!("cte{} r{}", cte.0, rel.0),
        From::Join { kind, left, right, on } => {
            let kind = match kind {
                JoinKind::Inner => "join",
                JoinKind::Left => "left join",
                JoinKind::Right => "right join",
                JoinKind::Full => "full join",
                JoinKind::Cross => "cross join",
            };
            let on = on.as_ref().map_or_else(String::new, |on| format!(" on {}", expr(on)));
            format!("{} {kind} {}{on}", from(left), from(right))
        }
    }
}

pub(super) fn query(query: &Query) -> String {
    let mut text = String::new();
    for cte in &query.with {
        let recursive = if cte.recursive { "recursive " } else { "" };
        text += &format!("with {recursive}cte{} as ({}) ", cte.id.0, self::query(&cte.query));
    }
    match &query.body {
        Body::Select(select) => {
            text += "select ";
            match &select.distinct {
                Distinct::No => {}
                Distinct::Rows => text += "distinct ",
                Distinct::On(keys) => text += &format!("distinct on ({}) ", list(keys)),
            }
            let outputs: Vec<_> = select
                .outputs
                .iter()
                .map(|output| format!("{} {}", expr(&output.expr), output.name))
                .collect();
            text += &outputs.join(", ");
            if !select.from.is_empty() {
                text += " from ";
                text += &select.from.iter().map(from).collect::<Vec<_>>().join(", ");
            }
            if let Some(filter) = &select.filter {
                text += &format!(" where {}", expr(filter));
            }
            if !select.group.is_empty() {
                text += &format!(" group {}", list(&select.group));
            }
            if let Some(having) = &select.having {
                text += &format!(" having {}", expr(having));
            }
        }
        Body::Values(rows) => {
            let rows: Vec<_> = rows.iter().map(|row| format!("({})", list(row))).collect();
            text += &format!("values {}", rows.join(", "));
        }
        Body::SetOperation { op, all, left, right } => {
            let all = if *all { " all" } else { "" };
            text += &format!("({}) {op:?}{all} ({})", self::query(left), self::query(right));
        }
    }
    if !query.order.is_empty() {
        text += &format!(" order {}", keys(&query.order));
    }
    if let Some(limit) = &query.limit {
        text += &format!(" limit {}", expr(limit));
    }
    text
}

pub(super) fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Query(inner) => query(inner),
        Statement::Insert(insert) => {
            format!(
                "insert t{} {:?} {:?} {:?}",
                insert.relation.0,
                insert.columns,
                match &insert.source {
                    backstay_expr::Source::Defaults => "defaults".to_owned(),
                    backstay_expr::Source::Values(rows) =>
                        rows.iter().map(|row| format!("({})", list(row))).collect(),
                    backstay_expr::Source::Query(inner) => query(inner),
                    backstay_expr::Source::Rows(_) | backstay_expr::Source::Payload =>
                        "rows".to_owned(),
                },
                insert.conflict.as_ref().map(|conflict| match &conflict.action {
                    backstay_expr::ConflictAction::Nothing => "nothing".to_owned(),
                    backstay_expr::ConflictAction::Update { set, .. } => set
                        .iter()
                        .map(|set| format!("{}={}", set.column, expr(&set.value)))
                        .collect(),
                })
            )
        }
        Statement::Update(update) => {
            let set: Vec<_> = update
                .set
                .iter()
                .map(|set| format!("{}={}", set.column, expr(&set.value)))
                .collect();
            let filter = update.filter.as_ref().map_or_else(String::new, expr);
            format!("update t{} {} where {filter}", update.relation.0, set.join(", "))
        }
        Statement::Delete(delete) => {
            let filter = delete.filter.as_ref().map_or_else(String::new, expr);
            format!("delete t{} where {filter}", delete.relation.0)
        }
        Statement::Truncate(truncate) => format!("truncate {:?}", truncate.relations),
        Statement::Sequence(sequence) => {
            let parts: Vec<_> =
                sequence.parts.iter().chain([&sequence.last]).map(self::statement).collect();
            parts.join("; ")
        }
    }
}
