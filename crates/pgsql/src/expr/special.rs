//! Casts, `CASE`, `GREATEST`, `CURRENT_DATE` and their like, subscripts.

use backstay_expr::{CastMethod, Expr};
use backstay_model::{Error, Modifier, Result, Type, Value};
use backstay_typing::{Argument, CastContext};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AArrayExpr, AIndices, AIndirection, CaseExpr, MinMaxExpr, MinMaxOp, SqlValueFunction,
    SqlValueFunctionOp, TypeCast,
};

use crate::Binder;
use crate::nodes::{
    Located, blame_literal, each, inner, location, qualified, required, text_constant, unsupported,
};
use crate::types::{interval_unit, resolve_type};

impl Binder<'_> {
    pub(crate) fn type_cast(&mut self, node: &TypeCast) -> Result<Expr> {
        let name = node.type_name.as_ref().ok_or_else(|| Error::internal("a cast to nothing"))?;
        let (ty, modifier) = resolve_type(self.catalog, self.path, name)?;
        let argument = required(node.arg.as_deref())?;
        let place = if node.location >= 0 { node.location } else { location(argument) };
        if let NodeEnum::AArrayExpr(array) = argument
            && let Type::Array(element) = &ty
        {
            return self.typed_array(array, element, modifier).at(place);
        }
        if ty == Type::Interval
            && let Some(text) = text_constant(argument)
            && let Some(unit) = interval_unit(name)
            && text.trim().parse::<f64>().is_ok()
        {
            let text = format!("{} {unit}", text.trim());
            return self.resolver.literal(&ty, modifier, &text, true).at(location(argument));
        }
        if ty == Type::Regclass
            && self.options.system_tables
            && let Some(text) = text_constant(argument)
        {
            return self.relation_constant(text).at(location(argument));
        }
        let expr = self.expr(argument)?;
        // A literal's own place tells more than the cast's.
        let place = if expr.ty() == Type::Unknown { location(argument) } else { place };
        self.resolver.coerce(expr, &ty, modifier, CastContext::Explicit).at(place)
    }

    /// `'name'::regclass` in a statement that runs at once: the name in full.
    fn relation_constant(&self, text: &str) -> Result<Expr> {
        let parts: Vec<&str> = text.split('.').map(|part| part.trim_matches('"')).collect();
        let (schema, name) = qualified(&parts)?;
        let relation = self.path.relation(self.catalog, schema, name);
        let full = match relation {
            Some(relation) => Some(format!("{}.{}", relation.schema, relation.name)),
            None => {
                let mut schemas = self.path.0.iter().map(String::as_str);
                let near = |known: &str| {
                    let key = (known.to_owned(), name.to_owned());
                    self.catalog.sequences.contains_key(&key).then(|| format!("{known}.{name}"))
                };
                schema.map_or_else(|| schemas.find_map(near), near)
            }
        };
        let full =
            full.ok_or_else(|| Error::new("42P01", format!("relation \"{text}\" does not exist")))?;
        Ok(Expr::constant(Value::Text(full), Type::Regclass))
    }

    /// `ARRAY[…]::t[]`: the elements are cast one by one, so that the array may be empty.
    fn typed_array(
        &mut self,
        node: &AArrayExpr,
        element: &Type,
        modifier: Option<Modifier>,
    ) -> Result<Expr> {
        let ty = element.clone().array_of();
        let elements = each(&node.elements)
            .map(|item| match item {
                NodeEnum::AArrayExpr(nested) => self.typed_array(nested, element, modifier),
                item => {
                    let expr = self.expr(item)?;
                    let wanted = if matches!(expr.ty(), Type::Array(_)) { &ty } else { element };
                    self.resolver
                        .coerce(expr, wanted, modifier, CastContext::Explicit)
                        .at(location(item))
                }
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Expr::Array { elements, ty })
    }

    pub(crate) fn case(&mut self, node: &CaseExpr) -> Result<Expr> {
        let subject = inner(node.arg.as_deref()).map(|arg| self.expr(arg)).transpose()?;
        let subject = subject.map(|subject| self.resolver.decided(subject)).transpose()?;
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        // PostgreSQL lets the ELSE branch lead in choosing the type.
        let otherwise = match inner(node.defresult.as_deref()) {
            Some(result) => self.expr(result)?,
            None => Expr::null(Type::Unknown),
        };
        for branch in each(&node.args) {
            let NodeEnum::CaseWhen(branch) = branch else { continue };
            let condition = required(branch.expr.as_deref())?;
            conditions.push(match &subject {
                None => self.condition("CASE/WHEN", condition)?,
                Some(subject) => {
                    let value = self.expr(condition)?;
                    self.resolver.binary("=", subject.clone(), value).at(location(condition))?
                }
            });
            results.push(self.expr(required(branch.result.as_deref())?)?);
        }
        let mut types = vec![otherwise.ty()];
        types.extend(results.iter().map(Expr::ty));
        let ty = self.resolver.common_type("CASE", &types).at(node.location)?;
        let results = results
            .into_iter()
            .map(|result| self.resolver.coerce_to_common("CASE", result, &ty))
            .collect::<Result<Vec<_>>>()
            .at(node.location)?;
        let otherwise = self.resolver.coerce_to_common("CASE", otherwise, &ty).at(node.location)?;
        let branches = conditions.into_iter().zip(results).collect();
        Ok(Expr::Case { branches, otherwise: Some(Box::new(otherwise)), ty })
    }

    pub(crate) fn extreme(&mut self, node: &MinMaxExpr) -> Result<Expr> {
        let greatest = node.op() == MinMaxOp::IsGreatest;
        let name = if greatest { "GREATEST" } else { "LEAST" };
        let args = self.exprs(&node.args)?;
        let bound = self.resolver.unify(name, args);
        let (args, ty) = blame_literal(bound, each(&node.args)).at(node.location)?;
        if self.resolver.find_operator("<", &ty, &ty).is_err() {
            let ty = self.resolver.name(&ty);
            return Err(Error::new(
                "42883",
                format!("could not identify a comparison function for type {ty}"),
            ))
            .at(node.location);
        }
        Ok(Expr::Extreme { greatest, args, ty })
    }

    pub(crate) fn value_function(&mut self, node: &SqlValueFunction) -> Result<Expr> {
        use SqlValueFunctionOp as Op;
        let digits = u8::try_from(node.typmod).ok().map(|digits| Modifier::Fraction(digits.min(6)));
        let (name, ty) = match node.op() {
            Op::SvfopCurrentDate => ("now", Type::Date),
            Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => ("now", Type::TimeTz),
            Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => ("now", Type::TimestampTz),
            Op::SvfopLocaltime | Op::SvfopLocaltimeN => ("now", Type::Time),
            Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => ("now", Type::Timestamp),
            Op::SvfopCurrentRole | Op::SvfopCurrentUser | Op::SvfopUser => {
                ("current_user", Type::Name)
            }
            Op::SvfopSessionUser => ("session_user", Type::Name),
            Op::SvfopCurrentCatalog => ("current_database", Type::Name),
            Op::SvfopCurrentSchema => ("current_schema", Type::Name),
            Op::SqlvalueFunctionOpUndefined => {
                return Err(Error::internal("a value function without a kind"));
            }
        };
        let found = self.resolver.call(Some("pg_catalog"), name, Vec::new(), false);
        let value = found.and_then(|found| self.plain_call(found, name)).at(node.location)?;
        if value.ty() == ty && digits.is_none() {
            return Ok(value);
        }
        self.resolver.coerce(value, &ty, digits, CastContext::Explicit).at(node.location)
    }

    /// `expr.field`, `expr[1]`, `expr[1:2]`, any number of them.
    pub(crate) fn indirection(&mut self, node: &AIndirection) -> Result<Expr> {
        let argument = required(node.arg.as_deref())?;
        let mut expr = self.expr(argument)?;
        let place = location(argument);
        let mut steps = each(&node.indirection).peekable();
        while let Some(step) = steps.next() {
            expr = match step {
                NodeEnum::String(name) => self.field(expr, &name.sval).at(place)?,
                NodeEnum::AIndices(first) => {
                    let mut indices: Vec<&AIndices> = vec![first];
                    while let Some(NodeEnum::AIndices(next)) = steps.peek() {
                        indices.push(next);
                        steps.next();
                    }
                    self.subscript(expr, &indices).at(place)?
                }
                _ => return unsupported("row expansion via \"*\" here", place),
            };
        }
        Ok(expr)
    }

    fn subscript(&mut self, expr: Expr, indices: &[&AIndices]) -> Result<Expr> {
        let base = expr.ty().base(self.catalog);
        match &base {
            Type::Jsonb => self.json_subscript(expr, indices),
            Type::Array(element) => {
                let element = (**element).clone();
                let sliced = indices.iter().any(|index| index.is_slice);
                let name = if sliced { "array_slice" } else { "array_subscript" };
                let zero_based = matches!(
                    &expr,
                    Expr::Argument { index, .. } if self.options.zero_based == Some(*index)
                );
                let mut args = vec![expr];
                for index in indices {
                    let bounds = self.bounds(index, sliced)?.into_iter();
                    args.extend(bounds.map(|bound| if zero_based { after(bound) } else { bound }));
                }
                let ty = if sliced { base } else { element };
                self.array_call(name, args, &ty)
            }
            other => Err(Error::new(
                "42804",
                format!(
                    "cannot subscript type {} because it does not support subscripting",
                    self.resolver.name(other)
                ),
            )),
        }
    }

    /// One subscript as arguments: the index, or (in a slice) lower and upper bound.
    fn bounds(&mut self, index: &AIndices, sliced: bool) -> Result<Vec<Expr>> {
        let upper = match inner(index.uidx.as_deref()) {
            Some(node) => self.index(node)?,
            None => Expr::null(Type::Int4),
        };
        if !sliced {
            return Ok(vec![upper]);
        }
        let lower = match inner(index.lidx.as_deref()) {
            Some(node) => self.index(node)?,
            None if index.is_slice => Expr::null(Type::Int4),
            // In a slice a lone `[n]` means `[1:n]`.
            None => Expr::constant(Value::Int(1), Type::Int4),
        };
        Ok(vec![lower, upper])
    }

    fn index(&mut self, node: &NodeEnum) -> Result<Expr> {
        let expr = self.expr(node)?;
        if !self.resolver.can_coerce(&expr.ty(), &Type::Int4, CastContext::Assignment) {
            return Err(Error::new("42804", "array subscript must have type integer"))
                .at(location(node));
        }
        self.resolver.coerce(expr, &Type::Int4, None, CastContext::Assignment).at(location(node))
    }

    fn array_call(&mut self, name: &str, args: Vec<Expr>, ty: &Type) -> Result<Expr> {
        let args = args.into_iter().map(Argument::positional).collect();
        let found = self.resolver.call(Some("pg_catalog"), name, args, false)?;
        let call = self.plain_call(found, name)?;
        debug_assert_eq!(&call.ty(), ty);
        Ok(call)
    }

    fn json_subscript(&mut self, expr: Expr, indices: &[&AIndices]) -> Result<Expr> {
        let mut expr = expr;
        for index in indices {
            if index.is_slice {
                return Err(Error::new("42804", "jsonb subscript does not support slices"));
            }
            let key = self.expr(required(index.uidx.as_deref())?)?;
            let wanted = if key.ty() == Type::Int4 { Type::Int4 } else { Type::Text };
            let key = self.resolver.coerce(key, &wanted, None, CastContext::Assignment)?;
            let base = match expr.ty() {
                Type::Jsonb => expr,
                _ => Expr::Cast {
                    expr: Box::new(expr),
                    method: CastMethod::Relabel,
                    modifier: None,
                    explicit: false,
                    ty: Type::Jsonb,
                },
            };
            expr = self.resolver.binary("->", base, key)?;
        }
        Ok(expr)
    }
}

/// The next integer.
fn after(index: Expr) -> Expr {
    let one = Expr::constant(Value::Int(1), Type::Int4);
    Expr::Call { symbol: "+(integer,integer)".into(), args: vec![index, one], ty: Type::Int4 }
}
