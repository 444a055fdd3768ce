//! The tree of a body.

use std::sync::Arc;

use backstay_model::{Modifier, Type};

/// The place of a variable in a running body.
pub type Slot = usize;

/// The place of a [`Fragment`] in its [`Program`].
pub type FragmentId = usize;

/// A body.
#[derive(Debug, Clone)]
pub struct Program {
    /// All variables, each in its slot: first the function's arguments in the order of their
    /// declaration, then `FOUND`, then what triggers know, then declared ones.
    pub variables: Vec<Variable>,
    /// All expressions and SQL statements.
    pub fragments: Vec<Fragment>,
    /// How many of the variables are the function's arguments (`$1`…).
    pub arguments: usize,
    /// `FOUND`.
    pub found: Slot,
    /// What a trigger function knows.
    pub trigger: Option<TriggerSlots>,
    /// `#variable_conflict`.
    pub conflict: Conflict,
    /// The outermost block.
    pub body: Block,
}

/// What a name means that is both a variable and a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conflict {
    /// An error (`42702`).
    Error,
    /// The variable.
    Variable,
    /// The column.
    #[default]
    Column,
}

/// Where a trigger function's own variables are.
#[derive(Debug, Clone, Copy)]
pub struct TriggerSlots {
    /// `NEW`; `OLD` follows it.
    pub new: Slot,
    /// `TG_NAME`, and behind it `TG_WHEN`, `TG_LEVEL`, `TG_OP`, `TG_RELID`, `TG_RELNAME`,
    /// `TG_TABLE_NAME`, `TG_TABLE_SCHEMA`, `TG_NARGS`, `TG_ARGV`.
    pub first: Slot,
}

impl TriggerSlots {
    /// `TG_ARGV`.
    pub fn arguments(&self) -> Slot {
        self.first + 9
    }
}

/// A variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub ty: Declared,
    /// `CONSTANT`.
    pub constant: bool,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Its value at the start of its block.
    pub default: Option<FragmentId>,
}

/// What a variable was declared as.
#[derive(Debug, Clone)]
pub enum Declared {
    /// A type; rows of tables too.
    Typed(Type, Option<Modifier>),
    /// `RECORD`: its fields come with what is assigned.
    Record,
    /// Takes the type of what is assigned (the operand of `CASE`).
    Temporary,
    /// A cursor, bound to its query or not.
    Cursor(Option<Arc<Cursor>>),
}

/// The query of a bound cursor.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// The query.
    pub query: FragmentId,
    /// Its arguments.
    pub arguments: Vec<Slot>,
}

/// A name in sight of a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// The name.
    pub name: String,
    /// The block or function that may qualify it.
    pub label: Option<String>,
    /// What it means.
    pub slot: Slot,
}

/// An expression or a statement, as text.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// The text.
    pub text: String,
    /// What it is.
    pub kind: FragmentKind,
    /// Where it starts in the source, in bytes.
    pub offset: usize,
    /// The names in sight, innermost first.
    pub visible: Arc<[Visible]>,
}

/// What a fragment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentKind {
    /// What may stand behind `SELECT`.
    Expression,
    /// A statement.
    Statement,
}

/// `[<<label>>] [DECLARE …] BEGIN … [EXCEPTION …] END`.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its label.
    pub label: Option<String>,
    /// Variables to be set anew whenever the block is entered.
    pub declared: Vec<Slot>,
    /// Statements.
    pub body: Vec<Statement>,
    /// `EXCEPTION`.
    pub handlers: Option<Handlers>,
}

/// `EXCEPTION WHEN …`.
#[derive(Debug, Clone)]
pub struct Handlers {
    /// In order.
    pub list: Vec<Handler>,
    /// `SQLSTATE`; `SQLERRM` follows it.
    pub state: Slot,
}

/// `WHEN condition OR … THEN …`.
#[derive(Debug, Clone)]
pub struct Handler {
    /// SQLSTATEs; `None` is `OTHERS`.
    pub conditions: Vec<Option<String>>,
    /// Statements.
    pub body: Vec<Statement>,
}

/// A statement with its place.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Line, from 1.
    pub line: usize,
    /// What it does.
    pub kind: Stmt,
}

