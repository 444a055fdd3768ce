//! `to_char` of timestamps and intervals.

use backstay_model::{Error, Interval, Result};

use super::names::{DAYS, MONTHS, ROMAN_MONTHS, ordinal};
use super::template::{Node, Pattern, parse};
use crate::io::datetime::civil::{
    self, Civil, HOUR, MINUTE, SECOND, day_of_week, day_of_year, iso_week, iso_year_start,
};

/// Julian day of 2000-01-01.
const EPOCH_JULIAN: i64 = 2_451_545;

/// What is printed: a timestamp in its zone, or an interval.
pub(super) struct Moment {
    year: i64,
    month: i64,
    day: i64,
    /// Days since 2000-01-01, of a timestamp.
    days: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    is_span: bool,
    /// Seconds east and the abbreviation.
    zone: Option<(i32, String)>,
}

impl Moment {
    /// A finite local timestamp with its zone, if it has one.
    pub(super) fn local(micros: i64, zone: Option<(i32, String)>) -> Self {
        let civil = Civil::from_micros(micros);
        Self {
            year: i64::from(civil.year),
            month: i64::from(civil.month),
            day: i64::from(civil.day),
            days: civil::split_days(micros).0,
            hour: civil.hour(),
            minute: civil.minute(),
            second: civil.second_micros() / SECOND,
            micros: civil.second_micros() % SECOND,
            is_span: false,
            zone,
        }
    }

    /// An interval.
    pub(super) fn span(interval: Interval) -> Self {
        Self {
            year: i64::from(interval.months / 12),
            month: i64::from(interval.months % 12),
            day: i64::from(interval.days),
            days: 0,
            hour: interval.micros / HOUR,
            minute: interval.micros % HOUR / MINUTE,
            second: interval.micros % MINUTE / SECOND,
            micros: interval.micros % SECOND,
            is_span: true,
            zone: None,
        }
    }

    /// The year as people count: 1 BC is 1.
    fn shown_year(&self, year: i64) -> i64 {
        if self.is_span || year > 0 { year } else { 1 - year }
    }

    fn day_of_year(&self) -> i64 {
        if self.is_span {
            return (self.year * 12 + self.month) * 30 + self.day;
        }
        let narrow = |number: i64| u8::try_from(number).unwrap_or(1);
        let year = i32::try_from(self.year).unwrap_or(0);
        day_of_year(year, narrow(self.month), narrow(self.day))
    }
}

/// Prints the moment by the template.
///
/// # Errors
/// `22007` for a pattern that intervals do not have.
pub(super) fn print(moment: &Moment, template: &str) -> Result<String> {
    let mut out = String::with_capacity(template.len() + 16);
    for node in parse(template) {
        match node {
            Node::Space => out.push(' '),
            Node::Separator(c) | Node::Literal(c) => out.push(c),
            Node::Field { pattern, spelling, fill, ordinal: th } => {
                let field = Field { moment, spelling, fill };
                let text = field.print(pattern)?;
                out.push_str(&text);
                let numeric = text.ends_with(|c: char| c.is_ascii_digit());
                match th {
                    Some(true) if numeric => out.push_str(&ordinal(&text).to_ascii_uppercase()),
                    Some(false) if numeric => out.push_str(ordinal(&text)),
                    _ => {}
                }
            }
        }
    }
    Ok(out)
}

struct Field<'m> {
    moment: &'m Moment,
    spelling: &'static str,
    fill: bool,
}

