//! `string_agg` and `array_agg`.

use backstay_model::{Array, Error, Result, Type, Value};

use crate::{Aggregator, Call, Environment, Table};

pub(super) fn register(table: &mut Table) {
    table
        .aggregate("string_agg(text, text) text")
        .takes_nulls()
        .total()
        .aggregator(|| Box::new(Joined::default()));
    table
        .aggregate("string_agg(bytea, bytea) bytea")
        .takes_nulls()
        .total()
        .aggregator(|| Box::new(Joined::default()));
    table
        .aggregate("array_agg(anynonarray) anyarray")
        .takes_nulls()
        .total()
        .aggregator(|| Box::new(Elements::default()));
    table
        .aggregate("array_agg(anyarray) anyarray")
        .takes_nulls()
        .aggregator(|| Box::new(Arrays::default()));
}

/// Values with what stands before each but the first.
#[derive(Default)]
struct Joined {
    joined: Option<Vec<u8>>,
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Text(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

impl Aggregator for Joined {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let Some(value) = bytes(call.arg(0)?) else { return Ok(()) };
        match &mut self.joined {
            Some(joined) => {
                joined.extend_from_slice(bytes(call.arg(1)?).unwrap_or_default());
                joined.extend_from_slice(value);
            }
            None => self.joined = Some(value.to_vec()),
        }
        Ok(())
    }

    fn finish(&mut self, _: &dyn Environment, result: &Type) -> Result<Value> {
        Ok(match &self.joined {
            None => Value::Null,
            Some(joined) if *result == Type::Bytea => Value::Bytes(joined.clone()),
            Some(joined) => Value::text(String::from_utf8_lossy(joined)),
        })
    }
}

#[derive(Default)]
struct Elements {
    elements: Vec<Value>,
}

impl Aggregator for Elements {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        self.elements.push(call.arg(0)?.clone());
        Ok(())
    }

    fn finish(&mut self, _: &dyn Environment, _: &Type) -> Result<Value> {
        if self.elements.is_empty() {
            return Ok(Value::Null);
        }
        Ok(Value::Array(Array::from_elements(self.elements.clone())))
    }
}

/// Arrays of one shape become an array with one dimension more.
#[derive(Default)]
struct Arrays {
    count: usize,
    dims: Vec<usize>,
    elements: Vec<Value>,
}

impl Aggregator for Arrays {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        let Value::Array(array) = call.arg(0)? else {
            return Err(Error::new("22004", "cannot accumulate null arrays"));
        };
        if array.dims.is_empty() {
            return Err(Error::new("2202E", "cannot accumulate empty arrays"));
        }
        if self.count == 0 {
            self.dims.clone_from(&array.dims);
        } else if self.dims != array.dims {
            return Err(Error::new(
                "2202E",
                "cannot accumulate arrays of different dimensionality",
            ));
        }
        self.count += 1;
        self.elements.extend_from_slice(&array.elements);
        Ok(())
    }

    fn finish(&mut self, _: &dyn Environment, _: &Type) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        let mut dims = vec![self.count];
        dims.extend_from_slice(&self.dims);
        Ok(Value::Array(Array { dims, elements: self.elements.clone() }))
    }
}
