//! Cuts a date or time literal into fields, as PostgreSQL's `ParseDateTime` does.

/// What a field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::io) enum Kind {
    /// Digits, perhaps with one point.
    Number,
    /// Two or three parts with a delimiter.
    Date,
    /// Digits and colons.
    Time,
    /// A word.
    Word,
    /// A sign and digits.
    Offset,
    /// A sign and a word.
    SignedWord,
}

/// One field, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::io) struct Field {
    pub(in crate::io) kind: Kind,
    pub(in crate::io) text: String,
}

/// Limit: fields of one literal, as PostgreSQL's `MAXDATEFIELDS`.
const FIELDS_MAX: usize = 25;

struct Cursor<'t> {
    rest: &'t [u8],
}

impl Cursor<'_> {
    fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    fn take(&mut self, into: &mut String) {
        if let [first, rest @ ..] = self.rest {
            into.push(char::from(first.to_ascii_lowercase()));
            self.rest = rest;
        }
    }

    fn take_while(&mut self, into: &mut String, keep: impl Fn(u8) -> bool) {
        while !self.rest.is_empty() && keep(self.peek()) {
            self.take(into);
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

/// The fields of a literal; `None` where PostgreSQL finds a bad format. `is_keyword` knows the
/// words that may stand directly before digits (`jan1`).
pub(in crate::io) fn split(text: &str, is_keyword: impl Fn(&str) -> bool) -> Option<Vec<Field>> {
    if !text.is_ascii() {
        return None;
    }
    let mut cursor = Cursor { rest: text.as_bytes() };
    let mut fields = Vec::new();
    loop {
        cursor.skip_blanks();
        if cursor.rest.is_empty() {
            return Some(fields);
        }
        if fields.len() >= FIELDS_MAX {
            return None;
        }
        let mut field = String::new();
        let kind = match cursor.peek() {
            b'0'..=b'9' => numeric_field(&mut cursor, &mut field),
            b'.' => {
                cursor.take(&mut field);
                cursor.take_while(&mut field, |b| b.is_ascii_digit());
                Kind::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' => word_field(&mut cursor, &mut field, &is_keyword),
            b'+' | b'-' => {
                cursor.take(&mut field);
                cursor.skip_blanks();
                if cursor.peek().is_ascii_digit() {
                    cursor.take_while(&mut field, |b| {
                        b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-')
                    });
                    Kind::Offset
                } else if cursor.peek().is_ascii_alphabetic() {
                    cursor.take_while(&mut field, |b| b.is_ascii_alphabetic());
                    Kind::SignedWord
                } else {
                    return None;
                }
            }
            byte if byte.is_ascii_punctuation() => {
                cursor.rest = &cursor.rest[1..];
                continue;
            }
            _ => return None,
        };
        fields.push(Field { kind, text: field });
    }
}

fn numeric_field(cursor: &mut Cursor<'_>, field: &mut String) -> Kind {
    cursor.take_while(field, |b| b.is_ascii_digit());
    let delimiter = cursor.peek();
    match delimiter {
        b':' => {
            cursor.take_while(field, |b| b.is_ascii_digit() || matches!(b, b':' | b'.'));
            Kind::Time
        }
        b'-' | b'/' | b'.' => {
            cursor.take(field);
            if cursor.peek().is_ascii_digit() {
                cursor.take_while(field, |b| b.is_ascii_digit());
                if cursor.peek() == delimiter {
                    cursor.take(field);
                    cursor.take_while(field, |b| b.is_ascii_digit() || b == delimiter);
                    Kind::Date
                } else if delimiter == b'.' {
                    Kind::Number
                } else {
                    Kind::Date
                }
            } else {
                cursor.take_while(field, |b| b.is_ascii_alphanumeric() || b == delimiter);
                Kind::Date
            }
        }
        _ => Kind::Number,
    }
}

fn word_field(
    cursor: &mut Cursor<'_>,
    field: &mut String,
    is_keyword: &impl Fn(&str) -> bool,
) -> Kind {
    cursor.take_while(field, |b| b.is_ascii_alphabetic());
    let is_date = match cursor.peek() {
        b'-' | b'/' | b'.' => true,
        b'+' | b'0'..=b'9' => !is_keyword(field),
        _ => false,
    };
    if !is_date {
        return Kind::Word;
    }
    cursor.take_while(field, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'/' | b'_' | b'.' | b':')
    });
    Kind::Date
}
