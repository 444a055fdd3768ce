//! Function calls: which function is meant, its arguments, and what becomes of its result.

use backstay_catalog::{ArgumentMode, Relation, Routine, TypeKind};
use backstay_expr::{Expr, From, FunctionScan};
use backstay_model::{Array, Error, Result, Type, TypeSource, Value};
use backstay_rest::{ArgumentValue, BodyKind, FunctionCall, LOOSE_SCORE_MIN, errors, nearest};

use crate::build::Asked;
use crate::builder::Builder;
use crate::joins::Linked;
use crate::plan::{Call, CallResult};
use crate::source::Source;
use crate::values::ValueSource;

/// A function with the way its arguments are given.
enum Chosen<'a> {
    /// By name.
    Named(&'a Routine),
    /// The whole body is the only argument.
    Body(&'a Routine),
}

impl<'a> Builder<'a> {
    /// `POST` or `GET` of a function.
    pub(crate) fn function(&mut self, asked: &Asked<'a>, call: &'a FunctionCall) -> Result<Call> {
        let chosen = self.choose(call)?;
        asked.deferred_embed_path()?;
        let (routine, arguments) = match chosen {
            Chosen::Named(routine) => (routine, self.named_arguments(routine, call)?),
            Chosen::Body(routine) => (routine, vec![self.body_argument(routine, call)?]),
        };
        let result = self.result(asked, routine, call, &arguments)?;
        Ok(Call { function: routine.id, arguments, result, read_only: call.read_only })
    }

    /// The function that a call means.
    fn choose(&self, call: &FunctionCall) -> Result<Chosen<'a>> {
        let candidates: Vec<&'a Routine> = self
            .catalog
            .routines_named(self.schema, &call.function)
            .map(AsRef::as_ref)
            .filter(|routine| routine.returns.ty != Type::Trigger && !routine.procedure)
            .collect();
        let given: Vec<&str> = call.arguments.iter().map(|one| one.name.as_str()).collect();
        let named: Vec<&'a Routine> =
            candidates.iter().copied().filter(|routine| takes_names(routine, &given)).collect();
        match named.as_slice() {
            [only] => return Ok(Chosen::Named(only)),
            [] => {}
            several => return Err(self.ambiguous(several)),
        }
        let kind = call.body.as_ref().map(|body| body.kind);
        let whole: Vec<&'a Routine> =
            candidates.iter().copied().filter(|routine| takes_body(routine, kind)).collect();
        match whole.as_slice() {
            [only] => Ok(Chosen::Body(only)),
            [] => Err(self.no_function(call, &candidates, &given)),
            several => Err(self.ambiguous(several)),
        }
    }

    fn ambiguous(&self, routines: &[&Routine]) -> Error {
        let signatures: Vec<String> = routines
            .iter()
            .map(|routine| {
                let inputs: Vec<String> = routine
                    .inputs()
                    .map(|input| {
                        let ty = input.ty.name(self.catalog);
                        input.name.as_ref().map_or(ty.clone(), |name| format!("{name} => {ty}"))
                    })
                    .collect();
                format!("{}.{}({})", routine.schema, routine.name, inputs.join(", "))
            })
            .collect();
        errors::ambiguous_function(&signatures)
    }

    fn no_function(&self, call: &FunctionCall, same_name: &[&Routine], given: &[&str]) -> Error {
        let lists: Vec<String> = same_name.iter().map(|routine| parameters(routine)).collect();
        let suggestion = if same_name.is_empty() {
            let names = self.catalog.routines_in(self.schema).map(|routine| routine.name.as_str());
            nearest(&call.function, names, LOOSE_SCORE_MIN).map(str::to_owned)
        } else {
            let mut given = given.to_vec();
            given.sort_unstable();
            // The name is right, so the nearest list helps however far it is.
            nearest(&given.join(", "), lists.iter().map(String::as_str), 0.0)
                .map(|list| format!("{}({list})", call.function))
        };
        errors::function_not_found(&errors::MissingFunction {
            schema: self.schema,
            name: &call.function,
            arguments: given,
            body: call.body.as_ref().map(|body| body.kind),
            suggestion: suggestion.as_deref(),
        })
    }

    fn named_arguments(&mut self, routine: &Routine, call: &FunctionCall) -> Result<Vec<Expr>> {
        let mut arguments = Vec::new();
        for input in routine.inputs() {
            let mut named = call.arguments.iter();
            let given = named.find(|one| Some(&one.name) == input.name.as_ref());
            arguments.push(match (given, &input.default) {
                (Some(given), _) => {
                    let variadic = input.mode == ArgumentMode::Variadic;
                    let source = argument(&input.ty, variadic, &given.value);
                    self.param(source, input.ty.clone())?
                }
                (None, Some(default)) => default.clone(),
                // Without the repeated arguments a variadic function gets an empty array.
                (None, None) if input.mode == ArgumentMode::Variadic => {
                    let nothing = ValueSource::Fixed(Value::Array(Array::default()));
                    self.param(nothing, input.ty.clone())?
                }
                (None, None) => return Err(Error::internal("a call without a needed argument")),
            });
        }
        Ok(arguments)
    }

    /// The whole body as the one unnamed argument.
    fn body_argument(&mut self, routine: &Routine, call: &FunctionCall) -> Result<Expr> {
        let ty = routine.inputs().next().map_or(Type::Json, |input| input.ty.clone());
        let body = call.body.as_ref().map(|body| body.bytes.clone()).unwrap_or_default();
        self.param(ValueSource::Body(body, ty.clone()), ty)
    }

    fn result(
        &mut self,
        asked: &Asked<'a>,
        routine: &'a Routine,
        call: &'a FunctionCall,
        arguments: &[Expr],
    ) -> Result<CallResult> {
        let returns = &routine.returns;
        if returns.ty == Type::Void {
            return Ok(CallResult::Void);
        }
        let Some(rows) = self.rows_of(routine) else {
            let ty = returns.ty.clone();
            return Ok(if returns.set {
                CallResult::Scalars { ty, limit: call.node.limit }
            } else {
                CallResult::Scalar(ty)
            });
        };
        let relation = if let ResultRows::Of(relation) = rows { Some(relation) } else { None };
        let resolved = asked.resolve(&call.node, relation, &routine.name)?;
        let linked = self.call_scan(routine, &rows, arguments);
        let mut node = self.node(&resolved, linked, returns.set)?;
        if !returns.set {
            node.query.limit = None;
            node.query.offset = None;
        }
        let count = if asked.request.wants_count() {
            let linked = self.call_scan(routine, &rows, arguments);
            Some(self.count(&resolved, linked)?)
        } else {
            None
        };
        Ok(CallResult::Rows { set: returns.set, node: Box::new(node), count })
    }

    /// The call as an entry of `FROM`.
    fn call_scan(
        &mut self,
        routine: &'a Routine,
        rows: &ResultRows<'a>,
        arguments: &[Expr],
    ) -> Linked<'a> {
        let rel = self.rel();
        let ty = routine.returns.ty.clone();
        let source = match rows {
            ResultRows::Of(relation) => Source::rows_of(rel, relation, &routine.name),
            ResultRows::Listed(columns) => {
                let row = matches!(ty, Type::Composite(_)).then(|| ty.clone());
                Source::listed(rel, columns.clone(), row, &routine.name)
            }
        };
        let args = arguments.to_vec();
        let scan = FunctionScan {
            rel,
            call: Expr::UserCall { function: routine.id, args, ty },
            columns: source.listing(),
            ordinality: false,
        };
        Linked { source, from: vec![From::Function(scan)], on: Vec::new() }
    }

    /// The rows that a function returns; `None` for bare values.
    fn rows_of(&self, routine: &'a Routine) -> Option<ResultRows<'a>> {
        let returns = &routine.returns;
        let table = routine.arguments.iter().any(|one| one.mode == ArgumentMode::Table);
        match &returns.ty {
            Type::Composite(id) => match self.catalog.types.get(id).map(|found| &found.kind) {
                Some(TypeKind::Row(relation)) => {
                    self.catalog.relations.get(relation).map(|found| ResultRows::Of(found))
                }
                _ => {
                    let fields = self.catalog.fields(*id)?;
                    let columns = fields.into_iter().map(|(name, ty, _)| (name, ty));
                    Some(ResultRows::Listed(columns.collect()))
                }
            },
            Type::Record => Some(ResultRows::Listed(returns.columns.clone())),
            _ if table && !returns.columns.is_empty() => {
                Some(ResultRows::Listed(returns.columns.clone()))
            }
            _ => None,
        }
    }
}

