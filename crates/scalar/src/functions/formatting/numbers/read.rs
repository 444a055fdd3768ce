//! `to_number`.

use backstay_model::{Error, Numeric, Result};

use super::template::{Piece, Template};
use crate::functions::numeric;

/// Reads a number by the template; `None` for an empty template.
pub(super) fn read(text: &str, template: &str) -> Option<Result<Numeric>> {
    if template.is_empty() {
        return None;
    }
    Some(Template::parse(template).and_then(|template| by_template(text, &template)))
}

fn by_template(text: &str, template: &Template) -> Result<Numeric> {
    if template.scientific {
        return Err(Error::new("0A000", "\"EEEE\" not supported for input"));
    }
    if template.roman {
        return Err(Error::new("0A000", "\"RN\" not supported for input"));
    }
    let mut reader = Reader { rest: text.trim_start(), digits: String::new(), negative: false };
    if let Some(tail) = reader.rest.strip_prefix('<')
        && template.bracket
    {
        reader.negative = true;
        reader.rest = tail;
    }
    for piece in &template.pieces {
        reader.take(*piece, template.point);
    }
    // A sign behind the digits.
    let negative = reader.negative || reader.rest.starts_with('-');
    let digits = reader.digits;
    let shown = if digits.is_empty() { " " } else { &digits };
    let mut number: Numeric = digits
        .parse()
        .ok()
        .filter(|_| digits.bytes().any(|b| b.is_ascii_digit()))
        .ok_or_else(|| Error::invalid_input("numeric", shown))?;
    if template.multiply > 0 {
        let power = Numeric::power_of_ten(u32::try_from(template.multiply).unwrap_or(0));
        number = numeric::divide(&number, &Numeric::new(power, 0))?;
    }
    Ok(if negative { numeric::negate(&number) } else { number })
}

struct Reader<'t> {
    rest: &'t str,
    /// Digits and at most one point.
    digits: String,
    negative: bool,
}

impl Reader<'_> {
    fn take(&mut self, piece: Piece, point: bool) {
        let Some(first) = self.rest.chars().next() else { return };
        match piece {
            Piece::Nine | Piece::Zero | Piece::Point => self.digit(piece, point),
            Piece::Group => self.skip_if(|c| c == ','),
            Piece::Minus | Piece::Plus | Piece::Sign => {
                self.negative |= first == '-';
                self.skip_if(|c| matches!(c, '-' | '+'));
            }
            Piece::Silent => {}
            Piece::Ordinal(_) => self.rest = self.rest.get(2..).unwrap_or(""),
            Piece::Currency | Piece::Literal(_) => {
                self.skip_if(|c| !c.is_ascii_digit() && c != '-' && c != '+');
            }
        }
    }

    fn skip_if(&mut self, skip: impl Fn(char) -> bool) {
        if let Some(c) = self.rest.chars().next().filter(|c| skip(*c)) {
            self.rest = &self.rest[c.len_utf8()..];
        }
    }

    fn digit(&mut self, piece: Piece, point: bool) {
        self.rest = self.rest.trim_start();
        if self.digits.is_empty() {
            self.negative |= self.rest.starts_with('-');
            self.skip_if(|c| matches!(c, '-' | '+'));
        }
        let wants_digit = piece != Piece::Point;
        if self.rest.starts_with('.') && point && !self.digits.contains('.') {
            self.digits.push('.');
            self.rest = &self.rest[1..];
        }
        // A digit pattern that met the point still has its digit to read.
        if wants_digit && let Some(digit) = self.rest.chars().next().filter(char::is_ascii_digit) {
            self.digits.push(digit);
            self.rest = &self.rest[1..];
        }
    }
}
