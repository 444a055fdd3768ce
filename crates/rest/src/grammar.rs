//! The grammar of the query string's parameters: a cursor over one value, and a file for each kind.

pub(crate) mod filter;
pub(crate) mod logic;
pub(crate) mod name;
pub(crate) mod order;
pub(crate) mod select;

#[cfg(test)]
mod tests;

use backstay_model::{Error, Result};

use crate::errors;
use crate::settings::Limits;

/// A position in one parameter's text, with what is needed to explain a mistake in it.
pub(crate) struct Cursor<'a> {
    /// What is being read, for the error: `filter`, `select parameter`, …
    what: &'static str,
    text: &'a str,
    at: usize,
    /// Characters that stand before the text in error columns.
    column_offset: usize,
    limits: &'a Limits,
    /// Embeds seen so far.
    embeds: usize,
}

/// Expected where a name must stand.
pub(crate) const FIELD_NAME: &str = "field name (* or [a..z0..9_$])";

impl<'a> Cursor<'a> {
    pub(crate) fn new(what: &'static str, text: &'a str, limits: &'a Limits) -> Self {
        Self { what, text, at: 0, column_offset: 0, limits, embeds: 0 }
    }

    /// Counts error columns as if `characters` stood before the text.
    pub(crate) fn shifted(mut self, characters: usize) -> Self {
        self.column_offset = characters;
        self
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn return_to(&mut self, position: usize) {
        self.at = position;
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The character after the next one.
    pub(crate) fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(crate) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Takes the token if it stands here.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let here = self.rest().starts_with(token);
        if here {
            self.at += token.len();
        }
        here
    }

    pub(crate) fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !test(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Everything up to the end.
    pub(crate) fn take_rest(&mut self) -> &'a str {
        let rest = self.rest();
        self.at = self.text.len();
        rest
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    pub(crate) fn expect(&mut self, token: &str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { Err(self.fail(&format!("\"{token}\""))) }
    }

    /// Demands the end of the text.
    pub(crate) fn expect_end(&self, otherwise: &str) -> Result<()> {
        if self.at_end() { Ok(()) } else { Err(self.fail(otherwise)) }
    }

    /// What stands here is not what is expected.
    pub(crate) fn fail(&self, expecting: &str) -> Error {
        let details = match self.peek() {
            Some(found) => {
                let found = match found {
                    '"' => "\\\"".to_owned(),
                    '\\' => "\\\\".to_owned(),
                    other => other.to_string(),
                };
                format!("unexpected \"{found}\" expecting {expecting}")
            }
            None => format!("unexpected end of input expecting {expecting}"),
        };
        self.fail_with(details)
    }

    /// The text goes beyond a limit, whose setting has this name.
    pub(crate) fn over_limit(&self, what: &str, limit: usize, setting: &str) -> Error {
        self.fail_with(format!("{what} than the limit of {limit} (setting `{setting}`)"))
    }

    fn fail_with(&self, details: String) -> Error {
        let before = self.text.get(..self.at).unwrap_or_default();
        let column = before.chars().count() + 1 + self.column_offset;
        errors::syntax(self.what, self.text, column, details)
    }

    /// Checks the number of elements of a list that has just got one more.
    pub(crate) fn check_list(&self, elements: usize) -> Result<()> {
        let limit = self.limits.list_elements;
        if elements > limit {
            return Err(self.over_limit("more list elements", limit, "limits.list_elements"));
        }
        Ok(())
    }

    /// Reads `item ("," item)*`, blanks allowed around.
    pub(crate) fn comma_list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            items.push(item(self)?);
            self.check_list(items.len())?;
            self.skip_blanks();
            if !self.eat(",") {
                return Ok(items);
            }
        }
    }
}

/// Blanks that may stand around items.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
