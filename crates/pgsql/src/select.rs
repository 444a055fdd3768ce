//! `SELECT`, `VALUES` and set operations.

mod from;
mod group;
mod joins;
mod order;
mod outputs;
mod records;
mod targets;
mod with;

pub(crate) use with::named_columns;

use backstay_expr::{Body, Distinct, Expr, From, Output, Query, Select, SetOperator, SortKey};
use backstay_model::{Error, Result, Type};
use backstay_typing::CastContext;
use pg_query::NodeEnum;
use pg_query::protobuf::{LimitOption, SelectStmt, SetOperation};

use crate::Binder;
use crate::nodes::{Located, each, inner, items, location, unsupported};
use crate::scope::Clause;

impl Binder<'_> {
    /// Binds a query. Outputs may still be of type `unknown`.
    pub(crate) fn query(&mut self, select: &SelectStmt) -> Result<Query> {
        self.scoped(Clause::Select, |binder| {
            let with = match &select.with_clause {
                Some(with) => binder.with_clause(with)?,
                None => Vec::new(),
            };
            let mut query = binder.body(select)?;
            query.with = with;
            Ok(query)
        })
    }

    /// Everything but `WITH`, in the current level.
    pub(crate) fn body(&mut self, select: &SelectStmt) -> Result<Query> {
        if select.into_clause.is_some() {
            return Err(Error::unsupported("SELECT INTO here"));
        }
        let (limit, offset) = self.limits(select)?;
        let (body, order) = if matches!(
            select.op(),
            SetOperation::SetopUnion | SetOperation::SetopIntersect | SetOperation::SetopExcept
        ) {
            self.set_operation(select)?
        } else if !select.values_lists.is_empty() {
            self.values(select)?
        } else {
            self.plain_select(select)?
        };
        Ok(Query { with: Vec::new(), body, order, limit, offset })
    }

    pub(crate) fn limits(&mut self, select: &SelectStmt) -> Result<(Option<Expr>, Option<Expr>)> {
        if select.limit_option() == LimitOption::WithTies {
            return Err(Error::unsupported("FETCH … WITH TIES"));
        }
        let limit = self.limit(inner(select.limit_count.as_deref()), Clause::Limit)?;
        let offset = self.limit(inner(select.limit_offset.as_deref()), Clause::Offset)?;
        Ok((limit, offset))
    }

    fn limit(&mut self, node: Option<&NodeEnum>, clause: Clause) -> Result<Option<Expr>> {
        let Some(node) = node else { return Ok(None) };
        // `LIMIT ALL` is written as a null.
        if matches!(node, NodeEnum::AConst(constant) if constant.isnull) {
            return Ok(None);
        }
        let expr = self.within(clause, |binder| binder.expr(node))?;
        let name = clause.name();
        if !self.resolver.can_coerce(&expr.ty(), &Type::Int8, CastContext::Assignment) {
            let ty = self.resolver.name(&expr.ty());
            return Err(Error::new(
                "42804",
                format!("argument of {name} must be type bigint, not type {ty}"),
            ))
            .at(location(node));
        }
        self.resolver
            .coerce(expr, &Type::Int8, None, CastContext::Assignment)
            .at(location(node))
            .map(Some)
    }

    fn plain_select(&mut self, select: &SelectStmt) -> Result<(Body, Vec<SortKey>)> {
        let from = self.bind_from(&select.from_clause)?;
        self.scope().windows = each(&select.window_clause)
            .filter_map(|node| match node {
                NodeEnum::WindowDef(definition) => Some((**definition).clone()),
                _ => None,
            })
            .collect();
        let outputs = self.targets(&select.target_list)?;
        let filter = self.optional_condition(select.where_clause.as_deref(), Clause::Where)?;
        let having = self.optional_condition(select.having_clause.as_deref(), Clause::Having)?;
        let order = self.order_by(&select.sort_clause, &outputs)?;
        let group = self.group_by(&select.group_clause, &outputs)?;
        let distinct = self.distinct(select, &outputs, &order)?;
        let grouped = !group.is_empty() || having.is_some() || self.scope().aggregates;
        let sets = std::mem::take(&mut self.scope().sets);
        let places: Vec<i32> = each(&select.target_list).map(location).collect();
        let mut select = Select { distinct, outputs, from, filter, group, having };
        if grouped {
            if !sets.is_empty() {
                return Err(Error::unsupported(
                    "a set-returning function in the select list of a grouped query",
                ));
            }
            self.check_grouping(&select, &order, &places)?;
        }
        select.from.extend(sets);
        Ok((Body::Select(Box::new(select)), order))
    }

    /// A condition that may be missing, in its clause.
    pub(crate) fn optional_condition(
        &mut self,
        node: Option<&pg_query::Node>,
        clause: Clause,
    ) -> Result<Option<Expr>> {
        let Some(node) = inner(node) else { return Ok(None) };
        self.within(clause, |binder| binder.condition(clause.name(), node)).map(Some)
    }

    fn distinct(
        &mut self,
        select: &SelectStmt,
        outputs: &[Output],
        order: &[SortKey],
    ) -> Result<Distinct> {
        let [first, ..] = select.distinct_clause.as_slice() else { return Ok(Distinct::No) };
        if first.node.is_none() {
            let places: Vec<i32> = each(&select.target_list).map(location).collect();
            for (index, output) in outputs.iter().enumerate() {
                let place = places.get(index).copied().unwrap_or(-1);
                self.resolver.check_equality(&output.expr.ty()).at(place)?;
            }
            let listed = |key: &SortKey| outputs.iter().any(|output| output.expr == key.expr);
            if let Some((_, node)) =
                order.iter().zip(each(&select.sort_clause)).find(|(key, _)| !listed(key))
            {
                return Err(Error::new(
                    "42P10",
                    "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                ))
                .at(sort_location(node));
            }
            return Ok(Distinct::Rows);
        }
        let keys = each(&select.distinct_clause)
            .map(|node| {
                let expr = self.within(Clause::DistinctOn, |binder| {
                    binder.target_or_expr(node, outputs, "DISTINCT ON")
                })?;
                self.resolver.check_equality(&expr.ty()).at(location(node))?;
                self.resolver.decided(expr)
            })
            .collect::<Result<Vec<_>>>()?;
        // The first sort keys are the keys of DISTINCT ON, in any order.
        let mut leading = order.iter().take_while(|key| keys.contains(&key.expr)).count();
        leading = leading.min(order.len());
        let all_lead = keys.iter().all(|key| order[..leading].iter().any(|sort| sort.expr == *key));
        if leading < order.len() && !all_lead {
            return Err(Error::new(
                "42P10",
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
            ))
            .at(each(&select.distinct_clause).next().map_or(-1, location));
        }
        Ok(Distinct::On(keys))
    }

    fn values(&mut self, select: &SelectStmt) -> Result<(Body, Vec<SortKey>)> {
        let mut rows: Vec<Vec<Expr>> = Vec::new();
        for list in each(&select.values_lists) {
            let row = self.within(Clause::Values, |binder| {
                items(list).into_iter().map(|item| binder.expr(item)).collect::<Result<Vec<_>>>()
            })?;
            if rows.first().is_some_and(|first| first.len() != row.len()) {
                let place = items(list).first().map_or(-1, |item| location(item));
                return Err(Error::new("42601", "VALUES lists must all be the same length"))
                    .at(place);
            }
            rows.push(row);
        }
        let width = rows.first().map_or(0, Vec::len);
        targets::check_width(width)?;
        for column in 0..width {
            let types: Vec<Type> = rows.iter().map(|row| row[column].ty()).collect();
            if types.iter().all(|ty| *ty == Type::Unknown) {
                // Whoever uses the rows decides.
                continue;
            }
            let ty = self.resolver.common_type("VALUES", &types)?;
            for row in &mut rows {
                let value = std::mem::replace(&mut row[column], Expr::null(Type::Unknown));
                row[column] = self.resolver.coerce_to_common("VALUES", value, &ty)?;
            }
        }
        let body = Body::Values(rows);
        let columns =
            Query { with: Vec::new(), body, order: Vec::new(), limit: None, offset: None };
        let order = self.order_by_columns(&select.sort_clause, &columns.columns())?;
        Ok((columns.body, order))
    }

    fn set_operation(&mut self, select: &SelectStmt) -> Result<(Body, Vec<SortKey>)> {
        let op = match select.op() {
            SetOperation::SetopIntersect => SetOperator::Intersect,
            SetOperation::SetopExcept => SetOperator::Except,
            _ => SetOperator::Union,
        };
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else {
            return Err(Error::internal("a set operation without its sides"));
        };
        let place = each(&right.target_list).next();
        let value = place.and_then(|target| match target {
            NodeEnum::ResTarget(target) => inner(target.val.as_deref()),
            _ => None,
        });
        let left = self.deeper(|binder| binder.query(left))?;
        let right = self.deeper(|binder| binder.query(right))?;
        let combined = self.combine(op, select.all, left, right);
        let body = combined.at(value.map_or(-1, location))?;
        let query = Query { with: Vec::new(), body, order: Vec::new(), limit: None, offset: None };
        let order = self.order_by_columns(&select.sort_clause, &query.columns())?;
        Ok((query.body, order))
    }

    /// Both sides with their common types.
    pub(crate) fn combine(
        &mut self,
        op: SetOperator,
        all: bool,
        left: Query,
        right: Query,
    ) -> Result<Body> {
        let name = match op {
            SetOperator::Union => "UNION",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Except => "EXCEPT",
        };
        let (a, b) = (left.columns(), right.columns());
        if a.len() != b.len() {
            return Err(Error::new(
                "42601",
                format!("each {name} query must have the same number of columns"),
            ));
        }
        let types = a
            .into_iter()
            .zip(b)
            .map(|((_, a), (_, b))| self.resolver.common_type(name, &[a, b]))
            .collect::<Result<Vec<_>>>()?;
        if !all {
            for ty in &types {
                self.resolver.check_equality(ty)?;
            }
        }
        let mut coerce = |query| {
            self.coerce_outputs(query, &types, &mut |binder, expr, index| {
                binder.resolver.coerce_to_common(name, expr, &types[index])
            })
        };
        let (left, right) = (coerce(left)?, coerce(right)?);
        Ok(Body::SetOperation { op, all, left: Box::new(left), right: Box::new(right) })
    }
}

/// The place of a sort item's expression.
pub(crate) fn sort_location(node: &NodeEnum) -> i32 {
    match node {
        NodeEnum::SortBy(sort) => inner(sort.node.as_deref()).map_or(-1, location),
        other => location(other),
    }
}

/// Entries of `FROM`, and everything they join.
pub(crate) fn rels_of(from: &[From]) -> Vec<backstay_expr::RelId> {
    let mut found = Vec::new();
    let mut rest: Vec<&From> = from.iter().collect();
    while let Some(entry) = rest.pop() {
        match entry {
            From::Join { left, right, .. } => rest.extend([left.as_ref(), right.as_ref()]),
            other => found.extend(other.rel()),
        }
    }
    found
}

/// What a level cannot hold.
pub(crate) fn refuse_grouping_sets<T>(location: i32) -> Result<T> {
    unsupported("GROUPING SETS, ROLLUP and CUBE", location)
}
