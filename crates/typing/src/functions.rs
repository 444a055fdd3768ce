//! Functions by name: those of the function table and those of the catalogue.

use std::sync::Arc;

use backstay_catalog::{ArgumentMode, Routine};
use backstay_expr::Expr;
use backstay_model::{Error, Result, Type, TypeCategory};
use backstay_scalar::{Function, Kind, table};

use crate::operators::undetermined;
use crate::polymorphic::Binding;
use crate::selection::{Candidate, NoChoice};
use crate::{CastContext, Resolver};

/// An argument as written: `expr` or `name => expr`.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its name, if it was given by name.
    pub name: Option<String>,
    /// Its value.
    pub expr: Expr,
}

impl Argument {
    /// An argument by position.
    pub fn positional(expr: Expr) -> Self {
        Self { name: None, expr }
    }
}

/// The function that a call means, arguments coerced and defaults filled in.
pub enum FunctionMatch {
    /// A row of the function table.
    Builtin {
        /// Which.
        function: Arc<Function>,
        /// Arguments, a variadic tail spread.
        args: Vec<Expr>,
        /// The result's type.
        result: Type,
    },
    /// A function of the catalogue.
    Routine {
        /// Which.
        routine: Arc<Routine>,
        /// Arguments in declaration order, a variadic tail packed into an array.
        args: Vec<Expr>,
        /// The result's type.
        result: Type,
    },
    /// A type's name used as a function: a cast.
    Cast(Expr),
}

/// A call as written.
struct Written<'a> {
    schema: Option<&'a str>,
    name: &'a str,
    args: &'a [Argument],
    variadic: bool,
}

#[derive(Clone)]
enum Target {
    Builtin(Arc<Function>),
    Routine(Arc<Routine>),
}

/// An overload with the order in which it takes the written arguments.
#[derive(Clone)]
struct Overload {
    target: Target,
    /// For each declared argument the position of the written one; `None`: its default.
    order: Vec<Option<usize>>,
    /// How many written arguments belong to the variadic tail.
    tail: Option<usize>,
    /// Position in the search path.
    rank: usize,
}

