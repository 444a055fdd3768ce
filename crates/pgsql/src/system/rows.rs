//! The rows of the system's tables.

use backstay_catalog::{
    Catalog, Event, Firing, Language, PolicyCommand, Relation, RelationKind, TypeKind, Volatility,
};
use backstay_model::{Array, Type, TypeSource, Value};

/// Names and types of columns.
type Columns = Vec<(&'static str, Type)>;
type Rows = Vec<Vec<Value>>;

fn text(text: impl AsRef<str>) -> Value {
    Value::text(text.as_ref())
}

fn optional(text: Option<&String>) -> Value {
    text.map_or(Value::Null, Value::text)
}

fn yes_or_no(truth: bool) -> Value {
    text(if truth { "YES" } else { "NO" })
}

fn number(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn class(relation: &Relation) -> Value {
    class_named(&relation.schema, &relation.name)
}

/// How `regclass` constants are written.
fn class_named(schema: &str, name: &str) -> Value {
    Value::Text(format!("{schema}.{name}"))
}

/// A number for a schema; they have none of their own.
fn schema_number(catalog: &Catalog, name: &str) -> Value {
    number(catalog.schemas.keys().position(|known| known == name).map_or(0, |at| at + 1))
}

fn named(names: &[&'static str]) -> Columns {
    names.iter().map(|name| (*name, Type::Text)).collect()
}

fn tables(catalog: &Catalog) -> impl Iterator<Item = &Relation> {
    let shown = catalog.relations.values().map(AsRef::as_ref);
    shown.filter(|one| one.kind == RelationKind::Table && !one.is_hidden())
}

fn views(catalog: &Catalog, materialized: bool) -> impl Iterator<Item = &Relation> {
    catalog
        .relations
        .values()
        .map(AsRef::as_ref)
        .filter(move |one| one.view().is_some_and(|view| view.materialized == materialized))
}

/// Tables of `pg_catalog`.
pub(super) fn of_catalog(catalog: &Catalog, name: &str) -> Option<(Columns, Rows)> {
    Some(match name {
        "pg_namespace" => namespaces(catalog),
        "pg_tables" => stored_tables(catalog),
        "pg_views" => (
            named(&["schemaname", "viewname", "viewowner", "definition"]),
            views(catalog, false).map(view_row).collect(),
        ),
        "pg_matviews" => (
            named(&["schemaname", "matviewname", "matviewowner", "definition"]),
            views(catalog, true).map(view_row).collect(),
        ),
        "pg_policies" => policies(catalog),
        "pg_indexes" => indexes(catalog),
        "pg_class" => classes(catalog),
        "pg_attribute" => attributes(catalog),
        "pg_constraint" => constraints(catalog),
        "pg_trigger" => triggers(catalog),
        "pg_proc" => functions(catalog),
        "pg_type" => types(catalog),
        "pg_enum" => enums(catalog),
        "pg_extension" => extensions(catalog),
        "pg_roles" => roles(catalog),
        "pg_publication" => publications(catalog),
        "pg_publication_tables" => published_tables(catalog),
        _ => return None,
    })
}

fn namespaces(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![("oid", Type::Oid), ("nspname", Type::Text), ("nspowner", Type::Text)];
    let rows = catalog
        .schemas
        .iter()
        .map(|(name, schema)| vec![schema_number(catalog, name), text(name), text(&schema.owner)]);
    (columns, rows.collect())
}

fn stored_tables(catalog: &Catalog) -> (Columns, Rows) {
    let mut columns = named(&["schemaname", "tablename", "tableowner"]);
    columns.push(("rowsecurity", Type::Bool));
    let rows = tables(catalog).map(|one| {
        let (schema, name, owner) = (text(&one.schema), text(&one.name), text(&one.owner));
        vec![schema, name, owner, Value::Bool(one.row_security)]
    });
    (columns, rows.collect())
}

fn extensions(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![("extname", Type::Text), ("extnamespace", Type::Oid)];
    let rows = catalog.extensions.iter();
    let rows = rows.map(|(name, schema)| vec![text(name), schema_number(catalog, schema)]);
    (columns, rows.collect())
}

fn roles(catalog: &Catalog) -> (Columns, Rows) {
    let columns =
        vec![("rolname", Type::Text), ("rolsuper", Type::Bool), ("rolbypassrls", Type::Bool)];
    let rows = catalog.roles.iter().map(|(name, role)| {
        let (superuser, bypasses) = (role.superuser, role.bypass_row_security);
        vec![text(name), Value::Bool(superuser), Value::Bool(bypasses)]
    });
    (columns, rows.collect())
}

fn publications(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![("pubname", Type::Text), ("puballtables", Type::Bool)];
    let rows = catalog.publications.keys().map(|name| {
        let all = catalog.publications_of_all.contains(name);
        vec![text(name), Value::Bool(all)]
    });
    (columns, rows.collect())
}

fn published_tables(catalog: &Catalog) -> (Columns, Rows) {
    let published = catalog.publications.iter();
    let rows = published.flat_map(|(name, tables)| {
        let tables = tables.iter().filter_map(|table| catalog.relations.get(table));
        tables.map(move |table| vec![text(name), text(&table.schema), text(&table.name)])
    });
    (named(&["pubname", "schemaname", "tablename"]), rows.collect())
}

fn view_row(view: &Relation) -> Vec<Value> {
    let definition = view.view().map(|view| &view.definition);
    vec![text(&view.schema), text(&view.name), text(&view.owner), optional(definition)]
}

fn policies(catalog: &Catalog) -> (Columns, Rows) {
    let mut columns = named(&["schemaname", "tablename", "policyname", "permissive"]);
    columns.push(("roles", Type::Text.array_of()));
    columns.extend(named(&["cmd", "qual", "with_check"]));
    let mut rows = Rows::new();
    for table in tables(catalog) {
        for policy in &table.policies {
            let command = match policy.command {
                PolicyCommand::All => "ALL",
                PolicyCommand::Select => "SELECT",
                PolicyCommand::Insert => "INSERT",
                PolicyCommand::Update => "UPDATE",
                PolicyCommand::Delete => "DELETE",
            };
            let roles = policy.roles.iter().map(Value::text).collect();
            rows.push(vec![
                text(&table.schema),
                text(&table.name),
                text(&policy.name),
                text(if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" }),
                Value::Array(Array::from_elements(roles)),
                text(command),
                optional(policy.using_text.as_ref()),
                optional(policy.check_text.as_ref()),
            ]);
        }
    }
    (columns, rows)
}

fn indexes(catalog: &Catalog) -> (Columns, Rows) {
    let mut rows = Rows::new();
    for table in tables(catalog) {
        let mut add = |name: &str, definition: &str| {
            rows.push(vec![text(&table.schema), text(&table.name), text(name), text(definition)]);
        };
        for key in table.keys() {
            add(&key.name, "");
        }
        for index in table.indexes.iter().filter(|index| !index.hidden) {
            add(&index.name, &index.definition);
        }
    }
    (named(&["schemaname", "tablename", "indexname", "indexdef"]), rows)
}

fn classes(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![
        ("oid", Type::Regclass),
        ("relname", Type::Text),
        ("relnamespace", Type::Oid),
        ("relkind", Type::Text),
        ("relrowsecurity", Type::Bool),
        ("relforcerowsecurity", Type::Bool),
    ];
    let row = |one: &Relation| {
        let kind = match one.view() {
            None => "r",
            Some(view) if view.materialized => "m",
            Some(_) => "v",
        };
        vec![
            class(one),
            text(&one.name),
            schema_number(catalog, &one.schema),
            text(kind),
            Value::Bool(one.row_security),
            Value::Bool(one.force_row_security),
        ]
    };
    let mut rows: Rows = catalog.relations.values().map(|one| row(one)).collect();
    let other = |schema: &str, name: &str, kind: &str| {
        vec![
            class_named(schema, name),
            text(name),
            schema_number(catalog, schema),
            text(kind),
            Value::Bool(false),
            Value::Bool(false),
        ]
    };
    rows.extend(catalog.sequences.keys().map(|(schema, name)| other(schema, name, "S")));
    for table in tables(catalog) {
        let keys = table.keys().map(|key| &key.name);
        let indexes = table.indexes.iter().filter(|index| !index.hidden).map(|index| &index.name);
        rows.extend(keys.chain(indexes).map(|name| other(&table.schema, name, "i")));
    }
    (columns, rows)
}

fn attributes(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![
        ("attrelid", Type::Regclass),
        ("attname", Type::Text),
        ("attnum", Type::Int2),
        ("attnotnull", Type::Bool),
        ("atthasdef", Type::Bool),
        ("attisdropped", Type::Bool),
    ];
    let mut rows = Rows::new();
    for relation in catalog.relations.values() {
        for column in &relation.columns {
            rows.push(vec![
                class(relation),
                text(&column.name),
                Value::Int(i64::from(column.number)),
                Value::Bool(column.not_null),
                Value::Bool(column.default.is_some() || column.generated.is_some()),
                Value::Bool(false),
            ]);
        }
    }
    (columns, rows)
}

/// Name, kind (as `pg_constraint.contype`) and target of every constraint of a table.
fn constraints_of<'a>(catalog: &'a Catalog, table: &'a Relation) -> Vec<(&'a str, char, Value)> {
    let mut found = Vec::new();
    for key in table.keys() {
        let primary = table.primary_key.as_ref() == Some(key);
        found.push((key.name.as_str(), if primary { 'p' } else { 'u' }, Value::Null));
    }
    for check in &table.checks {
        found.push((check.name.as_str(), 'c', Value::Null));
    }
    for key in &table.foreign_keys {
        let target = catalog.relations.get(&key.target).map_or(Value::Null, |one| class(one));
        found.push((key.name.as_str(), 'f', target));
    }
    for trigger in table.triggers.iter().filter(|trigger| trigger.constraint) {
        found.push((trigger.name.as_str(), 't', Value::Null));
    }
    found
}

fn constraints(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![
        ("conname", Type::Text),
        ("connamespace", Type::Oid),
        ("contype", Type::Text),
        ("conrelid", Type::Regclass),
        ("confrelid", Type::Regclass),
    ];
    let mut rows = Rows::new();
    for table in tables(catalog) {
        for (name, kind, target) in constraints_of(catalog, table) {
            let schema = schema_number(catalog, &table.schema);
            rows.push(vec![text(name), schema, text(kind.to_string()), class(table), target]);
        }
    }
    (columns, rows)
}

fn triggers(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![
        ("tgrelid", Type::Regclass),
        ("tgname", Type::Text),
        ("tgenabled", Type::Text),
        ("tgisinternal", Type::Bool),
    ];
    let mut rows = Rows::new();
    for relation in catalog.relations.values() {
        for trigger in &relation.triggers {
            let enabled = match trigger.firing {
                Firing::Origin => "O",
                Firing::Disabled => "D",
                Firing::Replica => "R",
                Firing::Always => "A",
            };
            let (name, enabled) = (text(&trigger.name), text(enabled));
            rows.push(vec![class(relation), name, enabled, Value::Bool(false)]);
        }
    }
    (columns, rows)
}

fn functions(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![
        ("oid", Type::Oid),
        ("proname", Type::Text),
        ("pronamespace", Type::Oid),
        ("prosecdef", Type::Bool),
        ("provolatile", Type::Text),
        ("pronargs", Type::Int2),
        ("prosrc", Type::Text),
    ];
    let rows = catalog.routines.values().map(|one| {
        let volatility = match one.volatility {
            Volatility::Immutable => "i",
            Volatility::Stable => "s",
            Volatility::Volatile => "v",
        };
        vec![
            Value::Int(i64::from(one.id.0)),
            text(&one.name),
            schema_number(catalog, &one.schema),
            Value::Bool(one.security_definer),
            text(volatility),
            number(one.inputs().count()),
            text(&one.source),
        ]
    });
    (columns, rows.collect())
}

fn types(catalog: &Catalog) -> (Columns, Rows) {
    let columns = vec![
        ("oid", Type::Oid),
        ("typname", Type::Text),
        ("typnamespace", Type::Oid),
        ("typtype", Type::Text),
    ];
    let rows = catalog.types.values().map(|one| {
        let kind = match one.kind {
            TypeKind::Enum(_) => "e",
            TypeKind::Domain(_) => "d",
            TypeKind::Composite(_) | TypeKind::Row(_) => "c",
            TypeKind::Other { .. } => "b",
        };
        let schema = schema_number(catalog, &one.schema);
        vec![Value::Int(i64::from(one.id.0)), text(&one.name), schema, text(kind)]
    });
    (columns, rows.collect())
}

fn enums(catalog: &Catalog) -> (Columns, Rows) {
    let columns =
        vec![("enumtypid", Type::Oid), ("enumlabel", Type::Text), ("enumsortorder", Type::Int4)];
    let mut rows = Rows::new();
    for definition in catalog.types.values() {
        let TypeKind::Enum(labels) = &definition.kind else { continue };
        for (at, (label, _)) in labels.labels.iter().enumerate() {
            rows.push(vec![Value::Int(i64::from(definition.id.0)), text(label), number(at + 1)]);
        }
    }
    (columns, rows)
}

/// Views of `information_schema`.
pub(super) fn of_information_schema(catalog: &Catalog, name: &str) -> Option<(Columns, Rows)> {
    Some(match name {
        "schemata" => (
            named(&["catalog_name", "schema_name", "schema_owner"]),
            catalog
                .schemas
                .iter()
                .map(|(name, schema)| vec![text("postgres"), text(name), text(&schema.owner)])
                .collect(),
        ),
        "tables" => {
            let columns = named(&["table_catalog", "table_schema", "table_name", "table_type"]);
            let row = |one: &Relation| {
                let kind = if one.view().is_some() { "VIEW" } else { "BASE TABLE" };
                vec![text("postgres"), text(&one.schema), text(&one.name), text(kind)]
            };
            let shown = tables(catalog).chain(views(catalog, false));
            (columns, shown.map(row).collect())
        }
        "views" => (
            named(&["table_catalog", "table_schema", "table_name", "view_definition"]),
            views(catalog, false)
                .map(|one| {
                    let definition = optional(one.view().map(|view| &view.definition));
                    vec![text("postgres"), text(&one.schema), text(&one.name), definition]
                })
                .collect(),
        ),
        "columns" => columns(catalog),
        "table_constraints" => table_constraints(catalog),
        "triggers" => trigger_events(catalog),
        "routines" => (
            named(&[
                "routine_schema",
                "routine_name",
                "routine_type",
                "data_type",
                "external_language",
                "security_type",
            ]),
            catalog
                .routines
                .values()
                .map(|one| {
                    let language = match &one.language {
                        Language::Sql => "SQL".to_owned(),
                        Language::PlPgSql => "PLPGSQL".to_owned(),
                        Language::Other(name) => name.to_uppercase(),
                    };
                    vec![
                        text(&one.schema),
                        text(&one.name),
                        text("FUNCTION"),
                        text(one.returns.ty.name(catalog)),
                        text(&language),
                        text(if one.security_definer { "DEFINER" } else { "INVOKER" }),
                    ]
                })
                .collect(),
        ),
        _ => return None,
    })
}

fn columns(catalog: &Catalog) -> (Columns, Rows) {
    let mut columns = named(&["table_catalog", "table_schema", "table_name", "column_name"]);
    columns.push(("ordinal_position", Type::Int4));
    columns.extend(named(&[
        "column_default",
        "is_nullable",
        "data_type",
        "udt_name",
        "is_identity",
        "is_generated",
    ]));
    let mut rows = Rows::new();
    for relation in catalog.relations.values() {
        for column in &relation.columns {
            rows.push(vec![
                text("postgres"),
                text(&relation.schema),
                text(&relation.name),
                text(&column.name),
                Value::Int(i64::from(column.number)),
                optional(column.default_text.as_ref()),
                yes_or_no(!column.not_null),
                text(data_type(catalog, &column.ty)),
                text(udt_name(catalog, &column.ty)),
                yes_or_no(column.identity.is_some()),
                text(if column.generated.is_some() { "ALWAYS" } else { "NEVER" }),
            ]);
        }
    }
    (columns, rows)
}

/// `information_schema.columns.data_type`.
fn data_type(catalog: &Catalog, ty: &Type) -> String {
    match ty {
        Type::Array(_) => "ARRAY".to_owned(),
        Type::Enum(_) | Type::Composite(_) | Type::Citext | Type::Vector => {
            "USER-DEFINED".to_owned()
        }
        other => other.base(catalog).name(catalog),
    }
}

/// `information_schema.columns.udt_name`: the type's own name.
fn udt_name(catalog: &Catalog, ty: &Type) -> String {
    let short = match ty {
        Type::Array(element) => return format!("_{}", udt_name(catalog, element)),
        Type::Enum(id) | Type::Domain(id) | Type::Composite(id) => {
            let definition = catalog.types.get(id);
            return definition.map_or_else(|| catalog.type_name(*id), |one| one.name.clone());
        }
        Type::Bool => "bool",
        Type::Int2 => "int2",
        Type::Int4 => "int4",
        Type::Int8 => "int8",
        Type::Float4 => "float4",
        Type::Float8 => "float8",
        Type::Varchar => "varchar",
        Type::Char => "bpchar",
        Type::Time => "time",
        Type::TimeTz => "timetz",
        Type::Timestamp => "timestamp",
        Type::TimestampTz => "timestamptz",
        other => return other.name(catalog),
    };
    short.to_owned()
}

fn table_constraints(catalog: &Catalog) -> (Columns, Rows) {
    let columns = named(&[
        "constraint_catalog",
        "constraint_schema",
        "constraint_name",
        "table_schema",
        "table_name",
        "constraint_type",
    ]);
    let mut rows = Rows::new();
    for table in tables(catalog) {
        for (name, kind, _) in constraints_of(catalog, table) {
            let kind = match kind {
                'p' => "PRIMARY KEY",
                'u' => "UNIQUE",
                'f' => "FOREIGN KEY",
                'c' => "CHECK",
                _ => continue,
            };
            let schema = text(&table.schema);
            let (name, table) = (text(name), text(&table.name));
            rows.push(vec![text("postgres"), schema.clone(), name, schema, table, text(kind)]);
        }
    }
    (columns, rows)
}

fn trigger_events(catalog: &Catalog) -> (Columns, Rows) {
    let columns = named(&[
        "trigger_schema",
        "trigger_name",
        "event_manipulation",
        "event_object_schema",
        "event_object_table",
        "action_timing",
        "action_orientation",
    ]);
    let mut rows = Rows::new();
    for relation in catalog.relations.values() {
        for trigger in &relation.triggers {
            for event in trigger.events.iter().filter(|event| **event != Event::Truncate) {
                rows.push(vec![
                    text(&relation.schema),
                    text(&trigger.name),
                    text(event.name()),
                    text(&relation.schema),
                    text(&relation.name),
                    text(trigger.timing.name()),
                    text(if trigger.row { "ROW" } else { "STATEMENT" }),
                ]);
            }
        }
    }
    (columns, rows)
}
