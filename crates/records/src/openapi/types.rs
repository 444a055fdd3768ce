//! PostgreSQL's types as JSON schemas.

use backstay_catalog::Catalog;
use backstay_model::{Modifier, Type, TypeSource as _, quote_identifier};
use serde_json::{Map, Value, json};

use super::contents::Contents;
use super::names::reference;

/// How deep composite types and arrays are followed.
const DEPTH: usize = 8;

/// A type under its domains, with the length or precision that holds for it.
pub(super) fn under_domains(
    catalog: &Catalog,
    ty: &Type,
    modifier: Option<Modifier>,
) -> (Type, Option<Modifier>) {
    let (mut ty, mut modifier) = (ty.clone(), modifier);
    while let Type::Domain(id) = ty {
        let Some((base, own)) = catalog.domain_base(id) else { break };
        (ty, modifier) = (base.clone(), modifier.or(own));
    }
    (ty, modifier)
}

/// The name of the type, user-defined ones with their schema.
fn full_name(catalog: &Catalog, ty: &Type) -> String {
    match ty {
        Type::Array(element) => format!("{}[]", full_name(catalog, element)),
        Type::Enum(id) | Type::Composite(id) | Type::Domain(id) => {
            catalog.types.get(id).map_or_else(
                || ty.name(catalog),
                |known| {
                    let (schema, name) =
                        (quote_identifier(&known.schema), quote_identifier(&known.name));
                    format!("{schema}.{name}")
                },
            )
        }
        _ => ty.name(catalog),
    }
}

fn labels(catalog: &Catalog, ty: &Type) -> Option<Vec<Value>> {
    let Type::Enum(id) = ty else { return None };
    let labels = &catalog.enum_type(*id)?.labels;
    Some(labels.iter().map(|(label, _)| json!(label)).collect())
}

/// The name of the type in Swagger 2.0; `None` for JSON, which may be anything.
pub(super) fn swagger_type(ty: &Type) -> Option<&'static str> {
    Some(match ty {
        Type::Bool => "boolean",
        Type::Int2 | Type::Int4 | Type::Int8 => "integer",
        Type::Numeric | Type::Float4 | Type::Float8 => "number",
        Type::Json | Type::Jsonb => return None,
        Type::Array(_) => "array",
        _ => "string",
    })
}

/// `type`, `format`, `enum`, `maxLength` and `items` of Swagger 2.0.
pub(super) fn swagger(
    catalog: &Catalog,
    ty: &Type,
    modifier: Option<Modifier>,
) -> Map<String, Value> {
    let (ty, modifier) = under_domains(catalog, ty, modifier);
    let mut schema = Map::new();
    let format = match ty {
        Type::Int2 | Type::Int4 => "int32".to_owned(),
        Type::Int8 => "int64".to_owned(),
        _ => full_name(catalog, &ty),
    };
    schema.insert("format".to_owned(), json!(format));
    if let Some(name) = swagger_type(&ty) {
        schema.insert("type".to_owned(), json!(name));
    }
    if let Some(labels) = labels(catalog, &ty) {
        schema.insert("enum".to_owned(), json!(labels));
    }
    if let (Type::Varchar | Type::Char, Some(Modifier::Length(length))) = (&ty, modifier) {
        schema.insert("maxLength".to_owned(), json!(length));
    }
    if let Type::Array(element) = &ty {
        let (element, _) = under_domains(catalog, element, None);
        let mut items = Map::new();
        if let Some(name) = swagger_type(&element) {
            items.insert("type".to_owned(), json!(name));
        }
        if let Some(labels) = labels(catalog, &element) {
            items.insert("enum".to_owned(), json!(labels));
        }
        schema.insert("items".to_owned(), Value::Object(items));
    }
    schema
}

/// The JSON schema of a type's values (2020-12, as OpenAPI 3.1 uses it).
pub(super) fn schema(contents: &Contents<'_>, ty: &Type, modifier: Option<Modifier>) -> Value {
    schema_within(contents, ty, modifier, DEPTH)
}

fn schema_within(
    contents: &Contents<'_>,
    ty: &Type,
    modifier: Option<Modifier>,
    depth: usize,
) -> Value {
    let catalog = contents.catalog;
    let (ty, modifier) = under_domains(catalog, ty, modifier);
    let Some(depth) = depth.checked_sub(1) else { return json!({}) };
    match &ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::Int2 => json!({"type": "integer", "minimum": i16::MIN, "maximum": i16::MAX}),
        Type::Int4 => json!({"type": "integer", "format": "int32"}),
        Type::Int8 => json!({"type": "integer", "format": "int64"}),
        Type::Float4 => json!({"type": "number", "format": "float"}),
        Type::Float8 => json!({"type": "number", "format": "double"}),
        Type::Numeric => json!({"type": "number"}),
        Type::Json | Type::Jsonb | Type::Record => json!({}),
        Type::Void => json!({"type": "null"}),
        Type::Uuid => json!({"type": "string", "format": "uuid"}),
        Type::Date => json!({"type": "string", "format": "date"}),
        Type::TimestampTz => json!({"type": "string", "format": "date-time"}),
        Type::Varchar | Type::Char => match modifier {
            Some(Modifier::Length(length)) => json!({"type": "string", "maxLength": length}),
            _ => json!({"type": "string"}),
        },
        Type::Enum(_) => {
            json!({"type": "string", "enum": labels(catalog, &ty).unwrap_or_default()})
        }
        Type::Array(element) => {
            let items = schema_within(contents, element, modifier, depth);
            json!({"type": "array", "items": nullable(items)})
        }
        Type::Composite(id) => match contents.with_row_type(*id) {
            Some(described) => {
                let key = super::three::row_key(described);
                json!({"$ref": reference("components/schemas", &key)})
            }
            None => {
                let fields = catalog.fields(*id).unwrap_or_default();
                let property = |(name, ty, modifier): (String, Type, Option<Modifier>)| {
                    (name, nullable(schema_within(contents, &ty, modifier, depth)))
                };
                let properties: Map<String, Value> = fields.into_iter().map(property).collect();
                json!({"type": "object", "properties": properties})
            }
        },
        _ => json!({"type": "string"}),
    }
}

/// The same schema, null allowed.
pub(super) fn nullable(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    if members.contains_key("$ref") {
        return json!({"anyOf": [members, {"type": "null"}]});
    }
    if let Some(Value::String(name)) = members.get("type").cloned()
        && name != "null"
    {
        members.insert("type".to_owned(), json!([name, "null"]));
    }
    if let Some(Value::Array(labels)) = members.get_mut("enum") {
        labels.push(Value::Null);
    }
    Value::Object(members)
}

/// The name of the type for people: `numeric(10,2)`, `shop.mood`.
pub(super) fn shown(catalog: &Catalog, ty: &Type, modifier: Option<Modifier>) -> String {
    ty.name_with(modifier, catalog)
}
