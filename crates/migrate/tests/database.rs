//! Migrations run on a database: bootstrap, files, records, seeds, and what an error says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use backstay_engine::{Engine, Format, Options, Session, Steps};
use backstay_engine_sqlite::{Durability, Settings, SqliteEngine};
use backstay_expr::Statement;
use backstay_migrate::{
    FileSteps, Form, Migration, MigrationError, Plan, Seed, applied_plan, applied_rows, bootstrap,
    seeds_plan,
};
use backstay_model::Error;
use backstay_pgsql::{Analyzed, DdlSession, analyze};
use backstay_plan::{Member, MemberKind, Node, Operation, Read};
use backstay_policy::{Caller, authorize};

struct Database {
    engine: SqliteEngine,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

fn session() -> Session {
    Session {
        caller: Caller::system("migrate"),
        settings: Arc::default(),
        statement_timeout: Some(Duration::from_secs(60)),
    }
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(Settings {
            path: folder.path().join("db.sqlite"),
            durability: Durability::Off,
            holder: "a test".to_owned(),
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let database = Self { engine, runtime, _folder: folder };
        let due = bootstrap::pending(&database.engine.catalog()).unwrap().unwrap();
        database.change(due).unwrap();
        database
    }

    fn change(&self, steps: impl Steps + 'static) -> Result<(), Error> {
        self.runtime.block_on(self.engine.change(session(), Box::new(steps)))
    }

    fn read(&self, plan: backstay_plan::Plan) -> String {
        let catalog = self.engine.catalog();
        let plan = authorize(&catalog, &Caller::system("migrate"), plan).unwrap();
        let options = Options::plain(Format::Json);
        let (session, plan) = (session(), Arc::new(plan));
        let answer =
            self.runtime.block_on(self.engine.run(&session, &catalog, &plan, options)).unwrap();
        String::from_utf8(answer.body).unwrap()
    }

    fn rows(&self, sql: &str) -> String {
        let catalog = self.engine.catalog();
        let raw = backstay_pgsql::parse_one(sql).unwrap();
        let mut session = DdlSession::of_migrations();
        let Ok(Analyzed::Statement(statement)) = analyze(&catalog, &mut session, &raw) else {
            panic!("no statement: {sql}");
        };
        let Statement::Query(query) = *statement else { panic!("no query: {sql}") };
        let names = query.columns().into_iter().enumerate();
        let members =
            names.map(|(at, (key, _))| Member { key, kind: MemberKind::Output(at) }).collect();
        let node = Node { query: *query, members, children: Vec::new() };
        let operation = Operation::Read(Read { node, count: None });
        self.read(backstay_plan::Plan::new(operation))
    }

    fn migrate(&self, files: &[(&str, &str)]) -> Result<(), Box<MigrationError>> {
        let files = files.iter().map(|(path, text)| Migration::new(*path, *text).unwrap());
        let rows = self.read(applied_plan(&self.engine.catalog()).unwrap());
        let applied = applied_rows(rows.as_bytes()).unwrap();
        let plan = Plan::new(files.collect(), &applied).unwrap();
        let mut done = Vec::new();
        for migration in plan.pending {
            let path = migration.path.clone();
            let steps = FileSteps::migration(&migration, Form::Analysed)?;
            let progress = steps.progress();
            self.change(steps).map_err(|error| Box::new(progress.explain(error, &done)))?;
            done.push(path);
        }
        Ok(())
    }

    fn applied(&self) -> Vec<String> {
        let rows = self.read(applied_plan(&self.engine.catalog()).unwrap());
        let rows = applied_rows(rows.as_bytes()).unwrap();
        rows.into_iter().map(|one| format!("{} {}", one.version, one.name.unwrap())).collect()
    }
}

#[test]
fn the_bootstrap_runs_once() {
    let database = Database::new();
    assert!(bootstrap::pending(&database.engine.catalog()).unwrap().is_none());
    assert!(database.engine.catalog().relation("auth", "users").is_some());
}

#[test]
fn files_are_applied_in_order_and_recorded() {
    let database = Database::new();
    let first = ("0001_a.sql", "create table t (id serial primary key, a text not null);");
    let second = (
        "0002_b.sql",
        "insert into t (a) values ('x'), ('y');
         alter table t add column b int not null default 7 check (b > 0);
         update t set b = 8 where a = 'y';",
    );
    database.migrate(&[second, first]).unwrap();
    assert_eq!(database.applied(), ["0001 a", "0002 b"]);
    database.migrate(&[first, second]).unwrap();
    assert_eq!(database.applied().len(), 2);
}

#[test]
fn a_file_that_fails_leaves_nothing_and_names_the_place() {
    let database = Database::new();
    let files = [
        ("1_a.sql", "create table t (id int primary key);\ninsert into t values (1);"),
        ("2_b.sql", "create table u (id int);\n\n  insert into t values (2), (1);\n"),
    ];
    let error = database.migrate(&files).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2_b.sql:3:3: duplicate key value violates unique constraint \"t_pkey\" (23505)"
    );
    assert_eq!(error.statement, "insert into t values (2), (1)");
    assert_eq!(error.applied.files, ["1_a.sql"]);
    assert_eq!(database.applied(), ["1 a"]);
    assert!(database.engine.catalog().relation("public", "u").is_none());
}

#[test]
fn a_mistake_in_the_text_names_the_word() {
    let database = Database::new();
    let files = [("1_a.sql", "create table t (id int);\nselect nosuch from t;")];
    let error = database.migrate(&files).unwrap_err();
    assert_eq!(error.to_string(), "1_a.sql:2:8: column \"nosuch\" does not exist (42703)");
    assert_eq!(&error.text[error.offset..], "nosuch from t;");
}

#[test]
fn a_validation_that_fails_undoes_the_file() {
    let database = Database::new();
    let files = [(
        "1_a.sql",
        "create table t (a int); insert into t values (1);\nalter table t add check (a > 1);",
    )];
    let error = database.migrate(&files).unwrap_err();
    assert_eq!(error.error.code, "23514");
    assert_eq!((error.place.line, error.place.column), (2, 1));
    assert!(database.engine.catalog().relation("public", "t").is_none());
}

#[test]
fn a_seed_is_recorded_with_its_hash() {
    let database = Database::new();
    database.migrate(&[("1_a.sql", "create table t (id int);")]).unwrap();
    let seed = Seed { path: "seed.sql".to_owned(), text: "insert into t values (1);".to_owned() };
    database.change(FileSteps::seed(&seed, Form::Analysed).unwrap()).unwrap();
    let recorded = database.read(seeds_plan(&database.engine.catalog()).unwrap());
    assert_eq!(recorded, format!("[{{\"path\":\"seed.sql\",\"hash\":\"{}\"}}]", seed.hash()));
}

#[test]
fn rows_survive_every_change_of_their_table() {
    let database = Database::new();
    let files = [
        (
            "1_a.sql",
            "create type mood as enum ('sad', 'happy');
             create table p (id int primary key, u int unique, v text, m mood default 'sad');
             create table c (id serial primary key, p_id int not null references p on delete cascade);
             insert into p values (1, 10, '5'), (2, 20, '6');
             insert into c (p_id) values (1), (1), (2);",
        ),
        (
            "2_b.sql",
            "alter table p alter column v type int using v::int;
             alter table p alter column u type text;
             alter table p add column w numeric(6,2) not null default 1.5,
                 add column g int generated always as (v * 2) stored;
             alter table p rename column v to vv;
             alter table p drop column m;
             alter type mood add value 'glad' after 'sad';
             alter table p rename to q;
             alter table c drop constraint c_pkey, add column k int;
             update c set k = id * 10;
             alter table c add primary key (k);
             alter table c drop column id;
             alter table c add constraint n unique (p_id, k);
             create schema s; alter table c set schema s;
             delete from q where id = 1;",
        ),
        (
            "3_c.sql",
            "create view v as
                 select q.id, q.u, q.vv, q.w, q.g, count(c.k) as n
                 from q left join s.c on c.p_id = q.id group by q.id, q.u, q.vv, q.w, q.g;",
        ),
    ];
    database.migrate(&files).unwrap();
    assert_eq!(
        database.rows("select id, u, vv, w, g, n from v"),
        "[{\"id\":2,\"u\":\"20\",\"vv\":6,\"w\":1.50,\"g\":12,\"n\":1}]"
    );
    assert_eq!(database.rows("select p_id, k from s.c"), "[{\"p_id\":2,\"k\":30}]");
    let findings = database.runtime.block_on(database.engine.check()).unwrap();
    assert_eq!(findings, Vec::<String>::new());
}
