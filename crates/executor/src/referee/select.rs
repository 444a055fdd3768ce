//! One `SELECT`: filter, groups, outputs, distinct rows, order.

use backstay_expr::{Distinct, Expr, Select, SortKey};
use backstay_model::{Result, Type, Value};

use super::MemoryStore;
use super::aggregate::{self, has_aggregate};
use super::from::{Bound, Combination, entries, within};
use super::query::{bases, by_keys, holds, over_outputs, same};
use crate::{Row, Scope, eval, truth};

/// What outputs are computed over: a combination of rows, or a group of them.
pub(super) struct Unit {
    /// The combination (of a group: its first).
    pub(super) combination: Combination,
    /// The group's members; `None` without grouping.
    pub(super) group: Option<Vec<Combination>>,
}

/// A row of the answer with what it is sorted and told apart by.
struct Candidate {
    row: Row,
    sort: Vec<Value>,
    distinct: Vec<Value>,
}

impl MemoryStore {
    /// The rows of the `SELECT`, sorted.
    pub(super) fn select(
        &self,
        select: &Select,
        order: &[SortKey],
        scope: &Scope<'_>,
    ) -> Result<Vec<Row>> {
        let mut combinations = Vec::new();
        for combination in self.product(&select.from, scope)? {
            if self.passes(select.filter.as_ref(), &combination, scope)? {
                combinations.push(combination);
            }
        }
        let mut candidates = Vec::new();
        for unit in self.units(select, order, combinations, scope)? {
            if let Some(having) = &select.having
                && self.over_unit(having, &unit, scope)?.as_bool() != Some(true)
            {
                continue;
            }
            candidates.push(self.candidate(select, order, &unit, scope)?);
        }
        candidates.sort_by(|a, b| by_keys(order, scope, &a.sort, &b.sort));
        Ok(distinct_rows(select, candidates, scope))
    }

    fn passes(
        &self,
        filter: Option<&Expr>,
        combination: &[Bound],
        scope: &Scope<'_>,
    ) -> Result<bool> {
        let Some(filter) = filter else { return Ok(true) };
        let truth = within(scope, combination, |scope| truth(filter, scope, Some(self)))?;
        Ok(truth == Some(true))
    }

    fn units(
        &self,
        select: &Select,
        order: &[SortKey],
        combinations: Vec<Combination>,
        scope: &Scope<'_>,
    ) -> Result<Vec<Unit>> {
        let grouped = !select.group.is_empty()
            || select.having.is_some()
            || select.outputs.iter().any(|output| has_aggregate(&output.expr))
            || order.iter().any(|key| has_aggregate(&key.expr));
        if !grouped {
            return Ok(combinations
                .into_iter()
                .map(|combination| Unit { combination, group: None })
                .collect());
        }
        if select.group.is_empty() {
            let none = || select.from.iter().flat_map(entries).map(Bound::missing).collect();
            let combination = combinations.first().cloned().unwrap_or_else(none);
            return Ok(vec![Unit { combination, group: Some(combinations) }]);
        }
        let types: Vec<Type> = select.group.iter().map(Expr::ty).collect();
        let types = bases(&types, scope);
        let mut groups: Vec<(Vec<Value>, Vec<Combination>)> = Vec::new();
        for combination in combinations {
            let key: Vec<Value> = within(scope, &combination, |scope| {
                select.group.iter().map(|expr| eval(expr, scope, Some(self))).collect()
            })?;
            match groups.iter_mut().find(|(known, _)| same(&types, known, &key)) {
                Some((_, members)) => members.push(combination),
                None => groups.push((key, vec![combination])),
            }
        }
        Ok(groups
            .into_iter()
            .map(|(_, members)| Unit {
                combination: members.first().cloned().unwrap_or_default(),
                group: Some(members),
            })
            .collect())
    }

    fn candidate(
        &self,
        select: &Select,
        order: &[SortKey],
        unit: &Unit,
        scope: &Scope<'_>,
    ) -> Result<Candidate> {
        let outputs = select.outputs.iter().map(|output| &output.expr);
        let row = outputs.map(|expr| self.over_unit(expr, unit, scope)).collect::<Result<Row>>()?;
        let sort = order
            .iter()
            .map(|key| self.over_unit(&over_outputs(&key.expr, &row), unit, scope))
            .collect::<Result<_>>()?;
        let distinct = match &select.distinct {
            Distinct::No => Vec::new(),
            Distinct::Rows => row.clone(),
            Distinct::On(exprs) => exprs
                .iter()
                .map(|expr| self.over_unit(&over_outputs(expr, &row), unit, scope))
                .collect::<Result<_>>()?,
        };
        Ok(Candidate { row, sort, distinct })
    }

    fn over_unit(&self, expr: &Expr, unit: &Unit, scope: &Scope<'_>) -> Result<Value> {
        let Some(group) = &unit.group else {
            return within(scope, &unit.combination, |scope| eval(expr, scope, Some(self)));
        };
        let expr = aggregate::computed(self, expr, group, scope)?;
        within(scope, &unit.combination, |scope| eval(&expr, scope, Some(self)))
    }
}

fn distinct_rows(select: &Select, candidates: Vec<Candidate>, scope: &Scope<'_>) -> Vec<Row> {
    let types: Vec<Type> = match &select.distinct {
        Distinct::No => return candidates.into_iter().map(|candidate| candidate.row).collect(),
        Distinct::Rows => select.outputs.iter().map(|output| output.expr.ty()).collect(),
        Distinct::On(exprs) => exprs.iter().map(Expr::ty).collect(),
    };
    let types = bases(&types, scope);
    let (mut seen, mut rows) = (Vec::new(), Vec::new());
    for candidate in candidates {
        if !holds(&types, &seen, &candidate.distinct) {
            seen.push(candidate.distinct);
            rows.push(candidate.row);
        }
    }
    rows
}
