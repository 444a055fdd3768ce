//! Functions that the project defined.

use std::collections::BTreeSet;

use backstay_expr::{Expr, FunctionId, Statement};
use backstay_model::{Error, Modifier, Result, Type};
use serde::{Deserialize, Serialize};

use crate::Acl;

/// A function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routine {
    /// Identity; kept by `CREATE OR REPLACE`.
    pub id: FunctionId,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `CREATE PROCEDURE`: it is called by `CALL` and gives nothing.
    #[serde(default)]
    pub procedure: bool,
    /// All arguments in order, results (`OUT`, `TABLE`) included.
    pub arguments: Vec<Argument>,
    /// What it returns.
    pub returns: Returns,
    /// Language.
    pub language: Language,
    /// `IMMUTABLE`, `STABLE` or `VOLATILE`, as declared.
    pub volatility: Volatility,
    /// `STRICT`.
    pub strict: bool,
    /// `SECURITY DEFINER`.
    pub security_definer: bool,
    /// `SET name = value`, in order.
    pub settings: Vec<(String, String)>,
    /// What it does.
    pub body: Body,
    /// The text between the quotes.
    pub source: String,
    /// What the body may do, over the call graph.
    pub effects: Effects,
    /// `ROWS n`.
    pub rows: Option<f32>,
    /// Owner.
    pub owner: String,
    /// Grants.
    pub acl: Acl,
    /// `COMMENT ON`.
    pub comment: Option<String>,
}

/// `pg_proc.provolatile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// Its name; `None` if it has none.
    pub name: Option<String>,
    /// `IN`, `OUT`…
    pub mode: ArgumentMode,
    /// Its type; the array type of a variadic one.
    pub ty: Type,
    /// Length or precision.
    pub modifier: Option<Modifier>,
    /// `DEFAULT`, coerced.
    pub default: Option<Expr>,
    /// Its text, where the database does not keep it.
    #[serde(default)]
    pub default_text: Option<String>,
}

/// The mode of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum ArgumentMode {
    In,
    Out,
    InOut,
    Variadic,
    Table,
}

/// What a function returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Returns {
    /// The type of one result: scalar, composite (row type), `Record` for `OUT`/`TABLE` columns,
    /// `Void`, `Trigger`.
    pub ty: Type,
    /// `SETOF` or `TABLE`.
    pub set: bool,
    /// Names and types of the result's columns when it is a record made of `OUT` or `TABLE` arguments.
    pub columns: Vec<(String, Type)>,
}

/// The language of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are PostgreSQL's")]
pub enum Language {
    Sql,
    PlPgSql,
    /// One that only the database runs (`c`, `plpython3u`).
    Other(String),
}

/// What a function does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Bound statements of `LANGUAGE sql`; arguments are [`Expr::Argument`]. The last one gives the
    /// result, already coerced to the result's type.
    Sql(Vec<Statement>),
    /// `LANGUAGE plpgsql`: the source is read and bound when it runs; this is what is known of it
    /// before.
    PlPgSql(Uses),
    /// The source cannot be bound (any more): a call raises this code and message.
    Unbound(String, String),
    /// It runs in the database, which keeps it.
    Native,
}

/// What the text of a body tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Uses {
    /// Every name in it: of functions and relations among others.
    pub names: BTreeSet<String>,
    /// It may change rows or sequences by itself.
    pub writes: bool,
    /// It may change settings by itself.
    pub sets: bool,
}

/// What a function may do, inferred over the call graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Effects {
    /// It may change rows or sequences.
    pub writes: bool,
    /// It may change settings.
    pub sets: bool,
}

impl Routine {
    /// The bound statements.
    ///
    /// # Errors
    /// The reason why the body cannot be bound.
    pub fn statements(&self) -> Result<&[Statement]> {
        match &self.body {
            Body::Sql(statements) => Ok(statements),
            Body::PlPgSql(_) => {
                Err(Error::internal(format!("function {} has no statements", self.name)))
            }
            Body::Unbound(code, message) => Err(Error::new(code.clone(), message.clone())),
            Body::Native => Err(Error::internal("a function of the database's own was to be run")),
        }
    }

    /// The arguments that a caller gives, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().filter(|argument| {
            matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
        })
    }

    /// Does the last argument repeat?
    pub fn is_variadic(&self) -> bool {
        self.arguments.iter().any(|argument| argument.mode == ArgumentMode::Variadic)
    }
}
