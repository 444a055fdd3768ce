//! From PostgreSQL's advanced regular expressions to the syntax of the `regex` crate.
//!
//! Engine difference: lookaround and backreferences are refused, because matching must take linear
//! time; among alternatives the first that matches wins, where PostgreSQL takes the longest.

use backstay_model::Result;

use super::compiled::{Flags, invalid};

/// Limit: the greatest count in `{m,n}`, as PostgreSQL's.
const REPETITION_MAX: u32 = 255;

/// The translated pattern, and the options after those that stand in the pattern.
pub(super) fn translate(pattern: &str, flags: Flags) -> Result<(String, Flags)> {
    let mut flags = flags;
    let mut rest = pattern;
    if let Some(literal) = rest.strip_prefix("***=") {
        return Ok((regex::escape(literal), flags));
    }
    rest = rest.strip_prefix("***:").unwrap_or(rest);
    if let Some((letters, behind)) = embedded_options(rest) {
        for letter in letters.chars() {
            if !flags.set(letter) {
                return Err(invalid("invalid embedded option"));
            }
        }
        rest = behind;
    }
    if flags.literal {
        return Ok((regex::escape(rest), flags));
    }
    let translator = Translator {
        chars: rest.chars().collect(),
        at: 0,
        out: String::with_capacity(rest.len() + 8),
        flags,
        depth: 0,
        quantifiable: false,
    };
    translator.run().map(|out| (out, flags))
}

/// `(?xyz)` at the start.
fn embedded_options(pattern: &str) -> Option<(&str, &str)> {
    let (letters, behind) = pattern.strip_prefix("(?")?.split_once(')')?;
    let all_letters = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase());
    all_letters.then_some((letters, behind))
}

struct Translator {
    chars: Vec<char>,
    at: usize,
    out: String,
    flags: Flags,
    depth: usize,
    /// May a quantifier follow?
    quantifiable: bool,
}

