//! A database in a temporary folder, filled by plain words.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{
    Acl, Catalog, Change, Column, Index, IndexKey, KeyConstraint, ROW, Relation, RelationKind,
    Role, Schema, SearchPath, TypeDefinition, TypeKind, Work,
};
use backstay_engine::{Answer, Engine, Format, Options, Session, Step, Steps};
use backstay_expr::{Expr, Query, RelationId, Statement};
use backstay_model::{EnumType, Result, Type, TypeId};
use backstay_pgsql::{BindOptions, Binder, parse_one};
use backstay_plan::{Member, MemberKind, Node, Operation, Plan, Read};
use backstay_policy::{Authorized, Caller, authorize, authorize_statement};

use crate::{Durability, Settings, SqliteEngine};

/// The enum of the fixtures: `small`, `big`.
pub(super) const SIZE: TypeId = TypeId(900);

pub(super) struct Database {
    pub(super) engine: SqliteEngine,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) folder: tempfile::TempDir,
}

type MakeStep = Box<dyn FnMut(&Catalog) -> Result<Step> + Send>;

struct Script(Vec<MakeStep>);

impl Steps for Script {
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        if self.0.is_empty() { Ok(None) } else { self.0.remove(0)(catalog).map(Some) }
    }
}

pub(super) fn session(caller: Caller) -> Session {
    Session { caller, settings: Arc::default(), statement_timeout: Some(Duration::from_secs(20)) }
}

pub(super) fn system() -> Session {
    session(Caller::system("test"))
}

pub(super) fn options() -> Options {
    Options::plain(Format::Json)
}

pub(super) fn settings(folder: &tempfile::TempDir) -> Settings {
    Settings {
        path: folder.path().join("db.sqlite"),
        durability: Durability::Off,
        holder: "a test".to_owned(),
    }
}

pub(super) fn column(number: u16, name: &str, ty: Type) -> Column {
    Column {
        number,
        name: name.to_owned(),
        ty,
        modifier: None,
        not_null: false,
        default: None,
        default_text: None,
        identity: None,
        generated: None,
        sequence: None,
        comment: None,
        physical: name.to_owned(),
    }
}

pub(super) fn key(name: &str, columns: &[u16]) -> KeyConstraint {
    KeyConstraint {
        name: name.to_owned(),
        columns: columns.to_vec(),
        nulls_not_distinct: false,
        deferrable: false,
        deferred: false,
        comment: None,
        physical: name.to_owned(),
    }
}

/// A table from words: `notes: id int8 key, price numeric required, email text unique, n int4 indexed`.
pub(super) fn table(id: u32, words: &str) -> Relation {
    let (name, list) = words.split_once(':').unwrap();
    let mut relation = Relation {
        id: RelationId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind: RelationKind::Table,
        columns: Vec::new(),
        next_column: 100,
        row_type: TypeId(id),
        primary_key: None,
        unique: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        policies: Vec::new(),
        triggers: Vec::new(),
        row_security: false,
        force_row_security: false,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
        replica_identity_full: false,
        physical: name.to_owned(),
    };
    for (number, part) in (1..).zip(list.split(',')) {
        let words: Vec<&str> = part.split_whitespace().collect();
        let ty = match words[1] {
            "size" => Type::Enum(SIZE),
            other => match other.strip_suffix("[]") {
                Some(element) => Type::from_name(element).unwrap().array_of(),
                None => Type::from_name(other).unwrap(),
            },
        };
        let mut made = column(number, words[0], ty.clone());
        for word in &words[2..] {
            let index = format!("{name}_{}_{word}", words[0]);
            match *word {
                "key" => {
                    made.not_null = true;
                    relation.primary_key = Some(key(&index, &[number]));
                }
                "required" => made.not_null = true,
                "unique" => relation.unique.push(key(&index, &[number])),
                "indexed" => relation.indexes.push(Index {
                    name: index.clone(),
                    keys: vec![IndexKey {
                        expr: Expr::column(ROW, number, ty.clone()),
                        descending: false,
                        nulls_first: false,
                    }],
                    unique: false,
                    nulls_not_distinct: false,
                    predicate: None,
                    method: "btree".to_owned(),
                    definition: String::new(),
                    hidden: false,
                    physical: Some(index),
                }),
                other => panic!("{other}"),
            }
        }
        relation.columns.push(made);
    }
    relation
}

/// A catalogue of these tables, with the enum `size`.
pub(super) fn catalog(tables: &[&str]) -> Catalog {
    let mut catalog = Catalog::default();
    catalog.version = 1;
    catalog.schemas.insert("public".to_owned(), Schema::default());
    for role in ["postgres", "anon", "authenticated"] {
        let superuser = role == "postgres";
        catalog.roles.insert(role.to_owned(), Role { superuser, ..Role::default() });
    }
    let labels = vec![("small".to_owned(), 1 << 20), ("big".to_owned(), 2 << 20)];
    define(&mut catalog, SIZE, "size", TypeKind::Enum(EnumType { labels }));
    for (id, words) in (1..).zip(tables) {
        let relation = table(id, words);
        let row = TypeKind::Row(relation.id);
        define(&mut catalog, TypeId(id), &relation.name.clone(), row);
        catalog.put_relation(relation);
    }
    catalog
}

fn define(catalog: &mut Catalog, id: TypeId, name: &str, kind: TypeKind) {
    let definition = TypeDefinition {
        id,
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind,
        owner: "postgres".to_owned(),
        acl: Acl::default(),
        comment: None,
    };
    catalog.types.insert(id, Arc::new(definition));
}

pub(super) fn bind(catalog: &Catalog, sql: &str) -> Result<Statement> {
    let path = SearchPath::of_migrations();
    let raw = parse_one(sql)?;
    Binder::new(catalog, &path, BindOptions::default()).bind_statement(&raw.node)
}

