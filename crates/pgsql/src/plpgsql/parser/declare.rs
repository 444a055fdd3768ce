//! `DECLARE`.

use std::sync::Arc;

use backstay_model::{Error, Result};

use super::Parser;
use crate::plpgsql::lexer::Kind;
use crate::plpgsql::tree::{Cursor, Declared, FragmentId, FragmentKind, Slot, Variable};
use crate::plpgsql::types;

impl Parser<'_> {
    /// The variables of a block, in the order of their declaration.
    pub(super) fn declarations(&mut self) -> Result<Vec<Slot>> {
        let mut declared = Vec::new();
        while self.take_word("declare") {
            while !self.peek().is_word("begin") && !self.peek().is_word("declare") {
                declared.extend(self.declaration()?);
            }
        }
        Ok(declared)
    }

    fn declaration(&mut self) -> Result<Option<Slot>> {
        let place = self.peek().start;
        let name = self.name()?;
        let twice = self
            .levels
            .last()
            .is_some_and(|level| level.names.iter().any(|(known, _)| *known == name));
        if twice {
            let near = &self.source[place..self.tokens[self.at - 1].end];
            let message = format!("duplicate declaration at or near \"{near}\"");
            return Err(Error::new("42601", message).at(place));
        }
        if self.take_word("alias") {
            self.expect_word("for")?;
            let slot = self.aliased()?;
            self.expect_sign(";")?;
            self.show(&name, slot);
            return Ok(None);
        }
        let scroll = self.peek().is_word("scroll")
            || self.peek().is_word("no") && self.ahead(1).is_word("scroll");
        if scroll || self.peek().is_word("cursor") {
            return self.cursor(&name).map(Some);
        }
        let constant = self.take_word("constant");
        let ty = self.declared_type(&["not", ":=", "=", "default", "collate", ";"])?;
        if self.take_word("collate") {
            self.name()?;
        }
        let not_null = self.take_word("not");
        if not_null {
            self.expect_word("null")?;
        }
        let default = self.default()?;
        self.expect_sign(";")?;
        if not_null && default.is_none() {
            let message = format!(
                "variable \"{name}\" must have a default value, since it's declared NOT NULL"
            );
            return Err(Error::new("22004", message).at(place));
        }
        let slot = self.add(Variable { name: name.clone(), ty, constant, not_null, default });
        self.show(&name, slot);
        Ok(Some(slot))
    }

    fn default(&mut self) -> Result<Option<FragmentId>> {
        let given = self.take_sign(":=") || self.take_sign("=") || self.take_word("default");
        if given { self.expression(&[";"]).map(Some) } else { Ok(None) }
    }

    /// What `ALIAS FOR` names: a variable or `$n`.
    fn aliased(&mut self) -> Result<Slot> {
        let token = self.next();
        let number = token.text.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        let arguments = self.around.routine.map_or(0, |routine| routine.arguments.len());
        let slot = match number {
            Some(number) => number.checked_sub(1).filter(|at| *at < arguments),
            None => self.lookup(&token.text),
        };
        slot.ok_or_else(|| {
            let message = format!("variable \"{}\" does not exist", token.text);
            Error::new("42704", message).at(token.start)
        })
    }

    fn cursor(&mut self, name: &str) -> Result<Slot> {
        self.take_word("no");
        self.take_word("scroll");
        self.expect_word("cursor")?;
        self.open_level(None, false);
        let mut arguments = Vec::new();
        if self.take_sign("(") {
            loop {
                let argument = self.name()?;
                let ty = self.declared_type(&[",", ")"])?;
                let slot = self.add_record(&argument, ty);
                self.show(&argument, slot);
                arguments.push(slot);
                if !self.take_sign(",") {
                    break;
                }
            }
            self.expect_sign(")")?;
        }
        if !self.take_word("for") {
            self.expect_word("is")?;
        }
        let query = self.statement_text(&[";"])?;
        self.close_level();
        self.expect_sign(";")?;
        let cursor = Declared::Cursor(Some(Arc::new(Cursor { query, arguments })));
        let slot = self.add_record(name, cursor);
        self.show(name, slot);
        Ok(slot)
    }

    /// A statement up to one of these words or signs.
    pub(super) fn statement_text(&mut self, ends: &[&str]) -> Result<FragmentId> {
        let start = self.peek().start;
        let end = self.skip_to(ends)?;
        if end <= start {
            return Err(self.unexpected());
        }
        let text = self.source[start..end].to_owned();
        Ok(self.fragment(FragmentKind::Statement, start, text))
    }

    fn declared_type(&mut self, ends: &[&str]) -> Result<Declared> {
        let first = self.at;
        let start = self.peek().start;
        let end = self.skip_to(ends)?;
        let tokens = &self.tokens[first..self.at];
        let place = |error: Error| Error { position: Some(start), ..error };
        if tokens.is_empty() {
            return Err(Error::new("42601", "missing data type declaration").at(start));
        }
        if let [only] = tokens {
            match only.text.as_str() {
                "record" if only.kind == Kind::Word => return Ok(Declared::Record),
                "refcursor" if only.kind == Kind::Word => return Ok(Declared::Cursor(None)),
                _ => {}
            }
        }
        if let [name @ .., percent, what] = tokens
            && percent.is_sign("%")
            && (what.is_word("type") || what.is_word("rowtype"))
        {
            let parts: Vec<String> = name
                .iter()
                .filter(|token| token.is_name())
                .map(|token| token.text.clone())
                .collect();
            let whole_row = what.is_word("rowtype");
            if let ([variable], false) = (parts.as_slice(), whole_row)
                && let Some(slot) = self.lookup(variable)
            {
                return Ok(self.variables[slot].ty.clone());
            }
            return types::of_relation(self.around, &parts, whole_row).map_err(place);
        }
        let (ty, modifier) = types::named(self.around, &self.source[start..end]).map_err(place)?;
        Ok(Declared::Typed(ty, modifier))
    }
}
