//! `EXCLUDE` constraints: an index whose keys no two rows may hold together.

use backstay_catalog::{Exclusion, Index, ROW, Relation, Work};
use backstay_expr::walk::{Rewriter, walk_expr};
use backstay_expr::{Expr, From, Output, Query, RelId, RelationId, RelationScan, Select};
use backstay_model::{Error, Result, Type, quote_identifier};
use pg_query::NodeEnum;
use pg_query::protobuf::{Constraint, IndexElem, IndexStmt};

use super::constraint::{Adding, written_name};
use super::names::{relation_exists, strings};
use super::{Draft, index, text};
use crate::BindOptions;

/// The stored row, beside the new one ([`ROW`]).
const STORED: RelId = RelId(1);

/// Adds the constraint.
pub(super) fn add(
    draft: &mut Draft<'_>,
    id: RelationId,
    constraint: &Constraint,
    adding: Adding,
) -> Result<()> {
    if constraint.deferrable {
        return Err(Error::unsupported("a deferrable EXCLUDE constraint"));
    }
    let relation = draft.known(id)?;
    let (elements, operators) = parts(constraint)?;
    let written = written_name(&relation, &constraint.conname)?;
    if let Some(name) = &written
        && draft.relation_name_taken(&relation.schema, name)
    {
        return Err(relation_exists(name));
    }
    let name = written.unwrap_or_else(|| {
        let names: Vec<&str> = elements.iter().map(|one| one.name.as_str()).collect();
        let joined =
            names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join("_");
        let parts = (relation.name.as_str(), Some(joined.as_str()));
        draft.choose_relation_name(&relation.schema, parts, "excl", true)
    });
    let stmt = IndexStmt {
        idxname: name.clone(),
        access_method: constraint.access_method.clone(),
        index_params: elements
            .into_iter()
            .map(|one| pg_query::Node { node: Some(NodeEnum::IndexElem(Box::new(one))) })
            .collect(),
        where_clause: constraint.where_clause.clone(),
        ..IndexStmt::default()
    };
    let mut made = index::build(draft, &relation, &stmt)?;
    made.exclusion = Some(Box::new(forbidden(draft, &relation, (&made, operators))?));
    draft.edit_relation(id)?.indexes.push(made);
    if adding == Adding::Later {
        draft.work.push(Work::ValidateExclusion { relation: id, name });
    }
    Ok(())
}

/// The keys and their operators.
fn parts(constraint: &Constraint) -> Result<(Vec<IndexElem>, Vec<String>)> {
    let (mut elements, mut operators) = (Vec::new(), Vec::new());
    for node in &constraint.exclusions {
        let Some(NodeEnum::List(pair)) = &node.node else { continue };
        let [element, operator] = pair.items.as_slice() else { continue };
        let (Some(NodeEnum::IndexElem(element)), Some(NodeEnum::List(operator))) =
            (&element.node, &operator.node)
        else {
            return Err(Error::internal("an EXCLUDE of another form"));
        };
        elements.push((**element).clone());
        operators.extend(strings(&operator.items).last().map(|name| (*name).to_owned()));
    }
    Ok((elements, operators))
}

/// What may not be stored beside a row.
pub(super) fn forbidden(
    draft: &Draft<'_>,
    relation: &Relation,
    (index, operators): (&Index, Vec<String>),
) -> Result<Exclusion> {
    let binder = draft.binder(BindOptions::default());
    let resolver = binder.resolver();
    let row_id = |rel| Box::new(Expr::column(rel, 0, Type::Int8));
    let mut conditions = vec![Expr::IsDistinct {
        negated: false,
        operand: Type::Int8,
        left: row_id(STORED),
        right: row_id(ROW),
    }];
    let mut outputs = Vec::new();
    for (key, operator) in index.keys.iter().zip(&operators) {
        let stored = of_stored(&key.expr);
        conditions.push(resolver.binary(operator, stored.clone(), key.expr.clone())?);
        outputs.push(Output { name: format!("key{}", outputs.len() + 1), expr: stored });
    }
    if let Some(predicate) = &index.predicate {
        conditions.extend([of_stored(predicate), predicate.clone()]);
    }
    let scan = RelationScan { rel: STORED, relation: relation.id, policy: None };
    let mut select = Select::new(outputs, vec![From::Relation(scan)]);
    select.filter = Expr::all_of(conditions);
    let definition = definition(relation, index, &operators)?;
    Ok(Exclusion { operators, conflicting: Query::select(select), definition })
}

/// `ALTER TABLE … ADD CONSTRAINT … EXCLUDE …`.
fn definition(relation: &Relation, index: &Index, operators: &[String]) -> Result<String> {
    let NodeEnum::IndexStmt(stmt) = text::parse_one(&index.definition)? else {
        return Err(Error::internal("an index's definition is no CREATE INDEX"));
    };
    let mut keys = Vec::new();
    for (node, operator) in stmt.index_params.iter().zip(operators) {
        let Some(NodeEnum::IndexElem(element)) = &node.node else { continue };
        let key = match element.expr.as_deref() {
            Some(expr) => format!("({})", text::expression(expr)?),
            None => quote_identifier(&element.name),
        };
        keys.push(format!("{key} WITH {operator}"));
    }
    let condition = match stmt.where_clause.as_deref() {
        Some(node) => format!(" WHERE ({})", text::expression(node)?),
        None => String::new(),
    };
    Ok(format!(
        "ALTER TABLE {}.{} ADD CONSTRAINT {} EXCLUDE USING {} ({}){condition}",
        quote_identifier(&relation.schema),
        quote_identifier(&relation.name),
        quote_identifier(&index.name),
        index.method,
        keys.join(", ")
    ))
}

/// The same over the stored row.
fn of_stored(expr: &Expr) -> Expr {
    struct Stored;
    impl Rewriter for Stored {
        fn expr(&mut self, expr: &mut Expr) {
            if let Expr::Column { rel, .. } | Expr::WholeRow { rel, .. } = expr
                && *rel == ROW
            {
                *rel = STORED;
            }
            walk_expr(self, expr);
        }
    }
    let mut expr = expr.clone();
    Stored.expr(&mut expr);
    expr
}
