//! Literals of every type: what stands behind an operator, in a body, in a column of CSV.

use backstay_model::{RangeKind, Type};
use backstay_scalar::{FixedEnvironment, io};

/// Reads the input as a literal of each type, and what was read again from its text and JSON forms.
pub fn literals(input: &[u8]) -> String {
    let (kind, text) = input.split_first().unwrap_or((&0, input));
    let text = String::from_utf8_lossy(text);
    let types = types();
    let ty = &types[usize::from(*kind) % types.len()];
    let env = FixedEnvironment::new();
    let value = match io::input(&env, ty, None, &text) {
        Ok(value) => value,
        Err(error) => return format!("{ty:?} {}: {}", error.code, error.message),
    };
    let printed = io::output(&env, ty, &value).expect("what was read can be written");
    let again = io::input(&env, ty, None, &printed);
    let again = again.unwrap_or_else(|error| panic!("{ty:?} `{printed}`: {error}"));
    let printed_again = io::output(&env, ty, &again).expect("what was read can be written");
    assert_eq!(printed, printed_again, "{ty:?}");
    let mut json = Vec::new();
    io::write_json(&env, ty, &value, &mut json).expect("what was read can be written as JSON");
    format!("{ty:?}")
}

fn types() -> Vec<Type> {
    let plain = [
        Type::Bool,
        Type::Int2,
        Type::Int4,
        Type::Int8,
        Type::Float4,
        Type::Float8,
        Type::Numeric,
        Type::Money,
        Type::Text,
        Type::Char,
        Type::Uuid,
        Type::Date,
        Type::Time,
        Type::TimeTz,
        Type::Timestamp,
        Type::TimestampTz,
        Type::Interval,
        Type::Json,
        Type::Jsonb,
        Type::Bytea,
        Type::Inet,
        Type::Cidr,
        Type::Macaddr,
        Type::Bit,
        Type::Varbit,
        Type::Point,
        Type::TsVector,
        Type::TsQuery,
        Type::Vector,
    ];
    let ranges = [
        RangeKind::Int4,
        RangeKind::Int8,
        RangeKind::Num,
        RangeKind::Date,
        RangeKind::Ts,
        RangeKind::TsTz,
    ];
    let arrays = [Type::Int4, Type::Text, Type::Numeric, Type::Date, Type::Jsonb];
    plain.into_iter().chain(ranges.map(Type::Range)).chain(arrays.map(Type::array_of)).collect()
}
