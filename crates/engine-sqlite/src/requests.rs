//! One request within a transaction: what is shared between readers and the writer.

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation};
use backstay_engine::{Answer, Effect, Format, Options};
use backstay_executor::{
    Row, RowId, Run, Scope, WriteState, delete_after, eval, eval_rows, execute, finish,
};
use backstay_expr::{Expr, Statement};
use backstay_model::{Array, Error, Result, Type, Value};
use backstay_plan::{Call, CallResult, Cells, Operation, Plan, Write};
use backstay_scalar::{Environment, io};

use crate::bodies::SessionBodies;
use crate::connection::Connection;
use crate::nodes::{NodeProgram, Run as NodeRun};
use crate::plans::{Compiled, CompiledOperation, CompiledRead, Representation};
use crate::query::Program;
use crate::store::SqliteStore;

/// Room for a small answer from the start, in bytes.
pub(crate) const BODY_BYTES_MIN: usize = 512;

/// Names and text forms of key columns.
type KeyTexts = Vec<(String, Option<String>)>;

/// A request that is running.
pub(crate) struct Request<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) catalog: &'a Arc<Catalog>,
    pub(crate) env: &'a dyn Environment,
    pub(crate) bodies: &'a SessionBodies,
    pub(crate) state: &'a WriteState,
    pub(crate) read_only: bool,
}