impl Translator {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_is(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, c)| self.chars.get(self.at + index) == Some(&c))
    }

    fn run(mut self) -> Result<String> {
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => self.escape()?,
                '[' => self.bracket()?,
                '(' => self.open()?,
                ')' => {
                    self.depth = self
                        .depth
                        .checked_sub(1)
                        .ok_or_else(|| invalid("parentheses () not balanced"))?;
                    self.atom(")");
                }
                '|' => self.constraint("|"),
                '^' => self.constraint("^"),
                '$' => self.constraint("$"),
                '*' | '+' | '?' => self.quantifier(&c.to_string())?,
                '{' if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                    let bounds = self.bounds()?;
                    self.quantifier(&bounds)?;
                }
                '.' => self.atom("."),
                c if self.flags.expanded && c.is_whitespace() => {}
                '#' if self.flags.expanded => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                c => self.literal(c),
            }
        }
        if self.depth > 0 {
            return Err(invalid("parentheses () not balanced"));
        }
        Ok(self.out)
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.quantifiable = true;
    }

    /// What matches a place and cannot be repeated.
    fn constraint(&mut self, text: &str) {
        self.out.push_str(text);
        self.quantifiable = false;
    }

    fn literal(&mut self, c: char) {
        push_literal(c, &mut self.out);
        self.quantifiable = true;
    }

    fn quantifier(&mut self, text: &str) -> Result<()> {
        if !self.quantifiable {
            return Err(invalid("quantifier operand invalid"));
        }
        self.out.push_str(text);
        if self.peek() == Some('?') {
            self.at += 1;
            self.out.push('?');
        }
        self.quantifiable = false;
        Ok(())
    }

    fn number(&mut self) -> Result<Option<u32>> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            let next = number.unwrap_or(0) * 10 + digit;
            if next > REPETITION_MAX {
                return Err(invalid("invalid repetition count(s)"));
            }
            number = Some(next);
        }
        Ok(number)
    }

    /// Behind `{`, before a digit.
    fn bounds(&mut self) -> Result<String> {
        let least = self.number()?.unwrap_or(0);
        let mut text = format!("{{{least}");
        if self.peek() == Some(',') {
            self.at += 1;
            text.push(',');
            if let Some(most) = self.number()? {
                if most < least {
                    return Err(invalid("invalid repetition count(s)"));
                }
                text.push_str(&most.to_string());
            }
        }
        match self.peek() {
            Some('}') => self.at += 1,
            None => return Err(invalid("braces {} not balanced")),
            Some(_) => return Err(invalid("invalid repetition count(s)")),
        }
        text.push('}');
        Ok(text)
    }

    /// Behind `(`.
    fn open(&mut self) -> Result<()> {
        if self.peek_is("?#") {
            while self.peek().is_some_and(|c| c != ')') {
                self.at += 1;
            }
            self.at += 1;
            return Ok(());
        }
        self.depth += 1;
        self.quantifiable = false;
        if self.peek() != Some('?') {
            self.out.push('(');
            return Ok(());
        }
        if self.peek_is("?:") {
            self.at += 2;
            self.out.push_str("(?:");
            return Ok(());
        }
        if ["?=", "?!", "?<=", "?<!"].iter().any(|start| self.peek_is(start)) {
            return Err(invalid("lookahead and lookbehind constraints are not supported"));
        }
        Err(invalid("quantifier operand invalid"))
    }

    /// Up to so many hexadecimal digits, as a character.
    fn hex(&mut self, least: usize, most: usize) -> Result<char> {
        let bad = || invalid("invalid escape \\ sequence");
        let mut digits = String::new();
        while digits.len() < most {
            let Some(digit) = self.peek().filter(char::is_ascii_hexdigit) else { break };
            self.at += 1;
            digits.push(digit);
        }
        if digits.len() < least {
            return Err(bad());
        }
        let code = u32::from_str_radix(&digits, 16).map_err(|_| bad())?;
        char::from_u32(code).ok_or_else(bad)
    }

    /// The character of an escape that means one, inside brackets and outside.
    fn character_escape(&mut self, c: char) -> Result<Option<char>> {
        Ok(Some(match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'B' => '\\',
            'c' => {
                let control = self.peek().ok_or_else(|| invalid("invalid escape \\ sequence"))?;
                self.at += 1;
                char::from_u32(u32::from(control) & 0x1f).unwrap_or('\0')
            }
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'u' => self.hex(4, 4)?,
            'U' => self.hex(8, 8)?,
            'x' => self.hex(1, 6)?,
            '0' => '\0',
            c if !c.is_alphanumeric() => c,
            _ => return Ok(None),
        }))
    }

    /// Behind `\`.
    fn escape(&mut self) -> Result<()> {
        let c = self.peek().ok_or_else(|| invalid("invalid escape \\ sequence"))?;
        self.at += 1;
        match c {
            'd' => self.atom("[0-9]"),
            'D' => self.atom("[^0-9]"),
            'w' | 'W' | 's' | 'S' => self.atom(&format!("\\{c}")),
            'm' => self.constraint("\\b{start}"),
            'M' => self.constraint("\\b{end}"),
            'y' => self.constraint("\\b"),
            'Y' => self.constraint("\\B"),
            'A' => self.constraint("\\A"),
            'Z' => self.constraint("\\z"),
            '1'..='9' => return Err(invalid("backreferences are not supported")),
            c => match self.character_escape(c)? {
                Some(c) => self.literal(c),
                None => return Err(invalid("invalid escape \\ sequence")),
            },
        }
        Ok(())
    }

    /// Behind `[`.
    fn bracket(&mut self) -> Result<()> {
        for (word, constraint) in [("[:<:]]", "\\b{start}"), ("[:>:]]", "\\b{end}")] {
            if self.peek_is(word) {
                self.at += word.len();
                self.constraint(constraint);
                return Ok(());
            }
        }
        self.out.push('[');
        if self.peek() == Some('^') {
            self.at += 1;
            self.out.push('^');
            if self.flags.dot_stops_at_newline {
                self.out.push_str("\\n");
            }
        }
        let mut first = true;
        loop {
            let c = self.peek().ok_or_else(|| invalid("brackets [] not balanced"))?;
            if c == ']' && !first {
                self.at += 1;
                break;
            }
            first = false;
            self.bracket_item()?;
        }
        self.out.push(']');
        self.quantifiable = true;
        Ok(())
    }

    /// One character, range or class of a bracket expression.
    fn bracket_item(&mut self) -> Result<()> {
        let Some(from) = self.bracket_element()? else { return Ok(()) };
        let is_range = self.peek() == Some('-')
            && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
        push_literal(from, &mut self.out);
        if is_range {
            self.at += 1;
            let to = self.bracket_element()?.ok_or_else(|| invalid("invalid character range"))?;
            if to < from {
                return Err(invalid("invalid character range"));
            }
            self.out.push('-');
            push_literal(to, &mut self.out);
        }
        Ok(())
    }

    /// A character; nothing if it was a class, which is written at once.
    fn bracket_element(&mut self) -> Result<Option<char>> {
        let unbalanced = || invalid("brackets [] not balanced");
        let c = self.peek().ok_or_else(unbalanced)?;
        self.at += 1;
        match c {
            '\\' => {
                let c = self.peek().ok_or_else(unbalanced)?;
                self.at += 1;
                match c {
                    'd' => self.out.push_str("0-9"),
                    'w' | 's' | 'D' | 'S' | 'W' => {
                        self.out.push('\\');
                        self.out.push(c);
                    }
                    c => {
                        return self
                            .character_escape(c)?
                            .map(Some)
                            .ok_or_else(|| invalid("invalid escape \\ sequence"));
                    }
                }
                Ok(None)
            }
            '[' if matches!(self.peek(), Some(':' | '.' | '=')) => {
                let kind = self.peek().unwrap_or(':');
                self.at += 1;
                let mut name = String::new();
                while !self.peek_is(&format!("{kind}]")) {
                    name.push(self.peek().ok_or_else(unbalanced)?);
                    self.at += 1;
                }
                self.at += 2;
                self.named(kind, &name)
            }
            c => Ok(Some(c)),
        }
    }

    /// `[:alpha:]`, `[.-.]`, `[=a=]`.
    fn named(&mut self, kind: char, name: &str) -> Result<Option<char>> {
        if kind != ':' {
            let mut chars = name.chars();
            return match (chars.next(), chars.next()) {
                (Some(c), None) => Ok(Some(c)),
                _ => Err(invalid("invalid collating element")),
            };
        }
        self.out.push_str(match name {
            "alpha" => "\\p{Alphabetic}",
            "alnum" => "\\p{Alphabetic}\\p{Nd}",
            "digit" => "0-9",
            "upper" => "\\p{Uppercase}",
            "lower" => "\\p{Lowercase}",
            "space" => "\\s",
            "blank" => " \\t",
            "punct" => "\\p{P}\\p{S}",
            "cntrl" => "\\p{Cc}",
            "graph" => "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}",
            "print" => "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}",
            "xdigit" => "0-9A-Fa-f",
            "word" => "\\w",
            "ascii" => "\\x00-\\x7f",
            _ => return Err(invalid("invalid character class")),
        });
        Ok(None)
    }
}

/// A character that stands for itself, in brackets and outside.
fn push_literal(c: char, out: &mut String) {
    // The crate gives `\<` and `\>` a meaning of their own.
    if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
        out.push('\\');
    }
    out.push(c);
}
