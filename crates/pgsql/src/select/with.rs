//! `WITH`: common table expressions, recursive ones included.

use backstay_expr::walk::{Rewriter, walk_from};
use backstay_expr::{Cte, CteId, From, Query, SetOperator};
use backstay_model::{Error, Result, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, CteMaterialize, SelectStmt, SetOperation, WithClause};

use crate::Binder;
use crate::nodes::{Located, each, required, strings, unsupported};
use crate::scope::{Clause, CteBinding};

impl Binder<'_> {
    /// Binds the expressions and makes them visible at this level.
    pub(crate) fn with_clause(&mut self, with: &WithClause) -> Result<Vec<Cte>> {
        let writes = self.holds_writes(with)?;
        let mut bound: Vec<Cte> = Vec::new();
        for node in each(&with.ctes) {
            let NodeEnum::CommonTableExpr(cte) = node else {
                return Err(Error::internal("a common table expression of another kind"));
            };
            if self.scope().ctes.iter().any(|known| known.name == cte.ctename) {
                return Err(Error::new(
                    "42712",
                    format!("WITH query name \"{}\" specified more than once", cte.ctename),
                ))
                .at(cte.location);
            }
            let (cte, binding) = if writes {
                self.part(cte, with.recursive, &bound).at(cte.location)?
            } else {
                let (cte, binding) = self.cte(cte, with.recursive).at(cte.location)?;
                (Some(cte), binding)
            };
            self.scope().ctes.push(binding);
            bound.extend(cte);
        }
        Ok(bound)
    }

    pub(crate) fn cte(
        &mut self,
        node: &CommonTableExpr,
        recursive: bool,
    ) -> Result<(Cte, CteBinding)> {
        if node.search_clause.is_some() || node.cycle_clause.is_some() {
            return unsupported("SEARCH and CYCLE", node.location);
        }
        let NodeEnum::SelectStmt(select) = required(node.ctequery.as_deref())? else {
            return unsupported("a data-modifying statement in WITH", node.location);
        };
        let id = self.fresh_cte();
        let is_union = select.op() == SetOperation::SetopUnion;
        let query = if recursive && is_union {
            self.recursive_query(node, select, id)?
        } else {
            let query = self.query(select)?;
            self.decide_outputs(query)?
        };
        let binding = CteBinding {
            id,
            name: node.ctename.clone(),
            columns: named_columns(node, &query.columns())?,
        };
        let cte = Cte {
            id,
            name: node.ctename.clone(),
            columns: binding.columns.iter().map(|(name, _)| name.clone()).collect(),
            recursive: refers_to_cte(&query, id),
            query: Box::new(query),
            materialized: match node.ctematerialized() {
                CteMaterialize::Always => Some(true),
                CteMaterialize::Never => Some(false),
                CteMaterialize::Default | CteMaterialize::CtematerializeUndefined => None,
            },
        };
        Ok((cte, binding))
    }

    /// The first branch decides names and types, the second one may refer to the whole.
    fn recursive_query(
        &mut self,
        node: &CommonTableExpr,
        select: &SelectStmt,
        id: CteId,
    ) -> Result<Query> {
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else {
            return Err(Error::internal("a set operation without its sides"));
        };
        self.scoped(Clause::Select, |binder| {
            let with = match &select.with_clause {
                Some(with) => binder.with_clause(with)?,
                None => Vec::new(),
            };
            let left = binder.query(left)?;
            let left = binder.decide_outputs(left)?;
            let columns = named_columns(node, &left.columns())?;
            let binding = CteBinding { id, name: node.ctename.clone(), columns: columns.clone() };
            binder.scope().ctes.push(binding);
            let right = binder.query(right)?;
            let is_recursive = refers_to_cte(&right, id);
            let body = binder.combine(SetOperator::Union, select.all, left, right)?;
            let mut query = Query { with, body, order: Vec::new(), limit: None, offset: None };
            if is_recursive {
                if !select.sort_clause.is_empty() {
                    return Err(Error::unsupported("ORDER BY in a recursive query"));
                }
                if select.limit_count.is_some() || select.limit_offset.is_some() {
                    return Err(Error::unsupported("LIMIT in a recursive query"));
                }
                binder.check_recursive_types(node, &columns, &query)?;
            } else {
                query.order = binder.order_by_columns(&select.sort_clause, &query.columns())?;
                (query.limit, query.offset) = binder.limits(select)?;
            }
            Ok(query)
        })
    }

    fn check_recursive_types(
        &self,
        node: &CommonTableExpr,
        columns: &[(String, Type)],
        query: &Query,
    ) -> Result<()> {
        for (at, ((_, first), (_, overall))) in (1..).zip(columns.iter().zip(query.columns())) {
            if *first != overall {
                return Err(Error::new(
                    "42804",
                    format!(
                        "recursive query \"{}\" column {at} has type {} in non-recursive term but type {} overall",
                        node.ctename,
                        self.resolver.name(first),
                        self.resolver.name(&overall)
                    ),
                )
                .with_hint("Cast the output of the non-recursive term to the correct type."));
            }
        }
        Ok(())
    }
}

pub(crate) fn named_columns(
    node: &CommonTableExpr,
    columns: &[(String, Type)],
) -> Result<Vec<(String, Type)>> {
    let names = strings(&node.aliascolnames);
    if names.len() > columns.len() {
        return Err(Error::new(
            "42P10",
            format!(
                "WITH query \"{}\" has {} columns available but {} columns specified",
                node.ctename,
                columns.len(),
                names.len()
            ),
        ));
    }
    let mut columns = columns.to_vec();
    for (column, name) in columns.iter_mut().zip(names) {
        name.clone_into(&mut column.0);
    }
    Ok(columns)
}

/// Does the query read this common table expression?
fn refers_to_cte(query: &Query, id: CteId) -> bool {
    struct Finder(CteId, bool);
    impl Rewriter for Finder {
        fn from(&mut self, from: &mut From) {
            self.1 |= matches!(from, From::Cte { cte, .. } if *cte == self.0);
            walk_from(self, from);
        }
    }
    let mut finder = Finder(id, false);
    finder.query(&mut query.clone());
    finder.1
}
