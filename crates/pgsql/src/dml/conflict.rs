//! `ON CONFLICT`.

use backstay_catalog::Relation;
use backstay_expr::{Conflict, ConflictAction, ConflictTarget, Expr, RelId};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{InferClause, OnConflictAction, OnConflictClause};

use crate::Binder;
use crate::nodes::{Located, each, unsupported};
use crate::scope::{Clause, Namespace};

impl Binder<'_> {
    pub(crate) fn conflict(
        &mut self,
        clause: &OnConflictClause,
        relation: &Relation,
        excluded: RelId,
    ) -> Result<Conflict> {
        let target = match clause.infer.as_deref() {
            Some(infer) => self.conflict_target(infer, relation)?,
            None => ConflictTarget::Any,
        };
        if clause.action() != OnConflictAction::OnconflictUpdate {
            return Ok(Conflict { target, action: ConflictAction::Nothing });
        }
        if target == ConflictTarget::Any {
            return Err(Error::new(
                "42601",
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            )
            .with_hint("For example, ON CONFLICT (column_name)."))
            .at(clause.location);
        }
        let before = self.scope().names.clone();
        let mut proposed = self.relation_table(relation, excluded, Some("excluded"));
        proposed.relation = Some(relation.id);
        // Bare names mean the existing row; the proposed one is always qualified.
        let names = Namespace { tables: vec![proposed], columns: Vec::new() };
        self.scope().names.extend(names);
        let bound = self.conflict_update(clause, relation);
        self.scope().names = before;
        Ok(Conflict { target, action: bound? })
    }

    fn conflict_update(
        &mut self,
        clause: &OnConflictClause,
        relation: &Relation,
    ) -> Result<ConflictAction> {
        let set = self.assignments(&clause.target_list, relation)?;
        let filter = self.optional_condition(clause.where_clause.as_deref(), Clause::Where)?;
        Ok(ConflictAction::Update { set, filter })
    }

    fn conflict_target(
        &mut self,
        infer: &InferClause,
        relation: &Relation,
    ) -> Result<ConflictTarget> {
        if !infer.conname.is_empty() {
            let key = relation.keys().find(|key| key.name == infer.conname).ok_or_else(|| {
                Error::new(
                    "42704",
                    format!(
                        "constraint \"{}\" for table \"{}\" does not exist",
                        infer.conname, relation.name
                    ),
                )
            });
            return Ok(ConflictTarget::Columns(key.at(infer.location)?.columns.clone()));
        }
        let mut columns = Vec::new();
        for node in each(&infer.index_elems) {
            let NodeEnum::IndexElem(element) = node else {
                return Err(Error::internal("a conflict target of another kind"));
            };
            if element.expr.is_some() {
                return unsupported("an expression as a conflict target", infer.location);
            }
            let column = relation.column(&element.name).ok_or_else(|| {
                Error::new("42703", format!("column \"{}\" does not exist", element.name))
            });
            columns.push(column.at(infer.location)?.number);
        }
        let same = |key: &[u16]| {
            key.len() == columns.len() && key.iter().all(|number| columns.contains(number))
        };
        let by_constraint = relation.keys().find(|key| same(&key.columns));
        let by_index = || {
            relation.indexes.iter().find_map(|index| {
                let partial = index.predicate.is_some() && infer.where_clause.is_none();
                let numbers: Option<Vec<u16>> = index
                    .keys
                    .iter()
                    .map(|key| match &key.expr {
                        Expr::Column { column, .. } => Some(*column),
                        _ => None,
                    })
                    .collect();
                (index.unique && !partial)
                    .then_some(numbers)
                    .flatten()
                    .filter(|numbers| same(numbers))
            })
        };
        match by_constraint.map(|key| key.columns.clone()).or_else(by_index) {
            Some(columns) => Ok(ConflictTarget::Columns(columns)),
            None => Err(Error::new(
                "42P10",
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            ))
            .at(infer.location),
        }
    }
}
