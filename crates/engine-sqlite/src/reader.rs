//! Reads: one snapshot on a read connection.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_engine::{Answer, Options, Session, Work};
use backstay_executor::WriteState;
use backstay_model::Result;
use backstay_plan::Plan;
use backstay_policy::Authorized;

use crate::catalog_store;
use crate::connection::Connection;
use crate::explain::{self, Step};
use crate::plans::{Compiled, CompiledOperation};
use crate::requests::{BODY_BYTES_MIN, Request};
use crate::service::ServiceTransaction;
use crate::session::SessionEnvironment;
use crate::shared::{Counters, Shared, stale};

/// Runs a plan that writes nothing.
///
/// # Errors
/// `BKS409` if the catalogue changed; as the plan raises.
pub(crate) fn run(
    shared: &Shared,
    session: &Session,
    catalog: &Arc<Catalog>,
    (plan, compiled): (&Authorized<Plan>, &Compiled),
    options: &Options,
) -> Result<Answer> {
    Counters::add(&shared.counters.reads);
    shared.with_reader(|connection| {
        connection.limit_time(session.statement_timeout);
        // Beginning and ending a transaction costs as much as a read by key, most of it for locks of
        // the file, so a snapshot is kept as long as it is the newest.
        connection.begin_snapshot(shared.commits())?;
        let answer = in_snapshot((shared, connection), session, catalog, |request| {
            if let Some(explain) = &options.explain {
                return explain::answer(connection, compiled, explain);
            }
            let mut answer = request.answer_to(plan.get(), compiled, options)?;
            answer.body.shrink_to(BODY_BYTES_MIN.max(answer.body.len() * 2));
            Ok(answer)
        });
        let answer = answer.and_then(|answer| {
            (options.check)(&answer)?;
            Ok(answer)
        });
        connection.limit_time(None);
        if answer.is_err() {
            connection.leave_snapshot()?;
        }
        answer
    })
}

/// Does the work of a service that only reads, in one snapshot.
///
/// # Errors
/// As the work raises.
pub(crate) fn work(shared: &Shared, session: &Session, work: &mut Work) -> Result<()> {
    Counters::add(&shared.counters.reads);
    shared.with_reader(|connection| {
        connection.limit_time(session.statement_timeout);
        connection.begin_snapshot(shared.commits())?;
        let catalog = shared.catalog();
        let done = in_snapshot((shared, connection), session, &catalog, |request| {
            work(&mut ServiceTransaction(request)).map(|()| Answer::default())
        });
        connection.limit_time(None);
        if done.is_err() {
            connection.leave_snapshot()?;
        }
        done.map(|_| ())
    })
}

fn in_snapshot(
    (shared, connection): (&Shared, &Connection),
    session: &Session,
    catalog: &Arc<Catalog>,
    work: impl FnOnce(&Request<'_>) -> Result<Answer>,
) -> Result<Answer> {
    // The file is asked for its version only while a schema change is being committed.
    let mark = shared.mark(catalog);
    if mark.is_none() && catalog_store::version(connection)? != catalog.version {
        return Err(stale());
    }
    connection.fit(catalog)?;
    let env = SessionEnvironment::new(catalog, &shared.sequences, session, true);
    let bodies = shared.bodies(catalog, session);
    let state = WriteState::new();
    let request =
        Request { connection, catalog, env: &env, bodies: &bodies, state: &state, read_only: true };
    let answer = work(&request);
    crate::writer::log_notices(&state);
    if mark.is_some_and(|mark| !shared.holds(&mark)) {
        return Err(stale());
    }
    let mut answer = answer?;
    answer.response_settings = env.response_settings();
    Ok(answer)
}

/// May the plan take long, so that it must not run on a thread that serves connections? Asked of
/// SQLite's planner once for each plan.
pub(crate) fn may_be_long(shared: &Shared, catalog: &Catalog, compiled: &Compiled) -> bool {
    *compiled.long.get_or_init(|| match &compiled.operation {
        CompiledOperation::Read(read) if read.count.is_none() => shared
            .with_reader(|connection| {
                connection.fit(catalog)?;
                for program in read.node.programs() {
                    let plain = program.query.limit.is_some() && program.is_plain();
                    if scans(connection, program, plain)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            })
            .unwrap_or(true),
        CompiledOperation::Read(_) | CompiledOperation::Write(_) | CompiledOperation::Call(_) => {
            true
        }
    })
}

/// Does the statement read a whole table or sort? The first rows of a table are no matter.
fn scans(connection: &Connection, program: &crate::query::Program, plain: bool) -> Result<bool> {
    connection.ensure(&program.lowered.functions)?;
    let steps = explain::steps(connection, &program.lowered.sql)?;
    Ok(steps.iter().any(|Step { text: step, .. }| {
        step.contains("TEMP B-TREE")
            || step.contains("VIRTUAL TABLE")
            || (!plain && step.starts_with("SCAN ") && !step.starts_with("SCAN CONSTANT ROW"))
    }))
}
