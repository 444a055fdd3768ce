//! `to_date` and `to_timestamp`: reading by a template.

use backstay_model::{Error, Result};

use super::names::{DAYS, MONTHS, ROMAN_MONTHS};
use super::template::{Node, Pattern, parse};
use crate::io::datetime::civil::{
    self, HOUR, MINUTE, SECOND, date_from_days, days_from_date, iso_year_start,
};

/// Julian day of 2000-01-01.
const EPOCH_JULIAN: i64 = 2_451_545;

/// What the text says; parts that it does not name are the first ones.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) year: i32,
    pub(super) month: u8,
    pub(super) day: u8,
    pub(super) micros: i64,
    /// Offset of the zone, if given.
    pub(super) east: Option<i32>,
}

/// Reads the text by the template.
///
/// # Errors
/// `22007` the text does not fit, `22008` a field is out of range, `0A000` a pattern that is for
/// printing only.
pub(super) fn read(text: &str, template: &str) -> Result<Parsed> {
    let nodes = parse(template);
    let mut reader = Reader { rest: text, extra: 0, fixed: false, found: Found::default() };
    for (index, node) in nodes.iter().enumerate() {
        if reader.rest.is_empty() {
            break;
        }
        reader.take(node, nodes.get(index + 1))?;
    }
    reader.found.settle(text)
}

#[derive(Debug, Default)]
struct Found {
    year: Option<i64>,
    iso_year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    weekday: Option<i64>,
    iso_weekday: Option<i64>,
    week: Option<i64>,
    iso_week: Option<i64>,
    week_of_month: Option<i64>,
    century: Option<i64>,
    julian: Option<i64>,
    hour: Option<i64>,
    half_day: bool,
    minute: Option<i64>,
    second: Option<i64>,
    second_of_day: Option<i64>,
    milli: Option<i64>,
    micro: Option<i64>,
    afternoon: Option<bool>,
    before_christ: bool,
    zone_sign: i32,
    zone_hour: Option<i64>,
    zone_minute: Option<i64>,
}

struct Reader<'t> {
    rest: &'t str,
    /// Blanks and separators taken beyond what the template has.
    extra: i64,
    /// After `FX`: no tolerance for blanks.
    fixed: bool,
    found: Found,
}

fn is_separator(c: char) -> bool {
    c.is_ascii_punctuation()
}

