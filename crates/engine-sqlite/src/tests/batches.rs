//! Several writes in one transaction, and what a failure among them leaves.

use std::sync::Arc;

use backstay_engine::{Access, Answer, Engine as _, Options};
use backstay_expr::{Insert, RelId, Source, Statement, WritePolicy};
use backstay_model::{Error, Result, Value};
use backstay_plan::{Node, Operation, Plan, Write};
use backstay_policy::{Authorized, Caller, authorize};

use super::fixture::{Database, bind, node, options, system};

fn insert_plan(database: &Database, id: i64, shown: bool) -> Arc<Authorized<Plan>> {
    let catalog = database.engine.catalog();
    let relation = catalog.relation("public", "notes").unwrap().id;
    let shown: Option<(Node, RelId)> = shown.then(|| {
        let query = bind(&catalog, "select id, body from notes").unwrap();
        let Statement::Query(query) = query else { panic!("no query") };
        let backstay_expr::Body::Select(select) = &query.body else { panic!("no select") };
        let target = select.from[0].rel().unwrap();
        (node(*query), target)
    });
    let (representation, target) = match shown {
        Some((node, target)) => (Some(node), target),
        None => (None, RelId(77)),
    };
    let insert = Insert {
        with: Vec::new(),
        relation,
        rel: RelId(70),
        excluded: RelId(71),
        columns: vec![1, 2],
        source: Source::Rows(vec![
            vec![Some(Value::Int(id)), Some(Value::text(format!("note {id}")))],
            vec![Some(Value::Int(id + 100)), Some(Value::text("second"))],
        ]),
        overriding: None,
        conflict: None,
        returning: Vec::new(),
        policy: WritePolicy::default(),
    };
    let write = Write {
        statement: Statement::Insert(Box::new(insert)),
        relation,
        representation,
        target,
        location: vec![1],
        upsert: false,
    };
    let plan = Plan::new(Operation::Write(write));
    authorize(&catalog, &Caller::system("test"), plan).map(Arc::new).unwrap()
}

/// Runs inserts of these ids at once.
fn insert_all(database: &Database, ids: &[i64]) -> Vec<Result<Answer>> {
    let catalog = database.engine.catalog();
    let session = system();
    let plans: Vec<_> = ids.iter().map(|id| insert_plan(database, *id, false)).collect();
    database.runtime.block_on(async {
        let mut running: Vec<_> = plans
            .iter()
            .map(|plan| database.engine.run(&session, &catalog, plan, options()))
            .collect();
        // All are sent before the first is waited for.
        let mut first = Vec::new();
        for run in &mut running {
            let waker = std::task::Waker::noop();
            first.push(run.as_mut().poll(&mut std::task::Context::from_waker(waker)));
        }
        let mut answers = Vec::new();
        for (run, first) in running.into_iter().zip(first) {
            answers.push(match first {
                std::task::Poll::Ready(answer) => answer,
                std::task::Poll::Pending => run.await,
            });
        }
        answers
    })
}

fn notes() -> Database {
    Database::new(&["notes: id int8 key, body text required"])
}

#[test]
fn a_failed_request_leaves_its_neighbours_alone() {
    let database = notes();
    let answers = insert_all(&database, &[1, 2, 1, 4, 5]);
    let codes: Vec<String> = answers
        .iter()
        .map(|answer| match answer {
            Ok(answer) => format!("{} rows", answer.inserted),
            Err(error) => error.code.to_string(),
        })
        .collect();
    assert_eq!(codes, ["2 rows", "2 rows", "23505", "2 rows", "2 rows"]);
    assert_eq!(database.query("select count(*) as n from notes"), "[{\"n\":8}]");
}

