//! The table of operators, casts and functions: signature, properties, implementation.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use backstay_model::{Error, Result, Type, Value};

use crate::Environment;

/// What kind of thing a row of the table is. The kind and the name are what SQL text refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `lower(x)`.
    Function,
    /// `a + b`, `- a` (one argument).
    Operator,
    /// `x::t`; the name is `::`, the arguments are the source type, the result the target.
    /// Casts by text form (`io`) need no row here.
    Cast(CastContext),
    /// `sum(x)`.
    Aggregate,
    /// `row_number()`: a pure window function, computed natively by engines.
    Window,
    /// `generate_series(…)`.
    SetReturning,
}

/// Where a cast is applied without being written (`pg_cast.castcontext`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CastContext {
    /// Anywhere.
    Implicit,
    /// When stored into a column.
    Assignment,
    /// Only where it is written.
    Explicit,
}

/// `pg_proc.provolatile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Volatility {
    /// Same arguments, same result, for ever.
    Immutable,
    /// Same within one statement.
    Stable,
    /// May change at every call.
    Volatile,
}

/// One call: arguments with their actual types, and where it happens.
pub struct Call<'a> {
    /// The request.
    pub env: &'a dyn Environment,
    /// Arguments; a variadic tail is spread.
    pub args: &'a [Value],
    /// Actual types of the arguments (never polymorphic, never a domain).
    pub arg_types: &'a [Type],
    /// The type the result must have.
    pub result: &'a Type,
}

/// The state of a running aggregate.
pub trait Aggregator {
    /// Takes one row's arguments. Strict aggregates are not called for rows with a null argument.
    ///
    /// # Errors
    /// As the aggregate raises.
    fn step(&mut self, call: &Call<'_>) -> Result<()>;
    /// The result; for no rows too.
    ///
    /// # Errors
    /// As the aggregate raises.
    fn finish(&mut self, env: &dyn Environment, result: &Type) -> Result<Value>;
}

/// How a row of the table is computed.
#[derive(Clone, Copy)]
pub enum Implementation {
    /// From values to a value. Strict functions are never called with a null.
    Scalar(fn(&Call<'_>) -> Result<Value>),
    /// Makes a fresh state.
    Aggregate(fn() -> Box<dyn Aggregator>),
    /// From values to rows (each as wide as the result's columns: one, unless `columns` says more).
    Set(fn(&Call<'_>) -> Result<Vec<Vec<Value>>>),
    /// Only engines compute it (window functions).
    Native,
}

/// One row.
pub struct Function {
    /// Kind.
    pub kind: Kind,
    /// `pg_catalog`, `extensions`, `auth`, `storage`…
    pub schema: &'static str,
    /// Name, operator symbol, or `::`.
    pub name: &'static str,
    /// Declared argument types; may be polymorphic.
    pub args: Vec<Type>,
    /// Names of the arguments, where SQL may call by name; empty otherwise.
    pub arg_names: &'static [&'static str],
    /// How many of the last arguments may be left out (the implementation sees fewer arguments).
    pub optional: usize,
    /// The last argument repeats (its declared type here is the element's, spread on call).
    pub variadic: bool,
    /// Declared result type; may be polymorphic.
    pub result: Type,
    /// Output columns of a set-returning function that returns more than one.
    pub columns: Vec<(&'static str, Type)>,
    /// Volatility.
    pub volatility: Volatility,
    /// Null in, null out, without a call.
    pub strict: bool,
    /// Cannot raise and has no side effect, whatever is stored. Total functions may run on rows
    /// that a policy hides; others are guarded.
    pub total: bool,
    /// The computation.
    pub run: Implementation,
    /// Unique name, stable across versions: `schema.name(args)`; for casts `::(source,target)`.
    pub symbol: Arc<str>,
}

/// All rows, by symbol and by name.
pub struct Table {
    rows: Vec<Arc<Function>>,
    by_symbol: HashMap<Arc<str>, usize>,
    by_name: HashMap<&'static str, Vec<usize>>,
}

/// The one table of the process.
pub fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table =
            Table { rows: Vec::new(), by_symbol: HashMap::new(), by_name: HashMap::new() };
        crate::functions::register(&mut table);
        table
    })
}

/// A row under construction; see [`Table::function`] and its sisters. `Drop`-free: call one of the
/// finishing methods (`scalar`, `aggregate`, `set`, `native`).
pub struct Row<'t> {
    table: &'t mut Table,
    function: Function,
}

impl Table {
    /// Every row with this name, operators and functions alike (`lower`, `+`, `::`).
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Function>> + use<'a> {
        let rows = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        rows.iter().map(|index| &self.rows[*index])
    }

