//! The words of date and time literals.

use super::Special;

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Special(Special),
    /// `allballs`: 00:00:00 UTC.
    AllBalls,
    Month(i32),
    Weekday,
    /// `true` for pm.
    Meridiem(bool),
    /// `true` for BC.
    Era(bool),
    IsoTime,
    Julian,
    Ignored,
}

/// The meaning of a word in lower case.
pub(super) fn word(text: &str) -> Option<Word> {
    Some(match text {
        "now" => Word::Special(Special::Now),
        "today" => Word::Special(Special::Day(0)),
        "tomorrow" => Word::Special(Special::Day(1)),
        "yesterday" => Word::Special(Special::Day(-1)),
        "epoch" => Word::Special(Special::Epoch),
        "infinity" | "+infinity" => Word::Special(Special::Infinity),
        "-infinity" => Word::Special(Special::NegativeInfinity),
        "allballs" => Word::AllBalls,
        "am" => Word::Meridiem(false),
        "pm" => Word::Meridiem(true),
        "ad" => Word::Era(false),
        "bc" => Word::Era(true),
        "t" => Word::IsoTime,
        "j" | "jd" | "julian" => Word::Julian,
        "at" | "on" => Word::Ignored,
        "sun" | "sunday" | "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds"
        | "wednesday" | "thu" | "thur" | "thurs" | "thursday" | "fri" | "friday" | "sat"
        | "saturday" => Word::Weekday,
        _ => Word::Month(month(text)?),
    })
}

fn month(text: &str) -> Option<i32> {
    Some(match text {
        "jan" | "january" => 1,
        "feb" | "february" => 2,
        "mar" | "march" => 3,
        "apr" | "april" => 4,
        "may" => 5,
        "jun" | "june" => 6,
        "jul" | "july" => 7,
        "aug" | "august" => 8,
        "sep" | "sept" | "september" => 9,
        "oct" | "october" => 10,
        "nov" | "november" => 11,
        "dec" | "december" => 12,
        _ => return None,
    })
}

/// Words that may stand directly before digits (`jan1`, `t10`).
pub(super) fn is_keyword(text: &str) -> bool {
    word(text).is_some() || text == "z"
}