impl Field<'_> {
    fn print(&self, pattern: Pattern) -> Result<String> {
        let moment = self.moment;
        Ok(match pattern {
            Pattern::Hour12 => {
                let hour = moment.hour % 12;
                self.signed(if hour == 0 { 12 } else { hour }, 2)
            }
            Pattern::Hour24 => self.signed(moment.hour, 2),
            Pattern::Minute => self.signed(moment.minute, 2),
            Pattern::Second => self.signed(moment.second, 2),
            Pattern::Millisecond => format!("{:03}", moment.micros / 1_000),
            Pattern::Microsecond => format!("{:06}", moment.micros),
            Pattern::Fraction(digits) => {
                let unit = 10_i64.pow(6 - u32::from(digits.min(6)));
                format!("{:0width$}", moment.micros / unit, width = usize::from(digits))
            }
            Pattern::SecondOfDay => {
                (moment.hour * 3_600 + moment.minute * 60 + moment.second).to_string()
            }
            Pattern::Month => self.number(moment.month, 2),
            Pattern::Day => self.number(moment.day, 2),
            Pattern::DayOfYear => self.number(moment.day_of_year(), 3),
            Pattern::Week => self.number((moment.day_of_year() - 1) / 7 + 1, 2),
            Pattern::WeekOfMonth => ((moment.day - 1) / 7 + 1).to_string(),
            Pattern::Quarter if moment.month == 0 => String::new(),
            Pattern::Quarter => ((moment.month - 1) / 3 + 1).to_string(),
            Pattern::Century => self.century(),
            Pattern::Year(digits) => self.year(moment.year, digits),
            Pattern::YearComma => {
                let year = moment.shown_year(moment.year);
                format!("{},{:03}", year / 1_000, year % 1_000)
            }
            Pattern::RomanMonth => self.roman_month(),
            Pattern::Fixed => String::new(),
            _ => return self.calendar(pattern),
        })
    }

    /// Patterns of points in time, which intervals do not have.
    fn calendar(&self, pattern: Pattern) -> Result<String> {
        let moment = self.moment;
        // Morning and afternoon are of the clock, so intervals have them.
        if pattern == Pattern::Meridiem {
            let afternoon = moment.hour % 24 >= 12;
            return Ok(self.letter(if afternoon { 'P' } else { 'A' }));
        }
        if moment.is_span {
            return Err(Error::new("22007", "invalid format specification for an interval value")
                .with_hint("Intervals are not tied to specific calendar dates."));
        }
        let weekday = day_of_week(moment.days);
        let day_name = DAYS.get(index(weekday)).copied().unwrap_or("");
        let month_name = MONTHS.get(index(moment.month - 1)).copied().unwrap_or("");
        let (iso_year, iso_week) = iso_week(moment.days);
        Ok(match pattern {
            Pattern::Era if self.spelling.contains('.') => {
                self.cased(if moment.year <= 0 { "B.C." } else { "A.D." })
            }
            Pattern::Era => self.cased(if moment.year <= 0 { "BC" } else { "AD" }),
            Pattern::MonthName => self.name(month_name, 9),
            Pattern::MonthShort => self.short(month_name),
            Pattern::DayName => self.name(day_name, 9),
            Pattern::DayShort => self.short(day_name),
            Pattern::IsoDayOfYear => self.number(moment.days - iso_year_start(iso_year) + 1, 3),
            Pattern::DayOfWeek => (weekday + 1).to_string(),
            Pattern::IsoDayOfWeek => ((weekday + 6) % 7 + 1).to_string(),
            Pattern::IsoWeek => self.number(iso_week, 2),
            Pattern::IsoYear(digits) => self.year(i64::from(iso_year), digits),
            Pattern::Julian => (moment.days + EPOCH_JULIAN).to_string(),
            Pattern::Zone | Pattern::ZoneHour | Pattern::ZoneMinute | Pattern::Offset => {
                self.zone(pattern)
            }
            _ => String::new(),
        })
    }

    fn zone(&self, pattern: Pattern) -> String {
        let (east, name) = match &self.moment.zone {
            Some((east, name)) => (*east, name.as_str()),
            None => (0, ""),
        };
        let (sign, magnitude) = (if east < 0 { '-' } else { '+' }, east.unsigned_abs());
        let (hour, minute) = (magnitude / 3_600, magnitude / 60 % 60);
        match pattern {
            Pattern::Zone if self.is_lower() => name.to_ascii_lowercase(),
            Pattern::Zone => name.to_owned(),
            Pattern::ZoneHour => format!("{sign}{hour:02}"),
            Pattern::ZoneMinute => format!("{minute:02}"),
            _ if minute != 0 => format!("{sign}{hour:02}:{minute:02}"),
            _ if self.fill => format!("{sign}{hour}"),
            _ => format!("{sign}{hour:02}"),
        }
    }

    fn century(&self) -> String {
        let year = self.moment.year;
        let century = match year {
            _ if self.moment.is_span => year / 100,
            year if year > 0 => (year - 1) / 100 + 1,
            // In years of people: 100 BC is the first century before Christ.
            year => (year - 1 + 1) / 100 - 1,
        };
        if (-99..=99).contains(&century) { self.signed(century, 2) } else { century.to_string() }
    }

    fn year(&self, year: i64, digits: u8) -> String {
        let shown = self.moment.shown_year(year);
        let cut = match digits {
            4 => shown,
            _ => shown % 10_i64.pow(u32::from(digits)),
        };
        self.signed(cut, usize::from(digits))
    }

    fn roman_month(&self) -> String {
        let month = self.moment.month;
        if month == 0 && self.moment.year == 0 {
            return String::new();
        }
        let place = index((month - 1).rem_euclid(12));
        let name = self.cased(ROMAN_MONTHS.get(place).copied().unwrap_or(""));
        if self.fill { name } else { format!("{name:<4}") }
    }

    /// A number with leading zeros, without them under `FM`.
    fn number(&self, number: i64, width: usize) -> String {
        if self.fill { number.to_string() } else { format!("{number:0width$}") }
    }

    /// As [`Self::number`], but a sign takes a place of its own.
    fn signed(&self, number: i64, width: usize) -> String {
        self.number(number, if number < 0 { width + 1 } else { width })
    }

    fn name(&self, name: &str, width: usize) -> String {
        let name = self.cased(name);
        if self.fill { name } else { format!("{name:<width$}") }
    }

    fn short(&self, name: &str) -> String {
        self.cased(name.get(..3).unwrap_or(name))
    }

    fn letter(&self, letter: char) -> String {
        self.cased(&if self.spelling.contains('.') {
            format!("{letter}.M.")
        } else {
            format!("{letter}M")
        })
    }

    fn is_lower(&self) -> bool {
        self.spelling.starts_with(|c: char| c.is_ascii_lowercase())
    }

    /// In the case of the spelling: `MON`, `Mon`, `mon`.
    fn cased(&self, text: &str) -> String {
        let second_upper = self
            .spelling
            .chars()
            .filter(char::is_ascii_alphabetic)
            .nth(1)
            .is_some_and(|c| c.is_ascii_uppercase());
        if self.is_lower() {
            text.to_ascii_lowercase()
        } else if second_upper {
            text.to_ascii_uppercase()
        } else {
            text.to_owned()
        }
    }
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
