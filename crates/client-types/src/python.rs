//! Python, in the shape that `supabase gen types --lang python` gives: a pydantic model for the rows
//! of each relation, a `TypedDict` for what an insert and an update take, a `Literal` for each enum.
//!
//! One difference: JSON is pydantic's `JsonValue`. The `Json[Any]` of the original takes texts only,
//! and refuses every row that the API answers.

use backstay_catalog::{Catalog, TypeKind};
use backstay_model::{Type, TypeId};

use crate::contents::{Field, Presence, Rows, SchemaContents, under_domains};
use crate::layout::literal;

const HEADER: &str = "\
from __future__ import annotations

import datetime
import uuid
from typing import (
    Annotated,
    Any,
    List,
    Literal,
    NotRequired,
    Optional,
    TypeAlias,
    TypedDict,
)

from pydantic import BaseModel, Field, JsonValue
";

/// What may be no name of an attribute: Python's words.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];
/// What an attribute of a model would hide from the types of the others.
const USED: &[&str] = &["bool", "bytes", "datetime", "float", "int", "str", "uuid"];

/// The types of these schemas as a module of Python. Schemas that do not exist are left out.
pub fn python(catalog: &Catalog, schemas: &[String]) -> String {
    let mut names: Vec<&str> = schemas.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let contents: Vec<SchemaContents<'_>> =
        names.iter().filter_map(|name| SchemaContents::of(catalog, name)).collect();
    let writer = Writer { catalog, schemas: &names };
    let mut text = HEADER.to_owned();
    for schema in &contents {
        for (name, labels) in &schema.enums {
            let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
            let name = class(schema.name, name);
            text.push_str(&format!("\n{name}: TypeAlias = Literal[{}]\n", labels.join(", ")));
        }
    }
    for schema in &contents {
        for (name, fields) in &schema.composites {
            let fields = fields.iter().map(|(name, ty, _)| (name.as_str(), writer.optional(ty)));
            text.push_str(&model(&class(schema.name, name), fields));
        }
        for rows in &schema.tables {
            text.push_str(&writer.rows(rows));
        }
        for rows in &schema.views {
            text.push_str(&writer.rows(rows));
        }
    }
    text
}

struct Writer<'c> {
    catalog: &'c Catalog,
    schemas: &'c [&'c str],
}

impl Writer<'_> {
    fn rows(&self, rows: &Rows<'_>) -> String {
        let name = class(&rows.relation.schema, &rows.relation.name);
        let columns = rows.fields.iter().map(|field| (field.name, self.field(field)));
        let computed = rows.computed.iter().map(|(name, ty)| (*name, self.optional(ty)));
        // A computed field is not among the columns of `*`.
        let computed = computed.map(|(name, ty)| (name, format!("{ty} = None")));
        let mut text = model(&name, columns.chain(computed));
        if rows.insertable {
            let insert = |field: &Field<'_>| self.written(field, field.insert);
            text.push_str(&dictionary(&format!("{name}Insert"), rows, insert));
        }
        if rows.updatable {
            let update = |field: &Field<'_>| self.written(field, field.update);
            text.push_str(&dictionary(&format!("{name}Update"), rows, update));
        }
        text
    }

    /// The type of a key of a `TypedDict`; `None` if it may not be given.
    fn written(&self, field: &Field<'_>, presence: Presence) -> Option<String> {
        let ty = format!("Annotated[{}, Field(alias={})]", self.field(field), literal(field.name));
        match presence {
            Presence::Never => None,
            Presence::Optional => Some(format!("NotRequired[{ty}]")),
            Presence::Required => Some(ty),
        }
    }

    fn field(&self, field: &Field<'_>) -> String {
        if field.nullable { self.optional(field.ty) } else { self.ty(field.ty) }
    }

    fn optional(&self, ty: &Type) -> String {
        format!("Optional[{}]", self.ty(ty))
    }

    fn ty(&self, ty: &Type) -> String {
        let name = match under_domains(self.catalog, ty) {
            Type::Bool => "bool",
            Type::Int2 | Type::Int4 | Type::Int8 => "int",
            Type::Float4 | Type::Float8 | Type::Numeric => "float",
            Type::Text
            | Type::Varchar
            | Type::Char
            | Type::Name
            | Type::Citext
            | Type::Interval
            | Type::Vector => "str",
            Type::Bytea => "bytes",
            Type::Uuid => "uuid.UUID",
            Type::Date => "datetime.date",
            Type::Time | Type::TimeTz => "datetime.time",
            Type::Timestamp | Type::TimestampTz => "datetime.datetime",
            Type::Json | Type::Jsonb => "JsonValue",
            Type::Array(element) => return format!("List[{}]", self.ty(element)),
            Type::Enum(id) | Type::Composite(id) => return self.user_type(*id),
            Type::Inet
            | Type::Cidr
            | Type::Macaddr
            | Type::Bit
            | Type::Varbit
            | Type::Money
            | Type::Point
            | Type::Xml
            | Type::TsVector
            | Type::TsQuery
            | Type::Oid
            | Type::Regclass
            | Type::Range(_)
            | Type::Domain(_)
            | Type::Other(_)
            | Type::Record
            | Type::Void
            | Type::Trigger
            | Type::Unknown
            | Type::Any
            | Type::AnyElement
            | Type::AnyArray
            | Type::AnyNonArray
            | Type::AnyEnum
            | Type::AnyRange
            | Type::AnyCompatible
            | Type::AnyCompatibleArray => "Any",
        };
        name.to_owned()
    }

    fn user_type(&self, id: TypeId) -> String {
        let Some(ty) = self.catalog.types.get(&id) else { return "Any".to_owned() };
        let written = self.schemas.contains(&ty.schema.as_str());
        match &ty.kind {
            TypeKind::Enum(_) | TypeKind::Composite(_) | TypeKind::Row(_) if written => {
                class(&ty.schema, &ty.name)
            }
            TypeKind::Enum(_) => "str".to_owned(),
            TypeKind::Composite(_)
            | TypeKind::Row(_)
            | TypeKind::Domain(_)
            | TypeKind::Other { .. } => "Any".to_owned(),
        }
    }
}