impl Reader<'_> {
    fn take(&mut self, node: &Node, next: Option<&Node>) -> Result<()> {
        if !self.fixed && !matches!(node, Node::Space | Node::Separator(_)) {
            while self.rest.starts_with(|c: char| c.is_ascii_whitespace()) {
                self.rest = &self.rest[1..];
                self.extra += 1;
            }
        }
        match node {
            Node::Space | Node::Separator(_) => {
                if self.fixed {
                    self.skip();
                    return Ok(());
                }
                self.extra -= 1;
                if self.rest.starts_with(|c: char| c.is_ascii_whitespace() || is_separator(c)) {
                    self.rest = &self.rest[1..];
                    self.extra += 1;
                }
                Ok(())
            }
            Node::Literal(_) => {
                if !self.fixed && self.extra > 0 {
                    self.extra -= 1;
                } else {
                    self.skip();
                }
                Ok(())
            }
            Node::Field { pattern, spelling, fill, ordinal } => {
                let bounded =
                    !*fill && next.is_some_and(|next| is_digits(next) && ordinal.is_none());
                self.field(*pattern, spelling, bounded)?;
                if ordinal.is_some() {
                    self.skip();
                    self.skip();
                }
                self.extra = 0;
                Ok(())
            }
        }
    }

    fn skip(&mut self) {
        if let Some(c) = self.rest.chars().next() {
            self.rest = &self.rest[c.len_utf8()..];
        }
    }

    fn field(&mut self, pattern: Pattern, spelling: &str, bounded: bool) -> Result<()> {
        match pattern {
            Pattern::Fixed => self.fixed = true,
            Pattern::Meridiem => {
                let words = ["a.m.", "p.m.", "am", "pm"];
                let found = self.word(&words, spelling)?;
                self.found.afternoon = Some(found % 2 == 1);
            }
            Pattern::Era => {
                let words = ["a.d.", "b.c.", "ad", "bc"];
                self.found.before_christ = self.word(&words, spelling)? % 2 == 1;
            }
            Pattern::MonthName => {
                let month = self.word(&MONTHS, spelling)?;
                set(&mut self.found.month, month + 1, spelling)?;
            }
            Pattern::MonthShort => {
                let month = self.word(&MONTHS.map(|name| &name[..3]), spelling)?;
                set(&mut self.found.month, month + 1, spelling)?;
            }
            Pattern::RomanMonth => {
                // Longer numerals first: `VIII` begins with `V`.
                let mut numerals = ROMAN_MONTHS;
                numerals.sort_by_key(|numeral| std::cmp::Reverse(numeral.len()));
                let found = self.word(&numerals, spelling)?;
                let numeral = usize::try_from(found).ok().and_then(|at| numerals.get(at));
                let month = ROMAN_MONTHS.iter().position(|name| Some(name) == numeral);
                let month = i64::try_from(month.unwrap_or(0)).unwrap_or(0);
                set(&mut self.found.month, month + 1, spelling)?;
            }
            Pattern::DayName => {
                let day = self.word(&DAYS, spelling)?;
                self.found.weekday = Some(day);
            }
            Pattern::DayShort => {
                let day = self.word(&DAYS.map(|name| &name[..3]), spelling)?;
                self.found.weekday = Some(day);
            }
            Pattern::Zone | Pattern::Offset => {
                return Err(Error::new(
                    "0A000",
                    format!("formatting field \"{spelling}\" is only supported in to_char"),
                ));
            }
            Pattern::ZoneHour => {
                self.found.zone_sign = if self.rest.starts_with('-') { -1 } else { 1 };
                if self.rest.starts_with(['+', '-', ' ']) {
                    self.rest = &self.rest[1..];
                }
                let (hour, _) = self.number(2, bounded, spelling)?;
                self.found.zone_hour = Some(hour);
            }
            _ => return self.numeric_field(pattern, spelling, bounded),
        }
        Ok(())
    }

    fn numeric_field(&mut self, pattern: Pattern, spelling: &str, bounded: bool) -> Result<()> {
        let width = match pattern {
            Pattern::Year(digits) | Pattern::IsoYear(digits) | Pattern::Fraction(digits) => {
                usize::from(digits)
            }
            Pattern::DayOfYear | Pattern::IsoDayOfYear | Pattern::Millisecond => 3,
            Pattern::SecondOfDay => 5,
            Pattern::Microsecond => 6,
            Pattern::Julian => 7,
            Pattern::DayOfWeek
            | Pattern::IsoDayOfWeek
            | Pattern::Quarter
            | Pattern::WeekOfMonth => 1,
            _ => 2,
        };
        if pattern == Pattern::YearComma {
            return self.year_with_comma(spelling);
        }
        let (number, length) = self.number(width, bounded, spelling)?;
        let found = &mut self.found;
        let slot = match pattern {
            Pattern::Hour12 | Pattern::Hour24 => {
                found.half_day |= pattern == Pattern::Hour12;
                &mut found.hour
            }
            Pattern::Minute => &mut found.minute,
            Pattern::Second => &mut found.second,
            Pattern::SecondOfDay => &mut found.second_of_day,
            Pattern::Month => &mut found.month,
            Pattern::Day => &mut found.day,
            Pattern::DayOfYear | Pattern::IsoDayOfYear => &mut found.day_of_year,
            Pattern::DayOfWeek => {
                found.weekday = Some(number - 1);
                return Ok(());
            }
            Pattern::IsoDayOfWeek => &mut found.iso_weekday,
            Pattern::Week => &mut found.week,
            Pattern::IsoWeek => &mut found.iso_week,
            Pattern::WeekOfMonth => &mut found.week_of_month,
            Pattern::Century => &mut found.century,
            Pattern::Julian => &mut found.julian,
            Pattern::ZoneMinute => &mut found.zone_minute,
            Pattern::Millisecond => {
                // `1.5` seconds written `1.5` by `SS.MS` means 500 milliseconds.
                found.milli = Some(scaled(number, length, 3));
                return Ok(());
            }
            Pattern::Microsecond | Pattern::Fraction(_) => {
                found.micro = Some(scaled(number, length, 6));
                return Ok(());
            }
            Pattern::Year(digits) => {
                let year = if digits < 4 { near_2020(number, length) } else { number };
                return set(&mut found.year, year, spelling);
            }
            Pattern::IsoYear(digits) => {
                let year = if digits < 4 { near_2020(number, length) } else { number };
                return set(&mut found.iso_year, year, spelling);
            }
            // The quarter alone decides nothing.
            _ => return Ok(()),
        };
        set(slot, number, spelling)
    }

    fn year_with_comma(&mut self, spelling: &str) -> Result<()> {
        let end =
            self.rest.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(self.rest.len());
        let digits: String = self.rest[..end].chars().filter(char::is_ascii_digit).collect();
        let year = digits
            .parse()
            .map_err(|_| Error::new("22007", format!("invalid input string for \"{spelling}\"")))?;
        self.rest = &self.rest[end..];
        set(&mut self.found.year, year, spelling)
    }

    /// A whole number of at most `width` digits if `bounded`, and how many digits it had.
    fn number(&mut self, width: usize, bounded: bool, spelling: &str) -> Result<(i64, usize)> {
        let text = self.rest;
        let signed = usize::from(text.starts_with(['-', '+']));
        let limit = if bounded { width } else { text.len() };
        let digits = text[signed..].bytes().take(limit).take_while(u8::is_ascii_digit).count();
        let end = signed + digits;
        let shown: String = text.chars().take(width).collect();
        let invalid = || {
            Error::new("22007", format!("invalid value \"{shown}\" for \"{spelling}\""))
                .with_details("Value must be an integer.")
        };
        if bounded && !self.fixed && digits > 0 && digits < width && end < text.len() {
            return Err(Error::new(
                "22007",
                format!("invalid value \"{shown}\" for \"{spelling}\""),
            )
            .with_details(format!(
                "Field requires {width} characters, but only {digits} could be parsed."
            ))
            .with_hint(
                "If your source string is not fixed-width, try using the \"FM\" modifier.",
            ));
        }
        let number = text[..end].parse::<i64>().map_err(|_| invalid())?;
        if i32::try_from(number).is_err() {
            return Err(Error::new(
                "22008",
                format!("value for \"{spelling}\" in source string is out of range"),
            ));
        }
        self.rest = &text[end..];
        Ok((number, digits))
    }

    /// The place of the word that the text begins with, in any case.
    fn word(&mut self, words: &[&str], spelling: &str) -> Result<i64> {
        let found = words.iter().position(|word| {
            self.rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
        });
        let Some(found) = found else {
            let end = self.rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(self.rest.len());
            let shown = &self.rest[..end];
            return Err(Error::new(
                "22007",
                format!("invalid value \"{shown}\" for \"{spelling}\""),
            )
            .with_details(
                "The given value did not match any of the allowed values for this field.",
            ));
        };
        self.rest = &self.rest[words.get(found).map_or(0, |word| word.len())..];
        Ok(i64::try_from(found).unwrap_or(0))
    }
}

