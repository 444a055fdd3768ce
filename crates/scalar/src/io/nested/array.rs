//! Array literals: `{a,"b c",NULL}`.

use backstay_model::{Array, Error, Modifier, Result, Type, Value};

use super::is_space;
use crate::{Environment, io};

/// Limit: dimensions of an array, as PostgreSQL's.
pub const DIMENSIONS_MAX: usize = 6;

/// `54000` for an array with too many dimensions.
pub(crate) fn too_many_dimensions(count: usize) -> Error {
    Error::new(
        "54000",
        format!(
            "number of array dimensions ({count}) exceeds the maximum allowed ({DIMENSIONS_MAX})"
        ),
    )
}

fn malformed(text: &str, detail: impl Into<String>) -> Error {
    Error::new("22P02", format!("malformed array literal: \"{text}\"")).with_details(detail)
}

/// Reads an array literal.
///
/// # Errors
/// `22P02` with PostgreSQL's detail, `0A000` for lower bounds other than 1, and the element's own.
pub fn parse(
    env: &dyn Environment,
    element: &Type,
    modifier: Option<Modifier>,
    text: &str,
) -> Result<Array> {
    let body = strip_bounds(text)?;
    let mut items = Vec::new();
    let dims = Reader::new(text, body).read(&mut items)?;
    let elements = items
        .into_iter()
        .map(|item| match item {
            Some(item) => io::input(env, element, modifier, &item),
            None => Ok(Value::Null),
        })
        .collect::<Result<Vec<Value>>>()?;
    Ok(Array { dims, elements })
}

/// Takes `[1:3]=` off; other lower bounds are refused.
fn strip_bounds(text: &str) -> Result<&str> {
    let trimmed = text.trim_start_matches(is_space);
    if !trimmed.starts_with('[') {
        return Ok(trimmed);
    }
    let Some((bounds, body)) = trimmed.split_once('=') else {
        return Err(malformed(text, "Missing \"=\" after array dimensions."));
    };
    for bound in bounds.trim_end_matches(is_space).split_inclusive(']') {
        let inside = bound.strip_prefix('[').and_then(|b| b.strip_suffix(']'));
        let Some(inside) = inside else {
            return Err(malformed(
                text,
                "\"[\" must introduce explicitly-specified array dimensions.",
            ));
        };
        let lower = inside.split_once(':').map_or("1", |(lower, _)| lower);
        if lower.trim().parse() != Ok(1) {
            return Err(Error::unsupported("an array whose lower bound is not 1"));
        }
    }
    Ok(body.trim_start_matches(is_space))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NoLevel,
    LevelStarted,
    Element,
    ElementQuoted,
    LevelCompleted,
    ElementDelimited,
    LevelDelimited,
}

/// PostgreSQL 15's state machine, which also reads the elements as it goes.
struct Reader<'a> {
    whole: &'a str,
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    state: State,
    /// Elements counted so far on each open level.
    counts: Vec<usize>,
    /// Length of each dimension, known when its first level closes.
    dims: Vec<Option<usize>>,
}

impl<'a> Reader<'a> {
    fn new(whole: &'a str, body: &'a str) -> Self {
        Self {
            whole,
            chars: body.chars().peekable(),
            state: State::NoLevel,
            counts: Vec::new(),
            dims: Vec::new(),
        }
    }

    fn unexpected(&self, c: char) -> Error {
        malformed(self.whole, format!("Unexpected \"{c}\" character."))
    }

    fn mismatch(&self) -> Error {
        malformed(
            self.whole,
            "Multidimensional arrays must have sub-arrays with matching dimensions.",
        )
    }

    fn may_start_element(&self) -> bool {
        matches!(self.state, State::LevelStarted | State::ElementDelimited)
    }

    fn read(mut self, items: &mut Vec<Option<String>>) -> Result<Vec<usize>> {
        if self.chars.peek() != Some(&'{') {
            let detail = "Array value must start with \"{\" or dimension information.";
            return Err(malformed(self.whole, detail));
        }
        loop {
            let Some(c) = self.chars.peek().copied() else {
                return Err(malformed(self.whole, "Unexpected end of input."));
            };
            match c {
                '{' => self.open()?,
                '}' => {
                    self.close()?;
                    if self.counts.is_empty() {
                        break;
                    }
                }
                ',' => self.delimiter()?,
                c if is_space(c) => {
                    self.chars.next();
                }
                '"' => {
                    if !self.may_start_element() {
                        return Err(malformed(self.whole, "Unexpected array element."));
                    }
                    items.push(Some(self.quoted()?));
                    self.state = State::ElementQuoted;
                }
                _ => {
                    if !self.may_start_element() {
                        return Err(if c == '\\' {
                            self.unexpected(c)
                        } else {
                            malformed(self.whole, "Unexpected array element.")
                        });
                    }
                    items.push(self.bare()?);
                    self.state = State::Element;
                }
            }
        }
        if self.chars.any(|c| !is_space(c)) {
            return Err(malformed(self.whole, "Junk after closing right brace."));
        }
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let dims: Vec<usize> = self.dims.iter().map(|dim| dim.unwrap_or(0)).collect();
        if dims.iter().product::<usize>() == items.len() {
            Ok(dims)
        } else {
            Err(malformed(
                self.whole,
                "Multidimensional arrays must have sub-arrays with matching dimensions.",
            ))
        }
    }

