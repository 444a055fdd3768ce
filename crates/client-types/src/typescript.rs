//! TypeScript, in the shape that `supabase gen types typescript` gives and typed clients read:
//! `Database` with a member a schema, helper types, and the labels of enums as values.

use backstay_catalog::{Catalog, Relation, Routine, TypeKind};
use backstay_model::{Type, TypeId};

use crate::POSTGREST_VERSION;
use crate::contents::{
    Field, Presence, Rows, SchemaContents, is_computed_field, row_argument, table_columns,
    under_domains,
};
use crate::layout::{Ts, key, literal};

const JSON: &str = "\
export type Json =
  | string
  | number
  | boolean
  | null
  | { [key: string]: Json | undefined }
  | Json[]
";
const INTERNALS: &str = "  // Allows to automatically instantiate createClient with right options
  // instead of createClient<Database, { PostgrestVersion: 'XX' }>(URL, KEY)
";
const HELPERS: &str = include_str!("helpers.ts");

/// The types of these schemas as a module of TypeScript; the first is the default one of the helper
/// types. Schemas that do not exist are left out.
pub fn typescript(catalog: &Catalog, schemas: &[String]) -> String {
    let default = schemas.first().map_or("public", String::as_str);
    let mut names: Vec<&str> = schemas.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let contents: Vec<SchemaContents<'_>> =
        names.iter().filter_map(|name| SchemaContents::of(catalog, name)).collect();
    let writer = Writer { catalog, schemas: &names };
    let internals = format!(
        "{INTERNALS}  __InternalSupabase: {{\n    PostgrestVersion: {}\n  }}\n",
        literal(POSTGREST_VERSION)
    );
    let members: String = contents
        .iter()
        .map(|schema| {
            let name = key(schema.name);
            let before = name.chars().count() + 4;
            format!("  {name}: {}\n", writer.schema(schema).at(2, before))
        })
        .collect();
    let constants: Vec<(String, Ts)> =
        contents.iter().map(|schema| (key(schema.name), constants(schema))).collect();
    // Values end their members with commas, types with nothing.
    let constants = commas(&Ts::Block(constants).at(0, 0));
    format!(
        "{JSON}\nexport type Database = {{\n{internals}{members}}}\n\n{}\nexport const Constants = \
         {constants} as const\n",
        HELPERS.replace("\"$DEFAULT\"", &literal(default))
    )
}

struct Writer<'c> {
    catalog: &'c Catalog,
    /// Those that are written; types of others are written in full or not known.
    schemas: &'c [&'c str],
}

