//! Changed copies of `jsonb`: `||`, `-`, `#-`, `jsonb_set`, `jsonb_insert`.

use std::cmp::Ordering;

use backstay_model::{Error, Result, Value};

use super::{array_text, elements_or_self, misuse, object_text, path, string_is};
use crate::io::json::scan::{self, Kind};
use crate::io::json::{canonical_key_order, write_key};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    for signature in ["||(jsonb, jsonb) jsonb", "jsonb_concat(jsonb, jsonb) jsonb"] {
        let row = if signature.starts_with('|') {
            table.operator(signature)
        } else {
            table.function(signature)
        };
        row.total().scalar(|call| Ok(Value::Jsonb(concat(call.text(0)?, call.text(1)?))));
    }
    table.operator("-(jsonb, text) jsonb").scalar(|call| {
        let key = call.text(1)?;
        delete_keys(call.text(0)?, &[key])
    });
    table.operator("-(jsonb, text[]) jsonb").scalar(|call| {
        let keys: Vec<&str> = path(call, 1)?.into_iter().flatten().collect();
        delete_keys(call.text(0)?, &keys)
    });
    table.operator("-(jsonb, integer) jsonb").scalar(delete_index);
    table.operator("#-(jsonb, text[]) jsonb").scalar(|call| {
        if scan::kind(call.text(0)?).is_scalar() {
            return Err(misuse("cannot delete path in scalar"));
        }
        change(call, None, Change::Delete)
    });
    table.function("jsonb_delete_path(jsonb, text[]) jsonb").scalar(|call| {
        if scan::kind(call.text(0)?).is_scalar() {
            return Err(misuse("cannot delete path in scalar"));
        }
        change(call, None, Change::Delete)
    });
    table
        .function("jsonb_set(jsonb, text[], jsonb, boolean) jsonb")
        .names(&["jsonb_in", "path", "replacement", "create_if_missing"])
        .optional(1)
        .scalar(jsonb_set);
    table
        .function("jsonb_insert(jsonb, text[], jsonb, boolean) jsonb")
        .names(&["jsonb_in", "path", "replacement", "insert_after"])
        .optional(1)
        .scalar(|call| {
            let after = call.args.len() > 3 && call.boolean(3)?;
            let how = if after { Change::InsertAfter } else { Change::InsertBefore };
            change(call, Some(call.text(2)?), how)
        });
    table
        .function("jsonb_set_lax(jsonb, text[], jsonb, boolean, text) jsonb")
        .names(&["jsonb_in", "path", "replacement", "create_if_missing", "null_value_treatment"])
        .optional(2)
        .takes_nulls()
        .scalar(jsonb_set_lax);
}

fn concat(a: &str, b: &str) -> String {
    if (scan::kind(a), scan::kind(b)) == (Kind::Object, Kind::Object) {
        return merge(a, b);
    }
    let elements = elements_or_self(a).into_iter().chain(elements_or_self(b));
    array_text(elements)
}

/// Both are in the order of keys; a member of the second hides that of the first.
fn merge(a: &str, b: &str) -> String {
    let (mut left, mut right) = (scan::members(a).peekable(), scan::members(b).peekable());
    let mut members = Vec::new();
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return object_text(members),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, _)), Some((b, _))) => canonical_key_order(a, b),
        };
        if order.is_eq() {
            left.next();
        }
        members.extend(if order.is_lt() { left.next() } else { right.next() });
    }
}

fn delete_keys(text: &str, keys: &[&str]) -> Result<Value> {
    let gone = |raw: &str| keys.iter().any(|key| string_is(raw, key));
    match scan::kind(text) {
        Kind::Object => {
            Ok(Value::Jsonb(object_text(scan::members(text).filter(|(key, _)| !gone(key)))))
        }
        Kind::Array => Ok(Value::Jsonb(array_text(
            scan::elements(text)
                .filter(|element| scan::kind(element) != Kind::String || !gone(element)),
        ))),
        _ => Err(misuse("cannot delete from scalar")),
    }
}

fn delete_index(call: &Call<'_>) -> Result<Value> {
    let (text, index) = (call.text(0)?, call.int(1)?);
    match scan::kind(text) {
        Kind::Object => Err(misuse("cannot delete from object using integer index")),
        Kind::Array => {
            let count = i64::try_from(scan::elements(text).count()).unwrap_or(i64::MAX);
            let index = if index < 0 { count + index } else { index };
            let skipped = usize::try_from(index).ok();
            let kept = scan::elements(text).enumerate().filter(|(at, _)| Some(*at) != skipped);
            Ok(Value::Jsonb(array_text(kept.map(|(_, element)| element))))
        }
        _ => Err(misuse("cannot delete from scalar")),
    }
}

/// What happens at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Delete,
    /// `jsonb_set` with `create_if_missing`.
    Create,
    Replace,
    InsertBefore,
    InsertAfter,
}

impl Change {
    fn adds(self) -> bool {
        matches!(self, Self::Create | Self::InsertBefore | Self::InsertAfter)
    }
}

fn jsonb_set(call: &Call<'_>) -> Result<Value> {
    let create = call.args.len() < 4 || call.boolean(3)?;
    let how = if create { Change::Create } else { Change::Replace };
    change(call, Some(call.text(2)?), how)
}

