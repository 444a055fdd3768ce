//! `FROM`: every combination of rows, one nested loop for each entry.

use std::rc::Rc;
use std::sync::Arc;

use backstay_catalog::Relation;
use backstay_expr::{From, FunctionScan, JoinKind, RelId, RelationScan};
use backstay_model::{Error, Result, Value};

use super::MemoryStore;
use crate::{Row, RowId, RowSource, Scope, eval_rows, truth};

/// A row of one entry of `FROM`.
#[derive(Clone)]
pub(super) struct Bound {
    rel: RelId,
    relation: Option<Arc<Relation>>,
    id: Option<RowId>,
    row: Rc<Row>,
}

/// One row of each entry.
pub(super) type Combination = Vec<Bound>;

impl Bound {
    fn plain(rel: RelId, row: Row) -> Self {
        Self { rel, relation: None, id: None, row: Rc::new(row) }
    }

    /// The missing side of an outer join.
    pub(super) fn missing(rel: RelId) -> Self {
        Self::plain(rel, Row::new())
    }

    fn source(&self) -> (RelId, RowSource<'_>) {
        let source = match &self.relation {
            Some(relation) => RowSource::Stored { relation, row: &self.row, id: self.id },
            None => RowSource::Plain(&self.row),
        };
        (self.rel, source)
    }
}

/// Runs `work` in the scope with the combination's rows added.
pub(super) fn within<T>(
    scope: &Scope<'_>,
    combination: &[Bound],
    work: impl FnOnce(&Scope<'_>) -> Result<T>,
) -> Result<T> {
    let rows: Vec<_> =
        scope.rows.iter().copied().chain(combination.iter().map(Bound::source)).collect();
    work(&scope.with_rows(&rows))
}

/// The identities of all entries, joins opened.
pub(super) fn entries(from: &From) -> Vec<RelId> {
    match from {
        From::Join { left, right, .. } => entries(left).into_iter().chain(entries(right)).collect(),
        other => other.rel().into_iter().collect(),
    }
}

fn joined(left: &[Bound], right: &[Bound]) -> Combination {
    left.iter().chain(right).cloned().collect()
}

impl MemoryStore {
    /// Every combination of rows of the comma-separated entries.
    pub(super) fn product(&self, from: &[From], scope: &Scope<'_>) -> Result<Vec<Combination>> {
        let mut combinations = vec![Combination::new()];
        for entry in from {
            let mut longer = Vec::new();
            for combination in combinations {
                for bound in self.entry(entry, &combination, scope)? {
                    longer.push(joined(&combination, &bound));
                }
            }
            combinations = longer;
        }
        Ok(combinations)
    }

    /// The rows of an entry that may refer to the rows on its left.
    fn entry(&self, from: &From, left: &[Bound], scope: &Scope<'_>) -> Result<Vec<Combination>> {
        match from {
            From::Relation(scan) => self.scan(scan, scope),
            From::Query { rel, query, .. } => {
                let rows = within(scope, left, |scope| self.answer(query, scope))?;
                Ok(rows.into_iter().map(|row| vec![Bound::plain(*rel, row)]).collect())
            }
            From::Function(function) => self.function(function, left, scope),
            From::Cte { rel, cte } => {
                let rows = self.ctes.borrow().get(cte).cloned();
                let rows = rows.ok_or_else(|| {
                    Error::internal(format!("no common table expression {}", cte.0))
                })?;
                Ok(rows.into_iter().map(|row| vec![Bound::plain(*rel, row)]).collect())
            }
            From::Join { kind, left: first, right: second, on } => {
                let keeps_left = matches!(kind, JoinKind::Left | JoinKind::Full);
                let keeps_right = matches!(kind, JoinKind::Right | JoinKind::Full);
                let mut result = Vec::new();
                let mut matched_right = Vec::new();
                for outer in self.entry(first, left, scope)? {
                    let known = joined(left, &outer);
                    let inner = self.entry(second, &known, scope)?;
                    let mut matched = false;
                    matched_right.resize(inner.len().max(matched_right.len()), false);
                    for (index, inner) in inner.iter().enumerate() {
                        let both = joined(&known, inner);
                        let fits = match on {
                            Some(on) => within(scope, &both, |scope| truth(on, scope, Some(self)))?,
                            None => Some(true),
                        };
                        if fits == Some(true) {
                            matched = true;
                            if let Some(seen) = matched_right.get_mut(index) {
                                *seen = true;
                            }
                            result.push(joined(&outer, inner));
                        }
                    }
                    if !matched && keeps_left {
                        let missing: Vec<Bound> =
                            entries(second).into_iter().map(Bound::missing).collect();
                        result.push(joined(&outer, &missing));
                    }
                }
                if keeps_right {
                    let missing: Vec<Bound> =
                        entries(first).into_iter().map(Bound::missing).collect();
                    for (index, inner) in self.entry(second, left, scope)?.iter().enumerate() {
                        if !matched_right.get(index).copied().unwrap_or(false) {
                            result.push(joined(&missing, inner));
                        }
                    }
                }
                Ok(result)
            }
        }
    }

    fn scan(&self, scan: &RelationScan, scope: &Scope<'_>) -> Result<Vec<Combination>> {
        let relation = scope
            .catalog
            .relations
            .get(&scan.relation)
            .ok_or_else(|| Error::internal(format!("no relation {}", scan.relation.0)))?;
        let rows: Vec<Bound> = match relation.view() {
            Some(view) => self
                .answer(view.query()?, &scope.with_rows(&[]))?
                .into_iter()
                .map(|row| Bound {
                    relation: Some(Arc::clone(relation)),
                    ..Bound::plain(scan.rel, row)
                })
                .collect(),
            None => self
                .rows(scan.relation)
                .into_iter()
                .map(|(id, row)| Bound {
                    relation: Some(Arc::clone(relation)),
                    id: Some(id),
                    ..Bound::plain(scan.rel, row)
                })
                .collect(),
        };
        let mut result = Vec::new();
        for bound in rows {
            let combination = vec![bound];
            let visible = match &scan.policy {
                Some(policy) => {
                    within(scope, &combination, |scope| truth(policy, scope, Some(self)))?
                }
                None => Some(true),
            };
            if visible == Some(true) {
                result.push(combination);
            }
        }
        Ok(result)
    }

    fn function(
        &self,
        function: &FunctionScan,
        left: &[Bound],
        scope: &Scope<'_>,
    ) -> Result<Vec<Combination>> {
        let width = function.columns.len() - usize::from(function.ordinality);
        let rows =
            within(scope, left, |scope| eval_rows(&function.call, width, scope, Some(self)))?;
        let numbered = (1..).zip(rows).map(|(number, mut row)| {
            if function.ordinality {
                row.push(Value::Int(number));
            }
            vec![Bound::plain(function.rel, row)]
        });
        Ok(numbered.collect())
    }
}
