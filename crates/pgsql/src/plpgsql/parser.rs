//! From tokens to the tree.

mod declare;
mod flow;
mod queries;
mod raise;

use std::sync::Arc;

use backstay_catalog::ArgumentMode;
use backstay_model::{Error, Result, Type};

use super::Surroundings;
use super::lexer::{Kind, Token, tokens};
use super::tree::{
    Block, Conflict, Declared, Fragment, FragmentId, FragmentKind, Handler, Handlers, Program,
    Slot, Statement, Stmt, TriggerSlots, Variable, Visible,
};

/// Limit: how deep statements may nest.
const DEPTH_MAX: usize = 100;

/// Reads a body.
///
/// # Errors
/// As [`super::parse_routine`].
pub(super) fn parse(source: &str, around: &Surroundings<'_>) -> Result<Program> {
    let mut parser = Parser {
        source,
        around,
        tokens: tokens(source)?,
        at: 0,
        variables: Vec::new(),
        fragments: Vec::new(),
        levels: vec![Level::default()],
        visible: None,
        depth: 0,
    };
    let (arguments, found, trigger) = parser.known_variables();
    let conflict = parser.compiler_options()?;
    let body = parser.block(None)?;
    parser.take_sign(";");
    parser.expect_end()?;
    Ok(Program {
        variables: parser.variables,
        fragments: parser.fragments,
        arguments,
        found,
        trigger,
        conflict,
        body,
    })
}

/// Names of one block.
#[derive(Default)]
struct Level {
    label: Option<String>,
    /// A loop (`EXIT` without a label ends it) rather than a block.
    is_loop: bool,
    names: Vec<(String, Slot)>,
}

