//! `RAISE`, `ASSERT`, and the conditions of `EXCEPTION`.

use backstay_model::{Error, Result};

use super::Parser;
use crate::plpgsql::conditions;
use crate::plpgsql::lexer::Kind;
use crate::plpgsql::tree::{FragmentId, Raise, RaiseLevel, RaiseOption, RaiseWhat, Stmt};

impl Parser<'_> {
    /// A condition of `EXCEPTION WHEN`: its codes; `None` for `OTHERS`.
    pub(super) fn condition(&mut self) -> Result<Vec<Option<String>>> {
        if self.take_word("others") {
            return Ok(vec![None]);
        }
        if self.take_word("sqlstate") {
            return self.sqlstate().map(|code| vec![Some(code)]);
        }
        let place = self.peek().start;
        let name = self.name()?;
        let codes: Vec<_> = conditions::codes(&name).map(|code| Some(code.to_owned())).collect();
        if codes.is_empty() { Err(unknown(&name).at(place)) } else { Ok(codes) }
    }

    fn sqlstate(&mut self) -> Result<String> {
        let token = self.next();
        if token.kind != Kind::Text {
            return Err(Error::new("42601", "syntax error at or near \"sqlstate\"").at(token.start));
        }
        if conditions::is_sqlstate(&token.text) {
            return Ok(token.text);
        }
        Err(Error::new("42601", "invalid SQLSTATE code").at(token.start))
    }

    pub(super) fn raise_statement(&mut self) -> Result<Stmt> {
        let place = self.next().start;
        let again =
            Raise { level: RaiseLevel::Exception, what: RaiseWhat::Again, options: Vec::new() };
        if self.peek().is_sign(";") {
            return Ok(Stmt::Raise(again));
        }
        let level = self.level();
        if self.peek().is_sign(";") {
            // `RAISE EXCEPTION;` says nothing at all.
            return Err(self.unexpected());
        }
        let what = if self.peek().kind == Kind::Text {
            let format = self.next().text;
            let values =
                if self.take_sign(",") { self.expressions(&["using", ";"])? } else { Vec::new() };
            check_format(&format, values.len()).map_err(|error| error.at(place))?;
            RaiseWhat::Format(format, values)
        } else if self.peek().is_word("using") {
            RaiseWhat::Options
        } else if self.take_word("sqlstate") {
            let code = self.sqlstate()?;
            RaiseWhat::Condition(code.clone(), code)
        } else {
            let place = self.peek().start;
            let name = self.name()?;
            let code = conditions::codes(&name).next();
            let code = code.ok_or_else(|| unknown(&name).at(place))?.to_owned();
            RaiseWhat::Condition(name, code)
        };
        let options = if self.take_word("using") { self.options()? } else { Vec::new() };
        Ok(Stmt::Raise(Raise { level, what, options }))
    }

    fn level(&mut self) -> RaiseLevel {
        const LEVELS: &[&str] = &["DEBUG", "LOG", "INFO", "NOTICE", "WARNING"];
        if self.take_word("exception") {
            return RaiseLevel::Exception;
        }
        let word = self.peek();
        let known = LEVELS
            .iter()
            .find(|level| word.kind == Kind::Word && word.text.eq_ignore_ascii_case(level));
        match known {
            Some(level) => {
                self.at += 1;
                RaiseLevel::Message(level)
            }
            None => RaiseLevel::Exception,
        }
    }

    fn options(&mut self) -> Result<Vec<(RaiseOption, FragmentId)>> {
        let mut options: Vec<(RaiseOption, FragmentId)> = Vec::new();
        loop {
            let place = self.peek().start;
            let name = self.name()?;
            let option = match name.as_str() {
                "errcode" => RaiseOption::Errcode,
                "message" => RaiseOption::Message,
                "detail" => RaiseOption::Detail,
                "hint" => RaiseOption::Hint,
                "column" => RaiseOption::Column,
                "constraint" => RaiseOption::Constraint,
                "datatype" => RaiseOption::Datatype,
                "table" => RaiseOption::Table,
                "schema" => RaiseOption::Schema,
                _ => {
                    let message =
                        format!("unrecognized RAISE statement option at or near \"{name}\"");
                    return Err(Error::new("42601", message).at(place));
                }
            };
            if !self.take_sign("=") {
                self.expect_sign(":=")?;
            }
            options.push((option, self.expression(&[",", ";"])?));
            if !self.take_sign(",") {
                return Ok(options);
            }
        }
    }

    pub(super) fn assert_statement(&mut self) -> Result<Stmt> {
        self.expect_word("assert")?;
        let condition = self.expression(&[",", ";"])?;
        let message = if self.take_sign(",") { Some(self.expression(&[";"])?) } else { None };
        Ok(Stmt::Assert(condition, message))
    }
}

fn unknown(name: &str) -> Error {
    Error::new("42704", format!("unrecognized exception condition \"{name}\""))
}

/// As many values as there are places for them.
fn check_format(format: &str, values: usize) -> Result<()> {
    let mut places = 0;
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '%' && chars.next_if_eq(&'%').is_none() {
            places += 1;
        }
    }
    match places.cmp(&values) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => {
            Err(Error::new("42601", "too many parameters specified for RAISE"))
        }
        std::cmp::Ordering::Greater => {
            Err(Error::new("42601", "too few parameters specified for RAISE"))
        }
    }
}
