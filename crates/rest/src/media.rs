//! Media types: what the caller accepts and what the answer is.

use std::borrow::Cow;

/// A media type that the caller accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What it means here.
    pub media: Media,
    /// As it was sent, without its weight.
    pub text: String,
}

/// A media type as far as the data API knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// `*/*`.
    Any,
    /// `application/json`, `application/vnd.pgrst.array+json`.
    Json,
    /// `application/vnd.pgrst.array+json;nulls=stripped`.
    ArrayStripped,
    /// `application/vnd.pgrst.object+json`.
    Object,
    /// `application/vnd.pgrst.object+json;nulls=stripped`.
    ObjectStripped,
    /// `text/csv`.
    Csv,
    /// `application/openapi+json`: Swagger 2.0, as PostgREST describes itself.
    OpenApi,
    /// `application/vnd.oai.openapi+json;version=3.1`.
    OpenApi31,
    /// `application/vnd.pgrst.plan`.
    Plan(Box<PlanMedia>),
    /// Made by the database itself.
    Handled(Handled),
    /// Anything else.
    Other(String),
}

/// A media type that the database makes itself, by a domain of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The domain's name; `*/*` answers whatever is asked for.
    pub media: String,
    /// What makes it.
    pub made_by: MadeBy,
}

/// What makes a media type in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MadeBy {
    /// The called function, whose value is the body.
    Function,
    /// The aggregate of this number in the catalogue, over the rows.
    Aggregate(usize),
}

/// A chosen [`Handler`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The value of `Content-Type`, unless `response.headers` has another.
    pub content_type: String,
    /// What makes it.
    pub made_by: MadeBy,
}

impl Accepted {
    /// The handler that answers this, if one does. What the dialect defines itself, such as single
    /// objects, is nobody else's.
    pub(crate) fn handled(&self, handlers: &[Handler]) -> Option<Media> {
        match self.media {
            Media::Any
            | Media::Json
            | Media::Csv
            | Media::OpenApi
            | Media::OpenApi31
            | Media::Other(_) => {}
            Media::ArrayStripped
            | Media::Object
            | Media::ObjectStripped
            | Media::Plan(_)
            | Media::Handled(_) => return None,
        }
        let essence = self.text.split(';').next().unwrap_or_default().trim();
        let found = handlers
            .iter()
            .find(|handler| handler.media == "*/*")
            .or_else(|| handlers.iter().find(|one| one.media.eq_ignore_ascii_case(essence)))?;
        let content_type = match found.media.as_str() {
            "*/*" => "application/octet-stream",
            media => media,
        };
        let content_type = content_type.to_ascii_lowercase();
        Some(Media::Handled(Handled { content_type, made_by: found.made_by }))
    }
}

/// The parameters of `application/vnd.pgrst.plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanMedia {
    /// `+json` instead of text.
    pub json: bool,
    /// `for=`: the media type whose execution is explained.
    pub explained: Media,
    /// `options=`, in order: of `analyze`, `verbose`, `settings`, `buffers`, `wal`.
    pub options: Vec<String>,
}

/// Limit: media types of an `Accept` header that are looked at.
const ACCEPTED_MAX: usize = 100;

/// Reads the values of `Accept`, most wanted first; nothing said means [`Media::Any`].
pub(crate) fn parse_accept<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Accepted> {
    let mut found: Vec<(u32, Accepted)> = values
        .flat_map(|value| split_outside_quotes(value, ','))
        .filter(|item| !item.is_empty())
        .take(ACCEPTED_MAX)
        .map(parse_one)
        .collect();
    if found.is_empty() {
        return vec![Accepted { media: Media::Any, text: "*/*".to_owned() }];
    }
    found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    found.into_iter().map(|(_, accepted)| accepted).collect()
}

