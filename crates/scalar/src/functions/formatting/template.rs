//! Cuts a date template into patterns and literals.

/// A pattern, whatever its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// `AM`, `pm`, `A.M.`…
    Meridiem,
    /// `BC`, `ad`, `B.C.`…
    Era,
    Century,
    DayName,
    DayShort,
    DayOfYear,
    IsoDayOfYear,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    /// `FF1` to `FF6`.
    Fraction(u8),
    Fixed,
    Hour24,
    Hour12,
    IsoWeek,
    /// `IYYY`, `IYY`, `IY`, `I`: digits.
    IsoYear(u8),
    Julian,
    Minute,
    Month,
    MonthName,
    MonthShort,
    Millisecond,
    Offset,
    Quarter,
    RomanMonth,
    SecondOfDay,
    Second,
    ZoneHour,
    ZoneMinute,
    Zone,
    Microsecond,
    Week,
    WeekOfMonth,
    YearComma,
    /// `YYYY`, `YYY`, `YY`, `Y`: digits.
    Year(u8),
}

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A pattern with its spelling and modifiers.
    Field {
        pattern: Pattern,
        /// As the template spells it.
        spelling: &'static str,
        /// `FM` before it.
        fill: bool,
        /// `TH` (`Some(true)`) or `th` behind it.
        ordinal: Option<bool>,
    },
    /// A blank.
    Space,
    /// Punctuation outside quotes.
    Separator(char),
    /// Anything else, and what stands in quotes.
    Literal(char),
}

/// Spellings, the longer before their beginnings.
const SPELLINGS: &[(&str, Pattern)] = &[
    ("A.D.", Pattern::Era),
    ("A.M.", Pattern::Meridiem),
    ("AD", Pattern::Era),
    ("AM", Pattern::Meridiem),
    ("B.C.", Pattern::Era),
    ("BC", Pattern::Era),
    ("CC", Pattern::Century),
    ("DAY", Pattern::DayName),
    ("DDD", Pattern::DayOfYear),
    ("DD", Pattern::Day),
    ("DY", Pattern::DayShort),
    ("Day", Pattern::DayName),
    ("Dy", Pattern::DayShort),
    ("D", Pattern::DayOfWeek),
    ("FF1", Pattern::Fraction(1)),
    ("FF2", Pattern::Fraction(2)),
    ("FF3", Pattern::Fraction(3)),
    ("FF4", Pattern::Fraction(4)),
    ("FF5", Pattern::Fraction(5)),
    ("FF6", Pattern::Fraction(6)),
    ("FX", Pattern::Fixed),
    ("HH24", Pattern::Hour24),
    ("HH12", Pattern::Hour12),
    ("HH", Pattern::Hour12),
    ("IDDD", Pattern::IsoDayOfYear),
    ("ID", Pattern::IsoDayOfWeek),
    ("IW", Pattern::IsoWeek),
    ("IYYY", Pattern::IsoYear(4)),
    ("IYY", Pattern::IsoYear(3)),
    ("IY", Pattern::IsoYear(2)),
    ("I", Pattern::IsoYear(1)),
    ("J", Pattern::Julian),
    ("MI", Pattern::Minute),
    ("MM", Pattern::Month),
    ("MONTH", Pattern::MonthName),
    ("MON", Pattern::MonthShort),
    ("MS", Pattern::Millisecond),
    ("Month", Pattern::MonthName),
    ("Mon", Pattern::MonthShort),
    ("OF", Pattern::Offset),
    ("P.M.", Pattern::Meridiem),
    ("PM", Pattern::Meridiem),
    ("Q", Pattern::Quarter),
    ("RM", Pattern::RomanMonth),
    ("SSSSS", Pattern::SecondOfDay),
    ("SSSS", Pattern::SecondOfDay),
    ("SS", Pattern::Second),
    ("TZH", Pattern::ZoneHour),
    ("TZM", Pattern::ZoneMinute),
    ("TZ", Pattern::Zone),
    ("US", Pattern::Microsecond),
    ("WW", Pattern::Week),
    ("W", Pattern::WeekOfMonth),
    ("Y,YYY", Pattern::YearComma),
    ("YYYY", Pattern::Year(4)),
    ("YYY", Pattern::Year(3)),
    ("YY", Pattern::Year(2)),
    ("Y", Pattern::Year(1)),
    ("a.d.", Pattern::Era),
    ("a.m.", Pattern::Meridiem),
    ("ad", Pattern::Era),
    ("am", Pattern::Meridiem),
    ("b.c.", Pattern::Era),
    ("bc", Pattern::Era),
    ("cc", Pattern::Century),
    ("day", Pattern::DayName),
    ("ddd", Pattern::DayOfYear),
    ("dd", Pattern::Day),
    ("dy", Pattern::DayShort),
    ("d", Pattern::DayOfWeek),
    ("ff1", Pattern::Fraction(1)),
    ("ff2", Pattern::Fraction(2)),
    ("ff3", Pattern::Fraction(3)),
    ("ff4", Pattern::Fraction(4)),
    ("ff5", Pattern::Fraction(5)),
    ("ff6", Pattern::Fraction(6)),
    ("fx", Pattern::Fixed),
    ("hh24", Pattern::Hour24),
    ("hh12", Pattern::Hour12),
    ("hh", Pattern::Hour12),
    ("iddd", Pattern::IsoDayOfYear),
    ("id", Pattern::IsoDayOfWeek),
    ("iw", Pattern::IsoWeek),
    ("iyyy", Pattern::IsoYear(4)),
    ("iyy", Pattern::IsoYear(3)),
    ("iy", Pattern::IsoYear(2)),
    ("i", Pattern::IsoYear(1)),
    ("j", Pattern::Julian),
    ("mi", Pattern::Minute),
    ("mm", Pattern::Month),
    ("month", Pattern::MonthName),
    ("mon", Pattern::MonthShort),
    ("ms", Pattern::Millisecond),
    ("of", Pattern::Offset),
    ("p.m.", Pattern::Meridiem),
    ("pm", Pattern::Meridiem),
    ("q", Pattern::Quarter),
    ("rm", Pattern::RomanMonth),
    ("sssss", Pattern::SecondOfDay),
    ("ssss", Pattern::SecondOfDay),
    ("ss", Pattern::Second),
    ("tzh", Pattern::ZoneHour),
    ("tzm", Pattern::ZoneMinute),
    ("tz", Pattern::Zone),
    ("us", Pattern::Microsecond),
    ("ww", Pattern::Week),
    ("w", Pattern::WeekOfMonth),
    ("y,yyy", Pattern::YearComma),
    ("yyyy", Pattern::Year(4)),
    ("yyy", Pattern::Year(3)),
    ("yy", Pattern::Year(2)),
    ("y", Pattern::Year(1)),
];

