//! Literals.

use backstay_expr::Expr;
use backstay_model::{Error, Numeric, Result, Type, Value};
use pg_query::protobuf::AConst;
use pg_query::protobuf::a_const::Val;

/// A literal; strings and nulls have no type yet.
pub(crate) fn constant(node: &AConst) -> Result<Expr> {
    Ok(match &node.val {
        _ if node.isnull => Expr::null(Type::Unknown),
        None => Expr::null(Type::Unknown),
        Some(Val::Ival(number)) => Expr::constant(Value::Int(i64::from(number.ival)), Type::Int4),
        Some(Val::Fval(number)) => self::number(&number.fval)?,
        Some(Val::Boolval(truth)) => Expr::bool(truth.boolval),
        Some(Val::Sval(text)) => Expr::constant(Value::text(text.sval.clone()), Type::Unknown),
        Some(Val::Bsval(bits)) => self::bits(&bits.bsval)?,
    })
}

/// A number that is no `integer`: `bigint` if it is whole and fits, else `numeric`.
fn number(text: &str) -> Result<Expr> {
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Expr::constant(Value::Int(number), Type::Int8));
    }
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let number: Numeric = digits.parse().map_err(|_| Error::invalid_input("numeric", text))?;
    Ok(Expr::constant(Value::Numeric(number), Type::Numeric))
}

/// `B'101'` or `X'1F'`.
fn bits(text: &str) -> Result<Expr> {
    let digits = match text.split_at_checked(1) {
        Some(("b", digits)) => digits.to_owned(),
        Some(("x", digits)) => digits
            .chars()
            .map(|digit| digit.to_digit(16).map(|value| format!("{value:04b}")))
            .collect::<Option<String>>()
            .ok_or_else(|| {
                Error::new("22P02", format!("\"{digits}\" is not a valid hexadecimal digit"))
            })?,
        _ => return Err(Error::internal("a bit string without a base")),
    };
    Ok(Expr::constant(Value::Text(digits), Type::Bit))
}
