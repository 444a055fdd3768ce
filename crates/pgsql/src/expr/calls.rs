//! Function calls: plain ones, aggregates, window functions, set-returning functions.

use backstay_expr::walk::{Rewriter, walk_expr};
use backstay_expr::{Expr, Frame, FrameBound, FrameUnit, From, FunctionScan, Query, SortKey};
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::Kind;
use backstay_typing::{Argument, CastContext, FunctionMatch};
use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, WindowDef};

use crate::ddl::extension::refused_call;
use crate::nodes::{Located, blame_literal, each, inner, location, qualified, strings};
use crate::scope::Clause;
use crate::types::fields_of;
use crate::{Binder, call};

/// Functions whose one column is called `value` whatever the alias.
/// Limit: arguments of a call, as in PostgreSQL.
const ARGUMENTS_MAX: usize = 100;

const VALUE_COLUMN: &[&str] = &[
    "json_array_elements",
    "json_array_elements_text",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
];

/// A function in `FROM`: the call, its columns, and whether it gives one value a row rather than a
/// record.
pub(crate) struct BoundFunction {
    pub(crate) call: Expr,
    pub(crate) columns: Vec<(String, Type)>,
    pub(crate) scalar: bool,
    /// The column has a name of its own, which an alias of the table does not replace.
    pub(crate) named: bool,
    /// `record` without known columns: a column definition list must say them.
    pub(crate) open: bool,
}