/// The pieces of a template.
pub(super) fn parse(template: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let mut fill = false;
        let mut translated = false;
        while let Some(tail) = ["FM", "fm", "TM", "tm"].iter().find_map(|p| rest.strip_prefix(p)) {
            fill |= rest.starts_with(['F', 'f']);
            // Translated names come without padding.
            translated |= rest.starts_with(['T', 't']);
            rest = tail;
        }
        if let Some((spelling, pattern)) =
            SPELLINGS.iter().find(|(spelling, _)| rest.starts_with(spelling))
        {
            rest = &rest[spelling.len()..];
            let mut ordinal = None;
            if let Some(tail) = rest.strip_prefix("TH") {
                (ordinal, rest) = (Some(true), tail);
            } else if let Some(tail) = rest.strip_prefix("th") {
                (ordinal, rest) = (Some(false), tail);
            }
            let is_name = matches!(pattern, Pattern::MonthName | Pattern::DayName);
            let fill = fill || translated && is_name;
            nodes.push(Node::Field { pattern: *pattern, spelling, fill, ordinal });
            continue;
        }
        let Some(first) = rest.chars().next() else { break };
        rest = literal(&mut nodes, rest, first);
    }
    nodes
}

/// Takes a quoted text or one character.
fn literal<'t>(nodes: &mut Vec<Node>, rest: &'t str, first: char) -> &'t str {
    if let Some(mut quoted) = rest.strip_prefix('"') {
        while let Some(c) = quoted.chars().next() {
            quoted = &quoted[c.len_utf8()..];
            match c {
                '"' => return quoted,
                '\\' => {
                    if let Some(escaped) = quoted.chars().next() {
                        nodes.push(Node::Literal(escaped));
                        quoted = &quoted[escaped.len_utf8()..];
                    }
                }
                c => nodes.push(Node::Literal(c)),
            }
        }
        return quoted;
    }
    if let Some(tail) = rest.strip_prefix("\\\"") {
        nodes.push(Node::Literal('"'));
        return tail;
    }
    nodes.push(match first {
        ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => Node::Space,
        c if c.is_ascii_punctuation() => Node::Separator(c),
        c => Node::Literal(c),
    });
    // A blank keeps its own character when printed.
    if first != ' ' && matches!(nodes.last(), Some(Node::Space)) {
        nodes.pop();
        nodes.push(Node::Separator(first));
    }
    &rest[first.len_utf8()..]
}
