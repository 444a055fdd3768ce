//! Expressions, every one in parentheses where an operator stands in it.

use backstay_expr::{BoolTest, Comparator, CompareOp, Expr, RelId, SortKey};
use backstay_model::{Error, Result, Type};

use super::{Entry, Renderer, names};

impl<'a> Renderer<'a> {
    /// An expression.
    pub(super) fn expr(&mut self, expr: &'a Expr) -> Result<()> {
        match expr {
            Expr::Const { value, ty } => self.constant(value, ty),
            Expr::Param { index, ty } => {
                self.literal(*index, ty);
                Ok(())
            }
            Expr::ParentKey { index, .. } => self.parent_key(*index),
            Expr::Column { rel, column, .. } => self.column(*rel, *column),
            Expr::WholeRow { rel, ty } => self.whole_row(*rel, ty),
            Expr::OutputColumn { index, .. } => {
                self.push(&index.to_string());
                Ok(())
            }
            Expr::Argument { .. } => {
                Err(Error::internal("an argument outside of the body of its function"))
            }
            Expr::Call { symbol, args, .. } => self.builtin(symbol, args),
            Expr::UserCall { function, args, .. } => self.user_call(*function, args),
            Expr::Compare { op, operand, left, right } => {
                let operator = self.comparison(*op, operand);
                self.infix(&operator, left, right)
            }
            // The database finds it, by the types of its sides.
            Expr::Operator { name, left, right, .. } => self.infix(name, left, right),
            Expr::IsDistinct { negated, left, right, .. } => self.infix(
                if *negated { "IS NOT DISTINCT FROM" } else { "IS DISTINCT FROM" },
                left,
                right,
            ),
            Expr::And(terms) => self.joined(terms, " AND "),
            Expr::Or(terms) => self.joined(terms, " OR "),
            Expr::Not(inner) => {
                self.push("(NOT ");
                self.expr(inner)?;
                self.push(")");
                Ok(())
            }
            Expr::IsNull { expr, negated } => {
                self.postfix(expr, if *negated { " IS NOT NULL" } else { " IS NULL" })
            }
            Expr::IsBool { expr, test, negated } => self.postfix(expr, truth(*test, *negated)),
            Expr::InList { .. } | Expr::AnyArray { .. } | Expr::AnyQuery { .. } => self.among(expr),
            Expr::Exists(_) | Expr::Scalar { .. } | Expr::ArrayQuery { .. } => self.subquery(expr),
            Expr::Default { .. } => {
                self.push("DEFAULT");
                Ok(())
            }
            Expr::Native { .. } => {
                Err(Error::internal("an expression of the database's own stands in a request"))
            }
            Expr::Case { .. }
            | Expr::Coalesce { .. }
            | Expr::Extreme { .. }
            | Expr::Array { .. }
            | Expr::Row { .. }
            | Expr::Field { .. }
            | Expr::Cast { .. }
            | Expr::Aggregate { .. }
            | Expr::Window { .. } => self.construct(expr),
        }
    }

    fn infix(&mut self, operator: &str, left: &'a Expr, right: &'a Expr) -> Result<()> {
        self.push("(");
        self.expr(left)?;
        self.push(" ");
        self.push(operator);
        self.push(" ");
        self.expr(right)?;
        self.push(")");
        Ok(())
    }

    fn postfix(&mut self, expr: &'a Expr, test: &str) -> Result<()> {
        self.push("(");
        self.expr(expr)?;
        self.push(test);
        self.push(")");
        Ok(())
    }

    /// Expressions in parentheses with a separator.
    pub(super) fn joined(&mut self, exprs: &'a [Expr], separator: &str) -> Result<()> {
        self.push("(");
        self.each(exprs, separator, |this, expr| this.expr(expr))?;
        self.push(")");
        Ok(())
    }

    fn among(&mut self, expr: &'a Expr) -> Result<()> {
        self.push("(");
        match expr {
            Expr::InList { negated, expr, list, .. } => {
                self.expr(expr)?;
                self.push(if *negated { " NOT IN " } else { " IN " });
                self.joined(list, ", ")?;
            }
            Expr::AnyArray { op, operand, all, left, array } => {
                self.expr(left)?;
                let operator = self.comparator(op, operand)?;
                self.push(&format!(" {operator} {} (", if *all { "ALL" } else { "ANY" }));
                self.expr(array)?;
                self.push(")");
            }
            Expr::AnyQuery { op, operands, all, left, query } => {
                match left.as_slice() {
                    [only] => self.expr(only)?,
                    several => self.joined(several, ", ")?,
                }
                let operator = self.comparator(op, operands.first().unwrap_or(&Type::Text))?;
                self.push(&format!(" {operator} {} (", if *all { "ALL" } else { "ANY" }));
                self.query(query)?;
                self.push(")");
            }
            _ => return Err(Error::internal("a test of membership without members")),
        }
        self.push(")");
        Ok(())
    }