impl Request<'_> {
    fn store(&self) -> SqliteStore<'_> {
        SqliteStore { connection: self.connection, catalog: self.catalog, env: self.env }
    }

    fn scope<'s>(&'s self, params: &'s [Value], payload: &'s [Cells]) -> Scope<'s> {
        let run =
            Run { bodies: self.bodies, state: self.state, read_only: self.read_only, depth: 0 };
        Scope { params, payload, run: Some(run), ..Scope::new(self.catalog, self.env) }
    }

    /// Does what comes before the plan, then the plan.
    ///
    /// # Errors
    /// As either raises; the caller rolls back.
    pub(crate) fn answer_to(
        &self,
        plan: &Plan,
        compiled: &Compiled,
        options: &Options,
    ) -> Result<Answer> {
        if let Some(before) = &options.before {
            self.prepared(before.statement.get(), &[])?;
        }
        self.answer(plan, compiled, options.format)
    }

    /// Does what the plan says and writes the answer.
    fn answer(&self, plan: &Plan, compiled: &Compiled, format: Format) -> Result<Answer> {
        let mut answer = Answer::default();
        let scope = self.scope(&plan.params, &plan.rows);
        let store = self.store();
        let run = NodeRun { connection: self.connection, scope: &scope, store: &store };
        match (&*plan.operation, &compiled.operation) {
            (Operation::Read(_), CompiledOperation::Read(read)) => {
                self.rows(run, read, format, &mut answer)?;
            }
            (Operation::Write(write), CompiledOperation::Write(representation)) => {
                self.write(run, write, (representation.as_ref(), format), &mut answer)?;
            }
            (Operation::Call(call), CompiledOperation::Call(read)) => {
                self.call(run, call, (read.as_ref(), format), &mut answer)?;
            }
            _ => return Err(Error::internal("a plan was compiled as another")),
        }
        if !self.read_only {
            finish(&scope, &store)?;
        }
        Ok(answer)
    }

    /// Lets a body use the transaction.
    ///
    /// # Errors
    /// As `work` raises.
    pub(crate) fn inside(
        &self,
        work: &mut dyn FnMut(&Scope<'_>, &dyn backstay_executor::Store) -> Result<()>,
    ) -> Result<()> {
        work(&self.scope(&[], &[]), &self.store())
    }

    /// Runs a statement of a service.
    ///
    /// # Errors
    /// As the statement raises.
    pub(crate) fn prepared(&self, statement: &Statement, arguments: &[Value]) -> Result<Effect> {
        let scope = Scope { arguments, ..self.scope(&[], &[]) };
        let done = execute(statement, &scope, &self.store())?;
        Ok(Effect { rows: done.returning, written: done.inserted + done.updated + done.deleted })
    }

    /// Runs a statement of a migration.
    ///
    /// # Errors
    /// As the statement raises.
    pub(crate) fn statement(&self, statement: &Statement) -> Result<()> {
        execute(statement, &self.scope(&[], &[]), &self.store()).map(|_| ())
    }

    /// The tests that were put off to the end.
    ///
    /// # Errors
    /// `23503`, `23505`.
    pub(crate) fn finish(&self) -> Result<()> {
        finish(&self.scope(&[], &[]), &self.store())
    }

    fn rows(
        &self,
        run: NodeRun<'_>,
        read: &CompiledRead,
        format: Format,
        answer: &mut Answer,
    ) -> Result<()> {
        if let Some(count) = &read.count {
            answer.total = Some(total(run, count)?);
        }
        answer.rows = match format {
            Format::Json => {
                answer.body.reserve(BODY_BYTES_MIN);
                answer.body.push(b'[');
                let count = read.node.objects(run, &mut answer.body)?;
                answer.body.push(b']');
                count
            }
            Format::Csv => read.node.csv(run, &mut answer.body)?,
            Format::Value | Format::Aggregate(_) => return Err(not_of_rows()),
        };
        Ok(())
    }

    fn write(
        &self,
        run: NodeRun<'_>,
        write: &Write,
        (representation, format): (Option<&Representation>, Format),
        answer: &mut Answer,
    ) -> Result<()> {
        let written = match (&write.statement, representation) {
            (Statement::Delete(delete), Some(shown))
                if !matches!(shown, Representation::Rows(_)) =>
            {
                let mut look =
                    |ids: &[RowId]| represent(run, shown, (ids, &[]), (format, &mut *answer));
                delete_after(delete, run.scope, run.store, Some(&mut look))?
            }
            (statement, _) => execute(statement, run.scope, run.store)?,
        };
        answer.inserted = written.inserted;
        answer.changed = written.updated + written.deleted;
        match representation {
            None => answer.rows = written.inserted + written.updated + written.deleted,
            Some(Representation::Each(_) | Representation::Together(_))
                if matches!(write.statement, Statement::Delete(_)) => {}
            Some(shown) => {
                represent(run, shown, (&written.ids, &written.view_rows), (format, answer))?;
            }
        }
        if let ([id], false) = (written.ids.as_slice(), write.location.is_empty()) {
            answer.location = self.location(write, *id, run)?;
        }
        Ok(())
    }

    fn location(&self, write: &Write, id: RowId, run: NodeRun<'_>) -> Result<Option<KeyTexts>> {
        let relation: &Relation = self
            .catalog
            .relations
            .get(&write.relation)
            .ok_or_else(|| Error::internal("a write without its table"))?;
        let Some(row) = run.store.get(relation, id)? else { return Ok(None) };
        let mut key = Vec::with_capacity(write.location.len());
        for number in &write.location {
            let column = relation.column_by_number(*number);
            let value = relation.position(*number).and_then(|position| row.get(position));
            let (Some(column), Some(value)) = (column, value) else { continue };
            let text =
                if value.is_null() { None } else { Some(io::output(self.env, &column.ty, value)?) };
            key.push((column.name.clone(), text));
        }
        Ok(Some(key))
    }

    fn call(
        &self,
        run: NodeRun<'_>,
        call: &Call,
        (read, format): (Option<&CompiledRead>, Format),
        answer: &mut Answer,
    ) -> Result<()> {
        let invoke = |ty: &Type| Expr::UserCall {
            function: call.function,
            args: call.arguments.clone(),
            ty: ty.clone(),
        };
        match &call.result {
            CallResult::Void => {
                eval(&invoke(&Type::Void), run.scope, Some(run.store))?;
            }
            CallResult::Scalar(ty) => {
                let value = eval(&invoke(ty), run.scope, Some(run.store))?;
                answer.rows = 1;
                self.values(ty, &[vec![value]], (format, false), answer)?;
            }
            CallResult::Scalars { ty, limit } => {
                let mut rows = eval_rows(&invoke(ty), 1, run.scope, Some(run.store))?;
                let limit = limit.and_then(|limit| usize::try_from(limit).ok());
                rows.truncate(limit.unwrap_or(usize::MAX));
                answer.rows = rows.len() as u64;
                self.values(ty, &rows, (format, true), answer)?;
            }
            CallResult::Rows { set, .. } => {
                let read = read.ok_or_else(|| Error::internal("a call without its rows"))?;
                if *set || format == Format::Csv {
                    return self.rows(run, read, format, answer);
                }
                answer.rows = read.node.objects(run, &mut answer.body)?;
                if answer.rows == 0 {
                    answer.body.extend_from_slice(b"null");
                }
            }
        }
        Ok(())
    }

    /// Bare values: one, or an array.
    fn values(
        &self,
        ty: &Type,
        rows: &[Vec<Value>],
        (format, many): (Format, bool),
        answer: &mut Answer,
    ) -> Result<()> {
        let out = &mut answer.body;
        if format == Format::Csv {
            out.extend_from_slice(b"pgrst_scalar");
        } else if many {
            out.push(b'[');
        }
        for (index, value) in rows.iter().flatten().enumerate() {
            match format {
                Format::Csv => {
                    out.push(b'\n');
                    if !value.is_null() {
                        crate::json::push_csv_field(&io::output(self.env, ty, value)?, out);
                    }
                }
                Format::Json => {
                    if index > 0 {
                        out.extend_from_slice(b", ");
                    }
                    io::write_json(self.env, ty, value, out)?;
                }
                Format::Value => match value {
                    Value::Null => {}
                    Value::Bytes(bytes) => out.extend_from_slice(bytes),
                    value => out.extend_from_slice(io::output(self.env, ty, value)?.as_bytes()),
                },
                Format::Aggregate(_) => return Err(not_of_rows()),
            }
        }
        if many && format == Format::Json {
            out.push(b']');
        }
        Ok(())
    }
}

