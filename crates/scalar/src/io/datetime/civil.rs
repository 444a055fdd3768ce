//! The calendar: days and microseconds since 2000-01-01 against years, months, days and times.
//!
//! Years are astronomical: 0 is 1 BC, -1 is 2 BC.

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds of a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds of an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds of a day.
pub const DAY: i64 = 24 * HOUR;
/// 1970-01-01 as days since 2000-01-01.
pub const UNIX_EPOCH_DAYS: i32 = -10_957;
/// 1970-01-01 as microseconds since 2000-01-01.
pub const UNIX_EPOCH_MICROS: i64 = UNIX_EPOCH_DAYS as i64 * DAY;
/// 4714-11-24 BC, the first day PostgreSQL knows.
pub const DATE_MIN: i32 = -2_451_545;
/// 5874897-12-31, the last day of `date`.
pub const DATE_MAX: i32 = 2_145_031_948;
/// `date '-infinity'`.
pub const DATE_NEGATIVE_INFINITY: i32 = i32::MIN;
/// `date 'infinity'`.
pub const DATE_INFINITY: i32 = i32::MAX;
/// First microsecond of 4714-11-24 BC.
pub const TIMESTAMP_MIN: i64 = -211_813_488_000_000_000;
/// First microsecond of 294277-01-01, which is no timestamp any more.
pub const TIMESTAMP_END: i64 = 9_223_371_331_200_000_000;
/// `timestamp '-infinity'`.
pub const NEGATIVE_INFINITY: i64 = i64::MIN;
/// `timestamp 'infinity'`.
pub const INFINITY: i64 = i64::MAX;

/// A point on the calendar and the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Civil {
    /// Astronomical year.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// Microseconds since midnight.
    pub micros: i64,
}

impl Civil {
    /// The parts of a finite timestamp (already shifted to its zone).
    pub fn from_micros(micros: i64) -> Self {
        let (days, rest) = split_days(micros);
        let (year, month, day) = date_from_days(days);
        Self { year, month, day, micros: rest }
    }

    /// The timestamp; `None` beyond what PostgreSQL stores.
    pub fn to_micros(self) -> Option<i64> {
        join(days_from_date(self.year, self.month, self.day), self.micros)
    }

    /// Hour of the day.
    pub fn hour(&self) -> i64 {
        self.micros / HOUR
    }

    /// Minute of the hour.
    pub fn minute(&self) -> i64 {
        self.micros % HOUR / MINUTE
    }

    /// Microseconds of the minute.
    pub fn second_micros(&self) -> i64 {
        self.micros % MINUTE
    }
}

/// Whole days and the rest of the day of a timestamp.
pub fn split_days(micros: i64) -> (i64, i64) {
    (micros.div_euclid(DAY), micros.rem_euclid(DAY))
}

/// The timestamp of a day and a time; `None` beyond what PostgreSQL stores.
pub fn join(days: i64, micros: i64) -> Option<i64> {
    let all = i128::from(days) * i128::from(DAY) + i128::from(micros);
    i64::try_from(all).ok().filter(|micros| is_timestamp(*micros))
}

/// Is it within the finite timestamps?
pub fn is_timestamp(micros: i64) -> bool {
    (TIMESTAMP_MIN..TIMESTAMP_END).contains(&micros)
}

/// Neither `infinity` nor `-infinity`?
pub fn is_finite(micros: i64) -> bool {
    micros != INFINITY && micros != NEGATIVE_INFINITY
}

/// Neither `infinity` nor `-infinity`?
pub fn is_finite_date(days: i32) -> bool {
    days != DATE_INFINITY && days != DATE_NEGATIVE_INFINITY
}

/// Days since 2000-01-01 of a date in the proleptic Gregorian calendar. The day may lie outside
/// its month and counts on.
pub fn days_from_date(year: i32, month: u8, day: u8) -> i64 {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 730_425
}

/// Year, month and day of days since 2000-01-01.
pub fn date_from_days(days: i64) -> (i32, u8, u8) {
    let shifted = days + 730_425;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let narrow = |number: i64| u8::try_from(number).unwrap_or(1);
    (i32::try_from(year).unwrap_or(i32::MAX), narrow(month), narrow(day))
}

/// Days of a month.
pub fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Is there such a day, and does PostgreSQL know it?
pub fn is_date(year: i32, month: u8, day: u8) -> bool {
    (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month)
}

/// Day of the week: 0 is Sunday.
pub fn day_of_week(days: i64) -> i64 {
    (days + 6).rem_euclid(7)
}

/// Day of the year, from 1.
pub fn day_of_year(year: i32, month: u8, day: u8) -> i64 {
    days_from_date(year, month, day) - days_from_date(year, 1, 1) + 1
}

/// First Monday of the ISO 8601 year, as days.
pub fn iso_year_start(year: i32) -> i64 {
    let fourth = days_from_date(year, 1, 4);
    fourth - (day_of_week(fourth) + 6) % 7
}

/// ISO 8601 year and week of a day.
pub fn iso_week(days: i64) -> (i32, i64) {
    let (year, _, _) = date_from_days(days);
    let iso_year = if days >= iso_year_start(year + 1) {
        year + 1
    } else if days >= iso_year_start(year) {
        year
    } else {
        year - 1
    };
    (iso_year, (days - iso_year_start(iso_year)) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (i64::from(DATE_MIN)..3_000_000).step_by(37) {
            let (year, month, day) = date_from_days(days);
            assert!(is_date(year, month, day));
            assert_eq!(days_from_date(year, month, day), days);
        }
        assert_eq!(days_from_date(2000, 1, 1), 0);
        assert_eq!(days_from_date(1970, 1, 1), i64::from(UNIX_EPOCH_DAYS));
        assert_eq!(days_from_date(-4713, 11, 24), i64::from(DATE_MIN));
        assert_eq!(date_from_days(i64::from(DATE_MAX)), (5_874_897, 12, 31));
        assert_eq!(join(days_from_date(294_277, 1, 1), 0), None);
        assert_eq!(join(days_from_date(294_277, 1, 1), -1), Some(TIMESTAMP_END - 1));
    }

    #[test]
    fn weeks_follow_iso_8601() {
        assert_eq!(iso_week(days_from_date(2021, 1, 3)), (2020, 53));
        assert_eq!(iso_week(days_from_date(2024, 12, 30)), (2025, 1));
        assert_eq!(day_of_week(days_from_date(2026, 3, 1)), 0);
    }
}
