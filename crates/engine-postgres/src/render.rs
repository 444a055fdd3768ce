//! Plans as PostgreSQL's SQL.
//!
//! Every name is quoted and qualified, operators included, so that the session's search path decides
//! nothing but what lies in extensions. The literals of a request are parameters (`$1`, declared as
//! `text` and cast where they stand), so that the text depends on the request's shape only and can be
//! prepared once. Row policies, grants, triggers and checks are the database's own.

mod calls;
mod environment;
mod expressions;
mod functions;
pub(crate) mod names;
mod nodes;
mod queries;
mod values;
mod writes;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use backstay_catalog::{Catalog, Relation};
use backstay_engine::Format;
use backstay_expr::{Expr, RelId};
use backstay_model::Result;
use backstay_plan::{Operation, Plan};

pub(crate) use environment::Forms;
use values::Given;

/// A plan as one statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    /// The text.
    pub(crate) sql: Arc<str>,
    /// Where its parameters come from.
    given: Vec<Given>,
    /// What its rows are.
    pub(crate) layout: Layout,
    /// How many root rows there are regardless of limit and offset, for estimates.
    pub(crate) count: Option<Counting>,
    /// May functions of the project have set `response.headers` or `response.status`?
    pub(crate) runs_functions: bool,
    /// The text is for these rows only, not for every request of the shape.
    pub(crate) depends_on_rows: bool,
}

/// A statement that only counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counting {
    /// `SELECT 1 …` over the rows that count.
    pub(crate) sql: String,
    given: Vec<Given>,
}

/// The parameters of a statement, and of the one that counts beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Of the statement.
    pub(crate) statement: Vec<Argument>,
    /// Of [`Counting`].
    pub(crate) counting: Vec<Argument>,
}

impl Rendered {
    /// The parameters for the values of a plan of this shape.
    ///
    /// # Errors
    /// `22021` for text that PostgreSQL cannot hold.
    pub(crate) fn arguments(&self, catalog: &Catalog, plan: &Plan) -> Result<Arguments> {
        let forms = Forms::new(catalog);
        let counting = self.count.as_ref().map_or(&[][..], |count| &count.given);
        Ok(Arguments {
            statement: values::arguments(&forms, &self.given, plan)?,
            counting: values::arguments(&forms, counting, plan)?,
        })
    }
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argument {
    /// Its text form; null for null.
    pub(crate) text: Option<String>,
    /// Its type is decided where it stands, as that of a literal, rather than by a cast from `text`.
    pub(crate) typed_by_context: bool,
}

/// What the rows of a statement are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// No rows: the number of rows affected is all there is to know.
    Affected,
    /// Column 0: a row of the answer as JSON or CSV, null where there is none. Column 1, if `total`: a
    /// `bigint` that is the same in every row: all rows, or the written ones.
    Rows {
        /// Is there a column 1?
        total: bool,
        /// Rows stand in an array, else there is one bare value.
        array: bool,
        /// The header line of CSV.
        header: Vec<String>,
    },
    /// One row: the body, how many rows it was made of, and how many there are if `total`.
    Whole {
        /// Is the number of all rows in column 2?
        total: bool,
    },
    /// Column 0: how many rows were written. Then the text forms of these key columns, if it was one.
    Location(Vec<String>),
    /// Called for its effect.
    Void,
}

/// How a plan is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    /// JSON, CSV or what the database makes.
    pub(crate) format: Format,
    /// Count in the same statement rather than beside it.
    pub(crate) exact_count: bool,
}

/// Renders a plan.
///
/// # Errors
/// `0A000` for what PostgreSQL's dialect does not say, `22021` for text that it cannot hold.
pub(crate) fn render(catalog: &Catalog, plan: &Plan, form: Form) -> Result<Rendered> {
    let forms = Forms::new(catalog);
    let mut renderer = Renderer::new(&forms, plan, form.format);
    let layout = match &*plan.operation {
        Operation::Read(read) => {
            let count = read.count.as_ref().filter(|_| form.exact_count);
            renderer.read(&read.node, count)?
        }
        Operation::Write(write) => renderer.write(write)?,
        Operation::Call(call) => renderer.call(call)?,
    };
    let count = match &*plan.operation {
        Operation::Read(read) if !form.exact_count => match &read.count {
            Some(query) => {
                let mut counting = Renderer::new(&forms, plan, form.format);
                counting.counted_rows(query)?;
                Some(Counting { sql: counting.sql, given: counting.arguments })
            }
            None => None,
        },
        _ => None,
    };
    Ok(Rendered {
        sql: renderer.sql.into(),
        given: renderer.arguments,
        layout,
        count,
        runs_functions: renderer.runs_functions,
        depends_on_rows: renderer.depends_on_rows,
    })
}

/// An entry of `FROM`, as columns of it are written.
#[derive(Debug, Clone, Copy)]
enum Entry<'a> {
    /// A relation: columns go by attribute number.
    Relation(&'a Relation),
    /// The proposed row of an upsert.
    Excluded(&'a Relation),
    /// The rows that the statement has written, in the common table expression `written`.
    Written(&'a Relation),
    /// A function: columns go by position.
    Function(&'a [(String, backstay_model::Type)]),
    /// A sub-select or common table expression: columns are called `c1`, `c2`…
    Query,
}

/// What a written row must give back.
#[derive(Debug, Default)]
struct Returned {
    columns: Vec<u16>,
    row: bool,
}

/// A statement under construction.
struct Renderer<'a> {
    forms: &'a Forms<'a>,
    format: Format,
    sql: String,
    plan: &'a Plan,
    arguments: Vec<Given>,
    /// For each literal of the plan the number of its parameter, once it was used.
    numbers: HashMap<usize, usize>,
    entries: HashMap<RelId, Entry<'a>>,
    /// The keys that the nodes around hand to their children, innermost last.
    parents: Vec<Vec<String>>,
    returned: Returned,
    /// The call whose result stands in the common table expression `called`.
    called: Option<&'a Expr>,
    runs_functions: bool,
    depends_on_rows: bool,
    aliases: usize,
}

impl<'a> Renderer<'a> {
    fn new(forms: &'a Forms<'a>, plan: &'a Plan, format: Format) -> Self {
        Self {
            forms,
            format,
            sql: String::with_capacity(512),
            plan,
            arguments: Vec::new(),
            numbers: HashMap::new(),
            entries: HashMap::new(),
            parents: Vec::new(),
            returned: Returned::default(),
            called: None,
            runs_functions: false,
            depends_on_rows: false,
            aliases: 0,
        }
    }

    fn catalog(&self) -> &'a Catalog {
        self.forms.catalog
    }

    fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// What `write` writes, kept out of the statement.
    fn apart(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<String> {
        let around = std::mem::take(&mut self.sql);
        let done = write(self);
        let text = std::mem::replace(&mut self.sql, around);
        done.map(|()| text)
    }

    /// Writes each, with a separator between.
    fn each<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        separator: &str,
        mut write: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            write(self, item)?;
        }
        Ok(())
    }

    /// A name for a derived table, unlike any other.
    fn alias(&mut self, letter: char) -> String {
        self.aliases += 1;
        format!("{letter}{}", self.aliases)
    }
}
