//! Times of the engine's usual paths, without network: `cargo run --release --example speed`.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use backstay_catalog::{Catalog, SearchPath};
use backstay_engine::{Engine, Format, Options, Session};
use backstay_engine_sqlite::{Durability, Settings, SqliteEngine};
use backstay_expr::{Expr, Statement};
use backstay_migrate::{FileSteps, Form, Migration, bootstrap};
use backstay_model::{Type, Value};
use backstay_pgsql::{BindOptions, Binder, parse_one};
use backstay_plan::{Child, ChildKind, Member, MemberKind, Node, Operation, Plan, Read};
use backstay_policy::{Authorized, Caller, authorize};

type Outcome<T> = Result<T, Box<dyn Error>>;

const SCHEMA: &str = "
create table artists (id bigint primary key, name text not null);
create table albums (
    id bigint primary key, artist bigint not null references artists, title text not null,
    price numeric(10, 2) not null
);
create table tracks (id bigint primary key, album bigint not null references albums, title text);
create index on tracks (album);
create index on albums (artist);
insert into artists select i, 'Artist ' || i from generate_series(1, 1000) i;
insert into albums select i, i % 1000 + 1, 'Album ' || i, i * 1.25 from generate_series(1, 10000) i;
insert into tracks select i, i % 10000 + 1, 'Track ' || i from generate_series(1, 50000) i;
";

fn options() -> Options {
    Options::plain(Format::Json)
}

fn bind(catalog: &Catalog, sql: &str) -> Outcome<Statement> {
    let path = SearchPath::of_migrations();
    let raw = parse_one(sql)?;
    Ok(Binder::new(catalog, &path, BindOptions::default()).bind_statement(&raw.node)?)
}

fn node(catalog: &Catalog, sql: &str) -> Outcome<Node> {
    let Statement::Query(query) = bind(catalog, sql)? else { return Err("no query".into()) };
    let members = query
        .columns()
        .into_iter()
        .enumerate()
        .map(|(at, (key, _))| Member { key, kind: MemberKind::Output(at) })
        .collect();
    Ok(Node { query: *query, members, children: Vec::new() })
}

/// Puts `with` in the place of every constant 4711.
fn replace(node: &mut Node, with: &Expr) {
    struct Replace<'e>(&'e Expr);
    impl backstay_expr::walk::Rewriter for Replace<'_> {
        fn expr(&mut self, expr: &mut Expr) {
            if matches!(expr, Expr::Const { value: Value::Int(4_711), .. }) {
                *expr = self.0.clone();
            }
            backstay_expr::walk::walk_expr(self, expr);
        }
    }
    backstay_expr::walk::Rewriter::query(&mut Replace(with), &mut node.query);
}

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let engine = SqliteEngine::open(Settings {
        path: folder.path().join("speed.sqlite"),
        durability: Durability::Full,
        holder: "speed".to_owned(),
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let session = Session {
        caller: Caller::system("speed"),
        settings: Arc::default(),
        statement_timeout: None,
    };
    if let Some(steps) = bootstrap::pending(&engine.catalog())? {
        let started = Instant::now();
        runtime.block_on(engine.change(session.clone(), Box::new(steps)))?;
        report("bootstrap", 1, started);
    }
    let started = Instant::now();
    let migration = Migration::new("0001_speed.sql", SCHEMA).ok_or("no migration")?;
    let script = FileSteps::migration(&migration, Form::Analysed)?;
    runtime.block_on(engine.change(session.clone(), Box::new(script)))?;
    report("a row of insert select with foreign keys", 61_000, started);
    reads(&engine, &runtime, &session)
}

fn reads(
    engine: &SqliteEngine,
    runtime: &tokio::runtime::Runtime,
    session: &Session,
) -> Outcome<()> {
    let catalog = engine.catalog();
    let plan = |node: Node, params: Vec<Value>| -> Outcome<Arc<Authorized<Plan>>> {
        let operation = Operation::Read(Read { node, count: None });
        Ok(Arc::new(authorize(&catalog, &session.caller, Plan { params, ..Plan::new(operation) })?))
    };
    let run = |name: &str, times: u32, plan: &Arc<Authorized<Plan>>| -> Outcome<()> {
        let started = Instant::now();
        let bytes = runtime.block_on(async {
            let mut bytes = 0;
            for _ in 0..times {
                bytes += engine.run(session, &catalog, plan, options()).await?.body.len();
            }
            Ok::<_, backstay_model::Error>(bytes)
        })?;
        report(&format!("{name} ({} bytes)", bytes / times as usize), times, started);
        Ok(())
    };
    let key = Expr::Param { index: 0, ty: Type::Int8 };
    let mut by_key = node(&catalog, "select id, artist, title, price from albums where id = 4711")?;
    replace(&mut by_key, &key);
    let by_key = plan(by_key, vec![Value::Int(77)])?;
    run("key read, first", 1, &by_key)?;
    run("key read", 200_000, &by_key)?;
    let mut list = node(
        &catalog,
        "select id, artist, title, price from albums where artist > 4711 order by artist limit 25",
    )?;
    replace(&mut list, &key);
    run("list of 25", 20_000, &plan(list, vec![Value::Int(500)])?)?;
    let child = |sql: &str, node: Option<Node>| -> Outcome<Child> {
        let mut made = self::node(&catalog, sql)?;
        replace(&mut made, &Expr::ParentKey { index: 0, ty: Type::Int8 });
        if let Some(node) = node {
            made.children.push(Child { kind: ChildKind::Many, keys: vec![0], node });
            made.members.push(Member { key: "rows".to_owned(), kind: MemberKind::Child(0) });
        }
        Ok(Child { kind: ChildKind::Many, keys: vec![0], node: made })
    };
    let tracks = child("select id, title from tracks where album = 4711", None)?;
    let albums =
        child("select id, title, price from albums where artist = 4711", Some(tracks.node))?;
    let mut root = node(&catalog, "select id, name from artists order by id limit 25")?;
    root.children.push(albums);
    root.members.push(Member { key: "albums".to_owned(), kind: MemberKind::Child(0) });
    run("25 parents, two levels", 2_000, &plan(root, Vec::new())?)?;
    let count = node(&catalog, "select count(*) as n, sum(price) as s from albums")?;
    run("sum of 10,000 numerics", 50, &plan(count, Vec::new())?)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report of an example")]
fn report(name: &str, times: u32, started: Instant) {
    println!("{name}: {:.2} µs", started.elapsed().as_secs_f64() * 1e6 / f64::from(times));
}
