//! SQL statements, dynamic ones, cursors, results and diagnostics.

use backstay_model::{Error, Result, Type};

use super::Parser;
use crate::plpgsql::lexer::Kind;
use crate::plpgsql::tree::{
    CursorSource, Declared, Diagnostic, Direction, FragmentId, FragmentKind, Into, Rows, Slot, Stmt,
};

impl Parser<'_> {
    /// Expressions with commas up to one of these.
    pub(super) fn expressions(&mut self, ends: &[&str]) -> Result<Vec<FragmentId>> {
        let mut stops = vec![","];
        stops.extend(ends);
        let mut found = Vec::new();
        loop {
            found.push(self.expression(&stops)?);
            if !self.take_sign(",") {
                return Ok(found);
            }
        }
    }

    /// An SQL statement; `INTO` is taken out of its text.
    pub(super) fn sql_statement(&mut self) -> Result<Stmt> {
        let start = self.peek().start;
        let mut text = String::new();
        let mut copied = start;
        let mut into = None;
        let mut depth = 0_usize;
        let mut before_is_insert = false;
        loop {
            let token = self.peek().clone();
            match (token.kind, token.text.as_str()) {
                (Kind::End, _) => return Err(self.unexpected()),
                (Kind::Sign, ";") if depth == 0 => break,
                (Kind::Sign, ";") => {
                    return Err(Error::new("42601", "mismatched parentheses at or near \";\"")
                        .at(token.start));
                }
                (Kind::Sign, "(" | "[") => depth += 1,
                (Kind::Sign, ")" | "]") => depth = depth.saturating_sub(1),
                (Kind::Word, "into") if !before_is_insert && self.may_store(start) => {
                    if into.is_some() {
                        return Err(
                            Error::new("42601", "INTO specified more than once").at(token.start)
                        );
                    }
                    text.push_str(&self.source[copied..token.start]);
                    into = Some(self.into()?);
                    copied = self.tokens[self.at - 1].end;
                    text.push(' ');
                    continue;
                }
                _ => {}
            }
            before_is_insert = token.is_word("insert") || token.is_word("merge");
            self.at += 1;
        }
        let end = self.tokens[self.at - 1].end.max(copied);
        text.push_str(&self.source[copied..end]);
        let fragment = self.fragment(FragmentKind::Statement, start, text);
        Ok(Stmt::Sql(fragment, into))
    }

    /// May the statement that begins here have an `INTO` of ours?
    fn may_store(&self, start: usize) -> bool {
        let first = self.tokens.iter().find(|token| token.start == start);
        first.is_some_and(|first| {
            !matches!(first.text.as_str(), "create" | "import" | "grant" | "alter" | "comment")
        })
    }

    fn into(&mut self) -> Result<Into> {
        self.expect_word("into")?;
        let strict = self.take_word("strict");
        Ok(Into { strict, target: self.targets()? })
    }

    pub(super) fn perform_statement(&mut self) -> Result<Stmt> {
        self.expect_word("perform")?;
        let start = self.peek().start;
        let end = self.skip_to(&[";"])?;
        let text = format!("SELECT {}", &self.source[start..end]);
        Ok(Stmt::Perform(self.fragment(FragmentKind::Statement, start, text)))
    }

    pub(super) fn execute_statement(&mut self) -> Result<Stmt> {
        self.expect_word("execute")?;
        let text = self.expression(&["into", "using", ";"])?;
        let (mut into, mut using) = (None, Vec::new());
        loop {
            if into.is_none() && self.peek().is_word("into") {
                into = Some(self.into()?);
            } else if using.is_empty() && self.take_word("using") {
                using = self.expressions(&["into", ";"])?;
            } else {
                return Ok(Stmt::Execute { text, using, into });
            }
        }
    }

    /// `EXECUTE text [USING …]`; the word was taken.
    fn dynamic_rows(&mut self) -> Result<Rows> {
        let text = self.expression(&["using", ";"])?;
        let using = if self.take_word("using") { self.expressions(&[";"])? } else { Vec::new() };
        Ok(Rows::Dynamic(text, using))
    }

    pub(super) fn return_statement(&mut self) -> Result<Stmt> {
        let place = self.next().start;
        let returns = self.around.returns();
        let set = returns.is_some_and(|returns| returns.set);
        let refuse = |message: &str| Err(Error::new("42804", message.to_owned()).at(place));
        if self.peek().is_word("next") {
            self.next();
            if !set {
                return refuse("cannot use RETURN NEXT in a non-SETOF function");
            }
            if self.has_results() {
                return if self.peek().is_sign(";") {
                    Ok(Stmt::ReturnNext(None))
                } else {
                    refuse("RETURN NEXT cannot have a parameter in function with OUT parameters")
                };
            }
            return self.expression(&[";"]).map(|value| Stmt::ReturnNext(Some(value)));
        }
        if self.peek().is_word("query") {
            self.next();
            if !set {
                return refuse("cannot use RETURN QUERY in a non-SETOF function");
            }
            let rows = if self.take_word("execute") {
                self.dynamic_rows()?
            } else {
                Rows::Query(self.statement_text(&[";"])?)
            };
            return Ok(Stmt::ReturnQuery(rows));
        }
        if self.peek().is_sign(";") {
            let needs = returns.is_some_and(|returns| returns.ty != Type::Void)
                && !set
                && !self.has_results();
            return if needs { Err(self.missing_expression()) } else { Ok(Stmt::Return(None)) };
        }
        if set {
            return Err(Error::new(
                "42804",
                "RETURN cannot have a parameter in function returning set",
            )
            .with_hint("Use RETURN NEXT or RETURN QUERY.")
            .at(place));
        }
        match returns {
            Some(returns) if returns.ty == Type::Void => {
                refuse("RETURN cannot have a parameter in function returning void")
            }
            None => refuse("RETURN cannot have a parameter in function returning void"),
            Some(_) if self.has_results() => {
                refuse("RETURN cannot have a parameter in function with OUT parameters")
            }
            Some(_) => self.expression(&[";"]).map(|value| Stmt::Return(Some(value))),
        }
    }

    fn missing_expression(&self) -> Error {
        let token = self.peek();
        let near = &self.source[token.start..token.end];
        Error::new("42601", format!("missing expression at or near \"{near}\"")).at(token.start)
    }

    pub(super) fn diagnostics_statement(&mut self) -> Result<Stmt> {
        self.expect_word("get")?;
        let stacked = self.take_word("stacked");
        self.take_word("current");
        self.expect_word("diagnostics")?;
        let mut items = Vec::new();
        loop {
            let target = self.target()?;
            if !self.take_sign(":=") {
                self.expect_sign("=")?;
            }
            let place = self.peek().start;
            let name = self.name()?;
            let item = match (name.as_str(), stacked) {
                ("row_count", false) => Diagnostic::RowCount,
                ("pg_context", false) => Diagnostic::Context,
                ("returned_sqlstate", true) => Diagnostic::ReturnedSqlstate,
                ("message_text", true) => Diagnostic::MessageText,
                ("pg_exception_detail", true) => Diagnostic::Detail,
                ("pg_exception_hint", true) => Diagnostic::Hint,
                ("pg_exception_context", true) => Diagnostic::ErrorContext,
                ("column_name", true) => Diagnostic::ColumnName,
                ("constraint_name", true) => Diagnostic::ConstraintName,
                ("pg_datatype_name", true) => Diagnostic::DatatypeName,
                ("table_name", true) => Diagnostic::TableName,
                ("schema_name", true) => Diagnostic::SchemaName,
                _ => {
                    let message =
                        format!("unrecognized GET DIAGNOSTICS item at or near \"{name}\"");
                    return Err(Error::new("42601", message).at(place));
                }
            };
            items.push((target, item));
            if !self.take_sign(",") {
                return Ok(Stmt::Diagnostics(items));
            }
        }
    }

    fn cursor_variable(&mut self) -> Result<Slot> {
        let place = self.peek().start;
        let name = self.name()?;
        let slot = self.lookup(&name);
        match slot.map(|slot| (slot, &self.variables[slot].ty)) {
            Some((slot, Declared::Cursor(_))) => Ok(slot),
            Some(_) => {
                let message = format!("variable \"{name}\" must be of type cursor or refcursor");
                Err(Error::new("42804", message).at(place))
            }
            None => {
                Err(Error::new("42601", format!("\"{name}\" is not a known variable")).at(place))
            }
        }
    }

    pub(super) fn cursor_arguments(&mut self) -> Result<Vec<FragmentId>> {
        if !self.take_sign("(") {
            return Ok(Vec::new());
        }
        // `name := value` counts as the value in its place.
        let mut found = Vec::new();
        loop {
            let named = self.ahead(1).is_sign(":=") || self.ahead(1).is_sign("=>");
            self.at += if named { 2 } else { 0 };
            found.push(self.expression(&[",", ")"])?);
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign(")")?;
        Ok(found)
    }

    pub(super) fn open_statement(&mut self) -> Result<Stmt> {
        self.expect_word("open")?;
        let slot = self.cursor_variable()?;
        if let Declared::Cursor(Some(_)) = &self.variables[slot].ty {
            let arguments = self.cursor_arguments()?;
            return Ok(Stmt::Open(slot, CursorSource::Bound(arguments)));
        }
        self.take_word("no");
        self.take_word("scroll");
        self.expect_word("for")?;
        let rows = if self.take_word("execute") {
            self.dynamic_rows()?
        } else {
            Rows::Query(self.statement_text(&[";"])?)
        };
        Ok(Stmt::Open(slot, CursorSource::For(rows)))
    }

    pub(super) fn fetch_statement(&mut self) -> Result<Stmt> {
        let moves = self.peek().is_word("move");
        self.next();
        let direction = self.direction()?;
        if !self.take_word("from") {
            self.take_word("in");
        }
        let cursor = self.cursor_variable()?;
        let into = if moves {
            None
        } else {
            self.expect_word("into")?;
            Some(self.targets()?)
        };
        Ok(Stmt::Fetch { cursor, direction, into })
    }

    fn direction(&mut self) -> Result<Direction> {
        let word = self.peek().text.clone();
        let known = match word.as_str() {
            "next" => Direction::Next,
            "prior" => Direction::Prior,
            "first" => Direction::First,
            "last" => Direction::Last,
            "absolute" | "relative" => {
                self.next();
                let count = self.expression(&["from", "in"])?;
                return Ok(if word == "absolute" {
                    Direction::Absolute(count)
                } else {
                    Direction::Relative(count)
                });
            }
            "forward" | "backward" => {
                self.next();
                let backward = word == "backward";
                if self.take_word("all") {
                    return Ok(Direction::All { backward });
                }
                if self.peek().kind == Kind::Number {
                    let sign = if backward { "-" } else { "" };
                    let token = self.next();
                    let text = format!("{sign}{}", token.text);
                    let count = self.fragment(FragmentKind::Expression, token.start, text);
                    return Ok(Direction::Relative(count));
                }
                return Ok(if backward { Direction::Prior } else { Direction::Next });
            }
            "all" => Direction::All { backward: false },
            _ => return Ok(Direction::Next),
        };
        // The word may be the cursor's own name.
        if self.ahead(1).is_word("from")
            || self.ahead(1).is_word("in")
            || self.ahead(1).is_name() && !self.ahead(1).is_word("into")
        {
            self.next();
            return Ok(known);
        }
        Ok(Direction::Next)
    }

    pub(super) fn close_statement(&mut self) -> Result<Stmt> {
        self.expect_word("close")?;
        self.cursor_variable().map(Stmt::Close)
    }
}
