//! Numbers in date and time literals, whose meaning depends on what came before.

use super::words::{Word, word};
use super::{Decoded, Fault, part};
use crate::io::datetime::civil::date_from_days;

/// Julian day number of 2000-01-01.
const POSTGRES_EPOCH_JULIAN: i64 = 2_451_545;

impl Decoded {
    /// A field of digits, perhaps with a point.
    pub(super) fn take_number_field(&mut self, text: &str) -> Result<u16, Fault> {
        if self.after_j {
            self.after_j = false;
            let number: i64 = text.parse().map_err(|_| Fault::Format)?;
            let (year, month, day) = date_from_days(number - POSTGRES_EPOCH_JULIAN);
            self.year = year;
            self.month = i32::from(month);
            self.day = i32::from(day);
            // Already astronomical: `settle` must not refuse years before 1.
            self.two_digit_year = false;
            return if year > 0 { Ok(part::DATE) } else { Err(Fault::Field) };
        }
        if self.after_t {
            self.after_t = false;
            return self.take_packed(text, self.seen | part::DATE);
        }
        let point = text.find('.');
        if point.is_some() && self.seen & part::DATE == 0 {
            return self.take_date(text);
        }
        if point.is_some_and(|at| at > 2) {
            return self.take_packed(text, self.seen);
        }
        let incomplete = self.seen & part::DATE == 0 || self.seen & part::TIME == 0;
        if text.len() >= 6 && incomplete {
            return self.take_packed(text, self.seen);
        }
        self.take_number(text, self.seen)
    }

    /// `2026-03-01`, `3/1/2026`, `1-mar-2026`, `2026.123`.
    pub(super) fn take_date(&mut self, text: &str) -> Result<u16, Fault> {
        let mut pieces: Vec<&str> = Vec::new();
        for piece in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()) {
            // `1jan2026` is three pieces without a delimiter.
            let mut rest = piece;
            while let Some(first) = rest.chars().next() {
                let digits = first.is_ascii_digit();
                let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
                pieces.push(&rest[..end]);
                rest = &rest[end..];
            }
        }
        let mut seen = self.seen;
        let mut new = 0;
        let is_word = |piece: &&str| piece.starts_with(|c: char| c.is_ascii_alphabetic());
        for piece in pieces.iter().filter(|piece| is_word(piece)) {
            let Some(Word::Month(month)) = word(piece) else { return Err(Fault::Format) };
            if seen & part::MONTH != 0 {
                return Err(Fault::Format);
            }
            self.month = month;
            self.text_month = true;
            seen |= part::MONTH;
            new |= part::MONTH;
        }
        for piece in pieces.iter().filter(|piece| !is_word(piece)) {
            let found = self.take_number(piece, seen)?;
            if found & seen != 0 {
                return Err(Fault::Format);
            }
            seen |= found;
            new |= found;
        }
        let complete = seen & part::DATE == part::DATE || seen & part::DAY_OF_YEAR != 0;
        if complete { Ok(new) } else { Err(Fault::Format) }
    }

    /// One number whose place decides what it is.
    fn take_number(&mut self, text: &str, seen: u16) -> Result<u16, Fault> {
        if let Some(at) = text.find('.') {
            if at > 2 {
                return self.take_packed(text, seen | part::DATE);
            }
            return Err(Fault::Format);
        }
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Fault::Format);
        }
        let number: i32 = text.parse().map_err(|_| Fault::Field)?;
        let length = text.len();
        let date = seen & part::DATE;
        if length == 3 && date == part::YEAR && (1..=366).contains(&number) {
            self.day_of_year = i64::from(number);
            return Ok(part::DAY_OF_YEAR | part::MONTH | part::DAY);
        }
        const YEAR_MONTH: u16 = part::YEAR | part::MONTH;
        const MONTH_DAY: u16 = part::MONTH | part::DAY;
        let found = match date {
            0 if length >= 3 => part::YEAR,
            0 => part::MONTH,
            part::YEAR | part::DAY => part::MONTH,
            part::MONTH if self.text_month && length >= 3 => part::YEAR,
            part::MONTH => part::DAY,
            YEAR_MONTH if self.text_month && length >= 3 && self.two_digit_year => {
                // What looked like a year was the day.
                self.day = self.year;
                self.year = number;
                self.two_digit_year = false;
                return Ok(part::DAY);
            }
            YEAR_MONTH => part::DAY,
            MONTH_DAY => part::YEAR,
            part::DATE => return self.take_packed(text, seen),
            _ => return Err(Fault::Format),
        };
        match found {
            part::YEAR => {
                self.year = number;
                self.two_digit_year = length <= 2;
            }
            part::MONTH => self.month = number,
            _ => self.day = number,
        }
        Ok(found)
    }

    /// Digits without delimiters: `20260301`, `260301`, `100000.5`, `1000`.
    pub(super) fn take_packed(&mut self, text: &str, seen: u16) -> Result<u16, Fault> {
        let (digits, fraction) = match text.split_once('.') {
            Some((digits, fraction)) => (digits, Some(fraction)),
            None => (text, None),
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Fault::Format);
        }
        let number = |text: &str| text.parse::<i32>().map_err(|_| Fault::Field);
        if let Some(fraction) = fraction {
            self.fraction = read_fraction(fraction)?;
        } else if seen & part::DATE != part::DATE && digits.len() >= 6 {
            let (rest, day) = digits.split_at(digits.len() - 2);
            let (year, month) = rest.split_at(rest.len() - 2);
            self.day = number(day)?;
            self.month = number(month)?;
            self.year = number(year)?;
            self.two_digit_year = year.len() == 2;
            return Ok(part::DATE);
        }
        if seen & part::TIME != 0 {
            return Err(Fault::Format);
        }
        match digits.len() {
            6 => self.second = number(&digits[4..])?,
            4 => self.second = 0,
            _ => return Err(Fault::Format),
        }
        self.hour = number(&digits[..2])?;
        self.minute = number(&digits[2..4])?;
        Ok(part::TIME)
    }

    /// `10:00`, `10:00:00.5`, `20:30.5` (minutes and seconds).
    pub(super) fn take_clock(&mut self, text: &str) -> Result<(), Fault> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let mut numbers = [0_i32; 3];
        let mut count = 0;
        for piece in whole.split(':') {
            let slot = numbers.get_mut(count).ok_or(Fault::Format)?;
            // A trailing colon means zero.
            if !piece.is_empty() {
                *slot = piece.parse().map_err(|_| Fault::Field)?;
            } else if count == 0 {
                return Err(Fault::Format);
            }
            count += 1;
        }
        if let Some(fraction) = fraction {
            self.fraction = read_fraction(fraction)?;
            if count == 2 {
                numbers = [0, numbers[0], numbers[1]];
            }
        }
        [self.hour, self.minute, self.second] = numbers;
        Ok(())
    }
}

/// Digits behind the point of a second as microseconds, rounded.
pub(in crate::io) fn read_fraction(digits: &str) -> Result<i64, Fault> {
    if digits.is_empty() {
        return Ok(0);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    let seconds: f64 = format!("0.{digits}").parse().map_err(|_| Fault::Format)?;
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1,000,000")]
    let micros = (seconds * 1e6).round_ties_even() as i64;
    Ok(micros)
}
