//! Lays the digits of a number out by a template, as PostgreSQL's `NUM_processor` does.

use backstay_model::{Error, Result};

use super::super::names::ordinal;
use super::template::{Anchor, Piece, Template};

/// Prints a number given as text (`-1234.50`, already rounded to the template's digits).
///
/// # Errors
/// `22P02` for the ordinal of what is no number.
pub(super) fn print(template: &Template, text: &str, whole_digits: usize) -> Result<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut digits = digits.to_owned();
    let mut blanks = 0;
    if whole < whole_digits {
        blanks = whole_digits - whole;
    } else if whole > whole_digits {
        // Too large: every digit becomes a hash.
        let after = if template.after_point > 0 {
            format!(".{}", "#".repeat(template.after_point))
        } else {
            ".".to_owned()
        };
        digits = "#".repeat(whole_digits) + &after;
    }
    let layout = Layout::new(template, digits.into_bytes(), blanks, negative, whole_digits);
    layout.run()
}

struct Layout<'t> {
    template: &'t Template,
    number: Vec<u8>,
    /// Places before the first digit.
    blanks: usize,
    negative: bool,
    /// Brackets are left out of positive numbers under `FM`.
    bracket: bool,
    sign_written: bool,
    /// The last digit that `FM` keeps.
    last_relevant: Option<usize>,
    /// Next digit of the number.
    at: usize,
    /// Next place of the template.
    place: usize,
    end: usize,
    in_number: bool,
    out: String,
}

impl<'t> Layout<'t> {
    fn new(
        template: &'t Template,
        number: Vec<u8>,
        blanks: usize,
        negative: bool,
        whole_digits: usize,
    ) -> Self {
        let bracket = template.bracket && (negative || !template.fill);
        let sign_written = if template.plus || template.minus {
            !template.plus || template.minus
        } else {
            !negative && template.fill && template.anchor.is_none()
        };
        let mut last_relevant = None;
        if template.fill && template.point {
            last_relevant = last_relevant_digit(&number);
            if let Some(last) = last_relevant
                && template.zero_end > blanks
            {
                let zero = (template.zero_end - blanks).min(number.len().saturating_sub(1));
                last_relevant = Some(last.max(zero));
            }
        }
        // One less than the digits, one more where the sign takes a place of its own.
        let mut count = (whole_digits + template.after_point).saturating_sub(1);
        if !sign_written && blanks == 0 {
            count += 1;
        }
        let end = count + usize::from(blanks > 0) + usize::from(template.point);
        Self {
            template,
            number,
            blanks,
            negative,
            bracket,
            sign_written,
            last_relevant,
            at: 0,
            place: 0,
            end,
            in_number: false,
            out: String::new(),
        }
    }

    fn run(mut self) -> Result<String> {
        for piece in &self.template.pieces {
            match piece {
                Piece::Ordinal(capitals) => self.ordinal(*capitals)?,
                piece => self.piece(*piece),
            }
        }
        Ok(self.out)
    }

    fn ordinal(&mut self, capitals: bool) -> Result<()> {
        if self.negative || self.template.point || self.number.first() == Some(&b'#') {
            return Ok(());
        }
        let number = String::from_utf8_lossy(&self.number);
        if !number.ends_with(|c: char| c.is_ascii_digit()) {
            return Err(Error::new("22P02", format!("\"{number}\" is not a number")));
        }
        let ending = ordinal(&number);
        if capitals {
            self.out.push_str(&ending.to_ascii_uppercase());
        } else {
            self.out.push_str(ending);
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece) {
        let fill = self.template.fill;
        match piece {
            Piece::Nine | Piece::Zero | Piece::Point => self.digit(piece),
            Piece::Group if self.in_number => self.out.push(','),
            Piece::Group if !fill => self.out.push(' '),
            Piece::Currency => self.out.push(' '),
            Piece::Minus if self.negative => self.out.push('-'),
            Piece::Plus if !self.negative => self.out.push('+'),
            Piece::Minus | Piece::Plus if !fill => self.out.push(' '),
            Piece::Sign => self.out.push(if self.negative { '-' } else { '+' }),
            Piece::Literal(c) => self.out.push(c),
            Piece::Group | Piece::Minus | Piece::Plus | Piece::Ordinal(_) | Piece::Silent => {}
        }
    }

    /// `0.1` under `9.9` has no digit before the point.
    fn is_blank_zero(&self) -> bool {
        self.template.zero_start.is_none()
            && self.at == 0
            && self.number.first() == Some(&b'0')
            && self.template.after_point != 0
    }

    fn relevant_is_point(&self) -> bool {
        self.last_relevant.is_some_and(|last| self.number.get(last) == Some(&b'.'))
    }

    fn digit(&mut self, piece: Piece) {
        self.in_number = false;
        let fill = self.template.fill;
        let zeros = self.template.zero_start;
        let number_begins = self.place >= self.blanks || zeros == Some(self.place);
        if !self.sign_written
            && number_begins
            && (!self.is_blank_zero() || self.relevant_is_point())
        {
            self.write_sign();
        }
        let before_digits = self.place < self.blanks;
        if before_digits && zeros.is_none_or(|zero| zero > self.place) {
            if !fill {
                self.out.push(' ');
            }
        } else if before_digits {
            self.out.push('0');
            self.in_number = true;
        } else {
            self.write_digit(piece);
            if self.at < self.number.len() {
                self.at += 1;
            }
        }
        let mut end = self.end;
        if self.last_relevant == Some(self.at) {
            end = self.place;
        }
        if self.place + 1 == end {
            self.close();
        }
        self.place += 1;
    }

    fn write_sign(&mut self) {
        match self.template.anchor {
            Some(Anchor::Before) => self.out.push(if self.negative { '-' } else { '+' }),
            Some(Anchor::Behind) => return,
            None if self.bracket => self.out.push(if self.negative { '<' } else { ' ' }),
            None if self.negative => self.out.push('-'),
            None if !self.template.fill => self.out.push(' '),
            None => {}
        }
        self.sign_written = true;
    }

    fn write_digit(&mut self, piece: Piece) {
        let digit = self.number.get(self.at).copied();
        if digit == Some(b'.') {
            if !self.relevant_is_point() || self.template.fill {
                self.out.push('.');
            }
            return;
        }
        if self.last_relevant.is_some_and(|last| self.at > last) && piece != Piece::Zero {
            return;
        }
        if self.is_blank_zero() {
            if !self.template.fill {
                self.out.push(' ');
            } else if self.relevant_is_point() {
                self.out.push('0');
            }
            return;
        }
        if let Some(digit) = digit {
            self.out.push(char::from(digit));
            self.in_number = true;
        }
    }

    fn close(&mut self) {
        if self.sign_written && self.bracket {
            self.out.push(if self.negative { '>' } else { ' ' });
        } else if self.template.anchor == Some(Anchor::Behind) {
            self.out.push(if self.negative { '-' } else { '+' });
        }
    }
}

/// The last digit behind the point that is not zero, or the point itself.
fn last_relevant_digit(number: &[u8]) -> Option<usize> {
    let point = number.iter().position(|digit| *digit == b'.')?;
    let tail = number.get(point + 1..)?;
    Some(tail.iter().rposition(|digit| *digit != b'0').map_or(point, |at| point + 1 + at))
}
