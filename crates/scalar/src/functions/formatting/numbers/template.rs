//! Number templates: `999,990.00`, `FM9999`, `S9.9EEEE`.

use backstay_model::{Error, Result};

/// One piece of a number template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    Nine,
    Zero,
    /// `.` or `D`.
    Point,
    /// `,` or `G`.
    Group,
    Currency,
    Minus,
    Plus,
    Sign,
    /// `TH` or `th`; `true` for capitals.
    Ordinal(bool),
    /// Anchored sign, bracket, roman, `V`, `EEEE`, `FM`, `B`: flags without output of their own.
    Silent,
    Literal(char),
}

/// Where an anchored sign (`S`) stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Before,
    Behind,
}

/// A template with what it says as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
    /// Digits before the point.
    pub(super) before_point: usize,
    /// Digits behind the point.
    pub(super) after_point: usize,
    pub(super) point: bool,
    /// Without blanks.
    pub(super) fill: bool,
    /// Place of the first `0`, and one behind the last.
    pub(super) zero_start: Option<usize>,
    pub(super) zero_end: usize,
    pub(super) anchor: Option<Anchor>,
    anchor_at: usize,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) bracket: bool,
    pub(super) roman: bool,
    pub(super) roman_lower: bool,
    /// Digits behind `V`.
    pub(super) multiply: usize,
    shifts: bool,
    pub(super) scientific: bool,
}

/// Spellings; the longer first.
const SPELLINGS: &[&str] = &[
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", "eeee", "fm", "mi", "pl", "pr", "rn",
    "sg", "sp", "th", "9", "0", ".", "D", "d", ",", "G", "g", "L", "l", "S", "s", "V", "v", "B",
    "b", "C", "c",
];

fn syntax(message: &str) -> Error {
    Error::new("42601", message)
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// `42601` for patterns that exclude each other.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let end = quoted.find('"').unwrap_or(quoted.len());
                template.pieces.extend(quoted[..end].chars().map(Piece::Literal));
                rest = quoted.get(end + 1..).unwrap_or("");
                continue;
            }
            match SPELLINGS.iter().find(|spelling| rest.starts_with(**spelling)) {
                Some(spelling) => {
                    rest = &rest[spelling.len()..];
                    template.take(spelling)?;
                }
                None => {
                    template.pieces.push(Piece::Literal(first));
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        // A sign before all digits and one behind them differ only with digits in between.
        if template.anchor == Some(Anchor::Before) && template.anchor_at == template.before_point {
            template.anchor = Some(Anchor::Behind);
        }
        Ok(template)
    }

    fn take(&mut self, spelling: &str) -> Result<()> {
        if self.scientific && spelling != "TH" && spelling != "th" {
            return Err(syntax("\"EEEE\" must be the last pattern used"));
        }
        let piece = match spelling.to_ascii_uppercase().as_str() {
            "9" => self.digit(Piece::Nine)?,
            "0" => self.digit(Piece::Zero)?,
            "." | "D" => {
                if self.point {
                    return Err(syntax("multiple decimal points"));
                }
                if self.shifts {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.point = true;
                Piece::Point
            }
            "," | "G" => Piece::Group,
            "L" => Piece::Currency,
            "TH" => Piece::Ordinal(spelling == "TH"),
            "FM" => {
                self.fill = true;
                Piece::Silent
            }
            "V" => {
                if self.point {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.shifts = true;
                Piece::Silent
            }
            "RN" => {
                self.roman = true;
                self.roman_lower = spelling == "rn";
                Piece::Silent
            }
            "EEEE" => {
                if self.fill
                    || self.anchor.is_some()
                    || self.bracket
                    || self.minus
                    || self.plus
                    || self.roman
                    || self.shifts
                {
                    return Err(syntax("\"EEEE\" is incompatible with other formats").with_details(
                        "\"EEEE\" may only be used together with digit and decimal point patterns.",
                    ));
                }
                self.scientific = true;
                Piece::Silent
            }
            other => self.sign(other)?,
        };
        self.pieces.push(piece);
        Ok(())
    }

    fn digit(&mut self, piece: Piece) -> Result<Piece> {
        let shown = if piece == Piece::Nine { "9" } else { "0" };
        if self.bracket {
            return Err(syntax(&format!("\"{shown}\" must be ahead of \"PR\"")));
        }
        if self.shifts && piece == Piece::Nine {
            self.multiply += 1;
            return Ok(piece);
        }
        if piece == Piece::Zero && self.zero_start.is_none() && !self.point {
            self.zero_start = Some(self.before_point);
        }
        if self.point {
            self.after_point += 1;
        } else {
            self.before_point += 1;
        }
        if piece == Piece::Zero {
            self.zero_end = self.before_point + self.after_point;
        }
        Ok(piece)
    }

    fn sign(&mut self, spelling: &str) -> Result<Piece> {
        if self.anchor.is_some() && matches!(spelling, "MI" | "PL" | "SG" | "PR") {
            return Err(syntax(&format!("cannot use \"S\" and \"{spelling}\" together")));
        }
        Ok(match spelling {
            "S" => {
                if self.anchor.is_some() {
                    return Err(syntax("cannot use \"S\" twice"));
                }
                if self.plus || self.minus || self.bracket {
                    return Err(syntax(
                        "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together",
                    ));
                }
                self.anchor = Some(if self.point { Anchor::Behind } else { Anchor::Before });
                self.anchor_at = self.before_point;
                Piece::Silent
            }
            "MI" => {
                self.minus = true;
                Piece::Minus
            }
            "PL" => {
                self.plus = true;
                Piece::Plus
            }
            "SG" => {
                self.minus = true;
                self.plus = true;
                Piece::Sign
            }
            "PR" => {
                if self.plus || self.minus {
                    return Err(syntax(
                        "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together",
                    ));
                }
                self.bracket = true;
                Piece::Silent
            }
            _ => Piece::Silent,
        })
    }
}
