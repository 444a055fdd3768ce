//! What was asked, as one typed tree: the only thing that `plan` reads.

use backstay_model::Error;

use crate::media::Accepted;
use crate::{Literal, Node, Payload, Preferences};

/// A request to the data API, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The schema whose relations and functions are meant; always one of the exposed ones.
    pub schema: String,
    /// What is to be done.
    pub action: Action,
    /// `Prefer`, as given.
    pub preferences: Preferences,
    /// `Accept`, most wanted first.
    pub accept: Vec<Accepted>,
    /// `HEAD`: answer as `GET`, without a body.
    pub head: bool,
    /// Do everything, answer as if done, then roll back. The setting and `Prefer: tx=…` are both
    /// accounted for.
    pub rollback: bool,
    /// Errors that were seen while reading but that rank behind others: see [`Deferred`].
    pub deferred: Deferred,
    /// `Content-Location` of the answer to a read of a relation.
    pub content_location: Option<String>,
}

/// Errors of the query string that `plan` answers with once it has looked up what ranks before
/// them (table or function first, then these).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deferred {
    /// `PGRST108`: a filter, order or limit for an embed that `select` does not name. To be
    /// answered after the root relation or function was found, before relationships are looked up.
    pub embed_path: Option<Error>,
    /// `PGRST123`: aggregates are used but switched off. To be answered after relationships were
    /// found, before the columns of a body are looked up.
    pub aggregate: Option<Error>,
}

/// What a request does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// `GET`, `HEAD` of a relation.
    Read(Read),
    /// `POST` to a relation.
    Insert(Insert),
    /// `PATCH` of a relation.
    Update(Update),
    /// `PUT` to a relation: insert or replace one row.
    Put(Put),
    /// `DELETE` of a relation's rows.
    Delete(Delete),
    /// A function call.
    Call(FunctionCall),
    /// `GET`, `HEAD` of the root: the OpenAPI document.
    Root,
    /// `OPTIONS` that is no preflight: which methods there are.
    Options(OptionsTarget),
}

/// A read of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Read {
    /// The relation's name.
    pub relation: String,
    /// Which rows, in what shape.
    pub node: Node,
}

/// An insert or upsert.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Insert {
    /// The relation's name.
    pub relation: String,
    /// The rows; its columns are those to write.
    pub payload: Payload,
    /// Does a key that is absent from a row give the column's default (`missing=default`) instead
    /// of null?
    pub missing_default: bool,
    /// What to do with rows that exist already; `None` for a plain insert.
    pub conflict: Option<Conflict>,
    /// The shape of the returned rows. Its own conditions and limits are empty.
    pub node: Node,
}

/// What an insert does when a row exists already.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Conflict {
    /// Update or skip.
    pub resolution: crate::Resolution,
    /// `on_conflict`: the columns of the constraint; `None` for the primary key (and a plain insert
    /// if there is none).
    pub target: Option<Vec<String>>,
}

/// An update.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Update {
    /// The relation's name.
    pub relation: String,
    /// At most one row; without columns or without a row nothing changes.
    pub payload: Payload,
    /// Does a key that is absent from the row give the column's default instead of null?
    pub missing_default: bool,
    /// The node's own conditions choose, before the update, the rows to change; they do not restrict
    /// the returned rows. Its order sorts the returned rows; it has no limit and no offset.
    pub node: Node,
}

/// A `PUT` of one row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Put {
    /// The relation's name.
    pub relation: String,
    /// The rows of the body (usually one); the one whose key equals `keys` is meant.
    pub payload: Payload,
    /// Does a key that is absent from the row give the column's default instead of null?
    pub missing_default: bool,
    /// Column and literal of every `eq` filter; `None` if there was any other filter or a logic
    /// tree, which is `PGRST105` (as is any set of columns but the primary key's).
    pub keys: Option<Vec<(String, String)>>,
    /// The shape of the returned row. Its own conditions and limits are empty.
    pub node: Node,
}

/// A delete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delete {
    /// The relation's name.
    pub relation: String,
    /// As in [`Update`]: conditions choose the rows to delete, order sorts the returned ones.
    pub node: Node,
}

/// A function call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FunctionCall {
    /// The function's name.
    pub function: String,
    /// Arguments by name, in the order given, each name once.
    pub arguments: Vec<Argument>,
    /// The body of a `POST`, for a function with one unnamed parameter; `None` on `GET`.
    pub body: Option<RawBody>,
    /// By `GET` or `HEAD`: in a read-only transaction, whatever the function is.
    pub read_only: bool,
    /// Which of the returned rows, in what shape.
    pub node: Node,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Argument {
    /// The parameter's name.
    pub name: String,
    /// Its value.
    pub value: ArgumentValue,
}

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArgumentValue {
    /// From the query string or a form: literals of the parameter's type, at least one. The last
    /// counts, except for a `VARIADIC` parameter, whose elements they are.
    Texts(Literal),
    /// From a JSON body: the value's JSON text as it was sent.
    Json(Literal),
}

impl ArgumentValue {
    pub(crate) fn literal_mut(&mut self) -> &mut Literal {
        match self {
            Self::Texts(literal) | Self::Json(literal) => literal,
        }
    }
}

/// The body of a function call as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawBody {
    /// What kind of unnamed parameter can take it.
    pub kind: BodyKind,
    /// The bytes; valid UTF-8 unless the kind is [`BodyKind::Bytes`].
    pub bytes: Literal,
}

/// The kinds of bodies that functions take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// `application/json`, for `json` and `jsonb`.
    Json,
    /// `text/plain`, for `text`.
    Text,
    /// `text/xml`, for `xml`.
    Xml,
    /// `application/octet-stream`, for `bytea`.
    Bytes,
    /// A form or CSV: for named arguments only.
    Fields,
}

/// What an `OPTIONS` request asks about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OptionsTarget {
    /// The root.
    Root,
    /// The relation of this name.
    Relation(String),
    /// The function of this name.
    Function(String),
}

// The schema and the action tell requests apart well enough; equality looks at everything.
impl std::hash::Hash for Request {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.schema.hash(state);
        self.action.hash(state);
        self.preferences.returning.hash(state);
    }
}

impl Request {
    /// The root node of the rows that the answer shows, if the action has rows.
    pub fn node(&self) -> Option<&Node> {
        match &self.action {
            Action::Read(Read { node, .. })
            | Action::Insert(Insert { node, .. })
            | Action::Update(Update { node, .. })
            | Action::Put(Put { node, .. })
            | Action::Delete(Delete { node, .. })
            | Action::Call(FunctionCall { node, .. }) => Some(node),
            Action::Root | Action::Options(_) => None,
        }
    }

    /// Must the answer to a write show the written rows (`return=representation`)?
    pub fn wants_representation(&self) -> bool {
        self.is_write() && self.preferences.returning == Some(crate::Return::Representation)
    }

    /// Must the answer to an insert name the row's place (`return=headers-only`)?
    pub fn wants_location(&self) -> bool {
        matches!(self.action, Action::Insert(_))
            && self.preferences.returning == Some(crate::Return::HeadersOnly)
    }

    /// Does it write to a relation (a function may write too)?
    pub fn is_write(&self) -> bool {
        matches!(
            self.action,
            Action::Insert(_) | Action::Update(_) | Action::Put(_) | Action::Delete(_)
        )
    }

    /// Must all root rows be counted? Engines without an estimate of their own count exactly.
    pub fn wants_count(&self) -> bool {
        self.preferences.count.is_some()
    }
}
