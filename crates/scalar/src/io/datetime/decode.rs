//! Makes sense of the fields of a date or time literal, as PostgreSQL's `DecodeDateTime` does with
//! the date order month, day, year.

mod numbers;
mod words;

use backstay_model::Error;
use jiff::tz::TimeZone;

use super::civil::{HOUR, MINUTE, SECOND, days_in_month};
use super::fields::{Field, Kind, split};
use super::zone;
pub(in crate::io) use numbers::read_fraction;
use words::{Word, word};

/// Why a literal is refused.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::io) enum Fault {
    /// No such form.
    Format,
    /// A field is out of range.
    Field,
    /// Month or day is out of range: perhaps another order was meant.
    MonthDay,
    /// The offset is too large.
    Displacement,
    /// A zone of that name does not exist.
    Zone(Error),
}

impl Fault {
    /// PostgreSQL's error for it.
    pub(in crate::io) fn error(self, type_name: &str, text: &str) -> Error {
        let out_of_range =
            || Error::new("22008", format!("date/time field value out of range: \"{text}\""));
        match self {
            Self::Format => Error::new(
                "22007",
                format!("invalid input syntax for type {type_name}: \"{text}\""),
            ),
            Self::Field => out_of_range(),
            Self::MonthDay => {
                out_of_range().with_hint("Perhaps you need a different \"datestyle\" setting.")
            }
            Self::Displacement => {
                Error::new("22009", format!("time zone displacement out of range: \"{text}\""))
            }
            Self::Zone(error) => error,
        }
    }
}

/// Which parts have been seen.
pub(super) mod part {
    pub(in crate::io::datetime) const YEAR: u16 = 1;
    pub(in crate::io::datetime) const MONTH: u16 = 2;
    pub(in crate::io::datetime) const DAY: u16 = 4;
    pub(in crate::io::datetime) const DATE: u16 = YEAR | MONTH | DAY;
    pub(in crate::io::datetime) const TIME: u16 = 8;
    pub(in crate::io::datetime) const ZONE: u16 = 16;
    pub(in crate::io::datetime) const DAY_OF_YEAR: u16 = 32;
    pub(in crate::io::datetime) const WEEKDAY: u16 = 64;
    pub(in crate::io::datetime) const MERIDIEM: u16 = 128;
    pub(in crate::io::datetime) const ERA: u16 = 256;
    pub(in crate::io::datetime) const SPECIAL: u16 = 512;
}

/// A whole value in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Now,
    /// Days from today.
    Day(i64),
    Epoch,
    Infinity,
    NegativeInfinity,
}

/// What a literal says.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) seen: u16,
    pub(super) year: i32,
    pub(super) month: i32,
    pub(super) day: i32,
    pub(super) day_of_year: i64,
    pub(super) hour: i32,
    pub(super) minute: i32,
    pub(super) second: i32,
    pub(super) fraction: i64,
    pub(super) zone: Option<TimeZone>,
    pub(super) special: Option<Special>,
    two_digit_year: bool,
    text_month: bool,
    before_christ: bool,
    afternoon: Option<bool>,
    after_t: bool,
    after_j: bool,
}

/// Reads a literal. `time_only` is for `time` types, where bare digits are a time.
pub(super) fn decode(text: &str, time_only: bool) -> Result<Decoded, Fault> {
    let is_keyword = |text: &str| words::is_keyword(text);
    let fields = split(text, is_keyword).ok_or(Fault::Format)?;
    if fields.is_empty() {
        return Err(Fault::Format);
    }
    let mut decoded = Decoded::default();
    for field in &fields {
        let before = decoded.seen;
        // Bare digits in a time literal can only be a time.
        let assumed = if time_only && field.kind == Kind::Number { part::DATE } else { 0 };
        decoded.seen |= assumed;
        let new = decoded.take(field)?;
        if new & before != 0 {
            return Err(Fault::Format);
        }
        decoded.seen = before | new;
    }
    if decoded.after_t || decoded.after_j {
        return Err(Fault::Format);
    }
    decoded.settle()?;
    Ok(decoded)
}

impl Decoded {
    /// Takes one field and says which parts it set.
    fn take(&mut self, field: &Field) -> Result<u16, Fault> {
        match field.kind {
            Kind::Date => self.take_date_or_zone(&field.text),
            Kind::Time => {
                self.after_t = false;
                self.take_clock(&field.text)?;
                Ok(part::TIME)
            }
            Kind::Offset => {
                self.take_offset(&field.text)?;
                Ok(part::ZONE)
            }
            Kind::Number => self.take_number_field(&field.text),
            Kind::Word | Kind::SignedWord => self.take_word(&field.text),
        }
    }

    fn take_offset(&mut self, text: &str) -> Result<(), Fault> {
        let east = zone::read_offset(text).ok_or(Fault::Format)?.ok_or(Fault::Displacement)?;
        self.zone = Some(zone::fixed(east).map_err(Fault::Zone)?);
        Ok(())
    }

