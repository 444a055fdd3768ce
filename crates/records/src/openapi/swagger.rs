//! The description as Swagger 2.0, in PostgREST's form.

use backstay_catalog::Column;
use serde_json::{Map, Value, json};

use super::columns::swagger_default;
use super::contents::{Contents, Described, first_line_and_rest};
use super::functions::Function;
use super::names::{in_query, is_reserved, reference, segment};
use super::types::swagger;

/// The media types of rows.
const MEDIA: [&str; 4] = [
    "application/json",
    "application/vnd.pgrst.object+json;nulls=stripped",
    "application/vnd.pgrst.object+json",
    "text/csv",
];

/// The document, but for what [`at_host`] puts in front.
pub(super) fn document(contents: &Contents<'_>, base_path: &str) -> Value {
    let mut info = Map::new();
    info.insert("title".to_owned(), json!(contents.title));
    if let Some(description) = &contents.description {
        info.insert("description".to_owned(), json!(description));
    }
    info.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    let definitions: Map<String, Value> = contents
        .relations
        .iter()
        .map(|described| (described.relation.name.clone(), definition(contents, described)))
        .collect();
    json!({
        "info": info,
        "basePath": base_path,
        "schemes": ["http", "https"],
        "consumes": MEDIA,
        "produces": MEDIA,
        "paths": paths(contents),
        "definitions": definitions,
        "parameters": parameters(contents),
        "securityDefinitions": {
            "JWT": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "Add the token prepending \"Bearer \" (without quotes) to it",
            },
            "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
        },
        "security": [{"apikey": []}, {"apikey": [], "JWT": []}],
        "externalDocs": {
            "description": "PostgREST Documentation",
            "url": "https://postgrest.org/en/stable/references/api.html",
        },
    })
}

/// The document of a server that was called by this name.
pub(super) fn at_host(document: &[u8], host: Option<&str>) -> Vec<u8> {
    let decent = |host: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        !host.is_empty() && host.chars().all(allowed)
    };
    let host = host.filter(decent).map_or(String::new(), |host| format!("\"host\":\"{host}\","));
    let mut whole = format!("{{\"swagger\":\"2.0\",{host}").into_bytes();
    whole.extend_from_slice(document.strip_prefix(b"{").unwrap_or(document));
    whole
}

fn definition(contents: &Contents<'_>, described: &Described<'_>) -> Value {
    let mut definition = Map::new();
    if let Some(comment) = &described.relation.comment {
        definition.insert("description".to_owned(), json!(comment));
    }
    let required: Vec<&str> = described
        .columns()
        .filter(|column| column.not_null)
        .map(|column| column.name.as_str())
        .collect();
    // Swagger 2.0 knows no empty list here.
    if !required.is_empty() {
        definition.insert("required".to_owned(), json!(required));
    }
    let properties: Map<String, Value> = described
        .columns()
        .map(|column| (column.name.clone(), property(contents, described, column)))
        .collect();
    definition.insert("properties".to_owned(), Value::Object(properties));
    definition.insert("type".to_owned(), json!("object"));
    Value::Object(definition)
}

fn property(contents: &Contents<'_>, described: &Described<'_>, column: &Column) -> Value {
    let mut property = Map::new();
    if let Some(default) = swagger_default(contents.catalog, column) {
        property.insert("default".to_owned(), default);
    }
    if let Some(description) = description(described, column) {
        property.insert("description".to_owned(), json!(description));
    }
    property.extend(swagger(contents.catalog, &column.ty, column.modifier));
    Value::Object(property)
}

