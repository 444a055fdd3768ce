//! Entries of `FROM`.

use backstay_expr::{Expr, From, FunctionScan, RelationScan};
use backstay_model::{Error, Result, Type};
use pg_query::protobuf::{Alias, RangeFunction, RangeSubselect, RangeVar};
use pg_query::{Node, NodeEnum};

use crate::Binder;
use crate::expr::BoundFunction;
use crate::nodes::{Located, each, location, required, strings, unsupported};
use crate::scope::{Clause, CteBinding, Namespace, Table};
use crate::types::resolve_type;

/// The function that makes rows of an array.
const UNNEST: &str = "unnest(anyarray)";

impl Binder<'_> {
    /// Binds a `FROM` list and makes its names visible at this level.
    pub(crate) fn bind_from(&mut self, nodes: &[Node]) -> Result<Vec<From>> {
        let mut list = Vec::new();
        for node in each(nodes) {
            let (from, names) = self.bind_entry(node)?;
            self.check_new_names(&names)?;
            self.scope().names.extend(names);
            list.push(from);
        }
        Ok(list)
    }

    /// `42712` for a name that is used twice.
    pub(crate) fn check_new_names(&mut self, new: &Namespace) -> Result<()> {
        let known = &self.scope().names.tables;
        refuse_duplicates(known, &new.tables)
    }

    pub(crate) fn bind_entry(&mut self, node: &NodeEnum) -> Result<(From, Namespace)> {
        match node {
            NodeEnum::RangeVar(range) => self.range_var(range).at(range.location),
            NodeEnum::RangeSubselect(range) => self.range_subselect(range),
            NodeEnum::RangeFunction(range) => self.range_function(range),
            NodeEnum::JoinExpr(join) => self.deeper(|binder| binder.join(join)),
            NodeEnum::RangeTableSample(sample) => unsupported("TABLESAMPLE", sample.location),
            NodeEnum::RangeTableFunc(table) => unsupported("XMLTABLE", table.location),
            NodeEnum::JsonTable(table) => unsupported("JSON_TABLE", table.location),
            other => unsupported("this entry of FROM", location(other)),
        }
    }

    fn range_var(&mut self, range: &RangeVar) -> Result<(From, Namespace)> {
        let alias = range.alias.as_ref();
        if range.schemaname.is_empty()
            && let Some(cte) = self.find_cte(&range.relname)
        {
            let rel = self.fresh_rel();
            let name = alias.map_or(range.relname.as_str(), |alias| &alias.aliasname);
            let mut table = plain_table(name, rel, &cte.columns);
            rename_columns(&mut table, alias)?;
            return Ok((From::Cte { rel, cte: cte.id }, Namespace::of(table)));
        }
        if range.schemaname.is_empty()
            && let Some(entry) = self.table_in_memory(range)?
        {
            return Ok(entry);
        }
        if self.options.system_tables
            && let Some(entry) = self.system_table(range)?
        {
            return Ok(entry);
        }
        let relation = self.relation_named(range)?;
        let rel = self.fresh_rel();
        let name = alias.map(|alias| alias.aliasname.as_str());
        let mut table = self.relation_table(&relation, rel, name);
        rename_columns(&mut table, alias)?;
        let scan = RelationScan { rel, relation: relation.id, policy: None };
        Ok((From::Relation(scan), Namespace::of(table)))
    }

    /// One of the system's own tables, if no relation of the project has the name.
    fn system_table(&mut self, range: &RangeVar) -> Result<Option<(From, Namespace)>> {
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        if self.path.relation(self.catalog, schema, &range.relname).is_some() {
            return Ok(None);
        }
        let Some(found) = crate::system::table(self.catalog, schema, &range.relname) else {
            return Ok(None);
        };
        let rel = self.fresh_rel();
        let alias = range.alias.as_ref();
        let name = alias.map_or(range.relname.as_str(), |alias| &alias.aliasname);
        let mut table = plain_table(name, rel, &found.columns);
        rename_columns(&mut table, alias)?;
        let from = From::Query { rel, query: Box::new(found.query()), lateral: false };
        Ok(Some((from, Namespace::of(table))))
    }

    /// A table that a variable holds (the rows that a trigger looks back on).
    fn table_in_memory(&mut self, range: &RangeVar) -> Result<Option<(From, Namespace)>> {
        let known = self.options.tables.iter().find(|(name, ..)| *name == range.relname);
        let Some((name, index, row)) = known.cloned() else { return Ok(None) };
        let row_type = Type::Composite(row);
        let columns = crate::types::fields_of(self.catalog, &row_type).unwrap_or_default();
        let rows = Expr::Argument { index, ty: row_type.clone().array_of() };
        let call = Expr::Call { symbol: UNNEST.into(), args: vec![rows], ty: row_type.clone() };
        let rel = self.fresh_rel();
        let alias = range.alias.as_ref();
        let name = alias.map_or(name.as_str(), |alias| &alias.aliasname);
        let mut table = plain_table(name, rel, &columns);
        table.row_type = row_type;
        rename_columns(&mut table, alias)?;
        let scan = FunctionScan { rel, call, columns, ordinality: false };
        Ok(Some((From::Function(scan), Namespace::of(table))))
    }

    /// The relation of the catalogue that a name means.
    pub(crate) fn relation_named(
        &self,
        range: &RangeVar,
    ) -> Result<std::sync::Arc<backstay_catalog::Relation>> {
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        if let Some(relation) = self.path.relation(self.catalog, schema, &range.relname) {
            return Ok(relation.clone());
        }
        let name = match schema {
            Some(schema) => format!("{schema}.{}", range.relname),
            None => range.relname.clone(),
        };
        let mut error = Error::new("42P01", format!("relation \"{name}\" does not exist"));
        let of_the_system = matches!(schema, Some("pg_catalog" | "information_schema"))
            || (schema.is_none() && name.starts_with("pg_"));
        if of_the_system {
            error = error.with_hint(
                "The system's own tables can be asked by a migration or a body in PL/pgSQL, as far as \
                 they are known here.",
            );
        }
        Err(error).at(range.location)
    }

    fn find_cte(&self, name: &str) -> Option<CteBinding> {
        let in_scope = self.scopes.iter().rev();
        in_scope.flat_map(|scope| scope.ctes.iter().rev()).find(|cte| cte.name == name).cloned()
    }

    fn range_subselect(&mut self, range: &RangeSubselect) -> Result<(From, Namespace)> {
        let NodeEnum::SelectStmt(select) = required(range.subquery.as_deref())? else {
            return Err(Error::internal("a sub-select of another kind"));
        };
        let query = if range.lateral {
            self.query(select)?
        } else {
            // Entries on its left are not visible.
            let hidden = std::mem::take(&mut self.scope().names);
            let query = self.query(select);
            self.scope().names = hidden;
            query?
        };
        let query = self.decide_outputs(query)?;
        let rel = self.fresh_rel();
        let alias = range.alias.as_ref();
        let name = alias.map_or("unnamed_subquery", |alias| &alias.aliasname);
        let mut table = plain_table(name, rel, &query.columns());
        rename_columns(&mut table, alias)?;
        let from = From::Query { rel, query: Box::new(query), lateral: range.lateral };
        Ok((from, Namespace::of(table)))
    }

    fn range_function(&mut self, range: &RangeFunction) -> Result<(From, Namespace)> {
        let [function] = range.functions.as_slice() else {
            return Err(Error::unsupported("ROWS FROM with several functions"));
        };
        let Some(NodeEnum::List(pair)) = &function.node else {
            return Err(Error::internal("a function in FROM without its call"));
        };
        let parts: Vec<&NodeEnum> = each(&pair.items).collect();
        let Some(written) = parts.first().copied() else {
            return Err(Error::internal("a function in FROM without its call"));
        };
        if let NodeEnum::FuncCall(call) = written
            && let Some(entry) = self.json_record(call, range)?
        {
            return Ok(entry);
        }
        let bound = self.within(Clause::From, |binder| match written {
            NodeEnum::FuncCall(call) => binder.bind_from_function(call).at(call.location),
            other => binder.value_in_from(other).at(location(other)),
        })?;
        let definitions = match parts.get(1) {
            Some(NodeEnum::List(list)) => &list.items,
            _ => &range.coldeflist,
        };
        let place = location(written);
        let alias = range.alias.as_ref();
        let columns = self.function_columns(&bound, definitions, alias).at(place)?;
        let rel = self.fresh_rel();
        let written_name = match written {
            NodeEnum::FuncCall(call) => {
                strings(&call.funcname).last().copied().unwrap_or_default().to_owned()
            }
            other => super::targets::output_name(other),
        };
        let name = alias.map_or(written_name.as_str(), |alias| &alias.aliasname);
        let mut columns = columns;
        if range.ordinality {
            columns.push(("ordinality".to_owned(), Type::Int8));
        }
        let mut table = plain_table(name, rel, &columns);
        table.scalar = bound.scalar && !range.ordinality;
        if let ty @ Type::Composite(_) = bound.call.ty()
            && !range.ordinality
        {
            table.row_type = ty;
        }
        rename_columns(&mut table, alias)?;
        // The columns keep the names that the alias gives them.
        for (column, (name, _)) in columns.iter_mut().zip(&table.columns) {
            column.0.clone_from(name);
        }
        let scan = FunctionScan { rel, call: bound.call, columns, ordinality: range.ordinality };
        Ok((From::Function(scan), Namespace::of(table)))
    }

    /// `CURRENT_DATE` and the like in `FROM`.
    fn value_in_from(&mut self, node: &NodeEnum) -> Result<BoundFunction> {
        let call = self.expr(node)?;
        if !matches!(call, Expr::Call { .. } | Expr::UserCall { .. }) {
            return Err(Error::unsupported("this expression in FROM"));
        }
        let columns = vec![(super::targets::output_name(node), call.ty())];
        Ok(BoundFunction { call, columns, scalar: true, named: false, open: false })
    }

    /// The columns of a function in `FROM`, from its declaration or from the definition list.
    fn function_columns(
        &mut self,
        bound: &BoundFunction,
        definitions: &[Node],
        alias: Option<&Alias>,
    ) -> Result<Vec<(String, Type)>> {
        if definitions.is_empty() {
            if bound.open {
                return Err(Error::new(
                    "42601",
                    "a column definition list is required for functions returning \"record\"",
                ));
            }
            return Ok(match (bound.columns.as_slice(), alias) {
                ([(_, ty)], Some(alias)) if bound.scalar && !bound.named => {
                    vec![(alias.aliasname.clone(), ty.clone())]
                }
                (columns, _) => columns.to_vec(),
            });
        }
        if !bound.open {
            return Err(Error::new(
                "42601",
                "a column definition list is only allowed for functions returning \"record\"",
            ));
        }
        self.column_definitions(definitions)
    }

    /// The definition list of `f(…) AS t (a integer, …)`.
    pub(crate) fn definition_list(&self, range: &RangeFunction) -> Result<Vec<(String, Type)>> {
        if range.coldeflist.is_empty() {
            return Err(Error::new(
                "42601",
                "a column definition list is required for functions returning \"record\"",
            ));
        }
        self.column_definitions(&range.coldeflist)
    }

    fn column_definitions(&self, definitions: &[Node]) -> Result<Vec<(String, Type)>> {
        each(definitions)
            .map(|node| match node {
                NodeEnum::ColumnDef(column) => {
                    let name = column
                        .type_name
                        .as_ref()
                        .ok_or_else(|| Error::internal("a column without a type"))?;
                    let (ty, _) = resolve_type(self.catalog, self.path, name)?;
                    Ok((column.colname.clone(), ty))
                }
                _ => Err(Error::internal("a column definition of another kind")),
            })
            .collect()
    }
}