impl Resolver<'_> {
    /// Finds the function and coerces the arguments. `variadic` is `f(…, VARIADIC array)`.
    ///
    /// # Errors
    /// `42883` no such function, `42725` several fit, and what reading a literal raises.
    pub fn call(
        &self,
        schema: Option<&str>,
        name: &str,
        args: Vec<Argument>,
        variadic: bool,
    ) -> Result<FunctionMatch> {
        let types: Vec<Type> = args.iter().map(|argument| argument.expr.ty()).collect();
        let written = Written { schema, name, args: &args, variadic };
        let candidates = hide_shadowed(self.overloads(&written));
        let exact = candidates.iter().find(|candidate| candidate.args == types).cloned();
        let chosen = match exact {
            Some(exact) => Ok(exact),
            None => match self.cast_by_name(&written) {
                Some(cast) => return cast.map(FunctionMatch::Cast),
                None => self.select(&types, candidates),
            },
        };
        let chosen = chosen.map_err(|why| self.no_function(&written, why))?;
        self.build(chosen, &types, args)
    }

    /// Is there any function of this name (for messages about columns and functions)?
    pub fn has_function(&self, schema: Option<&str>, name: &str) -> bool {
        table()
            .named(name)
            .any(|row| is_callable(row.kind) && self.rank(schema, row.schema).is_some())
            || !self.path().routines(self.catalog(), schema, name).is_empty()
    }

    /// Where on the search path a function of the table is visible.
    fn rank(&self, written: Option<&str>, schema: &str) -> Option<usize> {
        match written {
            // Extensions live in `extensions`, and projects may have put them into `public`.
            Some("public") if schema == "extensions" => Some(0),
            Some(written) => (written == schema).then_some(0),
            None if schema == "pg_catalog" => Some(0),
            None => self.path().0.iter().position(|known| known == schema).map(|at| at + 1),
        }
    }

    fn overloads(&self, written: &Written<'_>) -> Vec<Candidate<Overload>> {
        let builtin =
            table().named(written.name).filter(|row| is_callable(row.kind)).filter_map(|row| {
                Some((Target::Builtin(Arc::clone(row)), self.rank(written.schema, row.schema)?))
            });
        let routines =
            self.path().routines(self.catalog(), written.schema, written.name).into_iter().map(
                |routine| {
                    let at = self.path().0.iter().position(|schema| *schema == routine.schema);
                    (Target::Routine(Arc::clone(routine)), at.unwrap_or(0) + 1)
                },
            );
        builtin.chain(routines).filter_map(|(target, rank)| fit(target, rank, written)).collect()
    }

    /// `text(x)`, `int4(x)`: a cast, unless only functions can do it.
    fn cast_by_name(&self, written: &Written<'_>) -> Option<Result<Expr>> {
        let [argument] = written.args else { return None };
        if argument.name.is_some() || !matches!(written.schema, None | Some("pg_catalog")) {
            return None;
        }
        let target = Type::from_name(written.name)?;
        if target.category() == TypeCategory::Pseudo {
            return None;
        }
        let source = argument.expr.ty();
        let possible = source == Type::Unknown
            || self.cast_path(&source, &target, CastContext::Explicit).is_some();
        possible.then(|| self.coerce(argument.expr.clone(), &target, None, CastContext::Explicit))
    }

    fn build(
        &self,
        chosen: Candidate<Overload>,
        types: &[Type],
        args: Vec<Argument>,
    ) -> Result<FunctionMatch> {
        let overload = chosen.payload;
        let declared_result = match &overload.target {
            Target::Builtin(function) => function.result.clone(),
            Target::Routine(routine) => routine.returns.ty.clone(),
        };
        let (concrete, result) = match self.bind_polymorphic(&chosen.args, types, &declared_result)
        {
            Binding::Concrete(concrete, result) => (concrete, result),
            Binding::Inconsistent => return Err(Error::internal("an overload that does not fit")),
            Binding::Undetermined => return Err(undetermined()),
        };
        let is_builtin = matches!(overload.target, Target::Builtin(_));
        let mut coerced: Vec<Option<Expr>> = args
            .into_iter()
            .zip(&concrete)
            .map(|(argument, ty)| {
                if is_builtin {
                    self.coerce_argument(argument.expr, ty).map(Some)
                } else {
                    self.coerce(argument.expr, ty, None, CastContext::Implicit).map(Some)
                }
            })
            .collect::<Result<_>>()?;
        match overload.target {
            Target::Builtin(function) => {
                let mut args: Vec<Expr> = overload
                    .order
                    .iter()
                    .map_while(|at| at.and_then(|at| coerced.get_mut(at).and_then(Option::take)))
                    .collect();
                args.extend(coerced.into_iter().flatten());
                let result = result.base(self.catalog());
                Ok(FunctionMatch::Builtin { function, args, result })
            }
            Target::Routine(routine) => {
                let tail = overload.tail.map(|count| {
                    coerced.split_off(coerced.len() - count).into_iter().flatten().collect()
                });
                let args = routine_arguments(&routine, &overload.order, coerced, tail)?;
                Ok(FunctionMatch::Routine { routine, args, result })
            }
        }
    }

    fn no_function(&self, written: &Written<'_>, why: NoChoice) -> Error {
        let args: Vec<String> = written
            .args
            .iter()
            .map(|argument| match &argument.name {
                Some(name) => format!("{name} => {}", self.name(&argument.expr.ty())),
                None => self.name(&argument.expr.ty()),
            })
            .collect();
        let schema = written.schema.map(|schema| format!("{schema}.")).unwrap_or_default();
        let call = format!("{schema}{}({})", written.name, args.join(", "));
        match why {
            NoChoice::None => Error::new("42883", format!("function {call} does not exist"))
                .with_hint(
                    "No function matches the given name and argument types. You might need to add explicit type casts.",
                ),
            NoChoice::Ambiguous => Error::new("42725", format!("function {call} is not unique"))
                .with_hint(
                    "Could not choose a best candidate function. You might need to add explicit type casts.",
                ),
        }
    }
}

fn is_callable(kind: Kind) -> bool {
    match kind {
        Kind::Function | Kind::Aggregate | Kind::Window | Kind::SetReturning => true,
        Kind::Operator | Kind::Cast(_) => false,
    }
}

/// What an overload declares, in one form for both kinds.
struct Declared {
    types: Vec<Type>,
    names: Vec<Option<String>>,
    /// How many arguments, counted from the end, may be left out.
    optional: usize,
    /// The last argument repeats; `types` holds the element's type.
    variadic: bool,
}

