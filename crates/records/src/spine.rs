//! The one road of a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::Catalog;
use backstay_engine::{Answer, Count, Engine, Explain, Format, Held, Options, Session};
use backstay_model::{Error, Result};
use backstay_plan::{Built, CallResult, Operation, Plan};
use backstay_policy::{Authorized, Caller, without_hidden_names};
use backstay_rest::{
    Action, Call, Counts, Facts, Literals, MadeBy, Media, Outcome, Request, Response, ResultKind,
    Shape, errors,
};
use jiff::tz::TimeZone;

use crate::describe::allowed;
use crate::effective::{Effective, EffectiveSettings};
use crate::environment::Planning;
use crate::handlers;
use crate::openapi::Descriptions;
use crate::settings::RecordsSettings;
use crate::templates::{Key, Template, Templates};
use crate::who::{Who, check_role};

/// How often a request is planned again because the catalogue changed meanwhile.
const PLANS_MAX: usize = 5;

/// Serves calls of the data API.
pub struct Records {
    engine: Arc<dyn Engine>,
    settings: EffectiveSettings,
    descriptions: Descriptions,
    templates: Templates,
}

/// A response with the time that each stage took.
#[derive(Debug)]
pub struct Served {
    /// The response.
    pub response: Response,
    /// Times.
    pub timing: Timing,
}

/// Time by stage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// Reading the request.
    pub parse: Duration,
    /// Resolving and authorizing it.
    pub plan: Duration,
    /// In the database.
    pub transaction: Duration,
    /// Writing the response.
    pub response: Duration,
}

impl Timing {
    /// The value of `Server-Timing`, in milliseconds.
    pub fn header(&self) -> String {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        format!(
            "parse;dur={:.3}, plan;dur={:.3}, transaction;dur={:.3}, response;dur={:.3}",
            millis(self.parse),
            millis(self.plan),
            millis(self.transaction),
            millis(self.response)
        )
    }
}

