//! What a column reference means: a column, a whole row, an argument, a function of a row.

use backstay_catalog::close_name;
use backstay_expr::Expr;
use backstay_model::{Error, Result, Type};
use backstay_typing::Argument;
use pg_query::NodeEnum;
use pg_query::protobuf::ColumnRef;

use crate::Binder;
use crate::nodes::{Located, each};
use crate::plpgsql::Conflict;
use crate::scope::Table;
use crate::types::fields_of;

impl Binder<'_> {
    pub(crate) fn column_ref(&mut self, reference: &ColumnRef) -> Result<Expr> {
        let mut parts = Vec::new();
        for field in each(&reference.fields) {
            match field {
                NodeEnum::String(part) => parts.push(part.sval.as_str()),
                // `t.*` outside a list of targets is the whole row.
                NodeEnum::AStar(_) if !parts.is_empty() => {}
                _ => {
                    return Err(Error::new(
                        "42601",
                        "row expansion via \"*\" is not supported here",
                    ))
                    .at(reference.location);
                }
            }
        }
        let starred = parts.len() < reference.fields.len();
        let bound = match (parts.as_slice(), starred) {
            ([table], true) => self.whole_row(None, table),
            ([schema, table], true) => self.whole_row(Some(schema), table),
            ([name], false) => self.bare_name(name),
            ([table, column], false) => self.qualified_name(None, table, column),
            ([schema, table, column] | [_, schema, table, column], false) => {
                self.qualified_name(Some(schema), table, column)
            }
            _ => Err(Error::new(
                "42601",
                format!("improper qualified name (too many dotted names): {}", parts.join(".")),
            )),
        };
        bound.at(reference.location)
    }

    fn bare_name(&mut self, name: &str) -> Result<Expr> {
        let argument = self.argument_named(None, name);
        if self.options.conflict == Conflict::Variable
            && let Some(argument) = argument
        {
            return Ok(argument);
        }
        match (self.column_or_table(name)?, argument) {
            (Some(_), Some(_)) if self.options.conflict == Conflict::Error => Err(ambiguous(name)),
            (Some(found), _) | (None, Some(found)) => Ok(found),
            (None, None) => {
                let error = Error::new("42703", format!("column \"{name}\" does not exist"));
                Err(self.suggest(error, None, name))
            }
        }
    }

    /// The nearest column of this name, else the row of the entry of this name.
    fn column_or_table(&self, name: &str) -> Result<Option<Expr>> {
        for scope in self.scopes.iter().rev() {
            let mut found = scope.names.columns.iter().filter(|(known, _)| known == name);
            if let Some((_, expr)) = found.next() {
                if found.next().is_some() {
                    return Err(Error::new(
                        "42702",
                        format!("column reference \"{name}\" is ambiguous"),
                    ));
                }
                return Ok(Some(expr.clone()));
            }
        }
        Ok(self.find_table(None, name).map(row_of))
    }

    fn qualified_name(&mut self, schema: Option<&str>, table: &str, column: &str) -> Result<Expr> {
        let argument = self.qualified_argument(schema, table, column)?;
        if self.options.conflict == Conflict::Variable
            && let Some(argument) = argument
        {
            return Ok(argument);
        }
        let Some(found) = self.find_table(schema, table).cloned() else {
            return match argument {
                Some(argument) => Ok(argument),
                None => match (schema, self.argument_named(None, table)) {
                    (None, Some(argument)) => self.field(argument, column),
                    _ => Err(self.missing_table(table)),
                },
            };
        };
        let mut columns = found.columns.iter().filter(|(known, _)| known == column);
        let bound = match (columns.next(), columns.next()) {
            (Some((_, expr)), None) => Ok(expr.clone()),
            (Some(_), Some(_)) => {
                Err(Error::new("42702", format!("column reference \"{column}\" is ambiguous")))
            }
            (None, _) => self.function_of_row(&found, table, column),
        };
        match (bound, argument) {
            (Ok(_), Some(_)) if self.options.conflict == Conflict::Error => {
                Err(ambiguous(&format!("{table}.{column}")))
            }
            (Err(_), Some(argument)) => Ok(argument),
            (bound, _) => bound,
        }
    }

    /// `label.argument`, `argument.field` or `label.argument.field`, if there are such.
    fn qualified_argument(
        &mut self,
        label: Option<&str>,
        first: &str,
        second: &str,
    ) -> Result<Option<Expr>> {
        if label.is_none()
            && let Some(argument) = self.argument_named(Some(first), second)
        {
            return Ok(Some(argument));
        }
        let Some(argument) = self.argument_named(label, first) else { return Ok(None) };
        let known = self
            .fields(&argument)
            .is_some_and(|fields| fields.iter().any(|(name, _)| name == second));
        if known || label.is_some() { self.field(argument, second).map(Some) } else { Ok(None) }
    }

    pub(crate) fn whole_row(&mut self, schema: Option<&str>, table: &str) -> Result<Expr> {
        match self.find_table(schema, table) {
            Some(found) => Ok(row_of(found)),
            None => self.argument_named(schema, table).ok_or_else(|| self.missing_table(table)),
        }
    }

    /// The nearest entry of `FROM` with this name.
    pub(crate) fn find_table(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        self.scopes.iter().rev().flat_map(|scope| &scope.names.tables).find(|table| {
            table.alias == name
                && schema.is_none_or(|schema| table.schema.as_deref() == Some(schema))
        })
    }

    /// The argument or variable of this name, of the function or block with this label.
    fn argument_named(&self, label: Option<&str>, name: &str) -> Option<Expr> {
        let fits = |known: Option<&str>, of: Option<&str>| {
            known == Some(name) && (label.is_none() || of == label)
        };
        let arguments = &self.options.arguments;
        let index = match &self.options.names {
            Some(names) => names
                .iter()
                .find(|known| fits(Some(&known.name), known.label.as_deref()))
                .map(|known| known.slot),
            None => arguments
                .iter()
                .position(|known| fits(known.name.as_deref(), known.label.as_deref())),
        }?;
        let ty = arguments.get(index)?.ty.clone();
        Some(Expr::Argument { index, ty })
    }

    /// `$n`.
    pub(crate) fn argument(&self, number: i32) -> Result<Expr> {
        usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1))
            .filter(|index| *index < self.options.parameters)
            .and_then(|index| {
                let ty = self.options.arguments.get(index)?.ty.clone();
                Some(Expr::Argument { index, ty })
            })
            .ok_or_else(|| Error::new("42P02", format!("there is no parameter ${number}")))
    }

    /// `(composite).field`; a function of the row type where it has no such field.
    pub(crate) fn field(&mut self, expr: Expr, name: &str) -> Result<Expr> {
        if let Expr::WholeRow { rel, .. } = &expr {
            let known = self.scopes.iter().rev().find_map(|scope| scope.names.table(*rel)).cloned();
            if let Some(table) = known {
                let column = table.columns.iter().find(|(known, _)| known == name);
                return match column {
                    Some((_, expr)) => Ok(expr.clone()),
                    None => self.function_of_row(&table, &table.alias.clone(), name),
                };
            }
        }
        let ty = expr.ty();
        let Some(fields) = self.fields(&expr) else {
            if let Some(record) = self.record_name(&expr) {
                return Err(not_assigned(&record));
            }
            return Err(match ty {
                Type::Record => Error::new(
                    "42703",
                    format!("could not identify column \"{name}\" in record data type"),
                ),
                other => Error::new(
                    "42809",
                    format!(
                        "column notation .{name} applied to type {}, which is not a composite type",
                        self.resolver.name(&other)
                    ),
                ),
            });
        };
        match fields.iter().position(|(known, _)| known == name) {
            Some(index) => {
                let ty = fields[index].1.clone();
                Ok(Expr::Field { expr: Box::new(expr), index, ty })
            }
            None => {
                let of = self.resolver.name(&ty);
                if let Some(record) = self.record_name(&expr) {
                    let message = format!("record \"{record}\" has no field \"{name}\"");
                    return Err(Error::new("42703", message));
                }
                self.call_on_row(expr, name)?.ok_or_else(|| {
                    Error::new("42703", format!("column \"{name}\" not found in data type {of}"))
                })
            }
        }
    }

    /// The name of the variable that the expression is, if that is a row of a body's own.
    fn record_name(&self, expr: &Expr) -> Option<String> {
        let Expr::Argument { index, ty: Type::Record | Type::Composite(_) } = expr else {
            return None;
        };
        let names = self.options.names.as_ref()?;
        names.iter().find(|known| known.slot == *index).map(|known| known.name.clone())
    }

    /// Names and types of the fields of a composite value, or of a record whose shape is known.
    pub(crate) fn fields(&self, expr: &Expr) -> Option<Vec<(String, Type)>> {
        match expr {
            Expr::Argument { index, ty: Type::Record } => {
                let known = &self.options.arguments.get(*index)?.fields;
                (!known.is_empty()).then(|| known.clone())
            }
            Expr::UserCall { function, ty: Type::Record, .. } => {
                let columns = &self.catalog.routines.get(function)?.returns.columns;
                (!columns.is_empty()).then(|| columns.clone())
            }
            other => fields_of(self.catalog, &other.ty()),
        }
    }

    fn function_of_row(&mut self, found: &Table, table: &str, column: &str) -> Result<Expr> {
        if let Some(call) = self.call_on_row(row_of(found), column)? {
            return Ok(call);
        }
        let error = Error::new("42703", format!("column {table}.{column} does not exist"));
        Err(self.suggest(error, Some(table), column))
    }

    /// `row.f` as `f(row)`, where a function takes such a row.
    fn call_on_row(&mut self, row: Expr, function: &str) -> Result<Option<Expr>> {
        let routines = self.path.routines(self.catalog, None, function);
        let ty = row.ty();
        let takes_row = routines.iter().any(|routine| {
            let mut inputs = routine.inputs();
            inputs.next().is_some_and(|input| input.ty == ty)
                && inputs.all(|input| input.default.is_some())
        });
        if !takes_row {
            return Ok(None);
        }
        let args = vec![Argument::positional(row)];
        let found = self.resolver.call(None, function, args, false)?;
        self.plain_call(found, function).map(Some)
    }

    fn missing_table(&self, name: &str) -> Error {
        let mut tables = self.scopes.iter().rev().flat_map(|scope| &scope.names.tables);
        let hidden = tables.find(|table| {
            table
                .relation
                .and_then(|id| self.catalog.relations.get(&id))
                .is_some_and(|relation| relation.name == name)
        });
        match hidden {
            Some(table) => Error::new(
                "42P01",
                format!("invalid reference to FROM-clause entry for table \"{name}\""),
            )
            .with_hint(format!(
                "Perhaps you meant to reference the table alias \"{}\".",
                table.alias
            )),
            None => Error::new("42P01", format!("missing FROM-clause entry for table \"{name}\"")),
        }
    }

    /// Adds "Perhaps you meant…" where a column of similar name is in sight.
    fn suggest(&self, error: Error, table: Option<&str>, column: &str) -> Error {
        let near = |found: &&Table| table.is_none_or(|alias| found.alias == alias);
        for found in self.scopes.iter().rev().flat_map(|scope| &scope.names.tables).filter(near) {
            let names = found.columns.iter().map(|(name, _)| name.as_str());
            if let Some(name) = close_name(column, names) {
                return error.with_hint(format!(
                    "Perhaps you meant to reference the column \"{}.{name}\".",
                    found.alias
                ));
            }
        }
        error
    }
}

/// The whole row of an entry.
pub(crate) fn row_of(table: &Table) -> Expr {
    match table.rel {
        Some(_) if table.scalar && table.columns.len() == 1 => table.columns[0].1.clone(),
        Some(rel) => Expr::WholeRow { rel, ty: table.row_type.clone() },
        None => Expr::Row {
            fields: table.columns.iter().map(|(_, expr)| expr.clone()).collect(),
            ty: Type::Record,
        },
    }
}

fn ambiguous(name: &str) -> Error {
    Error::new("42702", format!("column reference \"{name}\" is ambiguous"))
        .with_details("It could refer to either a PL/pgSQL variable or a table column.")
}

fn not_assigned(record: &str) -> Error {
    Error::new("55000", format!("record \"{record}\" is not assigned yet"))
        .with_details("The tuple structure of a not-yet-assigned record is indeterminate.")
}
