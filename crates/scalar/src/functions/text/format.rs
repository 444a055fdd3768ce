//! `format('… %s %I %L …', …)`.

use backstay_model::{Error, Result, Value, quote_identifier, quote_literal};

use super::{check_length, shown, text};
use crate::Call;

const HINT: &str = "For a single \"%\" use \"%%\".";

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// One `%…` behind the percent sign.
#[derive(Default)]
struct Specifier {
    argument: Option<usize>,
    left: bool,
    width: Width,
    kind: char,
}

#[derive(Default)]
enum Width {
    #[default]
    None,
    Fixed(i64),
    /// From an argument: the given one, or the next.
    Argument(Option<usize>),
}

pub(super) fn format(call: &Call<'_>) -> Result<Value> {
    if call.arg(0)?.is_null() {
        return Ok(Value::Null);
    }
    let mut chars = call.text(0)?.chars().peekable();
    let mut out = String::new();
    let mut next = 1;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let specifier = read(&mut chars)?;
        if !matches!(specifier.kind, 's' | 'I' | 'L') {
            return Err(Error::new(
                "22023",
                format!("unrecognized format() type specifier \"{}\"", specifier.kind),
            )
            .with_hint(HINT));
        }
        let (width, left) = width(call, &specifier, &mut next)?;
        let index = specifier.argument.unwrap_or(next);
        let item = item(call, index, specifier.kind)?;
        next = index + 1;
        let missing = width.saturating_sub(item.chars().count());
        check_length(out.len().checked_add(missing + item.len()))?;
        let blanks = std::iter::repeat_n(' ', missing);
        if left {
            out.push_str(&item);
            out.extend(blanks);
        } else {
            out.extend(blanks);
            out.push_str(&item);
        }
    }
    text(out)
}

fn unterminated() -> Error {
    Error::new("22023", "unterminated format() type specifier").with_hint(HINT)
}

fn number(chars: &mut Chars<'_>) -> Result<Option<i64>> {
    let mut number: Option<i64> = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        number = Some(number.unwrap_or(0) * 10 + i64::from(digit));
        if number > Some(i64::from(i32::MAX)) {
            return Err(Error::new("22003", "number is out of range"));
        }
    }
    Ok(number)
}

/// The number of an argument that is written, counted from 1.
fn position(number: i64) -> Result<usize> {
    match usize::try_from(number) {
        Ok(0) | Err(_) => Err(Error::new(
            "22023",
            "format specifies argument 0, but arguments are numbered from 1",
        )),
        Ok(number) => Ok(number),
    }
}

fn read(chars: &mut Chars<'_>) -> Result<Specifier> {
    let mut specifier = Specifier::default();
    match number(chars)? {
        Some(given) if chars.next_if_eq(&'$').is_some() => {
            specifier.argument = Some(position(given)?);
        }
        Some(given) => {
            specifier.width = Width::Fixed(given);
            specifier.kind = chars.next().ok_or_else(unterminated)?;
            return Ok(specifier);
        }
        None => {}
    }
    while chars.next_if_eq(&'-').is_some() {
        specifier.left = true;
    }
    if chars.next_if_eq(&'*').is_some() {
        let argument = number(chars)?;
        if let Some(argument) = argument {
            if chars.next().ok_or_else(unterminated)? != '$' {
                return Err(Error::new("22023", "width argument position must be ended by \"$\""));
            }
            specifier.width = Width::Argument(Some(position(argument)?));
        } else {
            specifier.width = Width::Argument(None);
        }
    } else if let Some(given) = number(chars)? {
        specifier.width = Width::Fixed(given);
    }
    specifier.kind = chars.next().ok_or_else(unterminated)?;
    Ok(specifier)
}

fn too_few() -> Error {
    Error::new("22023", "too few arguments for format()")
}

/// The least width, and whether the blanks stand behind.
fn width(call: &Call<'_>, specifier: &Specifier, next: &mut usize) -> Result<(usize, bool)> {
    let width = match specifier.width {
        Width::None => 0,
        Width::Fixed(width) => width,
        Width::Argument(index) => {
            let index = index.unwrap_or(*next);
            *next = index + 1;
            match call.args.get(index).ok_or_else(too_few)? {
                Value::Null => 0,
                Value::Int(width) => *width,
                _ => {
                    let shown = shown(call, index)?.unwrap_or_default();
                    shown.parse().map_err(|_| Error::invalid_input("integer", &shown))?
                }
            }
        }
    };
    let left = specifier.left || width < 0;
    Ok((usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX), left))
}

fn item(call: &Call<'_>, index: usize, kind: char) -> Result<String> {
    if index >= call.args.len() {
        return Err(too_few());
    }
    match (shown(call, index)?, kind) {
        (None, 'I') => {
            Err(Error::new("22004", "null values cannot be formatted as an SQL identifier"))
        }
        (None, 'L') => Ok("NULL".to_owned()),
        (None, _) => Ok(String::new()),
        (Some(shown), 'I') => Ok(quote_identifier(&shown)),
        (Some(shown), 'L') => Ok(quote_literal(&shown)),
        (Some(shown), _) => Ok(shown.into_owned()),
    }
}
