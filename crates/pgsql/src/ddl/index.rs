//! Indexes.

use backstay_catalog::{Index, IndexKey, KeyConstraint, Relation, Work};
use backstay_expr::{Expr, RelationId};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    ConstrType, Constraint, IndexElem, IndexStmt, Node, RangeVar, SortByDir, SortByNulls,
};

use super::names::{located, relation_exists};
use super::{Draft, bind, constraint, text};

/// Access methods; the engine keeps an index only for those that are ordered.
const METHODS: &[(&str, bool)] = &[
    ("btree", true),
    ("hash", true),
    ("gin", false),
    ("gist", false),
    ("spgist", false),
    ("brin", false),
    ("hnsw", false),
    ("ivfflat", false),
];

/// `CREATE INDEX`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &IndexStmt) -> Result<()> {
    let range =
        stmt.relation.as_ref().ok_or_else(|| Error::internal("CREATE INDEX without a table"))?;
    let mut relation = draft.relation(range)?;
    if let Some(view) = relation.clone().view() {
        if let Some(kept) = &view.kept {
            relation = draft.known(kept.table)?;
        } else if view.materialized {
            draft.notice(format!(
                "index on materialized view \"{}\" is not kept: its rows are computed",
                relation.name
            ));
            return Ok(());
        }
    }
    if relation.view().is_some() {
        let message = format!("cannot create index on relation \"{}\"", relation.name);
        return Err(located(
            Error::new("42809", message).with_details("This operation is not supported for views."),
            range.location,
        ));
    }
    if !stmt.idxname.is_empty() && draft.relation_name_taken(&relation.schema, &stmt.idxname) {
        if stmt.if_not_exists {
            draft.notice(format!("relation \"{}\" already exists, skipping", stmt.idxname));
            return Ok(());
        }
        return Err(relation_exists(&stmt.idxname));
    }
    let index = build(draft, &relation, stmt)?;
    if let Some(physical) = index.physical.clone() {
        draft.work.push(Work::CreateIndex { relation: relation.id, physical });
    }
    draft.edit_relation(relation.id)?.indexes.push(index);
    Ok(())
}

fn build(draft: &Draft<'_>, relation: &Relation, stmt: &IndexStmt) -> Result<Index> {
    let method = if stmt.access_method.is_empty() { "btree" } else { &stmt.access_method };
    let Some((_, ordered)) = METHODS.iter().find(|(name, _)| *name == method) else {
        let message = format!("access method \"{method}\" does not exist");
        return Err(Error::new("42704", message));
    };
    if stmt.unique && method != "btree" {
        let message = format!("access method \"{method}\" does not support unique indexes");
        return Err(Error::new("0A000", message));
    }
    let elements: Vec<&IndexElem> = stmt
        .index_params
        .iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::IndexElem(element)) => Some(&**element),
            _ => None,
        })
        .collect();
    let keys: Vec<IndexKey> =
        elements.iter().map(|element| key(draft, relation, element)).collect::<Result<_>>()?;
    let predicate = match stmt.where_clause.as_deref() {
        Some(node) => Some(bind::index_predicate(draft, relation, node)?),
        None => None,
    };
    let name = if stmt.idxname.is_empty() {
        let joined = column_part(&elements);
        let parts = (relation.name.as_str(), Some(joined.as_str()));
        draft.choose_relation_name(&relation.schema, parts, "idx", false)
    } else {
        stmt.idxname.clone()
    };
    let kept =
        *ordered && keys.iter().map(|key| &key.expr).chain(&predicate).all(bind::never_raises);
    let physical = kept.then(|| draft.physical_index(&relation.schema, &name));
    Ok(Index {
        definition: definition(relation, stmt, &name)?,
        name,
        keys,
        unique: stmt.unique,
        nulls_not_distinct: stmt.nulls_not_distinct,
        predicate,
        method: method.to_owned(),
        hidden: false,
        physical,
    })
}

/// The statement as it would be written with every name in full.
fn definition(relation: &Relation, stmt: &IndexStmt, name: &str) -> Result<String> {
    let full = IndexStmt {
        idxname: name.to_owned(),
        relation: Some(RangeVar {
            schemaname: relation.schema.clone(),
            relname: relation.name.clone(),
            inh: true,
            relpersistence: "p".to_owned(),
            location: -1,
            ..RangeVar::default()
        }),
        concurrent: false,
        if_not_exists: false,
        ..stmt.clone()
    };
    text::statement(&NodeEnum::IndexStmt(Box::new(full)))
}

/// What stands between table and `idx` in a name that nobody chose.
fn column_part(elements: &[&IndexElem]) -> String {
    let mut names: Vec<String> = Vec::new();
    for element in elements {
        let plain = if element.name.is_empty() {
            element.expr.as_deref().map_or("expr", figure_name)
        } else {
            &element.name
        };
        let mut name = plain.to_owned();
        let mut number = 0u32;
        while names.contains(&name) {
            number += 1;
            name = format!("{plain}{number}");
        }
        names.push(name);
    }
    names.join("_")
}

