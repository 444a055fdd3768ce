//! The description as OpenAPI 3.1.
//!
//! What PostgreSQL knows beyond JSON schemas stands in extensions: `x-relation` and `x-function` of
//! a path, `x-sql-type`, `x-primary-key`, `x-references` and `x-default` of a column.

use backstay_catalog::Column;
use serde_json::{Map, Value, json};

use super::columns::{constant_default, must_be_given};
use super::contents::{Contents, Described, first_line_and_rest};
use super::functions::Function;
use super::names::{in_query, is_reserved, key, reference, segment};
use super::types::{nullable, schema, shown};

const ROWS: &str = "application/json";
const ROW: &str = "application/vnd.pgrst.object+json";

const DONE: (&str, &str) = ("200", "Done; rows that were there are changed or read");
const MADE: (&str, &str) = ("201", "Done; rows were made");
const PART: (&str, &str) = ("206", "Some of the rows, where they are counted");
const BARE: (&str, &str) = ("204", "Done; the rows are not asked for");

/// The key of the schema of a relation's rows.
pub(super) fn row_key(described: &Described<'_>) -> String {
    format!("row.{}", key(&described.relation.name))
}

/// The document. `named`: requests must name the schema, because it is not the default one.
pub(super) fn document(contents: &Contents<'_>, base_path: &str, named: bool) -> Value {
    let mut info = Map::new();
    info.insert("title".to_owned(), json!(contents.title));
    if let Some(description) = &contents.description {
        info.insert("description".to_owned(), json!(description));
    }
    info.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    let mut paths = Map::new();
    for described in &contents.relations {
        let path = format!("/{}", segment(&described.relation.name));
        paths.insert(path, relation(described, named));
    }
    for function in &contents.functions {
        let path = format!("/rpc/{}", segment(function.name));
        paths.insert(path, call(contents, function, named));
    }
    json!({
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": base_path}],
        "security": [{"apikey": []}, {"apikey": [], "token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(contents),
            "parameters": parameters(contents),
            "responses": {"error": {
                "description": "What went wrong",
                "content": {ROWS: {"schema": {"$ref": "#/components/schemas/error"}}},
            }},
            "securitySchemes": {
                "apikey": {
                    "type": "apiKey", "in": "header", "name": "apikey",
                    "description": "A key of the project",
                },
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "The token of a signed-in user",
                },
            },
        },
        "x-schema": contents.schema,
    })
}

fn schemas(contents: &Contents<'_>) -> Value {
    let mut schemas = Map::new();
    let text = json!({"type": ["string", "null"]});
    let error = json!({
        "type": "object",
        "required": ["message"],
        "properties": {"code": text, "message": {"type": "string"}, "details": text, "hint": text},
    });
    schemas.insert("error".to_owned(), error);
    for described in &contents.relations {
        let name = key(&described.relation.name);
        schemas.insert(row_key(described), row(contents, described));
        let insertable = described.insertable();
        if !insertable.is_empty() {
            let schema = written(contents, &insertable, true);
            schemas.insert(format!("insert.{name}"), schema);
        }
        let updatable = described.updatable();
        if !updatable.is_empty() {
            let schema = written(contents, &updatable, false);
            schemas.insert(format!("update.{name}"), schema);
        }
    }
    for function in contents.functions.iter().filter(|one| one.body().is_none()) {
        let arguments = arguments(contents, function);
        schemas.insert(format!("arguments.{}", key(function.name)), arguments);
    }
    Value::Object(schemas)
}

