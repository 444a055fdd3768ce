//! `tsquery`: terms joined by `&`, `|`, `!` and `<->`.

use std::fmt;

use backstay_model::{Error, Result};

use super::is_space;
use super::tsvector::{POSITION_MAX, read_lexeme, weight_of, write_lexeme};

/// Limit: parentheses and negations inside one another.
const NESTING_MAX: usize = 256;
/// Limit: operators and terms of a query.
const NODES_MAX: usize = 4_096;

/// A query; without a node it matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TsQuery {
    /// The outermost operator or the only term.
    pub root: Option<Node>,
}

/// A part of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A lexeme.
    Term {
        /// The lexeme.
        text: String,
        /// Bit n allows weight n (3 is `A`); 0 allows all.
        weights: u8,
        /// Does it match what begins with it?
        prefix: bool,
    },
    /// `!`.
    Not(Box<Node>),
    /// `&`.
    And(Box<Node>, Box<Node>),
    /// `|`.
    Or(Box<Node>, Box<Node>),
    /// `<->`, `<n>`: the second stands so many positions behind the first.
    Phrase(Box<Node>, Box<Node>, u16),
}

impl TsQuery {
    /// Reads the text form, terms taken as lexemes.
    ///
    /// # Errors
    /// `42601`; `54001` when nested too deeply.
    pub fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader { text, chars: text.chars().peekable(), nodes: 0 };
        reader.skip_blanks();
        if reader.chars.peek().is_none() {
            return Ok(Self::default());
        }
        let root = reader.binary(0, 0)?;
        reader.skip_blanks();
        if reader.chars.peek().is_some() {
            return Err(reader.bad());
        }
        Ok(Self { root: Some(root) })
    }
}

struct Reader<'a> {
    text: &'a str,
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    nodes: usize,
}

/// The binary operators; the priority is their number.
const OR: u8 = 1;
const AND: u8 = 2;
const PHRASE: u8 = 3;
const NOT: u8 = 4;

impl Reader<'_> {
    fn bad(&self) -> Error {
        Error::new("42601", format!("syntax error in tsquery: \"{}\"", self.text))
    }

    fn skip_blanks(&mut self) {
        while self.chars.next_if(|c| is_space(*c)).is_some() {}
    }

    /// Operators of at least this priority, left-associative.
    fn binary(&mut self, priority_min: u8, depth: usize) -> Result<Node> {
        let mut left = self.operand(depth)?;
        loop {
            self.skip_blanks();
            let (priority, c) = match self.chars.peek() {
                Some('|') => (OR, '|'),
                Some('&') => (AND, '&'),
                Some('<') => (PHRASE, '<'),
                _ => return Ok(left),
            };
            if priority < priority_min {
                return Ok(left);
            }
            self.chars.next();
            let distance = if c == '<' { self.distance()? } else { 0 };
            let right = Box::new(self.binary(priority + 1, depth)?);
            left = match priority {
                OR => Node::Or(Box::new(left), right),
                AND => Node::And(Box::new(left), right),
                _ => Node::Phrase(Box::new(left), right, distance),
            };
        }
    }

    /// Behind `<`.
    fn distance(&mut self) -> Result<u16> {
        if self.chars.next_if_eq(&'-').is_some() {
            return if self.chars.next() == Some('>') { Ok(1) } else { Err(self.bad()) };
        }
        let mut digits = String::new();
        while let Some(digit) = self.chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        if digits.is_empty() || self.chars.next() != Some('>') {
            return Err(self.bad());
        }
        digits.parse().ok().filter(|distance| *distance <= POSITION_MAX + 1).ok_or_else(|| {
            Error::new(
                "22023",
                format!(
                    "distance in phrase operator must be an integer value between zero and {} inclusive",
                    POSITION_MAX + 1
                ),
            )
        })
    }

    fn operand(&mut self, depth: usize) -> Result<Node> {
        self.nodes += 1;
        if depth > NESTING_MAX || self.nodes > NODES_MAX {
            return Err(Error::new("54001", "stack depth limit exceeded"));
        }
        self.skip_blanks();
        match self.chars.peek() {
            None => Err(Error::new("42601", format!("no operand in tsquery: \"{}\"", self.text))),
            Some('!') => {
                self.chars.next();
                Ok(Node::Not(Box::new(self.binary(NOT, depth + 1)?)))
            }
            Some('(') => {
                self.chars.next();
                let inner = self.binary(0, depth + 1)?;
                self.skip_blanks();
                if self.chars.next() == Some(')') { Ok(inner) } else { Err(self.bad()) }
            }
            Some('&' | '|' | ')' | ':' | '<') => Err(self.bad()),
            Some(_) => self.term(),
        }
    }

    fn term(&mut self) -> Result<Node> {
        let ends = |c| matches!(c, '!' | '&' | '|' | '(' | ')' | ':' | '<');
        let text = read_lexeme(&mut self.chars, &ends).ok_or_else(|| self.bad())?;
        let (mut weights, mut prefix) = (0u8, false);
        if self.chars.next_if_eq(&':').is_some() {
            while let Some(c) = self.chars.next_if(|c| *c == '*' || weight_of(*c).is_some()) {
                match weight_of(c) {
                    Some(weight) => weights |= 1 << weight,
                    None => prefix = true,
                }
            }
        }
        Ok(Node::Term { text, weights, prefix })
    }
}

impl Node {
    fn priority(&self) -> u8 {
        match self {
            Self::Or(..) => OR,
            Self::And(..) => AND,
            Self::Phrase(..) => PHRASE,
            Self::Not(_) | Self::Term { .. } => NOT,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, parent: u8, behind_phrase: bool) -> fmt::Result {
        let (left, right, sign) = match self {
            Self::Term { text, weights, prefix } => {
                write_lexeme(f, text)?;
                if *weights != 0 || *prefix {
                    f.write_str(":")?;
                }
                if *prefix {
                    f.write_str("*")?;
                }
                for (bit, letter) in [(3, "A"), (2, "B"), (1, "C"), (0, "D")] {
                    if weights & (1 << bit) != 0 {
                        f.write_str(letter)?;
                    }
                }
                return Ok(());
            }
            Self::Not(inner) => {
                f.write_str("!")?;
                return inner.write(f, NOT, false);
            }
            Self::And(left, right) => (left, right, "&".to_owned()),
            Self::Or(left, right) => (left, right, "|".to_owned()),
            Self::Phrase(left, right, 1) => (left, right, "<->".to_owned()),
            Self::Phrase(left, right, distance) => (left, right, format!("<{distance}>")),
        };
        let priority = self.priority();
        let phrase = matches!(self, Self::Phrase(..));
        let parentheses = priority < parent || (phrase && behind_phrase);
        if parentheses {
            f.write_str("( ")?;
        }
        left.write(f, priority, false)?;
        write!(f, " {sign} ")?;
        right.write(f, priority, phrase)?;
        if parentheses {
            f.write_str(" )")?;
        }
        Ok(())
    }
}

impl fmt::Display for TsQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Some(root) => root.write(f, 0, false),
            None => Ok(()),
        }
    }
}