/// The rows of a function's result.
enum ResultRows<'a> {
    /// Rows of a relation.
    Of(&'a Relation),
    /// Rows with these columns.
    Listed(Vec<(String, Type)>),
}

/// Do the names given include all that the function needs and nothing else?
fn takes_names(routine: &Routine, given: &[&str]) -> bool {
    let names: Vec<Option<&str>> = routine.inputs().map(|input| input.name.as_deref()).collect();
    let known = given.iter().all(|name| names.contains(&Some(name)));
    let satisfied = routine.inputs().all(|input| {
        let optional = input.default.is_some() || input.mode == ArgumentMode::Variadic;
        optional || input.name.as_deref().is_some_and(|name| given.contains(&name))
    });
    known && satisfied
}

/// Is the body, as a whole, the function's only and unnamed parameter?
fn takes_body(routine: &Routine, kind: Option<BodyKind>) -> bool {
    let mut inputs = routine.inputs();
    let (Some(only), None) = (inputs.next(), inputs.next()) else { return false };
    let fits = match kind {
        Some(BodyKind::Json) => matches!(only.ty, Type::Json | Type::Jsonb),
        Some(BodyKind::Text) => only.ty == Type::Text,
        Some(BodyKind::Xml) => only.ty == Type::Xml,
        Some(BodyKind::Bytes) => only.ty == Type::Bytea,
        Some(BodyKind::Fields) | None => false,
    };
    fits && only.name.as_deref().is_none_or(str::is_empty)
}

/// The names of the parameters, sorted, as hints list them.
fn parameters(routine: &Routine) -> String {
    let mut names: Vec<&str> = routine.inputs().filter_map(|one| one.name.as_deref()).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Where the value of an argument comes from.
fn argument(ty: &Type, variadic: bool, value: &ArgumentValue) -> ValueSource {
    match (value, ty) {
        (ArgumentValue::Json(json), _) => ValueSource::Json(json.clone(), ty.clone()),
        (ArgumentValue::Texts(texts), Type::Array(element)) if variadic => {
            ValueSource::Elements(texts.clone(), (**element).clone())
        }
        (ArgumentValue::Texts(texts), _) => ValueSource::Last(texts.clone(), ty.clone()),
    }
}