#[test]
fn a_request_that_fails_after_it_wrote_leaves_its_neighbours_alone() {
    let database = notes();
    // The second row of the third request has the key of the first request's first row.
    for round in 0..3 {
        let ids = [1, 2, -99, 4, 5].map(|id| id + round * 1000);
        let codes: Vec<String> = insert_all(&database, &ids)
            .into_iter()
            .map(|answer| answer.map_or_else(|error| error.code.to_string(), |_| String::new()))
            .collect();
        assert_eq!(codes, ["", "", "23505", "", ""]);
    }
    assert_eq!(database.query("select count(*) as n from notes"), "[{\"n\":24}]");
    assert_eq!(database.query("select id from notes where id < 0"), "[]");
}

#[test]
fn the_answer_shows_the_written_rows_in_the_order_of_the_input() {
    let database = notes();
    let plan = insert_plan(&database, 7, true);
    let answer = database.run(&system(), &plan).unwrap();
    assert_eq!(
        String::from_utf8(answer.body).unwrap(),
        "[{\"id\":7,\"body\":\"note 7\"},\n {\"id\":107,\"body\":\"second\"}]"
    );
    assert_eq!((answer.rows, answer.inserted, answer.location), (2, 2, None));
}

#[test]
fn a_refused_answer_or_a_rollback_leaves_nothing() {
    let database = notes();
    let catalog = database.engine.catalog();
    let plan = insert_plan(&database, 1, false);
    let refuse = Options {
        check: Box::new(|answer: &Answer| {
            Err(Error::new("PGRST124", format!("{} rows", answer.inserted)))
        }),
        ..options()
    };
    let session = system();
    let run = |options| {
        database.runtime.block_on(database.engine.run(&session, &catalog, &plan, options))
    };
    assert_eq!(run(refuse).unwrap_err().message, "2 rows");
    let answer = run(Options { rollback: true, ..options() }).unwrap();
    assert_eq!(answer.inserted, 2);
    assert_eq!(database.query("select count(*) as n from notes"), "[{\"n\":0}]");
}

#[test]
fn a_plan_of_an_older_catalogue_is_refused() {
    let database = notes();
    let old = database.engine.catalog();
    let read = database.plan(&Caller::system("test"), "select id from notes").unwrap();
    let write = insert_plan(&database, 1, false);
    let mut newer = (*old).clone();
    newer.version += 1;
    database.change(newer, Vec::new()).unwrap();
    let session = system();
    for plan in [&read, &write] {
        let run = database.engine.run(&session, &old, plan, options());
        assert_eq!(database.runtime.block_on(run).unwrap_err().code, "BKS409");
    }
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let database = notes();
    insert_all(&database, &[1, 2]);
    let before = database.engine.catalog();
    let database = database.reopen();
    assert_eq!(*database.engine.catalog(), *before);
    assert_eq!(database.query("select id from notes where id < 10"), "[{\"id\":1},\n {\"id\":2}]");
}

#[test]
fn a_second_opener_is_told_who_holds_the_file() {
    let database = notes();
    let error =
        crate::SqliteEngine::open(super::fixture::settings(&database.folder)).err().unwrap();
    assert_eq!(error.code, "55006");
    assert!(error.message.ends_with("is in use by a test"), "{}", error.message);
}

#[test]
fn somebody_elses_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite");
    rusqlite::Connection::open(&path).unwrap().execute_batch("create table mine (x)").unwrap();
    let error = crate::SqliteEngine::open(super::fixture::settings(&folder)).err().unwrap();
    assert_eq!(error.code, "58000");
    std::fs::write(&path, "no database at all, but long enough to have a header of its own")
        .unwrap();
    let error = crate::SqliteEngine::open(super::fixture::settings(&folder)).err().unwrap();
    assert_eq!(error.code, "XX001");
}

#[test]
fn t19_a_panic_is_an_error_of_its_request_and_of_no_other() {
    let database = notes();
    database.runtime.block_on(async {
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let work = Box::new(|_: &mut dyn backstay_engine::Transaction| panic!("on purpose"));
            let error = database.engine.transaction(system(), access, work).await.unwrap_err();
            assert!(error.code.starts_with("XX"), "{error:?}");
        }
    });
    let answers = insert_all(&database, &[1, 2]);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}