fn declared(target: &Target) -> Declared {
    match target {
        Target::Builtin(function) => Declared {
            types: function.args.clone(),
            names: function.arg_names.iter().map(|name| Some((*name).to_owned())).collect(),
            optional: function.optional,
            variadic: function.variadic,
        },
        Target::Routine(routine) => Declared {
            types: routine
                .inputs()
                .map(|argument| match (&argument.mode, &argument.ty) {
                    (ArgumentMode::Variadic, Type::Array(element)) => (**element).clone(),
                    _ => argument.ty.clone(),
                })
                .collect(),
            names: routine.inputs().map(|argument| argument.name.clone()).collect(),
            optional: routine.inputs().filter(|argument| argument.default.is_some()).count(),
            variadic: routine.is_variadic(),
        },
    }
}

/// Lays the written arguments over a signature. The candidate's types follow the written order.
fn fit(target: Target, rank: usize, written: &Written<'_>) -> Option<Candidate<Overload>> {
    let declared = declared(&target);
    let given = written.args.len();
    let positional = written.args.iter().take_while(|argument| argument.name.is_none()).count();
    let width = declared.types.len();
    let is_routine = matches!(target, Target::Routine(_));
    if written.variadic {
        // The array itself is the last argument.
        if !(declared.variadic && is_routine && given == width && positional == given) {
            return None;
        }
        let mut args = declared.types;
        let last = args.pop()?;
        args.push(last.array_of());
        let order = (0..width).map(Some).collect();
        return Some(Candidate { args, payload: Overload { target, order, tail: None, rank } });
    }
    if declared.variadic && positional == given && given + 1 >= width {
        let fixed = width - 1;
        let tail = given - fixed;
        if tail == 0 && is_routine {
            return None;
        }
        let mut args = declared.types;
        let last = args.pop()?;
        args.extend(std::iter::repeat_n(last, tail));
        let order = (0..fixed).map(Some).collect();
        let tail = is_routine.then_some(tail);
        return Some(Candidate { args, payload: Overload { target, order, tail, rank } });
    }
    if given > width || given + declared.optional < width {
        return None;
    }
    let mut order: Vec<Option<usize>> = vec![None; width];
    let mut args = Vec::with_capacity(given);
    for (at, argument) in written.args.iter().enumerate() {
        let slot = match &argument.name {
            None => at,
            Some(name) => {
                declared.names.iter().position(|known| known.as_deref() == Some(name.as_str()))?
            }
        };
        if order[slot].is_some() {
            return None;
        }
        order[slot] = Some(at);
        args.push(declared.types[slot].clone());
    }
    let required = width - declared.optional;
    if order.iter().take(required).any(Option::is_none) {
        return None;
    }
    Some(Candidate { args, payload: Overload { target, order, tail: None, rank } })
}

/// Of overloads with equal types the one nearest on the path stays, and plain before variadic.
fn hide_shadowed(candidates: Vec<Candidate<Overload>>) -> Vec<Candidate<Overload>> {
    let weight = |overload: &Overload| {
        let spread = match &overload.target {
            Target::Builtin(function) => function.variadic,
            Target::Routine(_) => overload.tail.is_some(),
        };
        let defaults = overload.order.iter().filter(|at| at.is_none()).count();
        (overload.rank, spread, defaults)
    };
    let mut kept: Vec<Candidate<Overload>> = Vec::new();
    for candidate in candidates {
        match kept.iter_mut().find(|known| known.args == candidate.args) {
            // Two overloads that differ only in defaults left out stay ambiguous.
            Some(known)
                if weight(&known.payload).0 == weight(&candidate.payload).0
                    && weight(&known.payload).1 == weight(&candidate.payload).1
                    && weight(&known.payload).2 > 0
                    && weight(&candidate.payload).2 > 0 =>
            {
                kept.push(candidate)
            }
            Some(known) => {
                if weight(&candidate.payload) < weight(&known.payload) {
                    *known = candidate;
                }
            }
            None => kept.push(candidate),
        }
    }
    kept
}

fn routine_arguments(
    routine: &Routine,
    order: &[Option<usize>],
    mut given: Vec<Option<Expr>>,
    tail: Option<Vec<Expr>>,
) -> Result<Vec<Expr>> {
    let mut tail = tail;
    routine
        .inputs()
        .enumerate()
        .map(|(slot, declared)| {
            if declared.mode == ArgumentMode::Variadic
                && let Some(elements) = tail.take()
            {
                return Ok(Expr::Array { elements, ty: declared.ty.clone() });
            }
            let written = order.get(slot).copied().flatten();
            match written.and_then(|at| given.get_mut(at).and_then(Option::take)) {
                Some(expr) => Ok(expr),
                None => declared
                    .default
                    .clone()
                    .ok_or_else(|| Error::internal("an argument without a value")),
            }
        })
        .collect()
}