    fn open(&mut self) -> Result<()> {
        if !matches!(self.state, State::NoLevel | State::LevelStarted | State::LevelDelimited) {
            return Err(self.unexpected('{'));
        }
        if self.counts.len() >= DIMENSIONS_MAX {
            return Err(too_many_dimensions(self.counts.len() + 1));
        }
        self.chars.next();
        self.counts.push(1);
        if self.dims.len() < self.counts.len() {
            self.dims.push(None);
        }
        self.state = State::LevelStarted;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let fits = match self.state {
            State::Element | State::ElementQuoted | State::LevelCompleted => true,
            State::LevelStarted => self.counts.len() == 1,
            _ => false,
        };
        if !fits {
            return Err(self.unexpected('}'));
        }
        self.chars.next();
        let count = self.counts.pop().unwrap_or(0);
        let level = self.counts.len();
        match self.dims.get(level).copied().flatten() {
            Some(known) if known != count => return Err(self.mismatch()),
            _ => {}
        }
        if let Some(dim) = self.dims.get_mut(level) {
            *dim = Some(count);
        }
        self.state = State::LevelCompleted;
        Ok(())
    }

    fn delimiter(&mut self) -> Result<()> {
        self.state = match self.state {
            State::Element | State::ElementQuoted => State::ElementDelimited,
            State::LevelCompleted => State::LevelDelimited,
            _ => return Err(self.unexpected(',')),
        };
        self.chars.next();
        if let Some(count) = self.counts.last_mut() {
            *count += 1;
        }
        Ok(())
    }

    fn end(&self) -> Error {
        malformed(self.whole, "Unexpected end of input.")
    }

    fn quoted(&mut self) -> Result<String> {
        self.chars.next();
        let mut item = String::new();
        loop {
            match self.chars.next() {
                None => return Err(self.end()),
                Some('"') => return Ok(item),
                Some('\\') => item.push(self.chars.next().ok_or_else(|| self.end())?),
                Some(c) => item.push(c),
            }
        }
    }

    /// An element without quotes: up to the next delimiter, without the blanks at its end; `None`
    /// for `NULL`.
    fn bare(&mut self) -> Result<Option<String>> {
        let mut item = String::new();
        let mut kept = 0;
        let mut escaped = false;
        loop {
            match self.chars.peek().copied() {
                None => return Err(self.end()),
                Some(',' | '}') => break,
                Some('{') => return Err(self.unexpected('{')),
                Some('"') => return Err(malformed(self.whole, "Unexpected array element.")),
                Some('\\') => {
                    self.chars.next();
                    item.push(self.chars.next().ok_or_else(|| self.end())?);
                    kept = item.len();
                    escaped = true;
                }
                Some(c) => {
                    self.chars.next();
                    item.push(c);
                    if !is_space(c) {
                        kept = item.len();
                    }
                }
            }
        }
        item.truncate(kept);
        Ok(if !escaped && item.eq_ignore_ascii_case("null") { None } else { Some(item) })
    }
}

/// Prints an array as PostgreSQL does.
///
/// # Errors
/// As the elements' output.
pub fn print(env: &dyn Environment, element: &Type, array: &Array) -> Result<String> {
    if array.dims.is_empty() {
        return Ok("{}".to_owned());
    }
    let mut out = String::new();
    let mut elements = array.elements.iter();
    print_dimension((env, element), &array.dims, &mut elements, &mut out)?;
    Ok(out)
}

fn print_dimension(
    how: (&dyn Environment, &Type),
    dims: &[usize],
    elements: &mut std::slice::Iter<'_, Value>,
    out: &mut String,
) -> Result<()> {
    let Some((length, inner)) = dims.split_first() else {
        match elements.next() {
            None => return Err(Error::internal("an array too short")),
            Some(Value::Null) => out.push_str("NULL"),
            Some(value) => push_quoted(&io::output(how.0, how.1, value)?, out),
        }
        return Ok(());
    };
    out.push('{');
    for index in 0..*length {
        if index > 0 {
            out.push(',');
        }
        print_dimension(how, inner, elements, out)?;
    }
    out.push('}');
    Ok(())
}

fn push_quoted(item: &str, out: &mut String) {
    let quote = item.is_empty()
        || item.eq_ignore_ascii_case("null")
        || item.contains(|c: char| matches!(c, '"' | '\\' | '{' | '}' | ',') || is_space(c));
    if !quote {
        out.push_str(item);
        return;
    }
    out.push('"');
    for c in item.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
