//! The columns of what a node reads.

use backstay_catalog::{Relation, close_name};
use backstay_expr::{Expr, From, RelId, RelationScan};
use backstay_model::{Error, Modifier, Type};

/// A relation, or the rows of a function, as the first entry of a node's `FROM`.
#[derive(Debug, Clone)]
pub(crate) struct Source<'a> {
    /// Its identity.
    pub(crate) rel: RelId,
    /// What messages call it.
    qualifier: String,
    columns: Columns<'a>,
    /// The type of a whole row, if it has a name.
    pub(crate) row_type: Option<Type>,
}

#[derive(Debug, Clone)]
enum Columns<'a> {
    /// A scan: columns go by attribute number.
    Relation(&'a Relation),
    /// Rows of a function that are rows of a relation: columns go by position.
    RowsOf(&'a Relation),
    /// Other rows of a function.
    Listed(Vec<(String, Type)>),
}

impl<'a> Source<'a> {
    /// A scan of a relation; embeds are called `<relation>_<depth>`.
    pub(crate) fn relation(rel: RelId, relation: &'a Relation, depth: usize) -> Self {
        let qualifier =
            if depth == 0 { relation.name.clone() } else { format!("{}_{depth}", relation.name) };
        let row_type = Some(Type::Composite(relation.row_type));
        Self { rel, qualifier, columns: Columns::Relation(relation), row_type }
    }

    /// The rows of a function that returns rows of a relation.
    pub(crate) fn rows_of(rel: RelId, relation: &'a Relation, qualifier: &str) -> Self {
        let row_type = Some(Type::Composite(relation.row_type));
        Self { rel, qualifier: qualifier.to_owned(), columns: Columns::RowsOf(relation), row_type }
    }

    /// The rows of a function with columns of its own.
    pub(crate) fn listed(
        rel: RelId,
        columns: Vec<(String, Type)>,
        row_type: Option<Type>,
        qualifier: &str,
    ) -> Self {
        let columns = Columns::Listed(columns);
        Self { rel, qualifier: qualifier.to_owned(), columns, row_type }
    }

    /// The `FROM` entry of a scan; `None` for a function.
    pub(crate) fn scan(&self) -> Option<From> {
        match &self.columns {
            Columns::Relation(relation) => Some(From::Relation(RelationScan {
                rel: self.rel,
                relation: relation.id,
                policy: None,
            })),
            _ => None,
        }
    }

    /// Names and types of all columns: what a function scan must list.
    pub(crate) fn listing(&self) -> Vec<(String, Type)> {
        match &self.columns {
            Columns::Relation(relation) | Columns::RowsOf(relation) => {
                let columns = relation.columns.iter();
                columns.map(|column| (column.name.clone(), column.ty.clone())).collect()
            }
            Columns::Listed(columns) => columns.clone(),
        }
    }

    fn at(&self, position: usize, ty: &Type) -> Expr {
        Expr::column(self.rel, u16::try_from(position + 1).unwrap_or(u16::MAX), ty.clone())
    }

    /// All columns in order.
    pub(crate) fn all(&self) -> Vec<(String, Expr)> {
        match &self.columns {
            Columns::Relation(relation) => {
                let columns = relation.columns.iter();
                columns
                    .map(|column| {
                        let expr = Expr::column(self.rel, column.number, column.ty.clone());
                        (column.name.clone(), expr)
                    })
                    .collect()
            }
            _ => {
                let columns = self.listing().into_iter().enumerate();
                columns
                    .map(|(index, (name, ty))| {
                        let expr = self.at(index, &ty);
                        (name, expr)
                    })
                    .collect()
            }
        }
    }

    /// The column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<Expr> {
        match &self.columns {
            Columns::Relation(relation) => {
                let column = relation.column(name)?;
                Some(Expr::column(self.rel, column.number, column.ty.clone()))
            }
            Columns::RowsOf(relation) => {
                let position = relation.columns.iter().position(|column| column.name == name)?;
                Some(self.at(position, &relation.columns.get(position)?.ty))
            }
            Columns::Listed(columns) => {
                let position = columns.iter().position(|(known, _)| known == name)?;
                Some(self.at(position, &columns.get(position)?.1))
            }
        }
    }

    /// The column that has this attribute number in the relation.
    ///
    /// # Errors
    /// `XX000` if the relation has none.
    pub(crate) fn attribute(&self, number: u16) -> Result<Expr, Error> {
        let missing = || Error::internal("a relationship names a column that is gone");
        match &self.columns {
            Columns::Relation(relation) => {
                let column = relation.column_by_number(number).ok_or_else(missing)?;
                Ok(Expr::column(self.rel, number, column.ty.clone()))
            }
            Columns::RowsOf(relation) => {
                let position = relation.position(number).ok_or_else(missing)?;
                let column = relation.columns.get(position).ok_or_else(missing)?;
                Ok(self.at(position, &column.ty))
            }
            Columns::Listed(_) => Err(missing()),
        }
    }

    /// What messages call it.
    pub(crate) fn qualifier(&self) -> &str {
        &self.qualifier
    }

    /// The name of a column of it.
    pub(crate) fn name_of(&self, expr: &Expr) -> Option<String> {
        self.all().into_iter().find(|(_, known)| known == expr).map(|(name, _)| name)
    }

    /// How many characters a `char(n)` column of it is shown with; `None` for everything else.
    pub(crate) fn shown_length(&self, expr: &Expr) -> Option<u32> {
        let Expr::Column { rel, column, ty: Type::Char } = expr else { return None };
        let found = match &self.columns {
            _ if *rel != self.rel => None,
            Columns::Relation(relation) => relation.column_by_number(*column),
            Columns::RowsOf(relation) => relation.columns.get(usize::from(*column).checked_sub(1)?),
            Columns::Listed(_) => None,
        };
        match found?.modifier {
            Some(Modifier::Length(length)) => Some(length),
            _ => None,
        }
    }

    /// The whole row, if its type has a name.
    pub(crate) fn row(&self) -> Option<Expr> {
        Some(Expr::WholeRow { rel: self.rel, ty: self.row_type.clone()? })
    }

    /// `42703` in PostgreSQL's words.
    pub(crate) fn no_column(&self, name: &str) -> Error {
        let message = format!("column {}.{name} does not exist", self.qualifier);
        let mut error = Error::new("42703", message);
        let listing = self.listing();
        if let Some(near) = close_name(name, listing.iter().map(|(name, _)| name.as_str())) {
            error.hint = Some(format!(
                "Perhaps you meant to reference the column \"{}.{near}\".",
                self.qualifier
            ));
            if let Columns::Relation(relation) | Columns::RowsOf(relation) = &self.columns {
                error.hint_names = Some((relation.schema.clone(), relation.name.clone()));
                error.hint_column = Some(near.to_owned());
            }
        }
        error
    }
}
