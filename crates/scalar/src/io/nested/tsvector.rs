//! `tsvector`: lexemes in byte order with their positions and weights.

use std::fmt;

use backstay_model::{Error, Result};

use super::is_space;

/// Limit: the greatest position, as PostgreSQL's.
pub const POSITION_MAX: u16 = 16_383;
/// Limit: positions of one lexeme, as PostgreSQL's.
const POSITIONS_MAX: usize = 255;

/// Where a lexeme stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1.
    pub at: u16,
    /// 0 for `D` (not shown) up to 3 for `A`.
    pub weight: u8,
}

/// A document as lexemes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TsVector {
    /// Ascending by bytes, each once.
    pub lexemes: Vec<(String, Vec<Position>)>,
}

/// The weight that a letter names.
pub fn weight_of(letter: char) -> Option<u8> {
    match letter.to_ascii_uppercase() {
        'A' => Some(3),
        'B' => Some(2),
        'C' => Some(1),
        'D' => Some(0),
        _ => None,
    }
}

impl TsVector {
    /// Sorts and merges lexemes in any order.
    pub fn from_lexemes(mut lexemes: Vec<(String, Vec<Position>)>) -> Self {
        lexemes.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let mut merged: Vec<(String, Vec<Position>)> = Vec::with_capacity(lexemes.len());
        for (lexeme, positions) in lexemes {
            match merged.last_mut() {
                Some((last, have)) if *last == lexeme => have.extend(positions),
                _ => merged.push((lexeme, positions)),
            }
        }
        for (_, positions) in &mut merged {
            // Of two weights at one position the higher stays.
            positions.sort_by(|a, b| a.at.cmp(&b.at).then(b.weight.cmp(&a.weight)));
            positions.dedup_by_key(|position| position.at);
            positions.truncate(POSITIONS_MAX);
        }
        Self { lexemes: merged }
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `42601`.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || Error::new("42601", format!("syntax error in tsvector: \"{text}\""));
        let mut chars = text.chars().peekable();
        let mut lexemes = Vec::new();
        loop {
            while chars.next_if(|c| is_space(*c)).is_some() {}
            if chars.peek().is_none() {
                return Ok(Self::from_lexemes(lexemes));
            }
            let lexeme = read_lexeme(&mut chars, &|c| c == ':').ok_or_else(bad)?;
            let mut positions = Vec::new();
            if chars.next_if_eq(&':').is_some() {
                loop {
                    positions.push(read_position(&mut chars, text)?);
                    if chars.next_if_eq(&',').is_none() {
                        break;
                    }
                }
            }
            if chars.peek().is_some_and(|c| !is_space(*c)) {
                return Err(bad());
            }
            lexemes.push((lexeme, positions));
        }
    }

    /// The positions of a lexeme; nothing if the document does not hold it.
    pub fn positions(&self, lexeme: &str) -> Option<&[Position]> {
        let found = self
            .lexemes
            .binary_search_by(|(known, _)| known.as_bytes().cmp(lexeme.as_bytes()))
            .ok()?;
        self.lexemes.get(found).map(|(_, positions)| positions.as_slice())
    }

    /// The lexemes that begin with a prefix.
    pub fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a (String, Vec<Position>)> {
        let first = self.lexemes.partition_point(|(known, _)| known.as_bytes() < prefix.as_bytes());
        self.lexemes[first..].iter().take_while(move |(known, _)| known.starts_with(prefix))
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// A lexeme in quotes or bare, with escapes; nothing if it is empty or does not end.
pub(super) fn read_lexeme(chars: &mut Chars<'_>, ends: &dyn Fn(char) -> bool) -> Option<String> {
    let mut out = String::new();
    if chars.next_if_eq(&'\'').is_some() {
        loop {
            match chars.next()? {
                '\'' if chars.next_if_eq(&'\'').is_some() => out.push('\''),
                '\'' => break,
                '\\' => out.push(chars.next()?),
                c => out.push(c),
            }
        }
    } else {
        while let Some(c) = chars.next_if(|c| !is_space(*c) && !ends(*c)) {
            out.push(if c == '\\' { chars.next()? } else { c });
        }
    }
    if out.is_empty() { None } else { Some(out) }
}

fn read_position(chars: &mut Chars<'_>, text: &str) -> Result<Position> {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    if digits.is_empty() {
        return Err(Error::new("42601", format!("syntax error in tsvector: \"{text}\"")));
    }
    let at = digits.parse::<u64>().unwrap_or(u64::MAX).min(u64::from(POSITION_MAX));
    let at = u16::try_from(at).unwrap_or(POSITION_MAX);
    if at == 0 {
        return Err(Error::new("42601", format!("wrong position info in tsvector: \"{text}\"")));
    }
    let weight = match chars.peek().copied() {
        Some('*') => Some(3),
        Some(c) => weight_of(c),
        None => None,
    };
    if weight.is_some() {
        chars.next();
    }
    Ok(Position { at, weight: weight.unwrap_or(0) })
}

/// A lexeme in quotes.
pub(super) fn write_lexeme(f: &mut fmt::Formatter<'_>, lexeme: &str) -> fmt::Result {
    write!(f, "'{}'", lexeme.replace('\\', "\\\\").replace('\'', "''"))
}

impl fmt::Display for TsVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (lexeme, positions)) in self.lexemes.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write_lexeme(f, lexeme)?;
            for (index, position) in positions.iter().enumerate() {
                f.write_str(if index == 0 { ":" } else { "," })?;
                write!(f, "{}", position.at)?;
                f.write_str(["", "C", "B", "A"][usize::from(position.weight & 3)])?;
            }
        }
        Ok(())
    }
}