    /// `2026-03-01`, `America/New_York`, or `040506-08` behind a date.
    fn take_date_or_zone(&mut self, text: &str) -> Result<u16, Fault> {
        if self.after_j {
            return Err(Fault::Format);
        }
        let have_date = self.seen & part::DATE == part::DATE;
        let digit_first = text.starts_with(|c: char| c.is_ascii_digit());
        if !have_date && !self.after_t {
            // A zone name may come before any date only if it is no date at all.
            if !digit_first && text.contains('/') && self.seen & part::TIME != 0 {
                return self.take_zone_name(text);
            }
            return self.take_date(text);
        }
        if !digit_first {
            return self.take_zone_name(text);
        }
        self.after_t = false;
        if self.seen & part::TIME != 0 {
            return Err(Fault::Format);
        }
        let at = text.find('-').ok_or(Fault::Format)?;
        self.take_offset(&text[at..])?;
        Ok(self.take_packed(&text[..at], part::DATE)? | part::ZONE)
    }

    fn take_zone_name(&mut self, text: &str) -> Result<u16, Fault> {
        self.zone = Some(zone::find(text).map_err(Fault::Zone)?);
        Ok(part::ZONE)
    }

    fn take_word(&mut self, text: &str) -> Result<u16, Fault> {
        match word(text) {
            Some(Word::Special(special)) => {
                self.special = Some(special);
                Ok(match special {
                    Special::Now | Special::Epoch => {
                        part::DATE | part::TIME | part::ZONE | part::SPECIAL
                    }
                    Special::Day(_) => part::DATE | part::SPECIAL,
                    Special::Infinity | Special::NegativeInfinity => part::SPECIAL,
                })
            }
            Some(Word::AllBalls) => {
                self.zone = Some(TimeZone::UTC);
                Ok(part::TIME | part::ZONE)
            }
            Some(Word::Month(month)) => {
                // In `01-02 jan` the first number was the day.
                if self.seen & part::MONTH != 0
                    && !self.text_month
                    && self.seen & part::DAY == 0
                    && (1..=31).contains(&self.month)
                {
                    self.day = self.month;
                    self.month = month;
                    self.text_month = true;
                    return Ok(part::DAY);
                }
                self.text_month = true;
                self.month = month;
                Ok(part::MONTH)
            }
            Some(Word::Weekday) => Ok(part::WEEKDAY),
            Some(Word::Meridiem(afternoon)) => {
                self.afternoon = Some(afternoon);
                Ok(part::MERIDIEM)
            }
            Some(Word::Era(before_christ)) => {
                self.before_christ = before_christ;
                Ok(part::ERA)
            }
            Some(Word::IsoTime) => {
                // A date must come before the `T`; `T` alone begins a time literal.
                self.after_t = true;
                Ok(0)
            }
            Some(Word::Julian) => {
                self.after_j = true;
                Ok(0)
            }
            Some(Word::Ignored) => Ok(0),
            None => self.take_zone_word(text),
        }
    }

    fn take_zone_word(&mut self, text: &str) -> Result<u16, Fault> {
        if let Some(east) = zone::abbreviation(text) {
            self.zone = Some(zone::fixed(east).map_err(Fault::Zone)?);
            return Ok(part::ZONE);
        }
        match zone::find(text) {
            Ok(zone) if text.len() > 1 => {
                self.zone = Some(zone);
                Ok(part::ZONE)
            }
            _ => Err(Fault::Format),
        }
    }

    /// Checks ranges and applies era, century, day of year, and noon.
    fn settle(&mut self) -> Result<(), Fault> {
        if self.special.is_some() && self.seen & part::DATE == part::DATE
            || self.seen & part::SPECIAL != 0
        {
            return self.settle_clock();
        }
        if self.seen & part::YEAR != 0 {
            if self.before_christ {
                if self.year <= 0 {
                    return Err(Fault::Field);
                }
                self.year = 1 - self.year;
            } else if self.two_digit_year {
                self.year += if self.year < 70 { 2000 } else { 1900 };
            } else if self.year <= 0 {
                return Err(Fault::Field);
            }
        }
        if self.seen & part::DAY_OF_YEAR != 0 {
            let first = super::civil::days_from_date(self.year, 1, 1);
            let (_, month, day) = super::civil::date_from_days(first + self.day_of_year - 1);
            self.month = i32::from(month);
            self.day = i32::from(day);
            self.seen |= part::MONTH | part::DAY;
        }
        if self.seen & part::MONTH != 0 && !(1..=12).contains(&self.month) {
            return Err(Fault::MonthDay);
        }
        if self.seen & part::DAY != 0 && !(1..=31).contains(&self.day) {
            return Err(Fault::MonthDay);
        }
        if self.seen & part::DATE == part::DATE
            && self.day > i32::from(days_in_month(self.year, u8::try_from(self.month).unwrap_or(1)))
        {
            return Err(Fault::Field);
        }
        self.settle_clock()
    }

    fn settle_clock(&mut self) -> Result<(), Fault> {
        if let Some(afternoon) = self.afternoon {
            if self.hour > 12 {
                return Err(Fault::Field);
            }
            match (afternoon, self.hour) {
                (false, 12) => self.hour = 0,
                (true, hour) if hour != 12 => self.hour += 12,
                _ => {}
            }
        }
        let at_midnight = self.minute == 0 && self.second == 0 && self.fraction == 0;
        if !(0..=24).contains(&self.hour)
            || !(0..=59).contains(&self.minute)
            || !(0..=60).contains(&self.second)
            || self.hour == 24 && !at_midnight
        {
            return Err(Fault::Field);
        }
        Ok(())
    }

    /// Microseconds since midnight; 24:00 and second 60 count on.
    pub(super) fn clock(&self) -> i64 {
        i64::from(self.hour) * HOUR
            + i64::from(self.minute) * MINUTE
            + i64::from(self.second) * SECOND
            + self.fraction
    }
}
