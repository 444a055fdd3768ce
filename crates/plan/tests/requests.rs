//! Requests against a shop's catalogue: the plans they become and the errors they get.

#[path = "requests/calls.rs"]
mod calls;
#[path = "requests/embeds.rs"]
mod embeds;
#[path = "requests/reads.rs"]
mod reads;
#[path = "requests/render.rs"]
mod render;
#[path = "requests/shop.rs"]
mod shop;
#[path = "requests/writes.rs"]
mod writes;

use backstay_model::{Details, Error};
use backstay_plan::{ApiSettings, Plan, build};
use backstay_rest::{Call, Settings, parse};
use backstay_scalar::FixedEnvironment;

/// A call's method, path with query, headers and body.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) prefer: &'a str,
    pub(crate) body: &'a str,
}

/// Reads and plans a call.
pub(crate) fn plan(asked: &Asked<'_>) -> Result<Plan, Error> {
    let mut settings = Settings::new(vec!["public".to_owned()]);
    settings.aggregates = true;
    let (path, query) = match asked.url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (asked.url, None),
    };
    let headers = [("prefer", asked.prefer), ("content-type", "application/json")];
    let body = asked.body.as_bytes().into();
    let mut call = Call { method: asked.method, path, query, headers: &headers, body };
    let mut request = parse(&mut call, &settings)?;
    let literals = request.detach();
    let env = FixedEnvironment::default().with_types(Box::new(shop::catalog()));
    let built = build(&shop::catalog(), &ApiSettings::default(), (&request, &literals), &env)?;
    if let Some(recipe) = &built.recipe {
        let (params, rows) = recipe.values(&literals, &env)?;
        assert_eq!((&params, &rows), (&built.plan.params, &built.plan.rows), "{}", asked.url);
    }
    Ok(built.plan)
}

/// Plans a `GET` and writes the plan or the error down.
pub(crate) fn get(url: &str) -> String {
    show(&Asked { method: "GET", url, prefer: "", body: "" })
}

/// Plans a call and writes the plan or the error down.
pub(crate) fn show(asked: &Asked<'_>) -> String {
    match plan(asked) {
        Ok(plan) => render::plan(&plan),
        Err(error) => show_error(&error),
    }
}

fn show_error(error: &Error) -> String {
    let mut text = error.to_string();
    match &error.details {
        Some(Details::Text(details)) => text += &format!("\ndetails: {details}"),
        Some(Details::Json(details)) => text += &format!("\ndetails: {details}"),
        None => {}
    }
    if let Some(hint) = &error.hint {
        text += &format!("\nhint: {hint}");
    }
    text
}
