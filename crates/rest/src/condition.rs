//! Conditions on rows: filters, logic trees, and tests for the presence of embedded rows.

use crate::{Field, Literal};

/// A condition on a row of a node; it keeps the row when it is true, not when it is null.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Condition {
    /// A test of a field.
    Filter(Filter),
    /// `and(…)`: at least one element.
    All(Vec<Condition>),
    /// `or(…)`: at least one element.
    Any(Vec<Condition>),
    /// `not.and(…)`, `not.or(…)`: SQL's NOT.
    Not(Box<Condition>),
    /// `brands=is.null` on an embed's name: no embedded row passes the embed's own conditions.
    /// Never null.
    EmbedIsNull {
        /// Position of the embed in the node's `select`.
        embed: usize,
        /// `not.is.null`: there is one.
        negated: bool,
    },
}

/// A test of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// What is tested.
    pub field: Field,
    /// `not.`: SQL's NOT around the whole test.
    pub negated: bool,
    /// The test.
    pub operation: Operation,
}

/// A test. Values are literals of the field's type, exactly as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An operator with one value, or with an array literal after `(any)` or `(all)`.
    Compare {
        /// The operator.
        operator: Operator,
        /// How the elements of the array count.
        quantifier: Option<Quantifier>,
        /// The literal. For `like` and `ilike` every `*` is `%` already.
        value: Literal,
    },
    /// `in.(…)`: a list with elements.
    In(Literal),
    /// `in.()`: the empty set, which no row is in and which `not.` turns into every row, nulls
    /// included.
    InNothing,
    /// `is.…`.
    Is(IsValue),
    /// `isdistinct.…`.
    IsDistinct(Literal),
    /// Full text search.
    FullText {
        /// How the value is read.
        kind: FullText,
        /// The text search configuration; `None` for the database's default.
        config: Option<String>,
        /// The query.
        value: Literal,
    },
}

/// The operators that take a plain value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Eq,
    /// `<>`
    Neq,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `~~`
    Like,
    /// `~~*`
    Ilike,
    /// `~`
    Match,
    /// `~*`
    Imatch,
    /// `@>`
    Contains,
    /// `<@`
    ContainedBy,
    /// `&&`
    Overlaps,
    /// `<<`
    StrictlyLeft,
    /// `>>`
    StrictlyRight,
    /// `&<`
    NotRightOf,
    /// `&>`
    NotLeftOf,
    /// `-|-`
    Adjacent,
}

/// How the elements of an array count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// One must pass.
    Any,
    /// All must pass.
    All,
}

/// What `is` tests for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IsValue {
    /// `IS NULL`
    Null,
    /// `IS NOT NULL`
    NotNull,
    /// `IS TRUE`
    True,
    /// `IS FALSE`
    False,
    /// `IS UNKNOWN`
    Unknown,
}

/// How the value of a full text search is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FullText {
    /// `fts`: `to_tsquery`.
    Query,
    /// `plfts`: `plainto_tsquery`.
    Plain,
    /// `phfts`: `phraseto_tsquery`.
    Phrase,
    /// `wfts`: `websearch_to_tsquery`.
    Web,
}

impl Operator {
    /// Does it look at each character of a text, its trailing blanks too?
    pub fn is_pattern(self) -> bool {
        matches!(self, Self::Like | Self::Ilike | Self::Match | Self::Imatch)
    }

    /// PostgreSQL's name of the operator.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Neq => "<>",
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Like => "~~",
            Self::Ilike => "~~*",
            Self::Match => "~",
            Self::Imatch => "~*",
            Self::Contains => "@>",
            Self::ContainedBy => "<@",
            Self::Overlaps => "&&",
            Self::StrictlyLeft => "<<",
            Self::StrictlyRight => ">>",
            Self::NotRightOf => "&<",
            Self::NotLeftOf => "&>",
            Self::Adjacent => "-|-",
        }
    }
}

impl FullText {
    /// The function that makes a `tsquery` of the value.
    pub fn function(self) -> &'static str {
        match self {
            Self::Query => "to_tsquery",
            Self::Plain => "plainto_tsquery",
            Self::Phrase => "phraseto_tsquery",
            Self::Web => "websearch_to_tsquery",
        }
    }
}