/// An entry whose columns are the outputs of something.
pub(crate) fn plain_table(
    name: &str,
    rel: backstay_expr::RelId,
    columns: &[(String, Type)],
) -> Table {
    Table {
        alias: name.to_owned(),
        schema: None,
        rel: Some(rel),
        columns: (1..)
            .zip(columns)
            .map(|(at, (name, ty))| (name.clone(), Expr::column(rel, at, ty.clone())))
            .collect(),
        row_type: Type::Record,
        scalar: false,
        nullable: false,
        relation: None,
    }
}

/// Applies `AS t (a, b)`.
pub(crate) fn rename_columns(table: &mut Table, alias: Option<&Alias>) -> Result<()> {
    let Some(alias) = alias else { return Ok(()) };
    let names = strings(&alias.colnames);
    if names.len() > table.columns.len() {
        return Err(Error::new(
            "42P10",
            format!(
                "table \"{}\" has {} columns available but {} columns specified",
                table.alias,
                table.columns.len(),
                names.len()
            ),
        ));
    }
    for (column, name) in table.columns.iter_mut().zip(names) {
        name.clone_into(&mut column.0);
    }
    Ok(())
}

/// Two entries of one name are only told apart by their schemas.
pub(crate) fn refuse_duplicates(known: &[Table], new: &[Table]) -> Result<()> {
    for table in new {
        let clash = known.iter().any(|other| {
            other.alias == table.alias
                && (other.schema.is_none()
                    || table.schema.is_none()
                    || other.schema == table.schema)
        });
        if clash {
            return Err(Error::new(
                "42712",
                format!("table name \"{}\" specified more than once", table.alias),
            ));
        }
    }
    Ok(())
}