/// What a statement does.
#[derive(Debug, Clone)]
pub enum Stmt {
    /// A nested block.
    Block(Block),
    /// `target := value`.
    Assign(Target, FragmentId),
    /// `IF … ELSIF … ELSE …`.
    If(Vec<(FragmentId, Vec<Statement>)>, Vec<Statement>),
    /// `CASE`: the operand with the slot that keeps it, conditions over the slot, `ELSE`.
    Case {
        /// The operand and the slot that keeps it.
        operand: Option<(Slot, FragmentId)>,
        /// Conditions and what they lead to.
        branches: Vec<(FragmentId, Vec<Statement>)>,
        /// `ELSE`.
        otherwise: Option<Vec<Statement>>,
    },
    /// `LOOP`.
    Loop(Option<String>, Vec<Statement>),
    /// `WHILE`.
    While(Option<String>, FragmentId, Vec<Statement>),
    /// `FOR i IN [REVERSE] a..b [BY c]`.
    ForInteger {
        /// Label.
        label: Option<String>,
        /// The variable.
        slot: Slot,
        /// `REVERSE`.
        reverse: bool,
        /// First, last, step.
        bounds: (FragmentId, FragmentId, Option<FragmentId>),
        /// Statements.
        body: Vec<Statement>,
    },
    /// `FOR target IN query`.
    ForRows {
        /// Label.
        label: Option<String>,
        /// Where each row goes.
        target: Target,
        /// Where rows come from.
        rows: Rows,
        /// Statements.
        body: Vec<Statement>,
    },
    /// `FOREACH target [SLICE n] IN ARRAY array`.
    ForEach {
        /// Label.
        label: Option<String>,
        /// Where each element goes.
        target: Target,
        /// Dimensions of a slice; 0 for elements.
        slice: usize,
        /// The array.
        array: FragmentId,
        /// Statements.
        body: Vec<Statement>,
    },
    /// `EXIT` or `CONTINUE`.
    Exit {
        /// `CONTINUE`.
        again: bool,
        /// Which loop or block.
        label: Option<String>,
        /// `WHEN`.
        condition: Option<FragmentId>,
    },
    /// `RETURN`.
    Return(Option<FragmentId>),
    /// `RETURN NEXT`.
    ReturnNext(Option<FragmentId>),
    /// `RETURN QUERY`.
    ReturnQuery(Rows),
    /// `RAISE`.
    Raise(Raise),
    /// `ASSERT condition, message`.
    Assert(FragmentId, Option<FragmentId>),
    /// An SQL statement.
    Sql(FragmentId, Option<Into>),
    /// `PERFORM`.
    Perform(FragmentId),
    /// `EXECUTE text USING …`.
    Execute {
        /// The text, and the values of `$1`….
        text: FragmentId,
        /// `USING`.
        using: Vec<FragmentId>,
        /// `INTO`.
        into: Option<Into>,
    },
    /// `GET [STACKED] DIAGNOSTICS`.
    Diagnostics(Vec<(Target, Diagnostic)>),
    /// `OPEN cursor …`.
    Open(Slot, CursorSource),
    /// `FETCH` (with a target) or `MOVE`.
    Fetch {
        /// The cursor.
        cursor: Slot,
        /// Where to.
        direction: Direction,
        /// Where the row goes; `None` for `MOVE`.
        into: Option<Target>,
    },
    /// `CLOSE cursor`.
    Close(Slot),
    /// `NULL`.
    Nothing,
    /// `COMMIT` or `ROLLBACK`, which no function may do here.
    EndTransaction,
}

/// Where rows come from.
#[derive(Debug, Clone)]
pub enum Rows {
    /// A query.
    Query(FragmentId),
    /// `EXECUTE text USING …`.
    Dynamic(FragmentId, Vec<FragmentId>),
    /// A bound cursor with its arguments.
    Cursor(Slot, Vec<FragmentId>),
}

/// What a cursor is opened for.
#[derive(Debug, Clone)]
pub enum CursorSource {
    /// Its own query, with arguments.
    Bound(Vec<FragmentId>),
    /// `FOR query` or `FOR EXECUTE …`.
    For(Rows),
}

/// Where `FETCH` and `MOVE` go.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum Direction {
    Next,
    Prior,
    First,
    Last,
    Absolute(FragmentId),
    Relative(FragmentId),
    /// Of `MOVE`: all rows.
    All {
        backward: bool,
    },
}

/// `INTO [STRICT] target`.
#[derive(Debug, Clone)]
pub struct Into {
    /// `STRICT`.
    pub strict: bool,
    /// Where the row goes.
    pub target: Target,
}

/// What is assigned to.
#[derive(Debug, Clone)]
pub enum Target {
    /// A variable, or a part of it.
    Variable(Slot, Vec<PathPart>),
    /// Several, one for each column of a row.
    List(Vec<Target>),
}

/// A part of a variable.
#[derive(Debug, Clone)]
pub enum PathPart {
    /// `.field`.
    Field(String),
    /// `[subscript]`.
    Subscript(FragmentId),
    /// `[from:to]`.
    Slice(FragmentId, FragmentId),
}

/// `RAISE`.
#[derive(Debug, Clone)]
pub struct Raise {
    /// How grave.
    pub level: RaiseLevel,
    /// What is said.
    pub what: RaiseWhat,
    /// `USING`.
    pub options: Vec<(RaiseOption, FragmentId)>,
}

/// How grave a `RAISE` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RaiseLevel {
    /// The statement fails.
    Exception,
    /// A message, at this level in PostgreSQL's word.
    Message(&'static str),
}

/// What a `RAISE` says.
#[derive(Debug, Clone)]
pub enum RaiseWhat {
    /// The error that is being handled, again.
    Again,
    /// A format and its values.
    Format(String, Vec<FragmentId>),
    /// A condition: its name or code as written, and its code.
    Condition(String, String),
    /// Only `USING`.
    Options,
}

/// An option of `RAISE … USING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are PL/pgSQL's")]
pub enum RaiseOption {
    Errcode,
    Message,
    Detail,
    Hint,
    Column,
    Constraint,
    Datatype,
    Table,
    Schema,
}

/// An item of `GET DIAGNOSTICS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are PL/pgSQL's")]
pub enum Diagnostic {
    RowCount,
    Context,
    ReturnedSqlstate,
    MessageText,
    Detail,
    Hint,
    ColumnName,
    ConstraintName,
    DatatypeName,
    TableName,
    SchemaName,
    ErrorContext,
}
