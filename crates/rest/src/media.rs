//! Media types: what the caller accepts and what the answer is.

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
    /// `application/openapi+json`.
    OpenApi,
    /// `application/vnd.pgrst.plan`.
    Plan(Box<PlanMedia>),
    /// Anything else.
    Other(String),
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