/// A form that is chosen for functions that return a value, or where aggregates can be made.
fn not_of_rows() -> Error {
    Error::internal("rows have no form of their own here")
}

/// The one number that a count gives.
fn total(run: NodeRun<'_>, count: &Program) -> Result<u64> {
    let mut total = 0;
    count.run(run.connection, run.scope, run.store, &mut |row| {
        let number = crate::store::column(row, 0).as_i64().unwrap_or(0);
        total = number.unsigned_abs();
        Ok(false)
    })?;
    Ok(total)
}

/// Writes the written rows into the answer.
fn represent(
    run: NodeRun<'_>,
    shown: &Representation,
    (ids, rows): (&[RowId], &[Row]),
    (format, answer): (Format, &mut Answer),
) -> Result<()> {
    let together = |node: &NodeProgram, keys: &[Value], answer: &mut Answer| -> Result<u64> {
        let scope = Scope { parent_keys: keys, ..*run.scope };
        let run = NodeRun { scope: &scope, ..run };
        match format {
            Format::Json => node.objects(run, &mut answer.body),
            Format::Csv => node.csv(run, &mut answer.body),
            Format::Value | Format::Aggregate(_) => Err(not_of_rows()),
        }
    };
    let json = format == Format::Json;
    if json {
        answer.body.push(b'[');
    }
    match shown {
        Representation::Together(node) => {
            let elements = ids.iter().map(|id| Value::Int(*id)).collect();
            let keys = [Value::Array(Array::from_elements(elements))];
            answer.rows = together(node, &keys, answer)?;
        }
        Representation::Rows(node) => {
            let records = rows.iter().cloned().map(Value::Record).collect();
            let keys = [Value::Array(Array::from_elements(records))];
            answer.rows = together(node, &keys, answer)?;
        }
        Representation::Each(node) => {
            for id in ids {
                let before = answer.body.len();
                if answer.rows > 0 {
                    answer.body.extend_from_slice(if json { b",\n " } else { b"" });
                }
                let separated = answer.body.len();
                let found = together(node, &[Value::Int(*id)], answer)?;
                if found == 0 {
                    answer.body.truncate(before);
                } else if !json && answer.rows > 0 {
                    drop_header(&mut answer.body, separated);
                }
                answer.rows += found;
            }
            if !json && answer.rows == 0 {
                answer.body.push(b'\n');
            }
        }
    }
    if json {
        answer.body.push(b']');
    }
    Ok(())
}

/// Takes the header line of CSV out that begins at `start`; its line end stays.
fn drop_header(body: &mut Vec<u8>, start: usize) {
    if let Some(end) = body[start..].iter().position(|b| *b == b'\n') {
        body.drain(start..start + end);
    }
}
