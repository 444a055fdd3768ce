//! Expressions: what is spelt natively, and what is handed on.

use std::fmt::Write as _;
use std::sync::Arc;

use backstay_expr::{BoolTest, CastMethod, Expr, RelId};
use backstay_model::{Error, Result, Type, TypeSource as _};

use super::subqueries::unwrapped;
use super::{Entry, Lowerer};
use crate::names::{push_alias, push_literal, push_quoted};

/// The name of the row id where no column of the table is it.
pub(crate) const ROW_ID: &str = "_backstay_id";

impl Lowerer<'_> {
    /// Appends the expression.
    pub(super) fn expr(&mut self, expr: &Expr, out: &mut String) -> Result<()> {
        if self.is_param(expr) {
            self.fixed(unwrapped(expr), out);
            return Ok(());
        }
        self.descend()?;
        self.dependent(expr, out)?;
        self.ascend();
        Ok(())
    }

    /// Appends an expression that depends on rows.
    fn dependent(&mut self, expr: &Expr, out: &mut String) -> Result<()> {
        match expr {
            Expr::Column { rel, column, .. } => self.column(*rel, *column, out),
            Expr::WholeRow { rel, ty } => self.whole_row(*rel, ty, out),
            Expr::OutputColumn { index, .. } => {
                let _ = write!(out, "{index}");
                Ok(())
            }
            Expr::Call { symbol, args, ty } => self.call(symbol, args, ty, out),
            Expr::Compare { op, operand, left, right } => {
                self.compare((*op, operand), left, right, out)
            }
            Expr::IsDistinct { negated, operand, left, right } => {
                let word = if *negated { " IS " } else { " IS NOT " };
                self.distinct((word, operand), left, right, out)
            }
            Expr::And(terms) => self.junction(terms, " AND ", out),
            Expr::Or(terms) => self.junction(terms, " OR ", out),
            Expr::Not(inner) => {
                out.push_str("(NOT ");
                self.expr(inner, out)?;
                out.push(')');
                Ok(())
            }
            Expr::IsNull { expr, negated } => self.is_null(expr, *negated, out),
            Expr::IsBool { expr, test, negated } => self.is_bool(expr, *test, *negated, out),
            Expr::Case { branches, otherwise, .. } => {
                self.case(branches, otherwise.as_deref(), out)
            }
            Expr::Coalesce { args, .. } => self.coalesce(args, out),
            Expr::InList { negated, operand, expr, list } => {
                self.in_list(*negated, (operand, expr), list, out)
            }
            Expr::AnyArray { op, operand, all, left, array } => {
                self.any_array(expr, (op, operand, *all), (left, array), out)
            }
            Expr::Exists(query) => {
                out.push_str("EXISTS (");
                self.query(query, out)?;
                out.push(')');
                Ok(())
            }
            Expr::Scalar { query, .. } => self.scalar_query(query, out),
            Expr::AnyQuery { op, operands, all, left, query } => {
                self.any_query((op, operands, *all), left, query, out)
            }
            Expr::ArrayQuery { query, ty } => self.array_query(query, ty, out),
            Expr::Cast { expr: inner, method, modifier, .. } => {
                if *method == CastMethod::Relabel && modifier.is_none() {
                    return self.expr(inner, out);
                }
                self.cast(expr, inner, method, out)
            }
            Expr::Field { expr: inner, index, .. } => self.field(expr, inner, *index, out),
            Expr::UserCall { .. }
            | Expr::Extreme { .. }
            | Expr::Array { .. }
            | Expr::Row { .. } => self.evaluated(expr, out),
            Expr::Aggregate { .. } => self.aggregate(expr, out),
            Expr::Window { .. } => self.window(expr, out),
            Expr::Default { .. } => Err(Error::internal("DEFAULT outside of a row to insert")),
            Expr::Operator { .. } | Expr::Native { .. } => {
                Err(Error::internal("an expression of another database"))
            }
            Expr::Const { .. }
            | Expr::Param { .. }
            | Expr::ParentKey { .. }
            | Expr::Argument { .. } => Err(Error::internal("a value that is no parameter")),
        }
    }

    fn distinct(
        &mut self,
        (word, operand): (&str, &Type),
        left: &Expr,
        right: &Expr,
        out: &mut String,
    ) -> Result<()> {
        out.push('(');
        self.expr(left, out)?;
        self.push_collation(operand, out);
        out.push_str(word);
        self.expr(right, out)?;
        out.push(')');
        Ok(())
    }

    fn is_bool(
        &mut self,
        expr: &Expr,
        test: BoolTest,
        negated: bool,
        out: &mut String,
    ) -> Result<()> {
        out.push('(');
        self.expr(expr, out)?;
        out.push_str(if negated { " IS NOT " } else { " IS " });
        out.push_str(match test {
            BoolTest::True => "TRUE)",
            BoolTest::False => "FALSE)",
            BoolTest::Unknown => "NULL)",
        });
        Ok(())
    }

    /// Appends a column of an entry in scope.
    pub(super) fn column(&self, rel: RelId, column: u16, out: &mut String) -> Result<()> {
        match self.entries.get(&rel) {
            Some(Entry::Stored { relation, bare, .. }) => {
                if !bare {
                    push_alias(out, rel);
                    out.push('.');
                }
                let physical = if column == 0 {
                    relation.integer_key().map_or(ROW_ID, |key| key.physical.as_str())
                } else {
                    let known = relation.column_by_number(column);
                    known.map(|known| known.physical.as_str()).ok_or_else(|| {
                        Error::internal(format!("{} has no column {column}", relation.name))
                    })?
                };
                push_quoted(out, physical);
            }
            Some(Entry::Plain(_)) => {
                push_alias(out, rel);
                let _ = write!(out, ".c{column}");
            }
            None => return Err(Error::internal(format!("r{} is not in scope", rel.0))),
        }
        Ok(())
    }

    /// The columns of an entry as expressions; for a composite type only its fields.
    pub(super) fn columns_of(&self, rel: RelId, ty: &Type) -> Result<Vec<Expr>> {
        if let Some(Entry::Stored { relation, .. }) = self.entries.get(&rel) {
            let columns = &relation.columns;
            return Ok(columns
                .iter()
                .map(|column| Expr::column(rel, column.number, column.ty.clone()))
                .collect());
        }
        let fields = match self.base(ty) {
            Type::Composite(id) => self.catalog.fields(id),
            _ => None,
        };
        if let Some(fields) = fields {
            let numbered = (1..).zip(fields);
            return Ok(numbered.map(|(at, (_, ty, _))| Expr::column(rel, at, ty)).collect());
        }
        match self.entries.get(&rel) {
            Some(Entry::Plain(columns)) => {
                let width = u16::try_from(columns.len()).unwrap_or(u16::MAX);
                Ok((1..=width).map(|at| Expr::column(rel, at, Type::Text)).collect())
            }
            _ => Err(Error::internal(format!("r{} is not in scope", rel.0))),
        }
    }

    fn whole_row(&mut self, rel: RelId, ty: &Type, out: &mut String) -> Result<()> {
        let fields = self.columns_of(rel, ty)?;
        let row = Expr::Row { fields, ty: ty.clone() };
        // A row that an outer join did not find is null, not a row of nulls.
        let marker = match self.entries.get(&rel) {
            Some(Entry::Stored { nullable: true, .. }) => Some(0),
            _ => None,
        };
        let Some(marker) = marker else { return self.evaluated(&row, out) };
        out.push_str("CASE WHEN ");
        self.column(rel, marker, out)?;
        out.push_str(" IS NOT NULL THEN ");
        self.evaluated(&row, out)?;
        out.push_str(" END");
        Ok(())
    }

    fn is_null(&mut self, expr: &Expr, negated: bool, out: &mut String) -> Result<()> {
        let fields = match expr {
            Expr::WholeRow { rel, ty } => self.columns_of(*rel, ty)?,
            Expr::Row { fields, .. } => fields.clone(),
            _ if matches!(self.base(&expr.ty()), Type::Composite(_) | Type::Record) => {
                let test = Expr::IsNull { expr: Box::new(expr.clone()), negated };
                return self.evaluated(&test, out);
            }
            _ => {
                out.push('(');
                self.expr(expr, out)?;
                out.push_str(if negated { " IS NOT NULL)" } else { " IS NULL)" });
                return Ok(());
            }
        };
        if fields.is_empty() {
            out.push('1');
            return Ok(());
        }
        let tests: Vec<Expr> = fields
            .into_iter()
            .map(|field| Expr::IsNull { expr: Box::new(field), negated })
            .collect();
        self.junction(&tests, " AND ", out)
    }

    /// A balanced tree, because SQLite bounds the depth of a chain.
    pub(super) fn junction(
        &mut self,
        terms: &[Expr],
        word: &'static str,
        out: &mut String,
    ) -> Result<()> {
        if let [only] = terms {
            return self.expr(only, out);
        }
        out.push('(');
        if terms.len() <= 16 {
            for (index, term) in terms.iter().enumerate() {
                if index > 0 {
                    out.push_str(word);
                }
                self.expr(term, out)?;
            }
        } else {
            let (left, right) = terms.split_at(terms.len() / 2);
            self.junction(left, word, out)?;
            out.push_str(word);
            self.junction(right, word, out)?;
        }
        out.push(')');
        Ok(())
    }

    fn case(
        &mut self,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        out: &mut String,
    ) -> Result<()> {
        out.push_str("CASE");
        for (when, then) in branches {
            out.push_str(" WHEN ");
            self.expr(when, out)?;
            out.push_str(" THEN ");
            self.expr(then, out)?;
        }
        if let Some(otherwise) = otherwise {
            out.push_str(" ELSE ");
            self.expr(otherwise, out)?;
        }
        out.push_str(" END");
        Ok(())
    }

    fn coalesce(&mut self, args: &[Expr], out: &mut String) -> Result<()> {
        if let [only] = args {
            return self.expr(only, out);
        }
        out.push_str("coalesce(");
        self.list(args, out)?;
        out.push(')');
        Ok(())
    }

    /// Appends expressions with commas.
    pub(super) fn list(&mut self, exprs: &[Expr], out: &mut String) -> Result<()> {
        for (index, expr) in exprs.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.expr(expr, out)?;
        }
        Ok(())
    }

    fn field(&mut self, whole: &Expr, inner: &Expr, index: usize, out: &mut String) -> Result<()> {
        match inner {
            Expr::WholeRow { rel, ty } => {
                let columns = self.columns_of(*rel, ty)?;
                match columns.get(index) {
                    Some(column) => self.expr(column, out),
                    None => Err(Error::internal("a field outside of its row")),
                }
            }
            Expr::Row { fields, .. } if index < fields.len() => self.expr(&fields[index], out),
            _ => self.evaluated(whole, out),
        }
    }

    fn cast(
        &mut self,
        whole: &Expr,
        inner: &Expr,
        method: &CastMethod,
        out: &mut String,
    ) -> Result<()> {
        let to_text = matches!(whole.ty(), Type::Text | Type::Varchar | Type::Name);
        if let (CastMethod::Io, Type::Enum(id), true) = (method, self.base(&inner.ty()), to_text)
            && let Expr::Cast { modifier: None, .. } = whole
        {
            let labels = self.catalog.enum_type(id).map(|labels| labels.labels.clone());
            out.push_str("CASE ");
            self.expr(inner, out)?;
            for (label, code) in labels.unwrap_or_default() {
                let _ = write!(out, " WHEN {code} THEN ");
                push_literal(out, &label);
            }
            out.push_str(" END");
            return Ok(());
        }
        if let (CastMethod::Function(symbol), Expr::Cast { modifier: None, .. }) = (method, whole) {
            let symbol = Arc::clone(symbol);
            return self.call(&symbol, std::slice::from_ref(inner), &whole.ty(), out);
        }
        self.evaluated(whole, out)
    }
}
