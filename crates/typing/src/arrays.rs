//! `op ANY (array)` and `op ALL (array)`, and array constructors.

use backstay_expr::{Comparator, Expr};
use backstay_model::{Error, Result, Type};

use crate::{CastContext, OperatorMatch, OperatorTarget, Resolver};

impl Resolver<'_> {
    /// The operator of `left op ANY (array)`; `array` may be [`Type::Unknown`]. The array must have
    /// elements of [`OperatorMatch::right`].
    ///
    /// # Errors
    /// `42809` no array or no boolean operator, `42883`, `42725`; `42704` for an untyped array of arrays.
    pub fn find_any(&self, name: &str, left: &Type, array: &Type) -> Result<OperatorMatch> {
        let element = match array.base(self.catalog()) {
            Type::Array(element) => *element,
            Type::Unknown => Type::Unknown,
            _ => {
                return Err(Error::new("42809", "op ANY/ALL (array) requires array on right side"));
            }
        };
        let found = self.find_operator(name, left, &element)?;
        if found.result != Type::Bool {
            return Err(Error::new(
                "42809",
                "op ANY/ALL (array) requires operator to yield boolean",
            ));
        }
        if element == Type::Unknown && matches!(found.right.base(self.catalog()), Type::Array(_)) {
            // Arrays of arrays are arrays of more dimensions, so none has these elements.
            let ty = self.name(&found.right);
            let message = format!("could not find array type for data type {ty}");
            return Err(Error::new("42704", message));
        }
        Ok(found)
    }

    /// Builds `left op ANY (array)` (`all`: `ALL`).
    ///
    /// # Errors
    /// As [`Resolver::find_any`], and what reading a literal raises.
    pub fn any_array(&self, name: &str, left: Expr, array: Expr, all: bool) -> Result<Expr> {
        let found = self.find_any(name, &left.ty(), &array.ty())?;
        let (op, operand, left) = match found.target {
            OperatorTarget::Compare { op, operand } => {
                let left = self.coerce_operand(left, &operand)?;
                (Comparator::Compare(op), operand, left)
            }
            OperatorTarget::Call(function) => {
                let left = self.coerce_argument(left, &found.left)?;
                (Comparator::Symbol(function.symbol.clone()), found.right, left)
            }
            OperatorTarget::Native(name) => {
                let (left, array) = (Box::new(left), Box::new(array));
                let op = Comparator::Operator(name);
                return Ok(Expr::AnyArray { op, operand: found.right, all, left, array });
            }
        };
        let wanted = operand.clone().array_of();
        let array = if matches!(op, Comparator::Compare(_)) {
            self.coerce_operand(array, &wanted)?
        } else {
            self.coerce(array, &wanted, None, CastContext::Implicit)?
        };
        Ok(Expr::AnyArray { op, operand, all, left: Box::new(left), array: Box::new(array) })
    }

    /// `ARRAY[elements]`; elements that are arrays make one more dimension.
    ///
    /// # Errors
    /// `42P18` for an empty array of no type, `42804`/`42846` for elements that do not fit together.
    pub fn array(&self, elements: Vec<Expr>) -> Result<Expr> {
        if elements.is_empty() {
            return Err(Error::new("42P18", "cannot determine type of empty array").with_hint(
                "Explicitly cast to the desired type, for example ARRAY[]::integer[].",
            ));
        }
        let (elements, element) = self.unify("ARRAY", elements)?;
        let ty = if matches!(element, Type::Array(_)) { element } else { element.array_of() };
        Ok(Expr::Array { elements, ty })
    }
}