/// PostgreSQL's `FigureIndexColname`: the function's or the column's name.
fn figure_name(node: &Node) -> &str {
    match node.node.as_ref() {
        Some(NodeEnum::FuncCall(call)) => {
            super::names::strings(&call.funcname).last().copied().unwrap_or("expr")
        }
        Some(NodeEnum::ColumnRef(column)) => {
            super::names::strings(&column.fields).last().copied().unwrap_or("expr")
        }
        Some(NodeEnum::TypeCast(cast)) => {
            let inner = cast.arg.as_deref().map_or("expr", figure_name);
            if inner != "expr" {
                return inner;
            }
            cast.type_name
                .as_ref()
                .and_then(|name| super::names::strings(&name.names).last().copied())
                .unwrap_or("expr")
        }
        Some(NodeEnum::CoalesceExpr(_)) => "coalesce",
        Some(NodeEnum::MinMaxExpr(_)) => "greatest",
        _ => "expr",
    }
}

fn key(draft: &Draft<'_>, relation: &Relation, element: &IndexElem) -> Result<IndexKey> {
    let expr = if element.name.is_empty() {
        let node = element
            .expr
            .as_deref()
            .ok_or_else(|| Error::internal("an index key without an expression"))?;
        bind::index_expression(draft, relation, node)?
    } else {
        let Some(column) = relation.column(&element.name) else {
            let message = format!("column \"{}\" does not exist", element.name);
            return Err(Error::new("42703", message));
        };
        Expr::column(backstay_catalog::ROW, column.number, column.ty.clone())
    };
    let descending = element.ordering() == SortByDir::SortbyDesc;
    let nulls_first = match element.nulls_ordering() {
        SortByNulls::SortbyNullsFirst => true,
        SortByNulls::SortbyNullsLast => false,
        _ => descending,
    };
    Ok(IndexKey { expr, descending, nulls_first })
}

/// Makes an index like this one on another table (`LIKE … INCLUDING INDEXES`).
pub(super) fn copy(draft: &mut Draft<'_>, id: RelationId, source: &Index) -> Result<()> {
    let NodeEnum::IndexStmt(mut stmt) = text::parse_one(&source.definition)? else {
        return Err(Error::internal("an index's definition is no CREATE INDEX"));
    };
    let target = draft.known(id)?;
    stmt.idxname = String::new();
    if let Some(range) = &mut stmt.relation {
        range.schemaname = target.schema.clone();
        range.relname = target.name.clone();
    }
    create(draft, &stmt)
}

/// Binds the keys and the predicate again from the definition (after a change of a column's type).
pub(super) fn rebind(draft: &mut Draft<'_>, id: RelationId, name: &str) -> Result<()> {
    let relation = draft.known(id)?;
    let Some(position) = relation.indexes.iter().position(|index| index.name == name) else {
        return Ok(());
    };
    let old = &relation.indexes[position];
    if old.hidden {
        let mut keys = old.keys.clone();
        for key in &mut keys {
            if let Expr::Column { column, ty, .. } = &mut key.expr
                && let Some(found) = relation.column_by_number(*column)
            {
                *ty = found.ty.clone();
            }
        }
        draft.edit_relation(id)?.indexes[position].keys = keys;
        return Ok(());
    }
    let NodeEnum::IndexStmt(stmt) = text::parse_one(&old.definition)? else {
        return Err(Error::internal("an index's definition is no CREATE INDEX"));
    };
    let mut fresh = build(draft, &relation, &stmt)?;
    fresh.physical = old.physical.clone().filter(|_| fresh.physical.is_some());
    draft.edit_relation(id)?.indexes[position] = fresh;
    Ok(())
}

/// `ADD CONSTRAINT name UNIQUE | PRIMARY KEY USING INDEX index`.
pub(super) fn use_for_constraint(
    draft: &mut Draft<'_>,
    id: RelationId,
    constraint: &Constraint,
) -> Result<()> {
    let relation = draft.known(id)?;
    let name = &constraint.indexname;
    let Some(index) = relation.indexes.iter().find(|index| index.name == *name && !index.hidden)
    else {
        return Err(Error::new("42704", format!("index \"{name}\" does not exist")));
    };
    let unfit = |what: String| {
        Err(Error::new("42809", what)
            .with_details("Cannot create a primary key or unique constraint using such an index."))
    };
    if !index.unique {
        return unfit(format!("\"{name}\" is not a unique index"));
    }
    if index.predicate.is_some() {
        return unfit(format!("\"{name}\" is a partial index"));
    }
    let mut columns = Vec::new();
    for key in &index.keys {
        match &key.expr {
            Expr::Column { column, .. } => columns.push(*column),
            _ => return unfit(format!("index \"{name}\" contains expressions")),
        }
    }
    let constraint_name =
        constraint::written_name(&relation, &constraint.conname)?.unwrap_or_else(|| name.clone());
    if constraint_name != *name && draft.relation_name_taken(&relation.schema, &constraint_name) {
        return Err(relation_exists(&constraint_name));
    }
    let key = KeyConstraint {
        physical: index
            .physical
            .clone()
            .unwrap_or_else(|| draft.physical_index(&relation.schema, &constraint_name)),
        name: constraint_name,
        columns,
        nulls_not_distinct: index.nulls_not_distinct,
        deferrable: constraint.deferrable,
        deferred: constraint.initdeferred,
        comment: None,
    };
    draft.edit_relation(id)?.indexes.retain(|index| index.name != *name);
    constraint::adopt_key(draft, id, key, constraint.contype() == ConstrType::ConstrPrimary)
}
