//! How SQLite would run a plan: `EXPLAIN QUERY PLAN` of each of its statements. Nothing is run.

use backstay_engine::{Answer, Explain};
use backstay_model::Result;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::failure;
use crate::plans::{Compiled, CompiledOperation, Representation};
use crate::query::Program;

/// A step of a statement's plan.
pub(crate) struct Step {
    id: i64,
    /// The step that it belongs to; 0 for none.
    parent: i64,
    /// `SEARCH products USING INDEX …`.
    pub(crate) text: String,
}

/// The plan of all statements as the answer: a tree of lines, or JSON.
///
/// # Errors
/// As SQLite reports.
pub(crate) fn answer(
    connection: &Connection,
    compiled: &Compiled,
    explain: &Explain,
) -> Result<Answer> {
    let statements = programs(compiled)
        .into_iter()
        .map(|program| {
            connection.ensure(&program.lowered.functions)?;
            steps(connection, &program.lowered.sql)
        })
        .collect::<Result<Vec<Vec<Step>>>>()?;
    let mut body = if explain.json {
        let plans = statements.iter().map(|steps| json!({"Plan": tree(steps, 0)}));
        json!(plans.collect::<Vec<Value>>()).to_string()
    } else {
        let mut lines = Vec::new();
        for steps in &statements {
            lines.push("QUERY PLAN".to_owned());
            push_lines(steps, (0, 1), &mut lines);
        }
        lines.join("\n")
    };
    if body.is_empty() {
        // Rows are written one by one, and nothing is read for the answer.
        body.push_str("QUERY PLAN");
    }
    Ok(Answer { body: body.into_bytes(), ..Answer::default() })
}

fn programs(compiled: &Compiled) -> Vec<&Program> {
    match &compiled.operation {
        CompiledOperation::Read(read) | CompiledOperation::Call(Some(read)) => {
            read.node.programs().into_iter().chain(&read.count).collect()
        }
        CompiledOperation::Write(Some(
            Representation::Each(node)
            | Representation::Together(node)
            | Representation::Rows(node),
        )) => node.programs(),
        CompiledOperation::Write(None) | CompiledOperation::Call(None) => Vec::new(),
    }
}

fn tree(steps: &[Step], parent: i64) -> Value {
    let below = steps.iter().filter(|step| step.parent == parent);
    let node = |step: &Step| json!({"Detail": step.text, "Plans": tree(steps, step.id)});
    Value::Array(below.map(node).collect())
}

fn push_lines(steps: &[Step], (parent, depth): (i64, usize), lines: &mut Vec<String>) {
    for step in steps.iter().filter(|step| step.parent == parent) {
        lines.push(format!("{}{}", "  ".repeat(depth), step.text));
        push_lines(steps, (step.id, depth + 1), lines);
    }
}

/// The steps of SQLite's plan for a statement.
///
/// # Errors
/// As SQLite reports.
pub(crate) fn steps(connection: &Connection, sql: &str) -> Result<Vec<Step>> {
    let explained = format!("EXPLAIN QUERY PLAN {sql}");
    let mut statement =
        connection.raw().prepare(&explained).map_err(|error| failure::translate(&error))?;
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().map_err(|error| failure::translate(&error))? {
        let number = |at| match row.get_ref(at) {
            Ok(ValueRef::Integer(number)) => number,
            _ => 0,
        };
        if let Ok(ValueRef::Text(text)) = row.get_ref(3) {
            let text = String::from_utf8_lossy(text).into_owned();
            steps.push(Step { id: number(0), parent: number(1), text });
        }
    }
    Ok(steps)
}
