//! Branches, loops and what leaves them; assignments.

use backstay_model::{Error, Result, Type};

use super::Parser;
use crate::plpgsql::lexer::Kind;
use crate::plpgsql::tree::{Declared, FragmentKind, PathPart, Rows, Slot, Stmt, Target};

impl Parser<'_> {
    pub(super) fn if_statement(&mut self) -> Result<Stmt> {
        self.expect_word("if")?;
        let mut branches = Vec::new();
        loop {
            let condition = self.expression(&["then"])?;
            self.expect_word("then")?;
            let ends = &["elsif", "elseif", "else", "end"];
            branches.push((condition, self.statements(ends)?));
            if !self.take_word("elsif") && !self.take_word("elseif") {
                break;
            }
        }
        let otherwise =
            if self.take_word("else") { self.statements(&["end"])? } else { Vec::new() };
        self.expect_word("end")?;
        self.expect_word("if")?;
        Ok(Stmt::If(branches, otherwise))
    }

    pub(super) fn case_statement(&mut self) -> Result<Stmt> {
        self.expect_word("case")?;
        let mut operand = None;
        if !self.peek().is_word("when") {
            let value = self.expression(&["when"])?;
            let name = format!("__Case__Variable_{}__", self.variables.len());
            let slot = self.add_record(&name, Declared::Temporary);
            self.show(&name, slot);
            operand = Some((slot, value, name));
        }
        let mut branches = Vec::new();
        while self.take_word("when") {
            let mut condition = self.expression(&["then"])?;
            if let Some((_, _, name)) = &operand {
                let text = format!("\"{name}\" IN ({})", self.fragments[condition].text);
                let offset = self.fragments[condition].offset;
                condition = self.fragment(FragmentKind::Expression, offset, text);
            }
            self.expect_word("then")?;
            branches.push((condition, self.statements(&["when", "else", "end"])?));
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise =
            if self.take_word("else") { Some(self.statements(&["end"])?) } else { None };
        self.expect_word("end")?;
        self.expect_word("case")?;
        let operand = operand.map(|(slot, value, _)| (slot, value));
        Ok(Stmt::Case { operand, branches, otherwise })
    }

    pub(super) fn loop_statement(&mut self, label: Option<String>) -> Result<Stmt> {
        self.open_level(label.clone(), true);
        let word = self.next().text;
        let made = match word.as_str() {
            "loop" => Ok(Stmt::Loop(label.clone(), self.statements(&["end"])?)),
            "while" => {
                let condition = self.expression(&["loop"])?;
                let body = self.loop_body()?;
                Ok(Stmt::While(label.clone(), condition, body))
            }
            "foreach" => self.foreach(label.clone()),
            _ => self.for_statement(label.clone()),
        }?;
        self.expect_word("end")?;
        self.expect_word("loop")?;
        self.close_level();
        self.end_label(label.as_deref())?;
        Ok(made)
    }

    fn loop_body(&mut self) -> Result<Vec<crate::plpgsql::tree::Statement>> {
        self.expect_word("loop")?;
        self.statements(&["end"])
    }

    fn foreach(&mut self, label: Option<String>) -> Result<Stmt> {
        let target = self.targets()?;
        let mut slice = 0;
        if self.take_word("slice") {
            let number = self.next();
            slice = number.text.parse().map_err(|_| self.unexpected())?;
        }
        self.expect_word("in")?;
        self.expect_word("array")?;
        let array = self.expression(&["loop"])?;
        let body = self.loop_body()?;
        Ok(Stmt::ForEach { label, target, slice, array, body })
    }

    fn for_statement(&mut self, label: Option<String>) -> Result<Stmt> {
        let place = self.peek().clone();
        let names = self.at;
        if self.ahead(1).is_word("in") && self.is_range() {
            return self.for_integer(label);
        }
        self.at = names;
        let cursor = self.ahead(2).is_name().then(|| self.ahead(2).text.clone());
        if let Some(cursor) = cursor
            && place.is_name()
            && self.ahead(1).is_word("in")
            && (self.ahead(3).is_word("loop") || self.ahead(3).is_sign("("))
            && let Some(slot) = self.lookup(&cursor)
            && let Declared::Cursor(_) = self.variables[slot].ty
        {
            return self.for_cursor(label, slot);
        }
        let known = self.known_targets();
        let target = known.map_err(|_| {
            let message = "loop variable of loop over rows must be a record variable or list of \
                           scalar variables";
            Error::new("42601", message).at(place.start)
        })?;
        self.expect_word("in")?;
        let rows = if self.take_word("execute") {
            let text = self.expression(&["loop", "using"])?;
            let using =
                if self.take_word("using") { self.expressions(&["loop"])? } else { Vec::new() };
            Rows::Dynamic(text, using)
        } else {
            Rows::Query(self.statement_text(&["loop"])?)
        };
        let body = self.loop_body()?;
        Ok(Stmt::ForRows { label, target, rows, body })
    }

    /// Is there `..` before `LOOP`?
    fn is_range(&self) -> bool {
        let mut depth = 0_usize;
        for token in &self.tokens[self.at + 2..] {
            match (token.kind, token.text.as_str()) {
                (Kind::Sign, "(" | "[") => depth += 1,
                (Kind::Sign, ")" | "]") => depth = depth.saturating_sub(1),
                (Kind::Sign, "..") if depth == 0 => return true,
                (Kind::Word, "loop") | (Kind::Sign, ";") if depth == 0 => return false,
                _ => {}
            }
        }
        false
    }

    fn for_integer(&mut self, label: Option<String>) -> Result<Stmt> {
        let name = self.name()?;
        self.expect_word("in")?;
        let reverse = self.take_word("reverse");
        let first = self.expression(&[".."])?;
        self.expect_sign("..")?;
        let last = self.expression(&["loop", "by"])?;
        let step = if self.take_word("by") { Some(self.expression(&["loop"])?) } else { None };
        let slot = self.add_typed(&name, Type::Int4);
        self.show(&name, slot);
        let body = self.loop_body()?;
        Ok(Stmt::ForInteger { label, slot, reverse, bounds: (first, last, step), body })
    }

    fn for_cursor(&mut self, label: Option<String>, cursor: Slot) -> Result<Stmt> {
        let name = self.name()?;
        self.expect_word("in")?;
        self.next();
        let arguments = self.cursor_arguments()?;
        let slot = self.add_record(&name, Declared::Record);
        self.show(&name, slot);
        let target = Target::Variable(slot, Vec::new());
        let body = self.loop_body()?;
        Ok(Stmt::ForRows { label, target, rows: Rows::Cursor(cursor, arguments), body })
    }

    pub(super) fn exit_statement(&mut self) -> Result<Stmt> {
        let again = self.peek().is_word("continue");
        let place = self.next().start;
        let named = self.peek().is_name() && !self.peek().is_word("when");
        let label = if named { Some(self.name()?) } else { None };
        let condition = if self.take_word("when") { Some(self.expression(&[";"])?) } else { None };
        let verb = if again { "CONTINUE" } else { "EXIT" };
        match &label {
            Some(label) => {
                let known =
                    self.levels.iter().rev().find(|level| level.label.as_ref() == Some(label));
                let Some(level) = known else {
                    let message = format!(
                        "there is no label \"{label}\" attached to any block or loop enclosing this statement"
                    );
                    return Err(Error::new("42601", message).at(place));
                };
                if again && !level.is_loop {
                    let message = format!("block label \"{label}\" cannot be used in CONTINUE");
                    return Err(Error::new("42601", message).at(place));
                }
            }
            None if !self.levels.iter().any(|level| level.is_loop) => {
                let message = if again {
                    "CONTINUE cannot be used outside a loop".to_owned()
                } else {
                    format!("{verb} cannot be used outside a loop, unless it has a label")
                };
                return Err(Error::new("42601", message).at(place));
            }
            None => {}
        }
        Ok(Stmt::Exit { again, label, condition })
    }

    /// Does the statement begin like `a.b[c] :=`?
    pub(super) fn is_assignment(&self) -> bool {
        if !self.peek().is_name() {
            return false;
        }
        let mut at = 1;
        loop {
            let token = self.ahead(at);
            if token.is_sign(":=") || token.is_sign("=") {
                return true;
            }
            if token.is_sign(".") && self.ahead(at + 1).is_name() {
                at += 2;
            } else if token.is_sign("[") {
                let mut depth = 0_usize;
                loop {
                    let token = self.ahead(at);
                    if token.kind == Kind::End {
                        return false;
                    }
                    depth += usize::from(token.is_sign("["));
                    depth -= usize::from(token.is_sign("]"));
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            } else {
                return false;
            }
        }
    }

    pub(super) fn assignment(&mut self) -> Result<Stmt> {
        let place = self.peek().start;
        let target = self.target()?;
        if let Target::Variable(slot, _) = &target
            && self.variables[*slot].constant
        {
            let name = &self.variables[*slot].name;
            return Err(
                Error::new("22005", format!("variable \"{name}\" is declared CONSTANT")).at(place)
            );
        }
        if !self.take_sign(":=") {
            self.expect_sign("=")?;
        }
        let value = self.expression(&[";"])?;
        Ok(Stmt::Assign(target, value))
    }

    /// Variables that rows go to: one or several with commas. Constants take nothing.
    pub(super) fn targets(&mut self) -> Result<Target> {
        let place = self.peek().start;
        let target = self.known_targets()?;
        let list: &[Target] = match &target {
            Target::List(list) => list,
            one @ Target::Variable(..) => std::slice::from_ref(one),
        };
        for one in list {
            if let Target::Variable(slot, _) = one
                && self.variables[*slot].constant
            {
                let message =
                    format!("variable \"{}\" is declared CONSTANT", self.variables[*slot].name);
                return Err(Error::new("22005", message).at(place));
            }
        }
        Ok(target)
    }

    fn known_targets(&mut self) -> Result<Target> {
        let first = self.target()?;
        if !self.peek().is_sign(",") {
            return Ok(if self.is_row(&first) { first } else { Target::List(vec![first]) });
        }
        let mut list = vec![first];
        while self.take_sign(",") {
            list.push(self.target()?);
        }
        Ok(Target::List(list))
    }

    /// Does the target take a whole row?
    fn is_row(&self, target: &Target) -> bool {
        match target {
            Target::Variable(slot, path) if path.is_empty() => match &self.variables[*slot].ty {
                Declared::Record => true,
                Declared::Typed(ty, _) => {
                    crate::types::fields_of(self.around.catalog, ty).is_some()
                }
                Declared::Temporary | Declared::Cursor(_) => false,
            },
            _ => false,
        }
    }

    /// One variable or part of a variable.
    pub(super) fn target(&mut self) -> Result<Target> {
        let token = self.peek().clone();
        let name = self.name()?;
        let mut path = Vec::new();
        let mut slot = self.lookup(&name);
        if self.peek().is_sign(".") && self.ahead(1).is_name() {
            let second = self.ahead(1).text.clone();
            if let Some(qualified) = self.lookup_in(&name, &second).filter(|_| slot.is_none()) {
                slot = Some(qualified);
                self.at += 2;
            }
        }
        let Some(slot) = slot else {
            let message = format!("\"{name}\" is not a known variable");
            return Err(Error::new("42601", message).at(token.start));
        };
        loop {
            if self.peek().is_sign(".") && self.ahead(1).is_name() {
                self.at += 1;
                path.push(PathPart::Field(self.name()?));
            } else if self.take_sign("[") {
                let first = self.expression(&["]", ":"])?;
                path.push(if self.take_sign(":") {
                    PathPart::Slice(first, self.expression(&["]"])?)
                } else {
                    PathPart::Subscript(first)
                });
                self.expect_sign("]")?;
            } else {
                return Ok(Target::Variable(slot, path));
            }
        }
    }
}
