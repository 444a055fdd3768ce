//! Functions on enum types.

use backstay_model::{Array, EnumType, Error, Result, Type, Value};

use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table.function("enum_first(anyenum) anyenum").takes_nulls().stable().total().scalar(|call| {
        let labels = &of(call)?.labels;
        Ok(labels.first().map_or(Value::Null, |(_, code)| Value::Enum(*code)))
    });
    table.function("enum_last(anyenum) anyenum").takes_nulls().stable().total().scalar(|call| {
        let labels = &of(call)?.labels;
        Ok(labels.last().map_or(Value::Null, |(_, code)| Value::Enum(*code)))
    });
    for signature in ["enum_range(anyenum) anyarray", "enum_range(anyenum, anyenum) anyarray"] {
        table.function(signature).takes_nulls().stable().total().scalar(|call| {
            let bound = |index: usize| match (call.args.len(), call.args.get(index)) {
                // With one argument only its type counts.
                (2, Some(Value::Enum(code))) => Some(*code),
                _ => None,
            };
            let (from, to) = (bound(0).unwrap_or(i64::MIN), bound(1).unwrap_or(i64::MAX));
            let codes = of(call)?.labels.iter().map(|(_, code)| *code);
            let codes = codes.filter(|code| (from..=to).contains(code)).map(Value::Enum);
            Ok(Value::Array(Array::from_elements(codes.collect())))
        });
    }
}

fn of<'a>(call: &Call<'a>) -> Result<&'a EnumType> {
    match call.arg_types.first() {
        Some(Type::Enum(id)) => call.env.types().enum_type(*id),
        _ => None,
    }
    .ok_or_else(|| Error::internal("an enum function without an enum"))
}
