//! Requests in, SQL out: `cases.txt` holds a request, its body if it has one, then the statement and
//! the parameters that must come of it.

use std::fmt::Write as _;

use backstay_catalog::Catalog;
use backstay_engine::{Format, Step};
use backstay_migrate::{Script, bootstrap};
use backstay_plan::ApiSettings;
use backstay_rest::{Call, Settings, parse};
use backstay_scalar::FixedEnvironment;

use super::*;

const SCHEMA: &str = "
create type mood as enum ('sad', 'glad');
create table brands (id int primary key, name text not null, country varchar(2));
create table products (
  id int primary key, title text, price numeric(8,2), brand_id int references brands,
  tags text[], specs jsonb, mood mood, \"odd \"\"name\" date
);
create table parts (
  id int primary key, product_id int references products, label text, made timestamptz default now()
);
create table plain (a int, b text);
create view cheap as select id, title from products where price < 10;
create function title_length(products) returns int language sql stable as
  'select length($1.title)';
create function add(a int, b int) returns int language sql immutable as 'select a + b';
create function nothing() returns void language sql as 'select 1';
create function found(word text) returns setof products language sql stable as
  'select * from products where title = word';
create function numbers() returns setof int language sql stable as 'select 1';
";

fn catalog() -> Catalog {
    let mut catalog = bootstrap::catalog().expect("a bootstrap");
    let mut script = Script::new("0001_schema.sql", SCHEMA, backstay_migrate::Form::Analysed)
        .expect("a migration");
    while let Some(step) = script.next(&catalog).expect("a step") {
        if let Step::Change(change) = step {
            catalog = change.catalog;
        }
    }
    catalog
}

fn rendered(catalog: &Catalog, request: &str) -> String {
    let mut lines = request.lines();
    let mut words = lines.next().unwrap_or_default().split_whitespace();
    let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
    let prefer = words.collect::<Vec<_>>().join(" ");
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let body: String = lines.collect();
    let headers = [("prefer", prefer.as_str()), ("content-type", "application/json")];
    let mut call = Call { method, path, query, headers: &headers, body: body.as_bytes().into() };
    let mut settings = Settings::new(vec!["public".to_owned()]);
    settings.max_rows = None;
    settings.aggregates = true;
    let mut request = parse(&mut call, &settings).expect("a request");
    let literals = request.detach();
    let types = Box::new(Types(catalog.clone()));
    let env = FixedEnvironment::new().with_types(types);
    let built = backstay_plan::build(catalog, &ApiSettings::default(), (&request, &literals), &env);
    let plan = built.expect("a plan").plan;
    let form = Form { format: Format::Json, exact_count: true };
    let rendered = render(catalog, &plan, form).expect("rendered");
    let arguments = rendered.arguments(catalog, &plan).expect("arguments");
    let mut text = rendered.sql.to_string();
    for (index, param) in arguments.statement.iter().enumerate() {
        let param = param.text.as_deref().unwrap_or("null");
        write!(text, "\n${} = {param}", index + 1).expect("written");
    }
    text
}

/// The catalogue's types, owned.
struct Types(Catalog);

impl backstay_model::TypeSource for Types {
    fn type_name(&self, id: backstay_model::TypeId) -> String {
        self.0.type_name(id)
    }
    fn enum_type(&self, id: backstay_model::TypeId) -> Option<&backstay_model::EnumType> {
        self.0.enum_type(id)
    }
    fn domain_base(
        &self,
        id: backstay_model::TypeId,
    ) -> Option<(&backstay_model::Type, Option<backstay_model::Modifier>)> {
        self.0.domain_base(id)
    }
    fn fields(
        &self,
        id: backstay_model::TypeId,
    ) -> Option<Vec<(String, backstay_model::Type, Option<backstay_model::Modifier>)>> {
        self.0.fields(id)
    }
}

#[test]
fn requests_become_these_statements() {
    let catalog = catalog();
    let mut wrong = String::new();
    for case in include_str!("cases.txt").split("\n\n").map(str::trim).filter(|c| !c.is_empty()) {
        let (request, expected) = case.split_once("\n=>\n").unwrap_or((case, ""));
        let made = rendered(&catalog, request);
        if made != expected {
            write!(wrong, "{request}\n=>\n{made}\n\n").expect("written");
        }
    }
    assert!(wrong.is_empty(), "these came out otherwise:\n\n{wrong}");
}