fn row(contents: &Contents<'_>, described: &Described<'_>) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("title".to_owned(), json!(described.relation.name));
    if let Some(comment) = &described.relation.comment {
        schema.insert("description".to_owned(), json!(comment));
    }
    let readable = |column: &&Column| described.may.select.contains(&column.number);
    let required: Vec<&str> = described
        .columns()
        .filter(|column| column.not_null && readable(column))
        .map(|column| column.name.as_str())
        .collect();
    schema.insert("required".to_owned(), json!(required));
    let properties: Map<String, Value> = described
        .columns()
        .map(|column| {
            let mut property = property(contents, column);
            if let Value::Object(members) = &mut property {
                if described.key.contains(&column.number) {
                    members.insert("x-primary-key".to_owned(), json!(true));
                }
                if let Some((table, name)) = described.references.get(&column.number) {
                    let target = json!({"table": table, "column": name});
                    members.insert("x-references".to_owned(), target);
                }
                if column.generated.is_some() {
                    members.insert("readOnly".to_owned(), json!(true));
                }
                if !readable(&column) {
                    members.insert("writeOnly".to_owned(), json!(true));
                }
            }
            (column.name.clone(), property)
        })
        .collect();
    schema.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(schema)
}

fn property(contents: &Contents<'_>, column: &Column) -> Value {
    let plain = schema(contents, &column.ty, column.modifier);
    let mut property = if column.not_null { plain } else { nullable(plain) };
    let Value::Object(members) = &mut property else { return property };
    if let Some(comment) = &column.comment {
        members.insert("description".to_owned(), json!(comment));
    }
    match constant_default(contents.catalog, column) {
        Some(default) => {
            members.insert("default".to_owned(), default);
        }
        None => {
            if let Some(text) = &column.default_text {
                members.insert("x-default".to_owned(), json!(text));
            }
        }
    }
    if column.identity.is_some() {
        members.insert("x-default".to_owned(), json!("generated as identity"));
    }
    let sql_type = shown(contents.catalog, &column.ty, column.modifier);
    members.insert("x-sql-type".to_owned(), json!(sql_type));
    property
}

/// The object that an insert or update takes.
fn written(contents: &Contents<'_>, columns: &[&Column], insert: bool) -> Value {
    let required: Vec<&str> = columns
        .iter()
        .filter(|column| insert && must_be_given(contents.catalog, column))
        .map(|column| column.name.as_str())
        .collect();
    let properties: Map<String, Value> =
        columns.iter().map(|column| (column.name.clone(), property(contents, column))).collect();
    json!({
        "type": "object", "required": required, "properties": properties,
        "additionalProperties": false,
    })
}

fn arguments(contents: &Contents<'_>, function: &Function<'_>) -> Value {
    let parameters = function.parameters();
    let required: Vec<&str> =
        parameters.iter().filter(|one| one.required).map(|one| one.name).collect();
    let properties: Map<String, Value> = parameters
        .iter()
        .map(|one| {
            let (ty, modifier) = (&one.argument.ty, one.argument.modifier);
            let mut schema = nullable(schema(contents, ty, modifier));
            if let Value::Object(members) = &mut schema {
                let sql_type = shown(contents.catalog, ty, modifier);
                members.insert("x-sql-type".to_owned(), json!(sql_type));
            }
            (one.name.to_owned(), schema)
        })
        .collect();
    json!({
        "type": "object", "required": required, "properties": properties,
        "additionalProperties": false,
    })
}