/// A media type with its weight in thousandths.
fn parse_one(item: &str) -> (u32, Accepted) {
    let mut weight = 1000;
    let mut kept = Vec::new();
    for part in split_outside_quotes(item, ';') {
        match parameter(part) {
            Some((name, value)) if name.eq_ignore_ascii_case("q") => weight = thousandths(value),
            _ => kept.push(part),
        }
    }
    let text = kept.join(";");
    (weight, Accepted { media: Media::parse(&text), text })
}

fn thousandths(text: &str) -> u32 {
    let weight: f64 = text.parse().unwrap_or(1.0);
    // Between 0 and 1000 by the clamp.
    (weight.clamp(0.0, 1.0) * 1000.0) as u32
}

fn parameter(part: &str) -> Option<(&str, &str)> {
    part.split_once('=').map(|(name, value)| (name.trim(), value.trim()))
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(move |c| {
        if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    });
    parts.map(str::trim).collect()
}

impl Media {
    /// What a media type (with parameters, without weight) means here.
    pub fn parse(text: &str) -> Self {
        let parts = split_outside_quotes(text, ';');
        let essence = parts.first().copied().unwrap_or_default().to_ascii_lowercase();
        let parameters: Vec<(&str, &str)> =
            parts.iter().skip(1).filter_map(|part| parameter(part)).collect();
        let stripped = parameters.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("nulls") && value.eq_ignore_ascii_case("stripped")
        });
        match essence.as_str() {
            "*/*" | "" => Self::Any,
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" if stripped => {
                Self::ObjectStripped
            }
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => Self::Object,
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" if stripped => {
                Self::ArrayStripped
            }
            "application/json"
            | "application/vnd.pgrst.array+json"
            | "application/vnd.pgrst.array" => Self::Json,
            "text/csv" => Self::Csv,
            "application/openapi+json" => Self::OpenApi,
            "application/vnd.oai.openapi+json" if is_version_31(&parameters) => Self::OpenApi31,
            "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" => {
                Self::Plan(Box::new(PlanMedia::parse(false, &parameters)))
            }
            "application/vnd.pgrst.plan+json" => {
                Self::Plan(Box::new(PlanMedia::parse(true, &parameters)))
            }
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The type without `charset`.
    fn essence(&self) -> String {
        match self {
            Self::Any | Self::Json => "application/json".to_owned(),
            Self::ArrayStripped => "application/vnd.pgrst.array+json;nulls=stripped".to_owned(),
            Self::Object => "application/vnd.pgrst.object+json".to_owned(),
            Self::ObjectStripped => "application/vnd.pgrst.object+json;nulls=stripped".to_owned(),
            Self::Csv => "text/csv".to_owned(),
            Self::OpenApi => "application/openapi+json".to_owned(),
            Self::OpenApi31 => "application/vnd.oai.openapi+json;version=3.1".to_owned(),
            Self::Plan(plan) => plan.essence(),
            Self::Handled(handled) => handled.content_type.clone(),
            Self::Other(text) => text.clone(),
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(&self) -> Cow<'static, str> {
        match self {
            Self::Json => "application/json; charset=utf-8".into(),
            Self::Other(text) => text.clone().into(),
            Self::Handled(handled) => handled.content_type.clone().into(),
            _ => format!("{}; charset=utf-8", self.essence()).into(),
        }
    }

    /// Does it ask for one object?
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Object | Self::ObjectStripped)
    }

    /// Does it ask for objects without their null members?
    pub fn strips_nulls(&self) -> bool {
        matches!(self, Self::ArrayStripped | Self::ObjectStripped)
    }
}

/// `version=3.1`, a patch version of it, or no version at all.
fn is_version_31(parameters: &[(&str, &str)]) -> bool {
    let mut versions = parameters.iter().filter(|(name, _)| name.eq_ignore_ascii_case("version"));
    versions.next().is_none_or(|(_, value)| {
        let value = value.trim_matches('"');
        value == "3.1" || value.starts_with("3.1.")
    })
}

