//! `storage.foldername`, `storage.filename`, `storage.extension`: parts of an object's path.

use backstay_model::{Result, Value};

use super::text;
use crate::functions::text::text_array;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table.function("storage.foldername(text) text[]").total().scalar(|call| {
        Ok(match call.text(0)?.rsplit_once('/') {
            Some((folders, _)) => text_array(folders.split('/').map(str::to_owned)),
            None if call.text(0)?.is_empty() => Value::Null,
            None => text_array([]),
        })
    });
    table
        .function("storage.filename(text) text")
        .total()
        .scalar(|call| file_name(call)?.map_or(Ok(Value::Null), text));
    table.function("storage.extension(text) text").total().scalar(|call| {
        let last = file_name(call)?.and_then(|name| name.rsplit('.').next());
        last.map_or(Ok(Value::Null), text)
    });
}

/// Behind the last slash; nothing for the empty path.
fn file_name<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>> {
    let path = call.text(0)?;
    Ok(if path.is_empty() { None } else { path.rsplit('/').next() })
}
