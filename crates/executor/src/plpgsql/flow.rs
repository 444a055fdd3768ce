//! Blocks, branches and loops.

use std::sync::Arc;

use backstay_model::{Array, Error, Result, Type, Value};
use backstay_pgsql::plpgsql::{
    Block, Declared, FragmentId, Handlers, Rows, Slot, Statement, Stmt, Target, conditions,
};

use super::Interpreter;
use super::frame::Shape;

/// Where a statement leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// To the next one.
    Next,
    /// Out of the loop or block with this label, or of the innermost loop.
    Exit(Option<String>),
    /// To the next round of the loop.
    Again(Option<String>),
    /// Out of the function.
    Return,
}

/// What a round of a loop leads to.
enum Round {
    Next,
    End(Flow),
}

/// A loop that counts.
#[derive(Clone, Copy)]
struct Count<'b> {
    label: &'b Option<String>,
    slot: Slot,
    reverse: bool,
    bounds: &'b (FragmentId, FragmentId, Option<FragmentId>),
    body: &'b [Statement],
}

impl Interpreter<'_> {
    pub(super) fn block(&mut self, block: &Block) -> Result<Flow> {
        for slot in &block.declared {
            self.initialize(*slot)?;
        }
        let flow = match &block.handlers {
            None => self.statements(&block.body)?,
            Some(handlers) => self.guarded(block, handlers)?,
        };
        Ok(match flow {
            Flow::Exit(Some(label)) if block.label.as_ref() == Some(&label) => Flow::Next,
            other => other,
        })
    }

    fn initialize(&mut self, slot: Slot) -> Result<()> {
        let program = &self.compiled.program;
        let default = program.variables[slot].default;
        self.frame.shapes[slot] = None;
        self.frame.values[slot] = Value::Null;
        let (value, shape) = match (default, &program.variables[slot].ty) {
            (Some(id), _) => self.value(id)?,
            (None, Declared::Typed(Type::Domain(_), _)) => {
                (Value::Null, Arc::new(Shape { ty: Type::Unknown, fields: Vec::new() }))
            }
            (None, Declared::Cursor(Some(_))) => {
                self.frame.values[slot] = Value::text(program.variables[slot].name.as_str());
                return Ok(());
            }
            (None, _) => return Ok(()),
        };
        self.assign(&Target::Variable(slot, Vec::new()), value, &shape)
    }

    /// The statements of a block with `EXCEPTION`, in a savepoint.
    fn guarded(&mut self, block: &Block, handlers: &Handlers) -> Result<Flow> {
        self.world.savepoint()?;
        let error = match self.statements(&block.body) {
            Ok(flow) => {
                self.world.release()?;
                return Ok(flow);
            }
            Err(error) => error,
        };
        self.world.roll_back()?;
        let handler = handlers
            .list
            .iter()
            .find(|handler| handler.conditions.iter().any(|one| catches(one.as_deref(), &error)));
        let Some(handler) = handler else { return Err(error) };
        self.frame.values[handlers.state] = Value::text(error.code.as_ref());
        self.frame.values[handlers.state + 1] = Value::text(error.message.as_str());
        self.handled.push(error);
        let flow = self.statements(&handler.body);
        self.handled.pop();
        flow
    }

    pub(super) fn statements(&mut self, statements: &[Statement]) -> Result<Flow> {
        for statement in statements {
            self.line = statement.line;
            let flow = self.execute(&statement.kind)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// Statements that lead on to others; the rest is in [`Interpreter::plain`].
    fn execute(&mut self, statement: &Stmt) -> Result<Flow> {
        match statement {
            Stmt::Block(block) => self.block(block),
            Stmt::If(branches, otherwise) => {
                for (condition, body) in branches {
                    if self.is_true(*condition)? {
                        return self.statements(body);
                    }
                }
                self.statements(otherwise)
            }
            Stmt::Case { operand, branches, otherwise } => {
                if let Some((slot, value)) = operand {
                    let (value, shape) = self.value(*value)?;
                    self.assign(&Target::Variable(*slot, Vec::new()), value, &shape)?;
                }
                for (condition, body) in branches {
                    if self.is_true(*condition)? {
                        return self.statements(body);
                    }
                }
                match otherwise {
                    Some(body) => self.statements(body),
                    None => Err(Error::new("20000", "case not found")
                        .with_hint("CASE statement is missing ELSE part.")),
                }
            }
            Stmt::Loop(label, body) => loop {
                if let Round::End(flow) = self.round(label.as_ref(), body)? {
                    return Ok(flow);
                }
            },
            Stmt::While(label, condition, body) => {
                while self.is_true(*condition)? {
                    if let Round::End(flow) = self.round(label.as_ref(), body)? {
                        return Ok(flow);
                    }
                }
                Ok(Flow::Next)
            }
            Stmt::ForInteger { label, slot, reverse, bounds, body } => {
                self.count(Count { label, slot: *slot, reverse: *reverse, bounds, body })
            }
            Stmt::ForRows { label, target, rows, body } => {
                self.for_rows(label.as_ref(), (target, rows), body)
            }
            Stmt::ForEach { label, target, slice, array, body } => {
                self.for_each(label.as_ref(), (target, *slice, *array), body)
            }
            Stmt::Exit { again, label, condition } => {
                if let Some(condition) = condition
                    && !self.is_true(*condition)?
                {
                    return Ok(Flow::Next);
                }
                let label = label.clone();
                Ok(if *again { Flow::Again(label) } else { Flow::Exit(label) })
            }
            Stmt::Return(value) => {
                self.set_result(*value)?;
                Ok(Flow::Return)
            }
            other => self.plain(other).map(|()| Flow::Next),
        }
    }

    /// One round of a loop.
    fn round(&mut self, label: Option<&String>, body: &[Statement]) -> Result<Round> {
        self.world.with(&mut |_, store| store.check_time())?;
        let mine = |named: &Option<String>| named.is_none() || named.as_ref() == label;
        Ok(match self.statements(body)? {
            Flow::Next => Round::Next,
            Flow::Again(named) if mine(&named) => Round::Next,
            Flow::Exit(named) if mine(&named) => Round::End(Flow::Next),
            other => Round::End(other),
        })
    }

    fn bound(&self, id: FragmentId, what: &str) -> Result<i64> {
        let (value, shape) = self.value(id)?;
        let value = self.converted(value, &shape, &(Type::Int4, None))?;
        value
            .as_int()
            .ok_or_else(|| Error::new("22004", format!("{what} of FOR loop cannot be null")))
    }

    fn count(&mut self, count: Count<'_>) -> Result<Flow> {
        let (first, last, step) = count.bounds;
        let mut at = self.bound(*first, "lower bound")?;
        let last = self.bound(*last, "upper bound")?;
        let step = match step {
            Some(step) => self.bound(*step, "BY value")?,
            None => 1,
        };
        if step <= 0 {
            return Err(Error::new("22023", "BY value of FOR loop must be greater than zero"));
        }
        let mut found = false;
        let mut end = Flow::Next;
        while if count.reverse { at >= last } else { at <= last } {
            found = true;
            self.frame.values[count.slot] = Value::Int(at);
            if let Round::End(flow) = self.round(count.label.as_ref(), count.body)? {
                end = flow;
                break;
            }
            let next = if count.reverse { at - step } else { at + step };
            if i32::try_from(next).is_err() {
                break;
            }
            at = next;
        }
        self.set_found(found);
        Ok(end)
    }

    fn for_rows(
        &mut self,
        label: Option<&String>,
        (target, rows): (&Target, &Rows),
        body: &[Statement],
    ) -> Result<Flow> {
        let given = self.all_rows(rows)?;
        if given.other {
            return Err(Error::new("42601", "cannot open multi-query plan as cursor"));
        }
        let found = !given.rows.is_empty();
        if !found {
            self.assign_row(target, None, &given.shape)?;
        }
        let mut end = Flow::Next;
        for row in given.rows {
            self.assign_row(target, Some(row), &given.shape)?;
            if let Round::End(flow) = self.round(label, body)? {
                end = flow;
                break;
            }
        }
        self.set_found(found);
        Ok(end)
    }

    fn for_each(
        &mut self,
        label: Option<&String>,
        (target, slice, array): (&Target, usize, FragmentId),
        body: &[Statement],
    ) -> Result<Flow> {
        let (value, shape) = self.value(array)?;
        let Some(element) = shape.ty.element().cloned() else {
            let mut name = String::new();
            self.world.with(&mut |scope, _| {
                name = shape.ty.name(scope.env.types());
                Ok(())
            })?;
            let message = format!("FOREACH expression must yield an array, not type {name}");
            return Err(Error::new("42804", message));
        };
        let Value::Array(Array { dims, elements }) = value else {
            return Err(Error::new("22004", "FOREACH expression must not be null"));
        };
        if slice > dims.len() && !dims.is_empty() {
            let message =
                format!("slice dimension ({slice}) is out of the valid range 0..{}", dims.len());
            return Err(Error::new("2202E", message));
        }
        let inner = &dims[dims.len() - slice.min(dims.len())..];
        let size = inner.iter().product::<usize>().max(1);
        let piece = |elements: &[Value]| match slice {
            0 => elements.first().cloned().unwrap_or(Value::Null),
            _ => Value::Array(Array { dims: inner.to_vec(), elements: elements.to_vec() }),
        };
        let shape =
            if slice == 0 { self.shape_of_element(&element)? } else { Shape::clone(&shape) };
        let found = !elements.is_empty();
        let mut end = Flow::Next;
        for part in elements.chunks(size) {
            self.assign(target, piece(part), &shape)?;
            if let Round::End(flow) = self.round(label, body)? {
                end = flow;
                break;
            }
        }
        self.set_found(found);
        Ok(end)
    }

    fn shape_of_element(&self, ty: &Type) -> Result<Shape> {
        let mut fields = Vec::new();
        self.world.with(&mut |scope, _| {
            let known = super::frame::fields_of(scope.catalog, ty).unwrap_or_default();
            fields = known.into_iter().map(|(name, ty, _)| (name, ty)).collect();
            Ok(())
        })?;
        Ok(Shape { ty: ty.clone(), fields })
    }

    pub(super) fn set_found(&mut self, found: bool) {
        self.frame.values[self.compiled.program.found] = Value::Bool(found);
    }
}

/// Does a handler for this condition take the error? A time that has run out, a failed assertion and
/// a database that cannot go on are taken only by their names.
fn catches(condition: Option<&str>, error: &Error) -> bool {
    const OWN_NAME_ONLY: &[&str] = &["57014", "P0004"];
    const NEVER: &[&str] = &["53100", "58030", "XX001", "25006"];
    if NEVER.contains(&error.code.as_ref()) {
        return condition == Some(error.code.as_ref()) && error.code == "25006";
    }
    match condition {
        Some(code) => conditions::covers(code, &error.code),
        None => !OWN_NAME_ONLY.contains(&error.code.as_ref()),
    }
}