/// The options of execution plans.
const PLAN_OPTIONS: [&str; 5] = ["analyze", "verbose", "settings", "buffers", "wal"];

impl PlanMedia {
    fn parse(json: bool, parameters: &[(&str, &str)]) -> Self {
        let mut plan = Self { json, explained: Media::Json, options: Vec::new() };
        for (name, value) in parameters {
            if name.eq_ignore_ascii_case("for") {
                // A plan of a plan would nest without end; it is no type of its own here.
                plan.explained = match Media::parse(value.trim_matches('"')) {
                    Media::Plan(_) | Media::Any => Media::Json,
                    other => other,
                };
            } else if name.eq_ignore_ascii_case("options") {
                let known = value.split('|').filter(|option| PLAN_OPTIONS.contains(option));
                plan.options = known.map(str::to_owned).collect();
            }
        }
        plan
    }

    fn essence(&self) -> String {
        let suffix = if self.json { "json" } else { "text" };
        let mut text =
            format!("application/vnd.pgrst.plan+{suffix}; for=\"{}\"", self.explained.essence());
        if !self.options.is_empty() {
            text.push_str("; options=");
            text.push_str(&self.options.join("|"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Vec<Media> {
        parse_accept([text].into_iter()).into_iter().map(|accepted| accepted.media).collect()
    }

    #[test]
    fn the_most_wanted_type_comes_first() {
        assert_eq!(
            accept("text/csv;q=0.5, application/vnd.pgrst.object+json, Application/JSON; q=0.9"),
            [Media::Object, Media::Json, Media::Csv]
        );
        assert_eq!(accept(""), [Media::Any]);
        assert_eq!(accept("*/*"), [Media::Any]);
    }

    #[test]
    fn weights_are_no_part_of_the_text() {
        let list = parse_accept(["text/xml;q=0.4, image/png"].into_iter());
        let texts: Vec<&str> = list.iter().map(|accepted| accepted.text.as_str()).collect();
        assert_eq!(texts, ["image/png", "text/xml"]);
    }

    #[test]
    fn nulls_are_stripped_on_request() {
        for (text, media, content_type) in [
            (
                "application/vnd.pgrst.object+json;nulls=stripped",
                Media::ObjectStripped,
                "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
            ),
            (
                "application/vnd.pgrst.array+json; nulls=stripped",
                Media::ArrayStripped,
                "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
            ),
            ("application/vnd.pgrst.array+json", Media::Json, "application/json; charset=utf-8"),
            (
                "application/vnd.pgrst.object",
                Media::Object,
                "application/vnd.pgrst.object+json; charset=utf-8",
            ),
        ] {
            let parsed = Media::parse(text);
            assert_eq!(parsed, media, "{text}");
            assert_eq!(parsed.content_type(), content_type);
        }
    }

    #[test]
    fn descriptions_of_the_api_have_versions() {
        for (text, media) in [
            ("application/openapi+json", Media::OpenApi),
            ("application/vnd.oai.openapi+json;version=3.1", Media::OpenApi31),
            ("application/vnd.oai.openapi+json; version=\"3.1.0\"", Media::OpenApi31),
            ("application/vnd.oai.openapi+json", Media::OpenApi31),
        ] {
            assert_eq!(Media::parse(text), media, "{text}");
        }
        let unknown = "application/vnd.oai.openapi+json;version=3.0";
        assert_eq!(Media::parse(unknown), Media::Other(unknown.to_owned()));
        assert_eq!(
            Media::OpenApi31.content_type(),
            "application/vnd.oai.openapi+json;version=3.1; charset=utf-8"
        );
    }

    #[test]
    fn plans_keep_their_options() {
        let text =
            "application/vnd.pgrst.plan+text; for=\"application/json\"; options=analyze|verbose;";
        assert_eq!(
            Media::parse(text).content_type(),
            "application/vnd.pgrst.plan+text; for=\"application/json\"; \
             options=analyze|verbose; charset=utf-8"
        );
    }
}
