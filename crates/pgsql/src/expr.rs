//! Expressions: one function a kind of node.

mod calls;
mod constants;
mod operators;
mod rows;
mod special;
mod subquery;

use backstay_expr::{BoolTest, Expr};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    BoolExpr, BoolExprType, BoolTestType, BooleanTest, CollateClause, NullTest, NullTestType,
};

use crate::Binder;
use crate::nodes::{Located, blame_literal, each, location, required, strings, unsupported};
pub(crate) use calls::{BoundFunction, has_aggregate, text};

impl Binder<'_> {
    /// Binds an expression. The result may be of type `unknown` (an untyped literal).
    pub(crate) fn expr(&mut self, node: &NodeEnum) -> Result<Expr> {
        self.deeper(|binder| binder.expr_here(node))
    }

    fn expr_here(&mut self, node: &NodeEnum) -> Result<Expr> {
        match node {
            NodeEnum::AConst(constant) => constants::constant(constant),
            NodeEnum::ColumnRef(reference) => self.column_ref(reference),
            NodeEnum::ParamRef(parameter) => self.argument(parameter.number).at(parameter.location),
            NodeEnum::AExpr(operator) => self.operator(operator),
            NodeEnum::BoolExpr(connective) => self.connective(connective),
            NodeEnum::FuncCall(call) => self.func_call(call),
            NodeEnum::TypeCast(cast) => self.type_cast(cast),
            NodeEnum::SubLink(link) => self.sub_link(link),
            NodeEnum::CaseExpr(case) => self.case(case),
            NodeEnum::CoalesceExpr(coalesce) => {
                let args = self.exprs(&coalesce.args)?;
                let bound = self.resolver.unify("COALESCE", args);
                let (args, ty) = blame_literal(bound, each(&coalesce.args)).at(coalesce.location)?;
                Ok(Expr::Coalesce { args, ty })
            }
            NodeEnum::MinMaxExpr(extreme) => self.extreme(extreme),
            NodeEnum::NullTest(test) => self.null_test(test),
            NodeEnum::BooleanTest(test) => self.boolean_test(test),
            NodeEnum::AArrayExpr(array) => {
                let elements = self.exprs(&array.elements)?;
                let bound = self.resolver.array(elements);
                blame_literal(bound, each(&array.elements)).at(array.location)
            }
            NodeEnum::RowExpr(row) => self.row(row),
            NodeEnum::AIndirection(indirection) => self.indirection(indirection),
            NodeEnum::SqlvalueFunction(function) => self.value_function(function),
            NodeEnum::CollateClause(collate) => self.collate(collate),
            NodeEnum::NamedArgExpr(argument) => {
                unsupported("a named argument here", argument.location)
            }
            NodeEnum::SetToDefault(default) => {
                Err(Error::new("42601", "DEFAULT is not allowed in this context"))
                    .at(default.location)
            }
            NodeEnum::GroupingFunc(grouping) => unsupported("GROUPING()", grouping.location),
            NodeEnum::JsonIsPredicate(test) => unsupported("IS JSON", test.location),
            NodeEnum::JsonObjectConstructor(json) => {
                unsupported("the JSON_OBJECT constructor", json.location)
            }
            NodeEnum::JsonArrayConstructor(json) => {
                unsupported("the JSON_ARRAY constructor", json.location)
            }
            NodeEnum::JsonFuncExpr(json) => unsupported("SQL/JSON functions", json.location),
            NodeEnum::XmlExpr(xml) => unsupported("XML expressions", xml.location),
            other => unsupported("this expression", location(other)),
        }
    }

    /// Binds a list of expressions.
    pub(crate) fn exprs(&mut self, nodes: &[pg_query::Node]) -> Result<Vec<Expr>> {
        each(nodes).map(|node| self.expr(node)).collect()
    }

    /// Binds a boolean expression; `what` begins the message (`WHERE`).
    pub(crate) fn condition(&mut self, what: &str, node: &NodeEnum) -> Result<Expr> {
        let expr = self.expr(node)?;
        self.resolver.condition(what, expr).at(location(node))
    }

    fn connective(&mut self, node: &BoolExpr) -> Result<Expr> {
        let (name, kind) = match node.boolop() {
            BoolExprType::AndExpr => ("AND", BoolExprType::AndExpr),
            BoolExprType::OrExpr => ("OR", BoolExprType::OrExpr),
            BoolExprType::NotExpr => ("NOT", BoolExprType::NotExpr),
            BoolExprType::Undefined => return Err(Error::internal("a connective without a kind")),
        };
        let mut terms =
            each(&node.args).map(|term| self.condition(name, term)).collect::<Result<Vec<_>>>()?;
        let bound = match kind {
            BoolExprType::AndExpr => Expr::all_of(terms),
            BoolExprType::OrExpr => Expr::any_of(terms),
            _ => terms.pop().map(|term| Expr::Not(Box::new(term))),
        };
        bound.ok_or_else(|| Error::internal("a connective without terms"))
    }

    fn null_test(&mut self, test: &NullTest) -> Result<Expr> {
        let expr = self.expr(required(test.arg.as_deref())?)?;
        let expr = self.resolver.decided(expr)?;
        let negated = test.nulltesttype() == NullTestType::IsNotNull;
        Ok(Expr::IsNull { expr: Box::new(expr), negated })
    }

    fn boolean_test(&mut self, node: &BooleanTest) -> Result<Expr> {
        let (test, negated, what) = match node.booltesttype() {
            BoolTestType::IsTrue => (BoolTest::True, false, "IS TRUE"),
            BoolTestType::IsNotTrue => (BoolTest::True, true, "IS NOT TRUE"),
            BoolTestType::IsFalse => (BoolTest::False, false, "IS FALSE"),
            BoolTestType::IsNotFalse => (BoolTest::False, true, "IS NOT FALSE"),
            BoolTestType::IsUnknown => (BoolTest::Unknown, false, "IS UNKNOWN"),
            BoolTestType::IsNotUnknown => (BoolTest::Unknown, true, "IS NOT UNKNOWN"),
            BoolTestType::Undefined => return Err(Error::internal("a test without a kind")),
        };
        let expr = self.condition(what, required(node.arg.as_deref())?)?;
        Ok(Expr::IsBool { expr: Box::new(expr), test, negated })
    }

    fn collate(&mut self, node: &CollateClause) -> Result<Expr> {
        let expr = self.expr(required(node.arg.as_deref())?)?;
        check_collation(&strings(&node.collname)).at(node.location)?;
        Ok(expr)
    }
}

/// Text is ordered by its bytes; only collations that mean this are taken.
pub(crate) fn check_collation(name: &[&str]) -> Result<()> {
    match name.last() {
        Some(&("C" | "default" | "POSIX" | "ucs_basic" | "C.UTF-8" | "C.utf8")) | None => Ok(()),
        Some(other) => Err(Error::unsupported(format!("collation \"{other}\""))),
    }
}