impl Writer<'_> {
    fn schema(&self, schema: &SchemaContents<'_>) -> Ts {
        let functions = schema.functions.iter().map(|(name, overloads)| {
            let mut forms: Vec<Ts> =
                overloads.iter().map(|routine| self.function(routine, overloads)).collect();
            let form = if forms.len() == 1 { forms.remove(0) } else { Ts::Union(forms) };
            (key(name), form)
        });
        let enums = schema.enums.iter().map(|(name, labels)| (key(name), union(labels)));
        let composites = schema.composites.iter().map(|(name, fields)| {
            let fields = fields.iter().map(|(name, ty, _)| (key(name), self.nullable(ty)));
            (key(name), Ts::Block(fields.collect()))
        });
        Ts::Block(vec![
            ("Tables".to_owned(), self.relations(&schema.tables)),
            ("Views".to_owned(), self.relations(&schema.views)),
            ("Functions".to_owned(), Ts::block(functions.collect())),
            ("Enums".to_owned(), Ts::block(enums.collect())),
            ("CompositeTypes".to_owned(), Ts::block(composites.collect())),
        ])
    }

    fn relations(&self, all: &[Rows<'_>]) -> Ts {
        Ts::block(all.iter().map(|rows| (key(&rows.relation.name), self.rows(rows))).collect())
    }

    fn rows(&self, rows: &Rows<'_>) -> Ts {
        let mut members = vec![("Row".to_owned(), self.row(rows))];
        if rows.insertable {
            let insert = |field: &Field<'_>| self.written(field, field.insert);
            members.push(("Insert".to_owned(), block(rows, insert)));
        }
        if rows.updatable {
            let update = |field: &Field<'_>| self.written(field, field.update);
            members.push(("Update".to_owned(), block(rows, update)));
        }
        members.push(("Relationships".to_owned(), relationships(rows)));
        Ts::Block(members)
    }

    fn row(&self, rows: &Rows<'_>) -> Ts {
        let mut members: Vec<(String, Ts)> =
            rows.fields.iter().map(|field| (key(field.name), self.field(field))).collect();
        members.extend(rows.computed.iter().map(|(name, ty)| (key(name), self.nullable(ty))));
        Ts::Block(members)
    }

    fn written(&self, field: &Field<'_>, presence: Presence) -> (String, Ts) {
        match presence {
            Presence::Never => (format!("{}?", key(field.name)), Ts::plain("never")),
            Presence::Optional => (format!("{}?", key(field.name)), self.field(field)),
            Presence::Required => (key(field.name), self.field(field)),
        }
    }

    fn field(&self, field: &Field<'_>) -> Ts {
        if field.nullable { self.nullable(field.ty) } else { self.ty(field.ty) }
    }

    fn nullable(&self, ty: &Type) -> Ts {
        match self.ty(ty) {
            Ts::Plain(text) if text == "unknown" => Ts::Plain(text),
            Ts::Union(mut parts) => {
                parts.push(Ts::plain("null"));
                Ts::Union(parts)
            }
            other => Ts::Union(vec![other, Ts::plain("null")]),
        }
    }

    fn function(&self, routine: &Routine, overloads: &[&Routine]) -> Ts {
        let mut inputs: Vec<_> = routine.inputs().collect();
        inputs.sort_by_key(|input| input.name.as_deref());
        let arguments = inputs.iter().map(|input| {
            let name = key(input.name.as_deref().unwrap_or_default());
            let optional = input.default.is_some() || input.default_text.is_some();
            (if optional { format!("{name}?") } else { name }, self.ty(&input.ty))
        });
        let arguments =
            if inputs.is_empty() { Ts::plain("never") } else { Ts::Object(arguments.collect()) };
        let mut members = vec![("Args".to_owned(), arguments)];
        if let Some(message) = self.never_callable(routine, overloads) {
            let error = Ts::Block(vec![("error".to_owned(), Ts::plain("true"))]);
            let error = Ts::Followed(Box::new(error), format!(" & {}", literal(&message)));
            members.push(("Returns".to_owned(), error));
            return Ts::Object(members);
        }
        members.push(("Returns".to_owned(), self.returns(routine)));
        members.extend(self.rows_of(routine).map(|to| {
            let from = row_argument(routine).and_then(|id| self.row_name(id));
            let option = |name: &str, value: String| (name.to_owned(), Ts::Plain(value));
            let options = vec![
                option("from", literal(from.unwrap_or("*"))),
                option("to", literal(to)),
                option("isOneToOne", gives_one(routine).to_string()),
                option("isSetofReturn", routine.returns.set.to_string()),
            ];
            ("SetofOptions".to_owned(), Ts::Block(options))
        }));
        Ts::Object(members)
    }

    /// Why a call by name cannot reach the function, if so.
    fn never_callable(&self, routine: &Routine, overloads: &[&Routine]) -> Option<String> {
        if is_computed_field(self.catalog, routine) {
            return Some(format!(
                "the function {}.{} with parameter or with a single unnamed json/jsonb parameter, \
                 but no matches were found in the schema cache",
                routine.schema, routine.name
            ));
        }
        let names = |one: &Routine| {
            let mut names: Vec<Option<String>> = one.inputs().map(|i| i.name.clone()).collect();
            names.sort_unstable();
            names
        };
        let rivals: Vec<String> = overloads
            .iter()
            .filter(|other| routine.inputs().next().is_some() && names(other) == names(routine))
            .map(|other| {
                let inputs = other.inputs().map(|input| {
                    let name = input.name.as_deref().unwrap_or_default();
                    format!("{name} => {}", input.ty.name(self.catalog))
                });
                let inputs: Vec<String> = inputs.collect();
                format!("{}.{}({})", other.schema, other.name, inputs.join(", "))
            })
            .collect();
        (rivals.len() > 1).then(|| {
            format!(
                "Could not choose the best candidate function between: {}. Try renaming the \
                 parameters or the function itself in the database so function overloading can be \
                 resolved",
                rivals.join(", ")
            )
        })
    }

    fn returns(&self, routine: &Routine) -> Ts {
        let one = if let Some(columns) = table_columns(routine) {
            let name = |name: &Option<String>| key(name.as_deref().unwrap_or_default());
            Ts::Block(columns.iter().map(|one| (name(&one.name), self.ty(&one.ty))).collect())
        } else if let Some(relation) = self.relation(&routine.returns.ty) {
            self.row(&Rows { computed: Vec::new(), ..Rows::of(self.catalog, relation) })
        } else {
            self.ty(&routine.returns.ty)
        };
        if routine.returns.set && !gives_one(routine) { array(one) } else { one }
    }

    /// The name of the relation or composite type whose rows a function gives.
    fn rows_of(&self, routine: &Routine) -> Option<&str> {
        match routine.returns.ty {
            Type::Composite(id) => self.row_name(id),
            _ => None,
        }
    }

    fn row_name(&self, id: TypeId) -> Option<&str> {
        self.catalog.types.get(&id).map(|ty| ty.name.as_str())
    }

    fn relation(&self, ty: &Type) -> Option<&Relation> {
        let Type::Composite(id) = ty else { return None };
        match self.catalog.types.get(id)?.kind {
            TypeKind::Row(relation) => self.catalog.relations.get(&relation).map(AsRef::as_ref),
            _ => None,
        }
    }

    fn ty(&self, ty: &Type) -> Ts {
        match under_domains(self.catalog, ty) {
            Type::Bool => Ts::plain("boolean"),
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Float4 | Type::Float8 | Type::Numeric => {
                Ts::plain("number")
            }
            Type::Text
            | Type::Varchar
            | Type::Char
            | Type::Name
            | Type::Citext
            | Type::Uuid
            | Type::Bytea
            | Type::Date
            | Type::Time
            | Type::TimeTz
            | Type::Timestamp
            | Type::TimestampTz
            | Type::Vector => Ts::plain("string"),
            Type::Json | Type::Jsonb => Ts::plain("Json"),
            Type::Void => Ts::plain("undefined"),
            Type::Record => Ts::plain("Record<string, unknown>"),
            Type::Array(element) => array(self.ty(element)),
            Type::Enum(id) | Type::Composite(id) => self.user_type(*id),
            Type::Interval
            | Type::Inet
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
            | Type::Trigger
            | Type::Unknown
            | Type::Any
            | Type::AnyElement
            | Type::AnyArray
            | Type::AnyNonArray
            | Type::AnyEnum
            | Type::AnyRange
            | Type::AnyCompatible
            | Type::AnyCompatibleArray => Ts::plain("unknown"),
        }
    }

    fn user_type(&self, id: TypeId) -> Ts {
        let Some(ty) = self.catalog.types.get(&id) else { return Ts::plain("unknown") };
        let written = self.schemas.contains(&ty.schema.as_str());
        let reference = |kind: &str, behind: &str| {
            let (schema, name) = (literal(&ty.schema), literal(&ty.name));
            Ts::Plain(format!("Database[{schema}][\"{kind}\"][{name}]{behind}"))
        };
        match &ty.kind {
            TypeKind::Enum(_) if written => reference("Enums", ""),
            TypeKind::Enum(known) => {
                let labels: Vec<&str> =
                    known.labels.iter().map(|(label, _)| label.as_str()).collect();
                union(&labels)
            }
            TypeKind::Composite(_) if written => reference("CompositeTypes", ""),
            TypeKind::Row(relation) if written => {
                let relation = self.catalog.relations.get(relation);
                let is_view = relation.is_some_and(|relation| relation.view().is_some());
                reference(if is_view { "Views" } else { "Tables" }, "[\"Row\"]")
            }
            TypeKind::Composite(_)
            | TypeKind::Row(_)
            | TypeKind::Domain(_)
            | TypeKind::Other { .. } => Ts::plain("unknown"),
        }
    }
}