    /// The row with this symbol.
    pub fn get(&self, symbol: &str) -> Option<&Arc<Function>> {
        self.by_symbol.get(symbol).map(|index| &self.rows[*index])
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.rows.iter()
    }

    /// Begins a function: `lower(text) text`, `concat(variadic "any") text`,
    /// `extensions.gen_salt(text, integer) text`. Immutable, strict, not total until said otherwise.
    ///
    /// # Panics
    /// If the signature does not parse: a mistake in the table, found by any test.
    pub fn function(&mut self, signature: &'static str) -> Row<'_> {
        self.row(Kind::Function, signature)
    }

    /// Begins an operator: `+(integer, integer) integer`; prefix operators have one argument.
    ///
    /// # Panics
    /// As [`Table::function`].
    pub fn operator(&mut self, signature: &'static str) -> Row<'_> {
        self.row(Kind::Operator, signature)
    }

    /// Begins a cast: `::(integer) bigint`.
    ///
    /// # Panics
    /// As [`Table::function`].
    pub fn cast(&mut self, context: CastContext, signature: &'static str) -> Row<'_> {
        self.row(Kind::Cast(context), signature)
    }

    /// Begins an aggregate: `sum(integer) bigint`.
    ///
    /// # Panics
    /// As [`Table::function`].
    pub fn aggregate(&mut self, signature: &'static str) -> Row<'_> {
        self.row(Kind::Aggregate, signature)
    }

    /// Begins a set-returning function: `generate_series(integer, integer) integer`.
    ///
    /// # Panics
    /// As [`Table::function`].
    pub fn set_returning(&mut self, signature: &'static str) -> Row<'_> {
        self.row(Kind::SetReturning, signature)
    }

    /// Begins a window function: `row_number() bigint`.
    ///
    /// # Panics
    /// As [`Table::function`].
    pub fn window(&mut self, signature: &'static str) -> Row<'_> {
        self.row(Kind::Window, signature)
    }

    fn row(&mut self, kind: Kind, signature: &'static str) -> Row<'_> {
        let parsed = parse_signature(signature)
            .unwrap_or_else(|| panic!("the function table has a bad signature: {signature}"));
        let (schema, name, args, variadic, result) = parsed;
        let function = Function {
            kind,
            schema,
            name,
            args,
            arg_names: &[],
            optional: 0,
            variadic,
            result,
            columns: Vec::new(),
            volatility: Volatility::Immutable,
            strict: true,
            total: false,
            run: Implementation::Native,
            symbol: Arc::from(""),
        };
        Row { table: self, function }
    }
}

impl Row<'_> {
    /// Cannot raise for any stored value.
    #[must_use]
    pub fn total(mut self) -> Self {
        self.function.total = true;
        self
    }

    /// Is called with nulls too.
    #[must_use]
    pub fn takes_nulls(mut self) -> Self {
        self.function.strict = false;
        self
    }

    /// `STABLE`.
    #[must_use]
    pub fn stable(mut self) -> Self {
        self.function.volatility = Volatility::Stable;
        self
    }

    /// `VOLATILE`.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.function.volatility = Volatility::Volatile;
        self
    }

    /// The last `count` arguments may be left out.
    #[must_use]
    pub fn optional(mut self, count: usize) -> Self {
        self.function.optional = count;
        self
    }

    /// The arguments' names.
    #[must_use]
    pub fn names(mut self, names: &'static [&'static str]) -> Self {
        self.function.arg_names = names;
        self
    }

    /// Several output columns of a set-returning function.
    #[must_use]
    pub fn columns(mut self, columns: Vec<(&'static str, Type)>) -> Self {
        self.function.columns = columns;
        self
    }

    /// Finishes a function, operator or cast.
    pub fn scalar(self, run: fn(&Call<'_>) -> Result<Value>) {
        self.finish(Implementation::Scalar(run));
    }

    /// Finishes an aggregate.
    pub fn aggregator(self, make: fn() -> Box<dyn Aggregator>) {
        self.finish(Implementation::Aggregate(make));
    }

    /// Finishes a set-returning function.
    pub fn set(self, run: fn(&Call<'_>) -> Result<Vec<Vec<Value>>>) {
        self.finish(Implementation::Set(run));
    }

    /// Finishes what engines compute.
    pub fn native(self) {
        self.finish(Implementation::Native);
    }

    fn finish(mut self, run: Implementation) {
        self.function.run = run;
        let types = &backstay_model::types::NoTypes;
        let mut args: Vec<String> = self.function.args.iter().map(|arg| arg.name(types)).collect();
        if matches!(self.function.kind, Kind::Cast(_)) {
            args.push(self.function.result.name(types));
        }
        let (schema, name) = (self.function.schema, self.function.name);
        let prefix = if schema == "pg_catalog" { String::new() } else { format!("{schema}.") };
        self.function.symbol = Arc::from(format!("{prefix}{name}({})", args.join(",")));
        let index = self.table.rows.len();
        let earlier = self.table.by_symbol.insert(Arc::clone(&self.function.symbol), index);
        assert!(earlier.is_none(), "the function table holds {} twice", self.function.symbol);
        self.table.by_name.entry(name).or_default().push(index);
        self.table.rows.push(Arc::new(self.function));
    }
}

impl Function {
    /// Computes a scalar function, honouring strictness.
    ///
    /// # Errors
    /// As the function raises; `XX000` if it is no scalar function.
    pub fn call(&self, call: &Call<'_>) -> Result<Value> {
        let Implementation::Scalar(run) = self.run else {
            return Err(Error::internal(format!("{} is no scalar function", self.symbol)));
        };
        if self.strict && call.args.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        run(call)
    }
}

type Signature = (&'static str, &'static str, Vec<Type>, bool, Type);

/// Reads `schema.name(type, variadic type) result`.
fn parse_signature(signature: &'static str) -> Option<Signature> {
    let open = signature.find('(')?;
    let close = signature.rfind(')')?;
    let (schema, name) = match signature[..open].split_once('.') {
        Some((schema, name))
            if !schema.is_empty()
                && schema.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
        {
            (schema, name)
        }
        _ => ("pg_catalog", &signature[..open]),
    };
    let mut variadic = false;
    let mut args = Vec::new();
    for arg in signature[open + 1..close].split(',').map(str::trim).filter(|arg| !arg.is_empty()) {
        let arg = match arg.strip_prefix("variadic ") {
            Some(rest) => {
                variadic = true;
                rest
            }
            None => arg,
        };
        args.push(parse_type(arg)?);
    }
    let result = signature[close + 1..].trim();
    let result = if result.is_empty() { Type::Void } else { parse_type(result)? };
    Some((schema, name, args, variadic, result))
}

fn parse_type(text: &str) -> Option<Type> {
    match text.trim().strip_suffix("[]") {
        Some(element) => parse_type(element).map(Type::array_of),
        None => Type::from_name(text.trim().trim_matches('"')),
    }
}