fn jsonb_set_lax(call: &Call<'_>) -> Result<Value> {
    if call.args.iter().take(2).any(Value::is_null) || call.args.get(3) == Some(&Value::Null) {
        return Ok(Value::Null);
    }
    if !call.arg(2)?.is_null() {
        return jsonb_set(call);
    }
    let create = call.args.len() < 4 || call.boolean(3)?;
    let treatment = match call.args.get(4) {
        None => "use_json_null",
        Some(Value::Text(treatment)) => treatment,
        Some(_) => "",
    };
    match treatment {
        "raise_exception" => Err(Error::new("22004", "JSON value must not be null")
            .with_details("Exception was raised because null_value_treatment is \"raise_exception\".")
            .with_hint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")),
        "use_json_null" => {
            change(call, Some("null"), if create { Change::Create } else { Change::Replace })
        }
        "delete_key" => change(call, None, Change::Delete),
        "return_target" => Ok(call.arg(0)?.clone()),
        _ => Err(misuse("null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")),
    }
}

fn change(call: &Call<'_>, new: Option<&str>, how: Change) -> Result<Value> {
    let text = call.text(0)?;
    if scan::kind(text).is_scalar() {
        return Err(misuse("cannot set path in scalar"));
    }
    let path = path(call, 1)?;
    if path.is_empty() {
        return Ok(Value::Jsonb(text.to_owned()));
    }
    let mut changer =
        Changer { path: &path, new: new.unwrap_or_default(), how, out: String::new() };
    changer.value(text, 0)?;
    Ok(Value::Jsonb(changer.out))
}

struct Changer<'a> {
    path: &'a [Option<&'a str>],
    new: &'a str,
    how: Change,
    out: String,
}

impl Changer<'_> {
    fn step(&self, level: usize) -> Result<&str> {
        self.path.get(level).copied().flatten().ok_or_else(|| {
            Error::new("22004", format!("path element at position {} is null", level + 1))
        })
    }

    fn is_last(&self, level: usize) -> bool {
        level + 1 == self.path.len()
    }

    fn value(&mut self, text: &str, level: usize) -> Result<()> {
        match scan::kind(text) {
            Kind::Object => self.object(text, level),
            Kind::Array => self.array(text, level),
            _ => {
                self.out.push_str(text);
                Ok(())
            }
        }
    }

    fn comma(&mut self, start: usize) {
        if self.out.len() > start + 1 {
            self.out.push_str(", ");
        }
    }

    fn object(&mut self, text: &str, level: usize) -> Result<()> {
        let key = write_key(self.step(level)?);
        let last = self.is_last(level);
        let start = self.out.len();
        self.out.push('{');
        let mut pending = last && self.how.adds() && !scan::members(text).any(|(k, _)| k == key);
        for (known, value) in scan::members(text) {
            if pending && canonical_key_order(&key, known).is_lt() {
                self.member(&key, start);
                pending = false;
            }
            if known != key {
                self.comma(start);
                self.out.push_str(known);
                self.out.push_str(": ");
                self.out.push_str(value);
                continue;
            }
            match self.how {
                Change::Delete if last => {}
                Change::InsertBefore | Change::InsertAfter if last => {
                    return Err(misuse("cannot replace existing key")
                        .with_hint("Try using the function jsonb_set to replace key value."));
                }
                _ if last => self.member(&key, start),
                _ => {
                    self.comma(start);
                    self.out.push_str(known);
                    self.out.push_str(": ");
                    self.value(value, level + 1)?;
                }
            }
        }
        if pending {
            self.member(&key, start);
        }
        self.out.push('}');
        Ok(())
    }

    fn member(&mut self, key: &str, start: usize) {
        self.comma(start);
        self.out.push_str(key);
        self.out.push_str(": ");
        self.out.push_str(self.new);
    }

    fn element(&mut self, element: &str, start: usize) {
        self.comma(start);
        self.out.push_str(element);
    }

    fn array(&mut self, text: &str, level: usize) -> Result<()> {
        let step = self.step(level)?;
        let index: i32 = step.trim_start().parse().map_err(|_| {
            Error::new(
                "22P02",
                format!("path element at position {} is not an integer: \"{step}\"", level + 1),
            )
        })?;
        let count = i64::try_from(scan::elements(text).count()).unwrap_or(i64::MAX);
        let index = i64::from(index);
        let before_all = index < 0 && -index > count;
        let index = if index < 0 { index + count } else { index.min(count) };
        let last = self.is_last(level);
        let new = self.new.to_owned();
        let start = self.out.len();
        self.out.push('[');
        let mut done = false;
        if (before_all || count == 0) && last && self.how.adds() {
            self.element(&new, start);
            done = true;
        }
        for (at, element) in scan::elements(text).enumerate() {
            if i64::try_from(at) != Ok(index) {
                self.element(element, start);
                continue;
            }
            done = true;
            if !last {
                self.comma(start);
                self.value(element, level + 1)?;
                continue;
            }
            match self.how {
                Change::Delete => {}
                Change::Create | Change::Replace => self.element(&new, start),
                Change::InsertBefore => {
                    self.element(&new, start);
                    self.element(element, start);
                }
                Change::InsertAfter => {
                    self.element(element, start);
                    self.element(&new, start);
                }
            }
        }
        if last && !done && self.how.adds() {
            self.element(&new, start);
        }
        self.out.push(']');
        Ok(())
    }
}