/// The comment and the notes that tools read.
fn description(described: &Described<'_>, column: &Column) -> Option<String> {
    let mut notes = Vec::new();
    if described.key.contains(&column.number) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    if let Some((table, name)) = described.references.get(&column.number) {
        notes.push(format!(
            "This is a Foreign Key to `{table}.{name}`.<fk table='{table}' column='{name}'/>"
        ));
    }
    let notes = (!notes.is_empty()).then(|| format!("Note:\n{}", notes.join("\n")));
    let parts: Vec<String> = column.comment.clone().into_iter().chain(notes).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

fn parameters(contents: &Contents<'_>) -> Value {
    let header = |name: &str, description: &str, values: &[&str]| {
        json!({
            "name": name, "description": description, "required": false,
            "enum": values, "in": "header", "type": "string",
        })
    };
    let text = |place: &str, name: &str, description: &str| {
        json!({
            "name": name, "description": description, "required": false,
            "in": place, "type": "string",
        })
    };
    let returned = ["return=representation", "return=minimal", "return=headers-only"];
    let resolved = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];
    let posted = [&returned[..], &resolved[..]].concat();
    let counted = ["count=none", "count=exact", "count=planned", "count=estimated"];
    let paging = "Limiting and Pagination";
    let mut parameters = json!({
        "preferParams": header("Prefer", "Preference", &["params=single-object"]),
        "preferReturn": header("Prefer", "Preference", &returned),
        "preferCount": header("Prefer", "Preference", &counted),
        "preferPost": header("Prefer", "Preference", &posted),
        "select": text("query", "select", "Filtering Columns"),
        "on_conflict": text("query", "on_conflict", "On Conflict"),
        "order": text("query", "order", "Ordering"),
        "range": text("header", "Range", paging),
        "rangeUnit": {
            "name": "Range-Unit", "description": paging, "required": false,
            "default": "items", "in": "header", "type": "string",
        },
        "offset": text("query", "offset", paging),
        "limit": text("query", "limit", paging),
    });
    let Value::Object(members) = &mut parameters else { return parameters };
    for described in &contents.relations {
        let name = &described.relation.name;
        let body = json!({
            "name": name, "description": name, "required": false, "in": "body",
            "schema": {"$ref": reference("definitions", name)},
        });
        members.insert(format!("body.{name}"), body);
        for column in filters(described) {
            let mut filter = Map::new();
            filter.insert("name".to_owned(), json!(in_query(&column.name)));
            if let Some(comment) = &column.comment {
                filter.insert("description".to_owned(), json!(comment));
            }
            filter.insert("required".to_owned(), json!(false));
            filter.insert("in".to_owned(), json!("query"));
            filter.insert("type".to_owned(), json!("string"));
            members.insert(format!("rowFilter.{name}.{}", column.name), Value::Object(filter));
        }
    }
    parameters
}

/// The columns that can be filtered by a parameter of their own.
fn filters<'c>(described: &Described<'c>) -> impl Iterator<Item = &'c Column> {
    let readable = described.may.select.clone();
    described
        .relation
        .columns
        .iter()
        .filter(move |column| readable.contains(&column.number) && !is_reserved(&column.name))
}

fn paths(contents: &Contents<'_>) -> Value {
    let mut paths = Map::new();
    let root = json!({"get": {
        "tags": ["Introspection"],
        "summary": "OpenAPI description (this document)",
        "produces": ["application/openapi+json", "application/json"],
        "responses": {"200": {"description": "OK"}},
    }});
    paths.insert("/".to_owned(), root);
    for described in &contents.relations {
        let path = format!("/{}", segment(&described.relation.name));
        paths.insert(path, relation(described));
    }
    for function in &contents.functions {
        let path = format!("/rpc/{}", segment(function.name));
        paths.insert(path, call(contents, function));
    }
    Value::Object(paths)
}

