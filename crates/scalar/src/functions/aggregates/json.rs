//! `json_agg`, `json_object_agg` and their `jsonb` forms.

use backstay_model::{Error, Result, Type, Value};

use crate::{Aggregator, Call, Environment, Table, io};

pub(super) fn register(table: &mut Table) {
    for signature in ["json_agg(anyelement) json", "jsonb_agg(anyelement) jsonb"] {
        table.aggregate(signature).stable().takes_nulls().aggregator(|| Box::new(Items::default()));
    }
    for signature in
        ["json_object_agg(\"any\", \"any\") json", "jsonb_object_agg(\"any\", \"any\") jsonb"]
    {
        table
            .aggregate(signature)
            .stable()
            .takes_nulls()
            .aggregator(|| Box::new(Members::default()));
    }
}

/// Text under construction, without the closing bracket.
#[derive(Default)]
struct Items {
    text: Vec<u8>,
}

fn argument_type<'c>(call: &Call<'c>, index: usize) -> &'c Type {
    call.arg_types.get(index).unwrap_or(&Type::Text)
}

fn write(call: &Call<'_>, index: usize, out: &mut Vec<u8>) -> Result<()> {
    let value = call.arg(index)?;
    if value.is_null() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    io::write_json(call.env, argument_type(call, index), value, out)
}

/// The finished text as `json`, or as canonical `jsonb`.
fn finish(env: &dyn Environment, result: &Type, text: &[u8], close: &str) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let mut whole = String::from_utf8(text.to_vec())
        .map_err(|_| Error::internal("aggregated json is no text"))?;
    whole.push_str(close);
    match result {
        Type::Jsonb => io::input(env, &Type::Jsonb, None, &whole),
        _ => Ok(Value::Json(whole)),
    }
}

impl Aggregator for Items {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        if self.text.is_empty() {
            self.text.push(b'[');
        } else {
            self.text.extend_from_slice(b", ");
            // PostgreSQL starts a line for each structured item.
            let base = argument_type(call, 0).base(call.env.types());
            if matches!(base, Type::Array(_) | Type::Composite(_) | Type::Record) {
                self.text.extend_from_slice(b"\n ");
            }
        }
        write(call, 0, &mut self.text)
    }

    fn finish(&mut self, env: &dyn Environment, result: &Type) -> Result<Value> {
        finish(env, result, &self.text, "]")
    }
}

/// Text under construction, without the closing brace.
#[derive(Default)]
struct Members {
    text: Vec<u8>,
}

impl Aggregator for Members {
    fn step(&mut self, call: &Call<'_>) -> Result<()> {
        if call.arg(0)?.is_null() {
            return Err(Error::new("22023", "field name must not be null"));
        }
        let base = argument_type(call, 0).base(call.env.types());
        if matches!(
            base,
            Type::Array(_) | Type::Composite(_) | Type::Record | Type::Json | Type::Jsonb
        ) {
            return Err(Error::new(
                "22023",
                "key value must be scalar, not array, composite, or json",
            ));
        }
        self.text.extend_from_slice(if self.text.is_empty() { b"{ " } else { b", " });
        let start = self.text.len();
        write(call, 0, &mut self.text)?;
        if self.text.get(start) != Some(&b'"') {
            self.text.insert(start, b'"');
            self.text.push(b'"');
        }
        self.text.extend_from_slice(b" : ");
        write(call, 1, &mut self.text)
    }

    fn finish(&mut self, env: &dyn Environment, result: &Type) -> Result<Value> {
        finish(env, result, &self.text, " }")
    }
}