impl Records {
    /// The data API over this engine.
    pub fn new(engine: Arc<dyn Engine>, settings: RecordsSettings) -> Self {
        let descriptions = Descriptions::new(settings.openapi.base_path.clone());
        let templates = Templates::default();
        let settings = EffectiveSettings::new(settings, engine.as_ref());
        Self { engine, settings, descriptions, templates }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &RecordsSettings {
        self.settings.given()
    }

    /// Serves a call for a caller.
    ///
    /// # Errors
    /// Whatever a stage says, with PostgreSQL's or PostgREST's code.
    pub async fn serve(&self, mut call: Call<'_>, who: &Who) -> Result<Served> {
        let mut timing = Timing::default();
        let started = Instant::now();
        let effective = self.settings.now(self.engine.as_ref());
        let mut request = backstay_rest::parse(&mut call, &effective.settings.dialect)?;
        timing.parse = started.elapsed();
        match &request.action {
            Action::Root => {
                let response = self.describe((&effective, &call), &request, who)?;
                return Ok(Served { response, timing });
            }
            Action::Options(target) => {
                let response = allowed(&self.engine.catalog(), &request, target)?;
                return Ok(Served { response, timing });
            }
            _ => {}
        }
        let session = session((&effective, &call), &request, who);
        let literals = request.detach();
        let asked = Asked { request: Arc::new(request), literals, held: who.held.clone() };
        for _ in 0..PLANS_MAX {
            match self.attempt(&effective, &asked, &session, &mut timing).await {
                Err(error) if error.code == "BKS409" => {}
                answered => return answered.map(|response| Served { response, timing }),
            }
        }
        Err(Error::new("40001", "the catalogue changed faster than the request could be planned"))
    }

    /// The description of the API.
    fn describe(
        &self,
        (effective, call): (&Effective, &Call<'_>),
        request: &Request,
        who: &Who,
    ) -> Result<Response> {
        let catalog = self.engine.catalog();
        check_role(&who.role, &catalog, self.engine.login())?;
        let settings = &effective.settings;
        let caller = Caller::role(who.role.clone(), settings.require_row_security);
        self.descriptions.answer(&catalog, settings, &caller, (request, call.header("host")))
    }

    async fn attempt(
        &self,
        effective: &Effective,
        asked: &Asked,
        session: &Session,
        timing: &mut Timing,
    ) -> Result<Response> {
        let started = Instant::now();
        let catalog = self.engine.catalog();
        let (plan, shape) = self.prepare((&catalog, effective), asked, session)?;
        timing.plan = started.elapsed();
        let started = Instant::now();
        let mut options = self.options(effective, &asked.request, &shape);
        options.before = effective.before(&catalog, &session.caller)?;
        options.held = asked.held.clone();
        let answer = self.engine.run(session, &catalog, &plan, options).await?;
        timing.transaction = started.elapsed();
        let started = Instant::now();
        let response = shape.encode(Outcome {
            counts: counts(&answer),
            body: answer.body,
            location: answer.location,
            response_settings: answer.response_settings,
            content_location: asked.literals.content_location.clone(),
        });
        timing.response = started.elapsed();
        Ok(response)
    }

    fn prepare(
        &self,
        (catalog, effective): (&Arc<Catalog>, &Effective),
        asked: &Asked,
        session: &Session,
    ) -> Result<(Arc<Authorized<Plan>>, Arc<Shape>)> {
        let Asked { request, literals, .. } = asked;
        let (settings, caller) = (&effective.settings, &session.caller);
        let planning = Planning::new(catalog, &caller.role, time_zone(session)?);
        let key = Key {
            version: catalog.version,
            role: Arc::clone(&caller.role),
            request: Arc::clone(request),
        };
        if let Some(template) = self.templates.get(&key) {
            let plan = template.plan(literals, &planning)?;
            return Ok((Arc::new(plan), Arc::clone(&template.shape)));
        }
        check_role(&caller.role, catalog, self.engine.login())?;
        let Built { plan, recipe } =
            backstay_plan::build(catalog, &settings.meaning, (request, literals), &planning)
                .map_err(|error| without_hidden_names(catalog, caller, error))
                .map_err(|error| earlier(catalog, settings, request, error))?;
        let shape = Shape::choose(request, &settings.dialect, facts(catalog, request, &plan))?;
        let capabilities = self.engine.capabilities();
        if matches!(shape.media(), Media::Plan(_)) && !capabilities.explains {
            return Err(errors::not_implemented("This engine does not tell execution plans"));
        }
        let authorize = if capabilities.enforces_rules {
            backstay_policy::authorize_for_database
        } else {
            backstay_policy::authorize
        };
        let plan = authorize(catalog, caller, plan)
            .map_err(|error| without_hidden_names(catalog, caller, error))?;
        let shape = Arc::new(shape);
        if let Some(recipe) = recipe {
            let plan = plan.with_values(Vec::new(), Vec::new());
            self.templates.put(key, Template { plan, recipe, shape: Arc::clone(&shape) });
        }
        Ok((Arc::new(plan), shape))
    }

    fn options(&self, effective: &Effective, request: &Request, shape: &Arc<Shape>) -> Options {
        let checked = Arc::clone(shape);
        let shown = match shape.media() {
            Media::Plan(plan) => &plan.explained,
            other => other,
        };
        let format = match shown {
            Media::Csv => Format::Csv,
            Media::Handled(handled) => match handled.made_by {
                MadeBy::Function => Format::Value,
                MadeBy::Aggregate(number) => Format::Aggregate(number),
            },
            Media::Any
            | Media::Json
            | Media::ArrayStripped
            | Media::Object
            | Media::ObjectStripped
            | Media::OpenApi
            | Media::OpenApi31
            | Media::Plan(_)
            | Media::Other(_) => Format::Json,
        };
        Options {
            format,
            count: counting(&effective.settings, request),
            explain: match shape.media() {
                Media::Plan(plan) => {
                    Some(Explain { json: plan.json, options: plan.options.clone() })
                }
                _ => None,
            },
            rollback: request.rollback,
            before: None,
            held: None,
            check: Box::new(move |answer| checked.check(counts(answer), &answer.response_settings)),
        }
    }
}

/// The session of a call: whose rights, which settings, how much time.
fn session((effective, call): (&Effective, &Call<'_>), request: &Request, who: &Who) -> Session {
    let path = call.path.trim_end_matches('/');
    let mut settings = who.settings(call.method, path, effective.search_path(&request.schema));
    if let Some(zone) = &request.preferences.timezone {
        settings.set("timezone", zone.clone());
    }
    for (name, text) in &effective.app_settings {
        settings.set(name.clone(), Arc::clone(text));
    }
    let timeouts = &effective.settings.statement_timeouts;
    let anonymous = *who.role == *effective.settings.anonymous_role;
    Session {
        caller: Caller::role(Arc::clone(&who.role), effective.settings.require_row_security),
        settings: Arc::new(settings),
        statement_timeout: if anonymous { timeouts.anonymous } else { timeouts.others },
    }
}

/// What PostgreSQL says of columns and values comes after the media type and the preferences.
fn earlier(
    catalog: &Catalog,
    settings: &RecordsSettings,
    request: &Request,
    error: Error,
) -> Error {
    if error.code.starts_with("PGRST") {
        return error;
    }
    let handlers = handlers::expected(catalog, request);
    let facts = Facts { result: ResultKind::Rows, conflict_target: false, handlers };
    match Shape::choose(request, &settings.dialect, facts) {
        Err(earlier) => earlier,
        Ok(_) => error,
    }
}

/// How rows are counted: estimates are for reads only, functions are counted as they run.
fn counting(settings: &RecordsSettings, request: &Request) -> Count {
    match (request.preferences.count, &request.action, settings.dialect.max_rows) {
        (Some(backstay_rest::Count::Planned), Action::Read(_), _) => Count::Planned,
        (Some(backstay_rest::Count::Estimated), Action::Read(_), Some(exact_up_to)) => {
            Count::Estimated { exact_up_to }
        }
        _ => Count::Exact,
    }
}

/// A request, its shape and its literals apart.
struct Asked {
    request: Arc<Request>,
    literals: Literals,
    held: Option<Held>,
}

fn time_zone(session: &Session) -> Result<TimeZone> {
    match session.settings.get("timezone") {
        None => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_| errors::invalid_time_zone(name)),
    }
}

fn counts(answer: &Answer) -> Counts {
    Counts {
        rows: answer.rows,
        total: answer.total,
        inserted: answer.inserted,
        changed: answer.changed,
    }
}

/// What the plan knows and the request does not.
fn facts(catalog: &Catalog, request: &Request, plan: &Plan) -> Facts {
    let result = match &*plan.operation {
        Operation::Read(_) | Operation::Write(_) => ResultKind::Rows,
        Operation::Call(call) => match &call.result {
            CallResult::Void => ResultKind::Void,
            CallResult::Scalar(_) => ResultKind::Value,
            CallResult::Scalars { .. } => ResultKind::Values,
            CallResult::Rows { set: true, .. } => ResultKind::Rows,
            CallResult::Rows { set: false, .. } => ResultKind::Object,
        },
    };
    let conflict_target = match (&request.action, &*plan.operation) {
        (Action::Insert(insert), Operation::Write(write)) => {
            insert.conflict.as_ref().is_some_and(|conflict| conflict.target.is_some())
                || catalog
                    .relations
                    .get(&write.relation)
                    .is_some_and(|relation| relation.primary_key.is_some())
        }
        _ => false,
    };
    Facts { result, conflict_target, handlers: handlers::of(catalog, request, plan) }
}