impl Binder<'_> {
    pub(crate) fn func_call(&mut self, node: &FuncCall) -> Result<Expr> {
        let bound = self.func_call_here(node);
        blame_literal(bound, each(&node.args)).at(node.location)
    }

    fn func_call_here(&mut self, node: &FuncCall) -> Result<Expr> {
        let calling = std::mem::take(&mut self.calling);
        let names = strings(&node.funcname);
        let (schema, name) = qualified(&names)?;
        let mut args = self.call_arguments(node)?;
        if matches!(schema, None | Some("pg_catalog"))
            && let Some(call) = self.json_of_rows(name, &mut args)?
        {
            return Ok(call);
        }
        let direct = args.len();
        let order = self.sort_keys(&node.agg_order)?;
        if node.agg_within_group {
            args.extend(order.iter().map(|key| Argument::positional(key.expr.clone())));
        }
        let variadic = spread_variadic(node, &mut args);
        let given: Vec<Type> = args.iter().map(|argument| argument.expr.ty()).collect();
        let found = self.resolver.call(schema, name, args, variadic).map_err(|error| {
            let refused = schema.and_then(|schema| refused_call(schema, name));
            if error.code == "42883" { refused.unwrap_or(error) } else { error }
        })?;
        call::check_kind(self.catalog, &found, &given, calling)?;
        let kind = match &found {
            FunctionMatch::Builtin { function, .. } => function.kind,
            FunctionMatch::Routine { .. } | FunctionMatch::Cast(_) => Kind::Function,
        };
        match (kind, node.over.as_deref()) {
            (Kind::Aggregate, None) => self.aggregate(node, found, order, direct),
            (Kind::Aggregate | Kind::Window, Some(over)) => self.window(node, found, over),
            (Kind::Window, None) => {
                Err(Error::new("42809", format!("window function {name} requires an OVER clause")))
            }
            (_, Some(_)) => Err(Error::new(
                "42809",
                format!(
                    "OVER specified, but {name} is not a window function nor an aggregate function"
                ),
            )),
            (_, None) => {
                refuse_aggregate_syntax(node, name)?;
                self.plain_call(found, name)
            }
        }
    }

    fn call_arguments(&mut self, node: &FuncCall) -> Result<Vec<Argument>> {
        if node.args.len() > ARGUMENTS_MAX {
            let message = format!("cannot pass more than {ARGUMENTS_MAX} arguments to a function");
            return Err(Error::new("54023", message)).at(node.location);
        }
        each(&node.args)
            .map(|argument| match argument {
                NodeEnum::NamedArgExpr(named) => {
                    let expr = self
                        .expr(inner(named.arg.as_deref()).ok_or_else(|| {
                            Error::internal("a named argument without a value")
                        })?)?;
                    Ok(Argument { name: Some(named.name.clone()), expr })
                }
                other => self.expr(other).map(Argument::positional),
            })
            .collect()
    }

    /// A call that is neither an aggregate nor a window function. A set-returning one becomes an entry
    /// of `FROM` where the select list allows it.
    pub(crate) fn plain_call(&mut self, found: FunctionMatch, name: &str) -> Result<Expr> {
        let is_set = match &found {
            FunctionMatch::Builtin { function, .. } => function.kind == Kind::SetReturning,
            FunctionMatch::Routine { routine, .. } => routine.returns.set,
            FunctionMatch::Cast(_) => false,
        };
        if !is_set {
            return call_node(found);
        }
        let scope = self.scope();
        if !scope.clause.allows_sets() || scope.in_aggregate {
            let place =
                if scope.in_aggregate { "aggregate arguments" } else { scope.clause.name() };
            return Err(Error::new(
                "0A000",
                format!("set-returning functions are not allowed in {place}"),
            ));
        }
        let bound = self.bound_function(found, name)?;
        self.join_set(bound)
    }

    /// Adds a set-returning function of the select list to `FROM`; the result stands for its row.
    fn join_set(&mut self, bound: BoundFunction) -> Result<Expr> {
        let rel = self.fresh_rel();
        let ty = bound.call.ty();
        let expr = match (bound.scalar, bound.columns.first()) {
            (true, Some((_, ty))) => Expr::column(rel, 1, ty.clone()),
            _ => Expr::WholeRow { rel, ty },
        };
        let scan =
            FunctionScan { rel, call: bound.call, columns: bound.columns, ordinality: false };
        let scope = self.scope();
        if !scope.sets.is_empty() {
            return Err(Error::unsupported(
                "more than one set-returning function in a select list",
            ));
        }
        scope.sets.push(From::Function(scan));
        Ok(expr)
    }

    /// `(f(x)).*` in a select list: the function joins `FROM`, and its columns are the targets.
    pub(crate) fn expanded_call(&mut self, node: &FuncCall) -> Result<Vec<(String, Expr)>> {
        let bound = self.bind_from_function(node).at(node.location)?;
        let rel = self.fresh_rel();
        let targets = (1..)
            .zip(&bound.columns)
            .map(|(at, (name, ty))| (name.clone(), Expr::column(rel, at, ty.clone())))
            .collect();
        let scan =
            FunctionScan { rel, call: bound.call, columns: bound.columns, ordinality: false };
        self.scope().sets.push(From::Function(scan));
        Ok(targets)
    }

    /// Binds a call that stands in `FROM`.
    pub(crate) fn bind_from_function(&mut self, node: &FuncCall) -> Result<BoundFunction> {
        let names = strings(&node.funcname);
        let (schema, name) = qualified(&names)?;
        refuse_aggregate_syntax(node, name)?;
        let mut args = self.call_arguments(node)?;
        let variadic = spread_variadic(node, &mut args);
        let found = self.resolver.call(schema, name, args, variadic)?;
        self.bound_function(found, name)
    }

    pub(crate) fn bound_function(
        &mut self,
        found: FunctionMatch,
        name: &str,
    ) -> Result<BoundFunction> {
        let (declared, is_value): (Vec<(String, Type)>, bool) = match &found {
            FunctionMatch::Builtin { function, .. } => {
                if matches!(function.kind, Kind::Aggregate | Kind::Window) {
                    return Err(Error::new(
                        "42803",
                        "aggregate functions are not allowed in functions in FROM",
                    ));
                }
                let columns = function.columns.iter();
                let columns: Vec<_> =
                    columns.map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
                let columns = match columns.len() {
                    0 if VALUE_COLUMN.contains(&function.name) => {
                        vec![("value".to_owned(), function.result.clone())]
                    }
                    _ => columns,
                };
                let is_value = columns.len() == 1;
                (columns, is_value)
            }
            FunctionMatch::Routine { routine, .. } => {
                (routine.returns.columns.clone(), routine.returns.columns.len() == 1)
            }
            FunctionMatch::Cast(_) => (Vec::new(), false),
        };
        let call = call_node(found)?;
        if !matches!(call, Expr::Call { .. } | Expr::UserCall { .. }) {
            return Err(Error::unsupported("this expression in FROM"));
        }
        let ty = call.ty();
        let bound = |columns, scalar, named| BoundFunction {
            call: call.clone(),
            columns,
            scalar,
            named,
            open: false,
        };
        if is_value && ty == Type::Void {
            return Ok(bound(vec![(name.to_owned(), ty)], true, false));
        }
        if !declared.is_empty() {
            let columns = if is_value && !matches!(ty, Type::Record | Type::Composite(_)) {
                declared.into_iter().map(|(name, _)| (name, ty.clone())).collect()
            } else {
                declared
            };
            return Ok(bound(columns, is_value, true));
        }
        if let Some(columns) = fields_of(self.catalog, &ty) {
            return Ok(bound(columns, false, true));
        }
        if ty == Type::Record {
            return Ok(BoundFunction { open: true, ..bound(Vec::new(), false, true) });
        }
        Ok(bound(vec![(name.to_owned(), ty)], true, false))
    }

    fn aggregate(
        &mut self,
        node: &FuncCall,
        found: FunctionMatch,
        order: Vec<SortKey>,
        direct: usize,
    ) -> Result<Expr> {
        let FunctionMatch::Builtin { function, args, result } = found else {
            return Err(Error::internal("an aggregate that is no function of the table"));
        };
        let clause = self.scope().clause;
        if !clause.allows_aggregates() {
            return Err(Error::new(
                "42803",
                format!("aggregate functions are not allowed in {}", clause.name()),
            ));
        }
        if args.iter().chain(order.iter().map(|key| &key.expr)).any(has_aggregate) {
            return Err(Error::new("42803", "aggregate function calls cannot be nested"));
        }
        if node.agg_distinct {
            if node.agg_within_group {
                return Err(Error::new("42601", "cannot use DISTINCT with WITHIN GROUP"));
            }
            for arg in &args {
                self.resolver.check_equality(&arg.ty())?;
            }
            let listed = |key: &SortKey| args.contains(&key.expr);
            if !order.iter().all(listed) {
                return Err(Error::new(
                    "42P10",
                    "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                ));
            }
        }
        let filter = self.filter(node)?;
        // The order of WITHIN GROUP sorts what the last arguments became.
        let order = if node.agg_within_group {
            let sorted = args.iter().skip(direct).cloned();
            order.into_iter().zip(sorted).map(|(key, expr)| SortKey { expr, ..key }).collect()
        } else {
            order
        };
        self.scope().aggregates = true;
        Ok(Expr::Aggregate {
            symbol: function.symbol.clone(),
            args,
            distinct: node.agg_distinct,
            order,
            filter,
            ty: result,
        })
    }

    fn filter(&mut self, node: &FuncCall) -> Result<Option<Box<Expr>>> {
        let Some(filter) = inner(node.agg_filter.as_deref()) else { return Ok(None) };
        let filter = self.within(Clause::Filter, |binder| binder.condition("FILTER", filter))?;
        Ok(Some(Box::new(filter)))
    }

    fn window(&mut self, node: &FuncCall, found: FunctionMatch, over: &WindowDef) -> Result<Expr> {
        let FunctionMatch::Builtin { function, args, result } = found else {
            return Err(Error::internal("a window function that is no function of the table"));
        };
        let clause = self.scope().clause;
        if !clause.allows_windows() {
            return Err(Error::new(
                "42P20",
                format!("window functions are not allowed in {}", clause.name()),
            ));
        }
        if node.agg_distinct {
            return Err(Error::unsupported("DISTINCT in a window function"));
        }
        if !node.agg_order.is_empty() {
            return Err(Error::unsupported("ORDER BY in the arguments of a window function"));
        }
        let filter = self.filter(node)?;
        let (partition, order, frame) =
            self.within(Clause::Window, |binder| binder.window_definition(over))?;
        self.scope().windowed = true;
        Ok(Expr::Window {
            symbol: function.symbol.clone(),
            args,
            filter,
            partition,
            order,
            frame,
            ty: result,
        })
    }

    fn window_definition(
        &mut self,
        over: &WindowDef,
    ) -> Result<(Vec<Expr>, Vec<SortKey>, Option<Frame>)> {
        if !over.name.is_empty() {
            let named = self.named_window(&over.name)?;
            return self.window_parts(&named);
        }
        self.window_parts(over)
    }

    fn named_window(&mut self, name: &str) -> Result<WindowDef> {
        let found = self.scope().windows.iter().find(|known| known.name == name).cloned();
        found.ok_or_else(|| Error::new("42704", format!("window \"{name}\" does not exist")))
    }

    fn window_parts(
        &mut self,
        definition: &WindowDef,
    ) -> Result<(Vec<Expr>, Vec<SortKey>, Option<Frame>)> {
        let (mut partition, mut order) = (Vec::new(), Vec::new());
        if !definition.refname.is_empty() {
            let base = self.named_window(&definition.refname)?;
            (partition, order, _) = self.deeper(|binder| binder.window_parts(&base))?;
        }
        for node in each(&definition.partition_clause) {
            let expr = self.expr(node)?;
            partition.push(self.resolver.decided(expr)?);
        }
        order.extend(self.sort_keys(&definition.order_clause)?);
        let frame = self.frame(definition)?;
        Ok((partition, order, frame))
    }

    fn frame(&mut self, definition: &WindowDef) -> Result<Option<Frame>> {
        // The bits are PostgreSQL's FRAMEOPTION_…
        let has = |bit: i32| definition.frame_options & bit != 0;
        if !has(0x1) {
            return Ok(None);
        }
        if has(0x8000) || has(0x10000) || has(0x20000) {
            return Err(Error::unsupported("EXCLUDE in a window frame"));
        }
        let unit = match (has(0x2), has(0x4)) {
            (true, _) => FrameUnit::Range,
            (_, true) => FrameUnit::Rows,
            _ => FrameUnit::Groups,
        };
        let mut offset = |node: Option<&pg_query::Node>| -> Result<Box<Expr>> {
            let node = inner(node).ok_or_else(|| Error::internal("a frame without its offset"))?;
            let expr = self.expr(node)?;
            let expr = if unit == FrameUnit::Range {
                expr
            } else {
                let context = CastContext::Assignment;
                self.resolver.coerce(expr, &Type::Int8, None, context).at(location(node))?
            };
            Ok(Box::new(expr))
        };
        let start = match () {
            () if has(0x20) => FrameBound::UnboundedPreceding,
            () if has(0x800) => FrameBound::Preceding(offset(definition.start_offset.as_deref())?),
            () if has(0x2000) => FrameBound::Following(offset(definition.start_offset.as_deref())?),
            () => FrameBound::CurrentRow,
        };
        let end = match () {
            () if has(0x100) => FrameBound::UnboundedFollowing,
            () if has(0x1000) => FrameBound::Preceding(offset(definition.end_offset.as_deref())?),
            () if has(0x4000) => FrameBound::Following(offset(definition.end_offset.as_deref())?),
            () => FrameBound::CurrentRow,
        };
        Ok(Some(Frame { unit, start, end }))
    }
}

/// `VARIADIC ARRAY[…]` is the same as its elements; a computed array stays an array.
fn spread_variadic(node: &FuncCall, args: &mut Vec<Argument>) -> bool {
    if !node.func_variadic {
        return false;
    }
    match args.pop() {
        Some(Argument { name: None, expr: Expr::Array { elements, .. } }) => {
            args.extend(elements.into_iter().map(Argument::positional));
            false
        }
        Some(other) => {
            args.push(other);
            true
        }
        None => false,
    }
}

fn call_node(found: FunctionMatch) -> Result<Expr> {
    Ok(match found {
        FunctionMatch::Cast(expr) => expr,
        FunctionMatch::Routine { routine, args, result } => {
            Expr::UserCall { function: routine.id, args, ty: result }
        }
        FunctionMatch::Builtin { function, args, result } => {
            Expr::Call { symbol: function.symbol.clone(), args, ty: result }
        }
    })
}

fn refuse_aggregate_syntax(node: &FuncCall, name: &str) -> Result<()> {
    let wrong = |what: &str| {
        Err(Error::new(
            "42809",
            format!("{what} specified, but {name} is not an aggregate function"),
        ))
    };
    if node.agg_star {
        return Err(Error::new(
            "42809",
            format!("{name}(*) specified, but {name} is not an aggregate function"),
        ));
    }
    if node.agg_distinct {
        return wrong("DISTINCT");
    }
    if node.agg_within_group {
        return wrong("WITHIN GROUP");
    }
    if !node.agg_order.is_empty() {
        return wrong("ORDER BY");
    }
    if node.agg_filter.is_some() {
        return wrong("FILTER");
    }
    Ok(())
}

/// Is there an aggregate of this query level in the expression?
pub(crate) fn has_aggregate(expr: &Expr) -> bool {
    struct Finder(bool);
    impl Rewriter for Finder {
        fn expr(&mut self, expr: &mut Expr) {
            self.0 |= matches!(expr, Expr::Aggregate { .. });
            walk_expr(self, expr);
        }
        fn query(&mut self, _query: &mut Query) {}
    }
    let mut finder = Finder(false);
    finder.expr(&mut expr.clone());
    finder.0
}

/// A text literal.
pub(crate) fn text(value: &str) -> Expr {
    Expr::constant(Value::text(value), Type::Text)
}