fn parameters(contents: &Contents<'_>) -> Value {
    let query = |name: &str, description: &str| {
        json!({
            "name": name, "in": "query", "description": description,
            "schema": {"type": "string"},
        })
    };
    let number = |name: &str, description: &str| {
        json!({
            "name": name, "in": "query", "description": description,
            "schema": {"type": "integer", "minimum": 0},
        })
    };
    let prefer = |description: &str| {
        json!({
            "name": "Prefer", "in": "header", "description": description,
            "schema": {"type": "string"},
        })
    };
    let schema = json!({"type": "string", "const": contents.schema});
    let profile =
        |name: &str| json!({"name": name, "in": "header", "required": true, "schema": schema});
    let mut parameters = json!({
        "select": query("select", "Columns and related rows, such as `id,title,lines(*)`."),
        "columns": query("columns", "Columns to write; other keys of the body are ignored."),
        "on_conflict": query("on_conflict", "Columns of the key by which rows exist already."),
        "order": query("order", "Order, such as `price.desc,title`."),
        "limit": number("limit", "Greatest number of rows."),
        "offset": number("offset", "Rows to leave out first."),
        "preferRead": prefer("`count=exact`, `count=planned` or `count=estimated`."),
        "preferInsert": prefer(
            "`return=representation`, `return=headers-only`, `return=minimal`; \
             `resolution=merge-duplicates` or `resolution=ignore-duplicates`; `missing=default`.",
        ),
        "preferWrite": prefer("`return=representation` or `return=minimal`; `count=exact`."),
        "acceptProfile": profile("Accept-Profile"),
        "contentProfile": profile("Content-Profile"),
    });
    let Value::Object(members) = &mut parameters else { return parameters };
    for described in &contents.relations {
        for column in filters(described) {
            let mut filter = query(
                &in_query(&column.name),
                "An operator and a value, such as `eq.1`, `gte.5`, `in.(1,2)`, `is.null`.",
            );
            if let (Some(comment), Value::Object(filter)) = (&column.comment, &mut filter) {
                filter.insert("description".to_owned(), json!(comment));
            }
            members.insert(filter_key(described, column), filter);
        }
    }
    parameters
}