/// May digits follow directly, so that the field before must be cut by its width?
fn is_digits(node: &Node) -> bool {
    match node {
        Node::Field { pattern, .. } => !matches!(
            pattern,
            Pattern::Meridiem
                | Pattern::Era
                | Pattern::DayName
                | Pattern::DayShort
                | Pattern::MonthName
                | Pattern::MonthShort
                | Pattern::RomanMonth
                | Pattern::Fixed
                | Pattern::Zone
        ),
        Node::Literal(c) => c.is_ascii_digit(),
        Node::Space | Node::Separator(_) => false,
    }
}

/// Digits behind the point as a count of the smallest unit.
fn scaled(number: i64, length: usize, digits: u32) -> i64 {
    let length = u32::try_from(length).unwrap_or(0);
    if length < digits {
        number * 10_i64.pow(digits - length)
    } else {
        number / 10_i64.saturating_pow(length - digits)
    }
}

/// A year of fewer than four digits lies near 2020.
fn near_2020(year: i64, length: usize) -> i64 {
    match year {
        _ if length >= 4 => year,
        0..70 => year + 2_000,
        70..100 => year + 1_900,
        100..520 => year + 2_000,
        520..1_000 => year + 1_000,
        _ => year,
    }
}

fn set(slot: &mut Option<i64>, number: i64, spelling: &str) -> Result<()> {
    if slot.is_some_and(|earlier| earlier != number) {
        return Err(Error::new(
            "22007",
            format!("conflicting values for \"{spelling}\" field in formatting string"),
        )
        .with_details("This value contradicts a previous setting for the same field type."));
    }
    *slot = Some(number);
    Ok(())
}

