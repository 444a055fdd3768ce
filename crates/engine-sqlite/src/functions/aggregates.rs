//! Aggregates of the function table, plain and as window functions.

use std::collections::VecDeque;

use backstay_model::{Array, Error, Type, Value};
use backstay_scalar::compare::compare;
use backstay_scalar::{Aggregator, Call, Function, Implementation};
use rusqlite::Result;
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::Value as Owned;

use super::arguments;
use crate::frame::{Frame, compute};
use crate::stored;

/// An aggregate over all rows of a group: nothing but its state is kept.
pub(super) struct Streamed(pub(super) Aggregated);

/// The state of one group.
pub(super) struct State(Box<dyn Aggregator>);

#[expect(unsafe_code, reason = "the binding asks for states that may move between threads")]
// SAFETY: SQLite keeps the state within one statement, which the thread that stepped it first also
// steps to its end or resets: connections change hands only between statements.
unsafe impl Send for State {}

impl std::panic::UnwindSafe for State {}
impl std::panic::RefUnwindSafe for State {}

impl Streamed {
    fn begin(&self) -> Result<State> {
        compute(|_| match self.0.function.run {
            Implementation::Aggregate(make) => Ok(State(make())),
            _ => Err(Error::internal(format!("{} is no aggregate", self.0.function.symbol))),
        })
    }
}

impl Aggregate<State, Owned> for Streamed {
    fn init(&self, _: &mut Context<'_>) -> Result<State> {
        self.begin()
    }

    fn step(&self, context: &mut Context<'_>, state: &mut State) -> Result<()> {
        compute(|frame| {
            let args = arguments(&self.0.args, context, frame)?;
            if !self.0.takes(&args) {
                return Ok(());
            }
            let (env, result) = (frame.scope.env, &self.0.result);
            state.0.step(&Call { env, args: &args, arg_types: &self.0.args, result })
        })
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<State>) -> Result<Owned> {
        let mut state = match state {
            Some(state) => state,
            None => self.begin()?,
        };
        compute(|frame| stored::encode_owned(&state.0.finish(frame.scope.env, &self.0.result)?))
    }
}

/// An aggregate whose rows are kept: for windows, which move, and for `DISTINCT`.
pub(super) struct Aggregated {
    pub(super) function: &'static Function,
    pub(super) args: Vec<Type>,
    pub(super) result: Type,
    pub(super) distinct: bool,
    pub(super) ordered: bool,
}

/// The arguments of the rows so far. The table's aggregators know no way back, which windows need,
/// so the rows are kept and folded when a result is asked for.
pub(super) type Gathered = VecDeque<Vec<Value>>;

impl Aggregated {
    fn fold(&self, rows: Option<&Gathered>, frame: &Frame<'_>) -> backstay_model::Result<Owned> {
        let Implementation::Aggregate(make) = self.function.run else {
            let symbol = &self.function.symbol;
            return Err(Error::internal(format!("{symbol} is no aggregate")));
        };
        let env = frame.scope.env;
        let mut state = make();
        let mut step = |args: &[Value]| {
            state.step(&Call { env, args, arg_types: &self.args, result: &self.result })
        };
        match rows {
            Some(rows) if self.distinct => {
                for row in self.distinct_rows(rows) {
                    step(row)?;
                }
            }
            Some(rows) => {
                for row in rows {
                    step(row)?;
                }
            }
            None => {}
        }
        stored::encode_owned(&state.finish(env, &self.result)?)
    }

    /// Each combination once: in the order asked for, else sorted, as PostgreSQL finds them.
    fn distinct_rows<'r>(&self, rows: &'r Gathered) -> Vec<&'r Vec<Value>> {
        let order = |a: &Vec<Value>, b: &Vec<Value>| {
            let pairs = self.args.iter().zip(a.iter().zip(b));
            pairs
                .map(|(ty, (a, b))| compare(ty, a, b))
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        };
        let mut kept: Vec<&Vec<Value>> = rows.iter().collect();
        if self.ordered {
            // Equal rows stand together: what is ordered by is among the arguments.
            kept.dedup_by(|a, b| order(a, b).is_eq());
        } else {
            kept.sort_by(|a, b| order(a, b));
            kept.dedup_by(|a, b| order(a, b).is_eq());
        }
        kept
    }

    fn takes(&self, row: &[Value]) -> bool {
        !(self.function.strict && row.iter().any(Value::is_null))
    }
}

impl Aggregate<Gathered, Owned> for Aggregated {
    fn init(&self, _: &mut Context<'_>) -> Result<Gathered> {
        Ok(Gathered::new())
    }

    fn step(&self, context: &mut Context<'_>, rows: &mut Gathered) -> Result<()> {
        let row = compute(|frame| arguments(&self.args, context, frame))?;
        if self.takes(&row) {
            rows.push_back(row);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, rows: Option<Gathered>) -> Result<Owned> {
        compute(|frame| self.fold(rows.as_ref(), frame))
    }
}

impl WindowAggregate<Gathered, Owned> for Aggregated {
    fn value(&self, rows: Option<&mut Gathered>) -> Result<Owned> {
        compute(|frame| self.fold(rows.as_deref(), frame))
    }

    fn inverse(&self, context: &mut Context<'_>, rows: &mut Gathered) -> Result<()> {
        let row = compute(|frame| arguments(&self.args, context, frame))?;
        if self.takes(&row) {
            rows.pop_front();
        }
        Ok(())
    }
}

/// `ARRAY(query)`.
pub(super) struct Collected {
    pub(super) element: Type,
}

impl Aggregate<Vec<Value>, Owned> for Collected {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, values: &mut Vec<Value>) -> Result<()> {
        let types = std::slice::from_ref(&self.element);
        values.extend(compute(|frame| arguments(types, context, frame))?);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, values: Option<Vec<Value>>) -> Result<Owned> {
        let array = Value::Array(Array::from_elements(values.unwrap_or_default()));
        compute(|_| stored::encode_owned(&array))
    }
}