fn filter_key(described: &Described<'_>, column: &Column) -> String {
    format!("filter.{}.{}", key(&described.relation.name), key(&column.name))
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

fn shared(name: &str) -> Value {
    json!({"$ref": reference("components/parameters", name)})
}

fn relation(described: &Described<'_>, named: bool) -> Value {
    let name = key(&described.relation.name);
    let row = json!({"$ref": reference("components/schemas", &row_key(described))});
    let rows = json!({"type": "array", "items": row});
    let filters: Vec<Value> =
        filters(described).map(|column| shared(&filter_key(described, column))).collect();
    let mut links = json!({
        "name": described.relation.name, "kind": described.kind(), "row": row_key(described),
    });
    let mut path = Map::new();
    let answered = |statuses: [(&str, &str); 2]| {
        let mut responses = Map::new();
        for (status, description) in statuses {
            let mut response = json!({"description": description});
            if status != "204" {
                let rows = json!({ROWS: {"schema": rows}, ROW: {"schema": row}, "text/csv": {}});
                response["content"] = rows;
            }
            responses.insert(status.to_owned(), response);
        }
        responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/error"}));
        Value::Object(responses)
    };
    let operation = |deed: &str, parameters: Vec<Value>, responses: Value| {
        let mut operation = tagged(&described.relation.name, described.relation.comment.as_deref());
        operation.insert("operationId".to_owned(), json!(format!("{deed}.{name}")));
        operation.insert("parameters".to_owned(), json!(parameters));
        operation.insert("responses".to_owned(), responses);
        operation
    };
    let profile = |name: &str| named.then(|| shared(name));
    if !described.may.select.is_empty() {
        let names = ["select", "order", "limit", "offset", "preferRead"].map(shared);
        let parameters = filters.iter().cloned().chain(names).chain(profile("acceptProfile"));
        let operation = operation("read", parameters.collect(), answered([DONE, PART]));
        path.insert("get".to_owned(), Value::Object(operation));
    }
    if !described.insertable().is_empty() {
        let names = ["select", "columns", "on_conflict", "preferInsert"].map(shared);
        let parameters = names.into_iter().chain(profile("contentProfile"));
        let mut operation = operation("insert", parameters.collect(), answered([MADE, DONE]));
        let one = json!({"$ref": reference("components/schemas", &format!("insert.{name}"))});
        let either = json!({"oneOf": [one, {"type": "array", "items": one}]});
        operation.insert("requestBody".to_owned(), body(&either));
        path.insert("post".to_owned(), Value::Object(operation));
        links["insert"] = json!(format!("insert.{name}"));
    }
    let written = || {
        let names = ["select", "preferWrite"].map(shared);
        filters.iter().cloned().chain(names).chain(profile("contentProfile")).collect()
    };
    if !described.updatable().is_empty() {
        let mut operation = operation("update", written(), answered([DONE, BARE]));
        let schema = json!({"$ref": reference("components/schemas", &format!("update.{name}"))});
        operation.insert("requestBody".to_owned(), body(&schema));
        path.insert("patch".to_owned(), Value::Object(operation));
        links["update"] = json!(format!("update.{name}"));
    }
    if described.may.delete {
        let operation = operation("delete", written(), answered([DONE, BARE]));
        path.insert("delete".to_owned(), Value::Object(operation));
    }
    path.insert("x-relation".to_owned(), links);
    Value::Object(path)
}

fn body(schema: &Value) -> Value {
    json!({"required": true, "content": {ROWS: {"schema": schema}}})
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

fn call(contents: &Contents<'_>, function: &Function<'_>, named: bool) -> Value {
    let name = key(function.name);
    let result = function.result();
    let one = schema(contents, &result.returns.ty, None);
    let one = match result.returns.columns.as_slice() {
        [] => one,
        columns => {
            let properties: Map<String, Value> = columns
                .iter()
                .map(|(name, ty)| (name.clone(), nullable(schema(contents, ty, None))))
                .collect();
            json!({"type": "object", "properties": properties})
        }
    };
    let answer =
        if result.returns.set { json!({"type": "array", "items": one}) } else { nullable(one) };
    let operation = |deed: &str, parameters: Vec<Value>| {
        let mut operation = tagged(&format!("(rpc) {}", function.name), function.comment());
        operation.insert("operationId".to_owned(), json!(format!("{deed}.{name}")));
        operation.insert("parameters".to_owned(), json!(parameters));
        let done = json!({"description": "Done", "content": {ROWS: {"schema": answer}}});
        operation.insert(
            "responses".to_owned(),
            json!({
                "200": done,
                "206": {"description": PART.1, "content": {ROWS: {"schema": answer}}},
                "204": {"description": "Done; there is no result"},
                "default": {"$ref": "#/components/responses/error"},
            }),
        );
        operation
    };
    let profile = |name: &str| named.then(|| shared(name));
    let mut path = Map::new();
    if function.reads_only() && function.body().is_none() {
        let parameters =
            query_arguments(contents, function).into_iter().chain(profile("acceptProfile"));
        let operation = operation("query", parameters.collect());
        path.insert("get".to_owned(), Value::Object(operation));
    }
    let mut posted = operation("call", profile("contentProfile").into_iter().collect());
    let arguments = function.body().map_or_else(
        || json!({"$ref": reference("components/schemas", &format!("arguments.{name}"))}),
        |ty| schema(contents, ty, None),
    );
    posted.insert("requestBody".to_owned(), body(&arguments));
    path.insert("post".to_owned(), Value::Object(posted));
    let mut links = json!({"name": function.name, "set": result.returns.set});
    links["returns"] = json!(shown(contents.catalog, &result.returns.ty, None));
    if function.body().is_none() {
        links["arguments"] = json!(format!("arguments.{name}"));
    }
    path.insert("x-function".to_owned(), links);
    Value::Object(path)
}

fn query_arguments(contents: &Contents<'_>, function: &Function<'_>) -> Vec<Value> {
    let parameters = function.parameters();
    let asked = parameters.iter().filter(|one| !is_reserved(one.name));
    asked
        .map(|one| {
            let (ty, modifier) = (&one.argument.ty, one.argument.modifier);
            let variadic = one.argument.mode == backstay_catalog::ArgumentMode::Variadic;
            let plain = schema(contents, ty, modifier);
            // Arrays, objects and JSON are given as text: `{1,2}`, `{"a":1}`.
            let scalar = ["string", "integer", "number", "boolean"]
                .iter()
                .any(|name| plain.get("type").is_some_and(|known| known == name));
            let schema = if variadic || scalar { plain } else { json!({"type": "string"}) };
            json!({
                "name": one.name, "in": "query", "required": one.required, "schema": schema,
                "x-sql-type": shown(contents.catalog, ty, modifier),
            })
        })
        .collect()
}
