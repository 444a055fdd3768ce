//! `ORDER BY`, and names that may mean an output or a column.

use backstay_expr::{Expr, Output, SortKey};
use backstay_model::{Error, Result, Type};
use pg_query::protobuf::{SortBy, SortByDir, SortByNulls};
use pg_query::{Node, NodeEnum};

use super::sort_location;
use crate::Binder;
use crate::nodes::{Located, each, integer, location, required, string, strings};
use crate::scope::Clause;

impl Binder<'_> {
    /// The sort keys of a `SELECT`: positions, output names, or expressions over `FROM`.
    pub(crate) fn order_by(&mut self, nodes: &[Node], outputs: &[Output]) -> Result<Vec<SortKey>> {
        each(nodes)
            .map(|node| {
                let NodeEnum::SortBy(sort) = node else {
                    return Err(Error::internal("a sort key of another kind"));
                };
                let key = required(sort.node.as_deref())?;
                let expr = self.within(Clause::OrderBy, |binder| {
                    binder.target_or_expr(key, outputs, "ORDER BY")
                })?;
                self.sort_key(expr, sort)
            })
            .collect()
    }

    /// The sort keys inside an aggregate or a window: expressions only.
    pub(crate) fn sort_keys(&mut self, nodes: &[Node]) -> Result<Vec<SortKey>> {
        each(nodes)
            .map(|node| {
                let NodeEnum::SortBy(sort) = node else {
                    return Err(Error::internal("a sort key of another kind"));
                };
                let expr = self.expr(required(sort.node.as_deref())?)?;
                self.sort_key(expr, sort)
            })
            .collect()
    }

    /// The sort keys of a set operation or of `VALUES`: its columns by name or position.
    pub(crate) fn order_by_columns(
        &mut self,
        nodes: &[Node],
        columns: &[(String, Type)],
    ) -> Result<Vec<SortKey>> {
        each(nodes)
            .map(|node| {
                let NodeEnum::SortBy(sort) = node else {
                    return Err(Error::internal("a sort key of another kind"));
                };
                let key = required(sort.node.as_deref())?;
                let index = match (integer(key), bare_column(key)) {
                    (Some(position), _) => {
                        position_of(position, columns.len(), "ORDER BY").at(location(key))?
                    }
                    (None, Some(name)) => columns
                        .iter()
                        .position(|(known, _)| known == name)
                        .ok_or_else(|| {
                            Error::new("42703", format!("column \"{name}\" does not exist"))
                        })
                        .at(location(key))?,
                    (None, None) => return Err(not_a_column()).at(location(key)),
                };
                let ty = columns[index].1.clone();
                self.sort_key(Expr::OutputColumn { index: index + 1, ty }, sort)
            })
            .collect()
    }

    fn sort_key(&self, expr: Expr, sort: &SortBy) -> Result<SortKey> {
        let expr = self.resolver.decided(expr)?;
        let ty = expr.ty();
        let place = sort_location(&NodeEnum::SortBy(Box::new(sort.clone())));
        if self.resolver.find_operator("<", &ty, &ty).is_err() {
            let ty = self.resolver.name(&ty);
            return Err(Error::new(
                "42883",
                format!("could not identify an ordering operator for type {ty}"),
            )
            .with_hint("Use an explicit ordering operator or modify the query."))
            .at(place);
        }
        let descending = match sort.sortby_dir() {
            SortByDir::SortbyDesc => true,
            SortByDir::SortbyUsing => strings(&sort.use_op).last() == Some(&">"),
            SortByDir::SortbyAsc | SortByDir::SortbyDefault | SortByDir::Undefined => false,
        };
        let nulls_first = match sort.sortby_nulls() {
            SortByNulls::SortbyNullsFirst => true,
            SortByNulls::SortbyNullsLast => false,
            SortByNulls::SortbyNullsDefault | SortByNulls::Undefined => descending,
        };
        Ok(SortKey { expr, descending, nulls_first })
    }

    /// `ORDER BY` and `DISTINCT ON`: an output's name or position, else an expression.
    pub(crate) fn target_or_expr(
        &mut self,
        node: &NodeEnum,
        outputs: &[Output],
        what: &str,
    ) -> Result<Expr> {
        if let Some(position) = integer(node) {
            let index = position_of(position, outputs.len(), what).at(location(node))?;
            return Ok(outputs[index].expr.clone());
        }
        if let Some(name) = bare_column(node)
            && let Some(expr) = output_named(outputs, name, what).at(location(node))?
        {
            return Ok(expr);
        }
        if matches!(node, NodeEnum::AConst(_)) {
            return Err(Error::new("42601", format!("non-integer constant in {what}")))
                .at(location(node));
        }
        self.expr(node)
    }
}

/// The output with this name; several with different expressions are ambiguous.
pub(crate) fn output_named(outputs: &[Output], name: &str, what: &str) -> Result<Option<Expr>> {
    let mut found = outputs.iter().filter(|output| output.name == name);
    let Some(first) = found.next() else { return Ok(None) };
    if found.any(|other| other.expr != first.expr) {
        return Err(Error::new("42702", format!("{what} \"{name}\" is ambiguous")));
    }
    Ok(Some(first.expr.clone()))
}

/// The index of a position as written.
pub(crate) fn position_of(position: i32, width: usize, what: &str) -> Result<usize> {
    usize::try_from(position)
        .ok()
        .and_then(|position| position.checked_sub(1))
        .filter(|index| *index < width)
        .ok_or_else(|| {
            Error::new("42P10", format!("{what} position {position} is not in select list"))
        })
}

/// The name of an unqualified column reference.
pub(crate) fn bare_column(node: &NodeEnum) -> Option<&str> {
    match node {
        NodeEnum::ColumnRef(reference) => match reference.fields.as_slice() {
            [field] => string(field),
            _ => None,
        },
        _ => None,
    }
}

fn not_a_column() -> Error {
    Error::new("0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
        .with_details("Only result column names can be used, not expressions or functions.")
        .with_hint(
            "Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
        )
}