fn relation(described: &Described<'_>) -> Value {
    let name = &described.relation.name;
    let shared = |name: &str| json!({"$ref": reference("parameters", name)});
    let mut with_filters = Vec::new();
    for column in filters(described) {
        with_filters.push(shared(&format!("rowFilter.{name}.{}", column.name)));
    }
    let body = shared(&format!("body.{name}"));
    let operation = |parameters: Vec<Value>, responses: Value| {
        let mut operation = tagged(name, described.relation.comment.as_deref());
        operation.insert("parameters".to_owned(), json!(parameters));
        operation.insert("responses".to_owned(), responses);
        Value::Object(operation)
    };
    let mut path = Map::new();
    if !described.may.select.is_empty() {
        let names = ["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"];
        let parameters = with_filters.iter().cloned().chain(names.map(shared)).collect();
        let rows = json!({"type": "array", "items": {"$ref": reference("definitions", name)}});
        let responses = json!({
            "200": {"description": "OK", "schema": rows},
            "206": {"description": "Partial Content"},
        });
        path.insert("get".to_owned(), operation(parameters, responses));
    }
    if !described.insertable().is_empty() {
        let parameters =
            vec![body.clone(), shared("select"), shared("on_conflict"), shared("preferPost")];
        let responses = json!({"201": {"description": "Created"}});
        path.insert("post".to_owned(), operation(parameters, responses));
    }
    let no_content = json!({"204": {"description": "No Content"}});
    if described.may.delete {
        let parameters = with_filters.iter().cloned().chain([shared("preferReturn")]).collect();
        path.insert("delete".to_owned(), operation(parameters, no_content.clone()));
    }
    if !described.updatable().is_empty() {
        let parameters = with_filters.into_iter().chain([body, shared("preferReturn")]).collect();
        path.insert("patch".to_owned(), operation(parameters, no_content));
    }
    Value::Object(path)
}

fn tagged(tag: &str, comment: Option<&str>) -> Map<String, Value> {
    let mut operation = Map::new();
    operation.insert("tags".to_owned(), json!([tag]));
    if let Some((first, rest)) = comment.map(first_line_and_rest) {
        operation.insert("summary".to_owned(), json!(first));
        if let Some(rest) = rest {
            operation.insert("description".to_owned(), json!(rest));
        }
    }
    operation
}

fn call(contents: &Contents<'_>, function: &Function<'_>) -> Value {
    let operation = |parameters: Vec<Value>| {
        let mut operation = tagged(&format!("(rpc) {}", function.name), function.comment());
        operation.insert("produces".to_owned(), json!(MEDIA));
        operation.insert("parameters".to_owned(), json!(parameters));
        operation.insert("responses".to_owned(), json!({"200": {"description": "OK"}}));
        Value::Object(operation)
    };
    let mut path = Map::new();
    if function.reads_only() && function.body().is_none() {
        path.insert("get".to_owned(), operation(query_arguments(contents, function)));
    }
    let arguments = json!({
        "required": true, "name": "args", "in": "body", "schema": arguments(contents, function),
    });
    let parameters = vec![arguments, json!({"$ref": reference("parameters", "preferParams")})];
    path.insert("post".to_owned(), operation(parameters));
    Value::Object(path)
}

fn arguments(contents: &Contents<'_>, function: &Function<'_>) -> Value {
    if let Some(ty) = function.body() {
        return Value::Object(swagger(contents.catalog, ty, None));
    }
    let parameters = function.parameters();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    if let Some(comment) = function.comment() {
        schema.insert("description".to_owned(), json!(comment));
    }
    let required: Vec<&str> =
        parameters.iter().filter(|one| one.required).map(|one| one.name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let properties: Map<String, Value> = parameters
        .iter()
        .map(|one| {
            let ty = swagger(contents.catalog, &one.argument.ty, one.argument.modifier);
            (one.name.to_owned(), Value::Object(ty))
        })
        .collect();
    schema.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(schema)
}

fn query_arguments(contents: &Contents<'_>, function: &Function<'_>) -> Vec<Value> {
    let parameters = function.parameters();
    let asked = parameters.iter().filter(|one| !is_reserved(one.name));
    asked
        .map(|one| {
            let mut parameter = swagger(contents.catalog, &one.argument.ty, one.argument.modifier);
            if one.argument.mode == backstay_catalog::ArgumentMode::Variadic {
                parameter.insert("collectionFormat".to_owned(), json!("multi"));
            } else if parameter.get("type").is_none_or(|name| name == "array") {
                // Arrays and JSON are given as text: `{1,2}`, `{"a":1}`.
                parameter.insert("type".to_owned(), json!("string"));
                parameter.remove("items");
            }
            if let Some(items) = parameter.get_mut("items").and_then(Value::as_object_mut) {
                items.entry("type").or_insert_with(|| json!("string"));
            }
            parameter.insert("name".to_owned(), json!(one.name));
            parameter.insert("in".to_owned(), json!("query"));
            parameter.insert("required".to_owned(), json!(one.required));
            Value::Object(parameter)
        })
        .collect()
}