struct Parser<'s> {
    source: &'s str,
    around: &'s Surroundings<'s>,
    tokens: Vec<Token>,
    at: usize,
    variables: Vec<Variable>,
    fragments: Vec<Fragment>,
    levels: Vec<Level>,
    /// What [`Parser::in_sight`] gave last, while nothing changed.
    visible: Option<Arc<[Visible]>>,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + count).min(last)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        if self.at < self.tokens.len() - 1 {
            self.at += 1;
        }
        token
    }

    fn take_word(&mut self, word: &str) -> bool {
        let taken = self.peek().is_word(word);
        self.at += usize::from(taken);
        taken
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let taken = self.peek().is_sign(sign);
        self.at += usize::from(taken);
        taken
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_end(&mut self) -> Result<()> {
        if self.peek().kind == Kind::End { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String> {
        if self.peek().is_name() { Ok(self.next().text) } else { Err(self.unexpected()) }
    }

    /// `syntax error at or near …`, at the next token.
    fn unexpected(&self) -> Error {
        let token = self.peek();
        if token.kind == Kind::End {
            return Error::new("42601", "syntax error at end of input").at(token.start);
        }
        let text = &self.source[token.start..token.end];
        Error::new("42601", format!("syntax error at or near \"{text}\"")).at(token.start)
    }

    fn line(&self, offset: usize) -> usize {
        self.source[..offset].matches('\n').count() + 1
    }

    fn compiler_options(&mut self) -> Result<Conflict> {
        let mut conflict = Conflict::Error;
        while self.take_sign("#") {
            let option = self.name()?;
            let value = self.name()?;
            conflict = match (option.as_str(), value.as_str()) {
                ("variable_conflict", "error") => Conflict::Error,
                ("variable_conflict", "use_variable") => Conflict::Variable,
                ("variable_conflict", "use_column") => Conflict::Column,
                ("option" | "print_strict_params", _) => conflict,
                _ => return Err(self.unexpected()),
            };
        }
        Ok(conflict)
    }

    fn add(&mut self, variable: Variable) -> Slot {
        self.variables.push(variable);
        self.variables.len() - 1
    }

    fn add_typed(&mut self, name: &str, ty: Type) -> Slot {
        self.add(Variable {
            name: name.to_owned(),
            ty: Declared::Typed(ty, None),
            constant: false,
            not_null: false,
            default: None,
        })
    }

    fn add_record(&mut self, name: &str, ty: Declared) -> Slot {
        let name = name.to_owned();
        self.add(Variable { name, ty, constant: false, not_null: false, default: None })
    }

    fn show(&mut self, name: &str, slot: Slot) {
        self.visible = None;
        if let Some(level) = self.levels.last_mut() {
            level.names.push((name.to_owned(), slot));
        }
    }

    /// The variables that are there before anything is declared.
    fn known_variables(&mut self) -> (usize, Slot, Option<TriggerSlots>) {
        let routine = self.around.routine;
        if let Some(level) = self.levels.last_mut() {
            level.label = routine.map(|routine| routine.name.clone());
        }
        for argument in routine.iter().flat_map(|routine| &routine.arguments) {
            let name = argument.name.as_deref().unwrap_or_default();
            let slot = self.add(Variable {
                name: name.to_owned(),
                ty: match argument.ty {
                    Type::Record => Declared::Record,
                    ref ty => Declared::Typed(ty.clone(), argument.modifier),
                },
                constant: false,
                not_null: false,
                default: None,
            });
            if !name.is_empty() {
                self.show(name, slot);
            }
        }
        let arguments = self.variables.len();
        let found = self.add_typed("found", Type::Bool);
        self.show("found", found);
        let is_trigger = self.around.returns().is_some_and(|returns| returns.ty == Type::Trigger);
        let trigger = is_trigger.then(|| self.trigger_variables());
        (arguments, found, trigger)
    }

    fn trigger_variables(&mut self) -> TriggerSlots {
        let new = self.add_record("new", Declared::Record);
        self.show("new", new);
        let old = self.add_record("old", Declared::Record);
        self.show("old", old);
        let first = self.variables.len();
        let known = [
            ("tg_name", Type::Name),
            ("tg_when", Type::Text),
            ("tg_level", Type::Text),
            ("tg_op", Type::Text),
            ("tg_relid", Type::Oid),
            ("tg_relname", Type::Name),
            ("tg_table_name", Type::Name),
            ("tg_table_schema", Type::Name),
            ("tg_nargs", Type::Int4),
            ("tg_argv", Type::Text.array_of()),
        ];
        for (name, ty) in known {
            let slot = self.add_typed(name, ty);
            self.show(name, slot);
        }
        TriggerSlots { new, first }
    }

    /// The names that a fragment here may use, innermost first.
    fn in_sight(&mut self) -> Arc<[Visible]> {
        if let Some(known) = &self.visible {
            return Arc::clone(known);
        }
        let visible: Arc<[Visible]> = self
            .levels
            .iter()
            .rev()
            .flat_map(|level| {
                level.names.iter().rev().map(|(name, slot)| Visible {
                    name: name.clone(),
                    label: level.label.clone(),
                    slot: *slot,
                })
            })
            .collect();
        self.visible = Some(Arc::clone(&visible));
        visible
    }

    fn lookup(&mut self, name: &str) -> Option<Slot> {
        let levels = self.levels.iter().rev();
        levels
            .flat_map(|level| level.names.iter().rev())
            .find(|(known, _)| known == name)
            .map(|(_, slot)| *slot)
    }

    fn lookup_in(&self, label: &str, name: &str) -> Option<Slot> {
        let level = self.levels.iter().rev().find(|level| level.label.as_deref() == Some(label))?;
        level.names.iter().rev().find(|(known, _)| known == name).map(|(_, slot)| *slot)
    }

    fn open_level(&mut self, label: Option<String>, is_loop: bool) {
        self.visible = None;
        self.levels.push(Level { label, is_loop, names: Vec::new() });
    }

    fn close_level(&mut self) {
        self.visible = None;
        self.levels.pop();
    }

    fn fragment(&mut self, kind: FragmentKind, start: usize, text: String) -> FragmentId {
        let visible = self.in_sight();
        self.fragments.push(Fragment { text, kind, offset: start, visible });
        self.fragments.len() - 1
    }

    /// An expression up to one of these words or signs, which is not taken.
    fn expression(&mut self, ends: &[&str]) -> Result<FragmentId> {
        let start = self.peek().start;
        let end = self.skip_to(ends)?;
        if end <= start {
            let near = &self.source[self.peek().start..self.peek().end];
            let message = format!("missing expression at or near \"{near}\"");
            return Err(Error::new("42601", message).at(start));
        }
        Ok(self.fragment(FragmentKind::Expression, start, self.source[start..end].to_owned()))
    }

    /// Goes on to one of these words or signs outside of parentheses; gives the end of what was
    /// passed.
    fn skip_to(&mut self, ends: &[&str]) -> Result<usize> {
        let (mut parentheses, mut cases) = (0_usize, 0_usize);
        let mut end = self.peek().start;
        loop {
            let token = self.peek();
            let plain = matches!(token.kind, Kind::Word | Kind::Sign);
            if plain && parentheses == 0 && cases == 0 && ends.contains(&token.text.as_str()) {
                return Ok(end);
            }
            match (token.kind, token.text.as_str()) {
                (Kind::End, _) => return Err(self.unexpected()),
                (Kind::Sign, "(" | "[") => parentheses += 1,
                (Kind::Sign, ")" | "]") if parentheses == 0 => return Err(self.unexpected()),
                (Kind::Sign, ")" | "]") => parentheses -= 1,
                // A semicolon ends every statement, whatever was forgotten before it.
                (Kind::Sign, ";") if parentheses > 0 || !ends.contains(&";") => {
                    return Err(if parentheses > 0 {
                        Error::new("42601", "mismatched parentheses at or near \";\"")
                            .at(token.start)
                    } else {
                        self.unexpected()
                    });
                }
                (Kind::Word, "case") => cases += 1,
                (Kind::Word, "end") => cases = cases.saturating_sub(1),
                _ => {}
            }
            end = token.end;
            self.at += 1;
        }
    }

    /// `<<label>>`, if there is one.
    fn label(&mut self) -> Result<Option<String>> {
        if !self.take_sign("<<") {
            return Ok(None);
        }
        let label = self.name()?;
        self.expect_sign(">>")?;
        Ok(Some(label))
    }

    /// The label that may stand behind `END`.
    fn end_label(&mut self, label: Option<&str>) -> Result<()> {
        if !self.peek().is_name() {
            return Ok(());
        }
        let place = self.peek().start;
        let written = self.name()?;
        match label {
            Some(label) if label == written => Ok(()),
            Some(label) => Err(Error::new(
                "42601",
                format!("end label \"{written}\" differs from block's label \"{label}\""),
            )
            .at(place)),
            None => {
                let message = format!("end label \"{written}\" specified for unlabeled block");
                Err(Error::new("42601", message).at(place))
            }
        }
    }

    /// A block; its label, if any, was read.
    fn block(&mut self, label: Option<String>) -> Result<Block> {
        let label = match label {
            Some(label) => Some(label),
            None => self.label()?,
        };
        self.open_level(label.clone(), false);
        let declared = self.declarations()?;
        self.expect_word("begin")?;
        let body = self.statements(&["end", "exception"])?;
        let handlers = if self.take_word("exception") { Some(self.handlers()?) } else { None };
        self.expect_word("end")?;
        self.close_level();
        self.end_label(label.as_deref())?;
        Ok(Block { label, declared, body, handlers })
    }

    fn handlers(&mut self) -> Result<Handlers> {
        self.open_level(None, false);
        let state = self.add_typed("sqlstate", Type::Text);
        self.show("sqlstate", state);
        let message = self.add_typed("sqlerrm", Type::Text);
        self.show("sqlerrm", message);
        let mut list = Vec::new();
        while self.take_word("when") {
            let mut conditions = Vec::new();
            loop {
                conditions.extend(self.condition()?);
                if !self.take_word("or") {
                    break;
                }
            }
            self.expect_word("then")?;
            list.push(Handler { conditions, body: self.statements(&["end", "when"])? });
        }
        self.close_level();
        if list.is_empty() { Err(self.unexpected()) } else { Ok(Handlers { list, state }) }
    }

    /// Statements up to one of these words, which is not taken.
    fn statements(&mut self, ends: &[&str]) -> Result<Vec<Statement>> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::new("54001", "stack depth limit exceeded"));
        }
        let mut found = Vec::new();
        loop {
            let token = self.peek();
            if token.kind == Kind::Word && ends.contains(&token.text.as_str()) {
                break;
            }
            if token.kind == Kind::End {
                return Err(self.unexpected());
            }
            found.push(self.statement()?);
        }
        self.depth -= 1;
        Ok(found)
    }

    fn statement(&mut self) -> Result<Statement> {
        let line = self.line(self.peek().start);
        let kind = self.statement_kind()?;
        if !self.take_sign(";") {
            return Err(self.unexpected());
        }
        Ok(Statement { line, kind })
    }

    fn statement_kind(&mut self) -> Result<Stmt> {
        let label = self.label()?;
        let token = self.peek().clone();
        let word = if token.kind == Kind::Word { token.text.as_str() } else { "" };
        match word {
            "declare" | "begin" => return self.block(label).map(Stmt::Block),
            "loop" | "while" | "for" | "foreach" => return self.loop_statement(label),
            _ if label.is_some() => return Err(self.unexpected()),
            _ => {}
        }
        if self.is_assignment() {
            return self.assignment();
        }
        match word {
            "if" => self.if_statement(),
            "case" => self.case_statement(),
            "exit" | "continue" => self.exit_statement(),
            "return" => self.return_statement(),
            "raise" => self.raise_statement(),
            "assert" => self.assert_statement(),
            "perform" => self.perform_statement(),
            "execute" => self.execute_statement(),
            "get" => self.diagnostics_statement(),
            "open" => self.open_statement(),
            "fetch" | "move" => self.fetch_statement(),
            "close" => self.close_statement(),
            "null" => {
                self.next();
                Ok(Stmt::Nothing)
            }
            "commit" | "rollback" => {
                self.skip_to(&[";"])?;
                Ok(Stmt::EndTransaction)
            }
            "" | "elsif" | "elseif" | "else" | "then" | "when" | "exception" => {
                Err(self.unexpected())
            }
            _ => self.sql_statement(),
        }
    }

    /// Does the function give its results through arguments?
    fn has_results(&self) -> bool {
        self.around.routine.is_some_and(|routine| {
            routine.arguments.iter().any(|argument| {
                matches!(
                    argument.mode,
                    ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table
                )
            })
        })
    }
}
