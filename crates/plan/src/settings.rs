//! The settings of the data API that the meaning of a request depends on.

/// What a request means beside the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// Schemas that are looked through behind the request's own for functions and types.
    pub extra_search_path: Vec<String>,
    /// Refuse updates and deletes without any filter.
    pub refuse_unfiltered_writes: bool,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            extra_search_path: vec!["public".to_owned(), "extensions".to_owned()],
            refuse_unfiltered_writes: false,
        }
    }
}