impl Found {
    fn settle(&self, text: &str) -> Result<Parsed> {
        let wrong =
            || Error::new("22008", format!("date/time field value out of range: \"{text}\""));
        let (year, month, day) = self.date().ok_or_else(wrong)?;
        let year = i32::try_from(year).map_err(|_| wrong())?;
        let narrow = |number: i64| u8::try_from(number).map_err(|_| wrong());
        let (month, day) = (narrow(month)?, narrow(day)?);
        if !civil::is_date(year, month, day) {
            return Err(wrong());
        }
        let micros = self.clock(text)?;
        let east = self.zone_hour.or(self.zone_minute).map(|_| {
            let seconds = self.zone_hour.unwrap_or(0) * 3_600 + self.zone_minute.unwrap_or(0) * 60;
            self.zone_sign.signum() * i32::try_from(seconds).unwrap_or(0)
        });
        Ok(Parsed { year, month, day, micros, east })
    }

    /// Astronomical year, month and day.
    fn date(&self) -> Option<(i64, i64, i64)> {
        if let Some(julian) = self.julian {
            return Some(split(julian - EPOCH_JULIAN));
        }
        let mut year = self.year.or(self.iso_year).unwrap_or(0);
        if let Some(century) = self.century {
            // With two digits of a year the century completes it.
            year = match self.year {
                Some(two) => (century - 1) * 100 + two % 100,
                None => (century - 1) * 100 + 1,
            };
        }
        if self.before_christ {
            year = if year > 0 { 1 - year } else { year };
        } else if year < 0 {
            year += 1;
        }
        let first = i32::try_from(year).ok()?;
        if let Some(week) = self.iso_week {
            let day = self.iso_weekday.or(self.weekday.map(|d| if d == 0 { 7 } else { d }));
            return Some(split(iso_year_start(first) + (week - 1) * 7 + day.unwrap_or(1) - 1));
        }
        if let Some(day) = self.day_of_year {
            let start = if self.iso_year.is_some() {
                iso_year_start(first)
            } else {
                days_from_date(first, 1, 1)
            };
            if !(1..=366).contains(&day) {
                return None;
            }
            return Some(split(start + day - 1));
        }
        if let Some(week) = self.week {
            return Some(split(days_from_date(first, 1, 1) + (week - 1) * 7));
        }
        let day = match self.week_of_month {
            Some(week) if self.day.is_none() => (week - 1) * 7 + 1,
            _ => self.day.unwrap_or(1),
        };
        Some((year, self.month.unwrap_or(1), day))
    }

    fn clock(&self, text: &str) -> Result<i64> {
        let wrong =
            || Error::new("22008", format!("date/time field value out of range: \"{text}\""));
        let mut hour = self.hour.unwrap_or(0);
        if self.half_day {
            if !(1..=12).contains(&hour) {
                return Err(Error::new(
                    "22007",
                    format!("hour \"{hour}\" is invalid for the 12-hour clock"),
                )
                .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            match self.afternoon {
                Some(true) if hour < 12 => hour += 12,
                Some(false) | None if hour == 12 => hour = 0,
                _ => {}
            }
        }
        let (mut minute, mut second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        if let Some(all) = self.second_of_day {
            (hour, minute, second) = (all / 3_600, all / 60 % 60, all % 60);
        }
        let micros = self.milli.unwrap_or(0) * 1_000 + self.micro.unwrap_or(0);
        let valid = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..SECOND).contains(&micros);
        if !valid {
            return Err(wrong());
        }
        Ok(hour * HOUR + minute * MINUTE + second * SECOND + micros)
    }
}

fn split(days: i64) -> (i64, i64, i64) {
    let (year, month, day) = date_from_days(days);
    (i64::from(year), i64::from(month), i64::from(day))
}