    fn subquery(&mut self, expr: &'a Expr) -> Result<()> {
        let (word, query) = match expr {
            Expr::Exists(query) => ("EXISTS ", query),
            Expr::ArrayQuery { query, .. } => ("ARRAY", query),
            Expr::Scalar { query, .. } => ("", query),
            _ => return Err(Error::internal("a sub-select without a query")),
        };
        self.push(word);
        self.push("(");
        self.query(query)?;
        self.push(")");
        Ok(())
    }

    fn comparator(&mut self, op: &Comparator, operand: &Type) -> Result<String> {
        match op {
            Comparator::Compare(op) => Ok(self.comparison(*op, operand)),
            Comparator::Operator(name) => Ok(name.to_string()),
            Comparator::Symbol(symbol) => {
                let function = super::calls::function(symbol)?;
                Ok(super::calls::operator(function.schema, function.name))
            }
        }
    }

    /// A comparison. Types of extensions bring operators of their own, which are found where the
    /// session looks for extensions; all others are PostgreSQL's.
    fn comparison(&self, op: CompareOp, operand: &Type) -> String {
        let sign = match op {
            CompareOp::Eq => "=",
            CompareOp::Ne => "<>",
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        };
        match operand.base(self.catalog()) {
            Type::Citext | Type::Vector => sign.to_owned(),
            _ => super::calls::operator("pg_catalog", sign),
        }
    }

    fn parent_key(&mut self, index: usize) -> Result<()> {
        let keys = self.parents.last();
        let key = keys
            .and_then(|keys| keys.get(index))
            .cloned()
            .ok_or_else(|| Error::internal("a child refers to a key that its parent lacks"))?;
        self.push(&key);
        Ok(())
    }

    fn column(&mut self, rel: RelId, column: u16) -> Result<()> {
        let missing = || Error::internal("an expression names a column that is gone");
        let entry = *self.entries.get(&rel).ok_or_else(missing)?;
        let alias = alias(rel);
        let text = match entry {
            Entry::Relation(relation) => {
                let found = relation.column_by_number(column).ok_or_else(missing)?;
                format!("{alias}.{}", names::quoted(&found.name))
            }
            Entry::Excluded(relation) => {
                let found = relation.column_by_number(column).ok_or_else(missing)?;
                format!("excluded.{}", names::quoted(&found.name))
            }
            Entry::Written(relation) => {
                relation.column_by_number(column).ok_or_else(missing)?;
                if !self.returned.columns.contains(&column) {
                    self.returned.columns.push(column);
                }
                format!("{alias}.a{column}")
            }
            Entry::Function(columns) => {
                let position = usize::from(column).wrapping_sub(1);
                let (name, _) = columns.get(position).ok_or_else(missing)?;
                format!("{alias}.{}", names::quoted(name))
            }
            Entry::Query => format!("{alias}.c{column}"),
        };
        self.push(&text);
        Ok(())
    }

    fn whole_row(&mut self, rel: RelId, ty: &Type) -> Result<()> {
        let alias = alias(rel);
        if let Some(Entry::Written(_)) = self.entries.get(&rel) {
            self.returned.row = true;
            self.push(&format!("{alias}.written_row"));
            return Ok(());
        }
        // The cast keeps `alias.*` one value wherever it stands.
        let name = names::type_name(self.catalog(), ty);
        self.push(&format!("({alias}.*)::{name}"));
        Ok(())
    }

    /// `ORDER BY …`, if there is an order.
    pub(super) fn order_by(&mut self, keys: &'a [SortKey]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        self.push(" ORDER BY ");
        self.each(keys, ", ", |this, key| {
            this.expr(&key.expr)?;
            this.push(if key.descending { " DESC" } else { " ASC" });
            // PostgreSQL's own default is left unsaid: the text stays short.
            if key.nulls_first != key.descending {
                this.push(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
            }
            Ok(())
        })
    }
}

/// The name of an entry of `FROM`.
pub(super) fn alias(rel: RelId) -> String {
    format!("r{}", rel.0)
}

fn truth(test: BoolTest, negated: bool) -> &'static str {
    match (test, negated) {
        (BoolTest::True, false) => " IS TRUE",
        (BoolTest::True, true) => " IS NOT TRUE",
        (BoolTest::False, false) => " IS FALSE",
        (BoolTest::False, true) => " IS NOT FALSE",
        (BoolTest::Unknown, false) => " IS UNKNOWN",
        (BoolTest::Unknown, true) => " IS NOT UNKNOWN",
    }
}