pub(super) fn node(query: Query) -> Node {
    let members = query
        .columns()
        .into_iter()
        .enumerate()
        .map(|(at, (key, _))| Member { key, kind: MemberKind::Output(at) })
        .collect();
    Node { query, members, children: Vec::new() }
}

/// The rows as JSON; an error as its code and message.
fn shown(answer: Result<Answer>) -> String {
    match answer {
        Ok(answer) => String::from_utf8(answer.body).unwrap(),
        Err(error) => format!("{}: {}", error.code, error.message),
    }
}

impl Database {
    pub(super) fn open(folder: tempfile::TempDir) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
        let engine = SqliteEngine::open(settings(&folder)).unwrap();
        Self { engine, runtime: runtime.unwrap(), folder }
    }

    /// A database with these tables.
    pub(super) fn new(tables: &[&str]) -> Self {
        Self::with(catalog(tables))
    }

    pub(super) fn with(catalog: Catalog) -> Self {
        let database = Self::open(tempfile::tempdir().unwrap());
        let tables = catalog.relations.values();
        let tables = tables.filter(|relation| relation.view().is_none());
        let mut work: Vec<Work> = tables.map(|table| Work::CreateTable(table.id)).collect();
        for (schema, name) in catalog.sequences.keys() {
            work.push(Work::CreateSequence { schema: schema.clone(), name: name.clone() });
        }
        database.change(catalog, work).unwrap();
        database
    }

    /// A project: what every one finds, then these migrations.
    pub(super) fn project(migrations: &[&str]) -> Self {
        let database = Self::open(tempfile::tempdir().unwrap());
        let steps = backstay_migrate::bootstrap::pending(&database.engine.catalog()).unwrap();
        let change = database.engine.change(system(), Box::new(steps.unwrap()));
        database.runtime.block_on(change).unwrap();
        for (version, text) in (1..).zip(migrations) {
            let done = database.migrate(version, text);
            assert_eq!(done, "", "migration {version}");
        }
        database
    }

    /// Applies one migration; the error's code and message, or nothing.
    pub(super) fn migrate(&self, version: u32, text: &str) -> String {
        let path = format!("migrations/{version:04}_test.sql");
        let migration = backstay_migrate::Migration::new(path, text).unwrap();
        let steps = match backstay_migrate::FileSteps::migration(
            &migration,
            backstay_migrate::Form::Analysed,
        ) {
            Ok(steps) => steps,
            Err(error) => return error.to_string(),
        };
        match self.runtime.block_on(self.engine.change(system(), Box::new(steps))) {
            Ok(()) => String::new(),
            Err(error) => format!("{}: {}", error.code, error.message),
        }
    }

    /// The rows of a query as a signed-in user.
    pub(super) fn query_by(&self, user: &str, sql: &str) -> String {
        let caller = Caller::role("authenticated", false);
        let claims = format!("{{\"sub\":\"{user}\",\"role\":\"authenticated\"}}");
        let mut settings = backstay_engine::Settings::default();
        settings.set("request.jwt.claims", claims);
        let mut session = session(caller.clone());
        session.settings = Arc::new(settings);
        shown(self.plan(&caller, sql).and_then(|plan| self.run(&session, &plan)))
    }

    /// Closes it and opens it again.
    pub(super) fn reopen(self) -> Self {
        self.runtime.block_on(self.engine.close()).unwrap();
        let Self { folder, .. } = self;
        Self::open(folder)
    }

    pub(super) fn change(&self, catalog: Catalog, work: Vec<Work>) -> Result<()> {
        let mut change = Some(Change { catalog, work });
        let step = move |_: &Catalog| Ok(Step::Change(Box::new(change.take().unwrap())));
        let steps = Script(vec![Box::new(step)]);
        self.runtime.block_on(self.engine.change(system(), Box::new(steps)))
    }

    /// Runs statements in one transaction, with nothing enforced.
    pub(super) fn execute(&self, statements: &[&str]) -> Result<()> {
        let steps = statements.iter().map(|sql| {
            let sql = (*sql).to_owned();
            let step = move |catalog: &Catalog| {
                let statement = bind(catalog, &sql)?;
                let caller = Caller::system("test");
                let statement = authorize_statement(catalog, &caller, statement)?;
                Ok(Step::Statement(Box::new(statement)))
            };
            Box::new(step) as MakeStep
        });
        let steps = Script(steps.collect());
        self.runtime.block_on(self.engine.change(system(), Box::new(steps)))
    }

    pub(super) fn plan(&self, caller: &Caller, sql: &str) -> Result<Arc<Authorized<Plan>>> {
        let catalog = self.engine.catalog();
        let Statement::Query(query) = bind(&catalog, sql)? else { panic!("no query: {sql}") };
        let operation = Operation::Read(Read { node: node(*query), count: None });
        authorize(&catalog, caller, Plan::new(operation)).map(Arc::new)
    }

    pub(super) fn run(&self, session: &Session, plan: &Arc<Authorized<Plan>>) -> Result<Answer> {
        let catalog = self.engine.catalog();
        self.runtime.block_on(self.engine.run(session, &catalog, plan, options()))
    }

    /// The rows of a query as somebody, as JSON; an error as its code and message.
    pub(super) fn query_as(&self, caller: &Caller, sql: &str) -> String {
        shown(self.plan(caller, sql).and_then(|plan| self.run(&session(caller.clone()), &plan)))
    }

    /// The rows of a query with nothing enforced.
    pub(super) fn query(&self, sql: &str) -> String {
        self.query_as(&Caller::system("test"), sql)
    }
}
