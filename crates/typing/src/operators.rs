//! Operators: from a symbol and two types to a node.

use std::sync::Arc;

use backstay_expr::{CompareOp, Expr};
use backstay_model::{Error, Result, Type};
use backstay_scalar::{Function, Kind, table};

use crate::comparison::{candidates as comparisons, compare_op};
use crate::polymorphic::Binding;
use crate::selection::{Candidate, NoChoice};
use crate::{Resolver, fold};

/// What an operator turned out to be.
#[derive(Clone)]
pub enum OperatorTarget {
    /// A native comparison over this type.
    Compare {
        /// Which.
        op: CompareOp,
        /// The type that decides.
        operand: Type,
    },
    /// A row of the function table.
    Call(Arc<Function>),
    /// An operator that only the database knows ([`Expr::Operator`]).
    Native(Arc<str>),
}

/// An operator that was found for two (or, as prefix, one) types.
#[derive(Clone)]
pub struct OperatorMatch {
    /// What to build.
    pub target: OperatorTarget,
    /// The type the left side must have (of a prefix operator: its only side).
    pub left: Type,
    /// The type the right side must have: read the text of a literal as this.
    pub right: Type,
    /// The result's type.
    pub result: Type,
}

impl Resolver<'_> {
    /// Finds the operator for a left and a right side of these types; `Type::Unknown` for a literal
    /// whose type the operator shall decide (then [`OperatorMatch::right`] says it).
    ///
    /// # Errors
    /// `42883` no such operator, `42725` several fit.
    pub fn find_operator(&self, name: &str, left: &Type, right: &Type) -> Result<OperatorMatch> {
        let inputs = [left.clone(), right.clone()];
        let name = if name == "!=" { "<>" } else { name };
        if let Some(native) = self.native_operator(name, left, right) {
            return Ok(native);
        }
        let candidates = match compare_op(name) {
            Some(op) => comparisons(op),
            None => table_operators(name, 2),
        };
        let chosen = match self.exact_operator(&inputs, &candidates) {
            Some(exact) => exact,
            None => self
                .select(&inputs, candidates)
                .map_err(|why| self.no_operator(name, Some(left), right, why))?,
        };
        let found = self.finish(chosen, &inputs)?;
        found.ok_or_else(|| self.no_operator(name, Some(left), right, NoChoice::None))
    }

    /// The same for a prefix operator.
    ///
    /// # Errors
    /// `42883` no such operator, `42725` several fit.
    pub fn find_prefix(&self, name: &str, operand: &Type) -> Result<OperatorMatch> {
        let inputs = [operand.clone()];
        let candidates = table_operators(name, 1);
        let exact = candidates.iter().find(|candidate| candidate.args == inputs).cloned();
        let chosen = match exact {
            Some(exact) => exact,
            None => self
                .select(&inputs, candidates)
                .map_err(|why| self.no_operator(name, None, operand, why))?,
        };
        let found = self.finish(chosen, &inputs)?;
        found.ok_or_else(|| self.no_operator(name, None, operand, NoChoice::None))
    }

    /// Refuses types without equality (`json`) where rows are compared.
    ///
    /// # Errors
    /// `42883`.
    pub fn check_equality(&self, ty: &Type) -> Result<()> {
        if *ty == Type::Unknown || self.find_operator("=", ty, ty).is_ok() {
            return Ok(());
        }
        let ty = self.name(ty);
        Err(Error::new("42883", format!("could not identify an equality operator for type {ty}")))
    }

    /// Where a type is of the database alone, so are its operators. All that is asked for here are
    /// tests, so the result is taken for a boolean; a literal keeps its text.
    fn native_operator(&self, name: &str, left: &Type, right: &Type) -> Option<OperatorMatch> {
        [left, right].iter().any(|ty| ty.base(self.catalog()).is_other()).then(|| OperatorMatch {
            target: OperatorTarget::Native(name.into()),
            left: left.clone(),
            right: right.clone(),
            result: Type::Bool,
        })
    }

    /// An operator over exactly these types; an untyped side counts as the other side's type.
    fn exact_operator(
        &self,
        inputs: &[Type; 2],
        candidates: &[Candidate<OperatorTarget>],
    ) -> Option<Candidate<OperatorTarget>> {
        let [left, right] = inputs;
        let wanted = match (left, right) {
            (Type::Unknown, Type::Unknown) => return None,
            (Type::Unknown, known) | (known, Type::Unknown) => {
                let known = known.base(self.catalog());
                [known.clone(), known]
            }
            _ => inputs.clone(),
        };
        candidates.iter().find(|candidate| candidate.args == wanted).cloned()
    }

    fn finish(
        &self,
        chosen: Candidate<OperatorTarget>,
        inputs: &[Type],
    ) -> Result<Option<OperatorMatch>> {
        let result = match &chosen.payload {
            OperatorTarget::Compare { .. } => Type::Bool,
            OperatorTarget::Call(function) => function.result.clone(),
            OperatorTarget::Native(_) => Type::Bool,
        };
        let (args, result) = match self.bind_polymorphic(&chosen.args, inputs, &result) {
            Binding::Concrete(args, result) => (args, result),
            Binding::Inconsistent => return Ok(None),
            Binding::Undetermined => return Err(undetermined()),
        };
        let target = match chosen.payload {
            OperatorTarget::Compare { op, operand } if operand.is_polymorphic() => {
                OperatorTarget::Compare { op, operand: args[0].clone() }
            }
            other => other,
        };
        let (Some(left), Some(right)) = (args.first().cloned(), args.last().cloned()) else {
            return Ok(None);
        };
        Ok(Some(OperatorMatch { target, left, right, result }))
    }

    /// Builds the node; both sides are coerced to what the operator takes.
    ///
    /// # Errors
    /// What reading a literal raises.
    pub fn apply(&self, found: &OperatorMatch, left: Expr, right: Expr) -> Result<Expr> {
        match &found.target {
            OperatorTarget::Compare { op, operand } => Ok(Expr::Compare {
                op: *op,
                operand: operand.clone(),
                left: Box::new(self.coerce_operand(left, operand)?),
                right: Box::new(self.coerce_operand(right, operand)?),
            }),
            OperatorTarget::Call(function) => {
                let left = self.coerce_argument(left, &found.left)?;
                let right = self.coerce_argument(right, &found.right)?;
                Ok(fold::call(self, function, vec![left, right], found.result.clone()))
            }
            OperatorTarget::Native(name) => Ok(Expr::Operator {
                name: Arc::clone(name),
                left: Box::new(left),
                right: Box::new(right),
                ty: found.result.clone(),
            }),
        }
    }

    /// `left op right`.
    ///
    /// # Errors
    /// As [`Resolver::find_operator`] and [`Resolver::apply`].
    pub fn binary(&self, name: &str, left: Expr, right: Expr) -> Result<Expr> {
        let found = self.find_operator(name, &left.ty(), &right.ty())?;
        self.apply(&found, left, right)
    }

    /// `op operand`.
    ///
    /// # Errors
    /// As [`Resolver::find_prefix`].
    pub fn prefix(&self, name: &str, operand: Expr) -> Result<Expr> {
        let found = self.find_prefix(name, &operand.ty())?;
        let OperatorTarget::Call(function) = &found.target else {
            return Err(Error::internal("a comparison has two sides"));
        };
        let operand = self.coerce_argument(operand, &found.left)?;
        Ok(fold::call(self, function, vec![operand], found.result))
    }

    fn no_operator(&self, name: &str, left: Option<&Type>, right: &Type, why: NoChoice) -> Error {
        let written = match left {
            Some(left) => format!("{} {name} {}", self.name(left), self.name(right)),
            None => format!("{name} {}", self.name(right)),
        };
        match (why, left) {
            (NoChoice::Ambiguous, _) => {
                Error::new("42725", format!("operator is not unique: {written}")).with_hint(
                    "Could not choose a best candidate operator. You might need to add explicit type casts.",
                )
            }
            (NoChoice::None, Some(_)) => {
                Error::new("42883", format!("operator does not exist: {written}")).with_hint(
                    "No operator matches the given name and argument types. You might need to add explicit type casts.",
                )
            }
            (NoChoice::None, None) => {
                Error::new("42883", format!("operator does not exist: {written}")).with_hint(
                    "No operator matches the given name and argument type. You might need to add an explicit type cast.",
                )
            }
        }
    }
}

pub(crate) fn undetermined() -> Error {
    Error::new("42804", "could not determine polymorphic type because input has type unknown")
}

fn table_operators(name: &str, sides: usize) -> Vec<Candidate<OperatorTarget>> {
    table()
        .named(name)
        .filter(|function| function.kind == Kind::Operator && function.args.len() == sides)
        .map(|function| Candidate {
            args: function.args.clone(),
            payload: OperatorTarget::Call(Arc::clone(function)),
        })
        .collect()
}