/// At most one row: not a set, or one that says so (`ROWS 1`).
fn gives_one(routine: &Routine) -> bool {
    !routine.returns.set || routine.rows == Some(1.0)
}

fn array(element: Ts) -> Ts {
    match element {
        Ts::Union(_) => {
            let flat = element.at(0, 0);
            Ts::Plain(format!("({})[]", flat.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
        other => Ts::Followed(Box::new(other), "[]".to_owned()),
    }
}

fn union(labels: &[&str]) -> Ts {
    Ts::Union(labels.iter().map(|label| Ts::Plain(literal(label))).collect())
}

fn block(rows: &Rows<'_>, member: impl Fn(&Field<'_>) -> (String, Ts)) -> Ts {
    Ts::Block(rows.fields.iter().map(member).collect())
}

fn relationships(rows: &Rows<'_>) -> Ts {
    if rows.references.is_empty() {
        return Ts::plain("[]");
    }
    let names = |names: &[&str]| Ts::Tuple(names.iter().map(|n| Ts::Plain(literal(n))).collect());
    let each = rows.references.iter().map(|reference| {
        let member = |name: &str, ty| (name.to_owned(), ty);
        Ts::Block(vec![
            member("foreignKeyName", Ts::Plain(literal(reference.constraint))),
            member("columns", names(&reference.columns)),
            member("isOneToOne", Ts::Plain(reference.one_to_one.to_string())),
            member("referencedRelation", Ts::Plain(literal(reference.target))),
            member("referencedColumns", names(&reference.target_columns)),
        ])
    });
    Ts::Lines(each.collect())
}

fn constants(schema: &SchemaContents<'_>) -> Ts {
    let enums: Vec<(String, Ts)> = schema
        .enums
        .iter()
        .map(|(name, labels)| {
            let labels = labels.iter().map(|label| Ts::Plain(literal(label)));
            (key(name), Ts::Tuple(labels.collect()))
        })
        .collect();
    let enums = if enums.is_empty() { Ts::plain("{}") } else { Ts::Block(enums) };
    Ts::Block(vec![("Enums".to_owned(), enums)])
}

/// The text of an object of values: every line that ends a member gets its comma.
fn commas(object: &str) -> String {
    let lines: Vec<&str> = object.lines().collect();
    let last = lines.len().saturating_sub(1);
    let line = |(at, line): (usize, &&str)| {
        let ends = at != last && !line.ends_with(['{', '[', ',']);
        format!("{line}{}", if ends { "," } else { "" })
    };
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}