fn model<'c>(name: &str, fields: impl Iterator<Item = (&'c str, String)>) -> String {
    let fields: String = fields
        .map(|(column, ty)| {
            let (ty, default) = match ty.strip_suffix(" = None") {
                Some(ty) => (ty, "default=None, "),
                None => (ty.as_str(), ""),
            };
            format!("    {}: {ty} = Field({default}alias={})\n", attribute(column), literal(column))
        })
        .collect();
    let fields = if fields.is_empty() { "    pass\n".to_owned() } else { fields };
    format!("\n\nclass {name}(BaseModel):\n{fields}")
}

/// A `TypedDict`, in the form of a call where a key is no name.
fn dictionary(name: &str, rows: &Rows<'_>, ty: impl Fn(&Field<'_>) -> Option<String>) -> String {
    let keys: Vec<(&str, String)> =
        rows.fields.iter().filter_map(|field| Some((field.name, ty(field)?))).collect();
    if keys.iter().all(|(key, _)| is_name(key)) {
        let keys: String = keys.iter().map(|(key, ty)| format!("    {key}: {ty}\n")).collect();
        let keys = if keys.is_empty() { "    pass\n".to_owned() } else { keys };
        return format!("\n\nclass {name}(TypedDict):\n{keys}");
    }
    // The types in a call are values, which may not be made yet: they stand in quotes.
    let keys = keys.iter().map(|(key, ty)| format!("    {}: {},\n", literal(key), quoted(ty)));
    format!("\n\n{name} = TypedDict(\"{name}\", {{\n{}}})\n", keys.collect::<String>())
}

fn quoted(ty: &str) -> String {
    serde_json::Value::from(ty).to_string()
}

/// `public.order_items` → `PublicOrderItems`.
fn class(schema: &str, name: &str) -> String {
    let words = [schema, name];
    let words = words.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words
        .filter_map(|word| {
            let mut letters = word.chars();
            let first = letters.next()?;
            Some(first.to_uppercase().chain(letters).collect::<String>())
        })
        .collect()
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
        && !KEYWORDS.contains(&text)
}

/// A column as an attribute of a model, which may not start with an underscore.
fn attribute(column: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = column.chars().map(plain).collect();
    let name = name.trim_start_matches('_');
    if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) {
        return format!("field_{name}");
    }
    if KEYWORDS.contains(&name) || USED.contains(&name) {
        return format!("{name}_");
    }
    name.to_owned()
}
