//! From text to PostgreSQL's own syntax tree, within limits.

use backstay_model::{Error, Result};
use pg_query::{NodeEnum, ParserOptions};

use crate::copy;

/// Limit: bytes of a statement or script that a request or a function body may hold.
pub const STATEMENT_SIZE_BYTES_MAX: usize = 1 << 20;
/// Limit: bytes of a migration file.
pub const MIGRATION_SIZE_BYTES_MAX: usize = 16 << 20;
/// Limit: how deep parentheses, brackets and `CASE` may nest.
const NESTING_MAX: usize = 200;
/// Limit: operators in one chain (`a || b || c …`), which PostgreSQL's parser nests.
const CHAIN_MAX: usize = 1_000;
/// The parser and the decoding of its tree recurse; they get a stack of their own.
const STACK_SIZE_BYTES: usize = 64 << 20;

/// One statement of a script.
#[derive(Debug, Clone)]
pub struct RawStatement {
    /// PostgreSQL's tree. Locations in it count from the start of the script.
    pub node: NodeEnum,
    /// Its text, without the semicolon and without blanks and comments before it.
    pub text: String,
    /// Byte offset of `text` in the script.
    pub offset: usize,
}

/// Reads a script of statements.
///
/// # Errors
/// `42601` with the byte position; `54000` beyond a limit.
pub fn parse(text: &str) -> Result<Vec<RawStatement>> {
    parse_within(text, STATEMENT_SIZE_BYTES_MAX)
}

/// Reads a migration: the same with the larger limit. `COPY … FROM stdin` becomes an `INSERT` of the
/// rows behind it, at its place; that statement's text is not the script's.
///
/// # Errors
/// As [`parse`].
pub fn parse_migration(text: &str) -> Result<Vec<RawStatement>> {
    let (script, rows) = copy::take_rows(text);
    let mut rows = rows.iter();
    let mut statements = Vec::new();
    for statement in parse_within(&script, MIGRATION_SIZE_BYTES_MAX)? {
        match copy::has_rows(&statement.node) {
            Some(stmt) => {
                let offset = statement.offset;
                let Some(rows) = rows.next() else { continue };
                let insert = copy::insert(stmt, rows).map_err(|error| error.at(offset))?;
                let Some(text) = insert else { continue };
                let parsed = parse_within(&text, MIGRATION_SIZE_BYTES_MAX)?;
                statements.extend(parsed.into_iter().map(|one| RawStatement { offset, ..one }));
            }
            None => statements.push(statement),
        }
    }
    Ok(statements)
}

/// Reads what PL/pgSQL calls an expression: what may stand behind `SELECT`. The node is a
/// `SelectStmt`; locations count from the start of `text`.
///
/// # Errors
/// As [`parse`].
pub fn parse_expression(text: &str) -> Result<NodeEnum> {
    check_limits(text, STATEMENT_SIZE_BYTES_MAX)?;
    let mut statements = run(text, ParserOptions::PLPGSQL_EXPR)?;
    match statements.pop() {
        Some(only) if statements.is_empty() => Ok(only.node),
        _ => Err(Error::new("42601", "syntax error at end of input").at(text.len())),
    }
}

/// Reads one statement.
///
/// # Errors
/// As [`parse`]; `42601` for none or several.
pub fn parse_one(text: &str) -> Result<RawStatement> {
    let mut statements = parse(text)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Error::new("42601", "syntax error at end of input").at(text.len())),
        (Some(_), false) => {
            Err(Error::new("42601", "cannot insert multiple commands into a prepared statement"))
        }
    }
}

fn parse_within(text: &str, size_bytes_max: usize) -> Result<Vec<RawStatement>> {
    check_limits(text, size_bytes_max)?;
    run(text, ParserOptions::DEFAULT)
}

fn run(text: &str, options: ParserOptions) -> Result<Vec<RawStatement>> {
    let parsed = stacker::grow(STACK_SIZE_BYTES, || pg_query::parse(text, options));
    let result = match parsed {
        Ok(result) => result.protobuf,
        Err(pg_query::Error::Parse(message)) => return Err(syntax_error(text, options, message)),
        Err(other) => return Err(Error::new("42601", other.to_string())),
    };
    Ok(result
        .stmts
        .into_iter()
        .filter_map(|raw| {
            let start = usize::try_from(raw.stmt_location).ok()?;
            let length = usize::try_from(raw.stmt_len).ok()?;
            let end = if length == 0 { text.len() } else { start + length };
            let slice = text.get(start..end)?;
            let skipped = blank_prefix(slice);
            let node = raw.stmt?.node?;
            let text = slice[skipped..].trim_end().to_owned();
            Some(RawStatement { node, text, offset: start + skipped })
        })
        .collect())
}

/// How many bytes of blanks and comments the text begins with.
pub(crate) fn blank_prefix(text: &str) -> usize {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        rest = if let Some(comment) = trimmed.strip_prefix("--") {
            comment.find('\n').map_or("", |end| &comment[end..])
        } else if trimmed.starts_with("/*") {
            &trimmed[block_comment(trimmed.as_bytes())..]
        } else {
            return text.len() - trimmed.len();
        };
    }
}

/// The parser tells the word and not the place. The place is the end of the shortest beginning of the
/// text that fails in the same way, so it is found by halving the occurrences of the word.
fn syntax_error(text: &str, options: ParserOptions, message: String) -> Error {
    if message == "stack depth limit exceeded" {
        return Error::new("54001", message);
    }
    let error = Error::new("42601", message);
    if error.message.ends_with("at end of input") {
        return error.at(text.len());
    }
    let Some((_, near)) = error.message.split_once(" at or near \"") else { return error };
    let Some(near) = near.strip_suffix('"') else { return error };
    let occurrences: Vec<usize> = text
        .match_indices(near)
        .map(|(at, _)| at)
        .filter(|at| is_whole_word(text.as_bytes(), *at, near.len()))
        .collect();
    let fails_the_same = |at: usize| {
        let begin = &text[..at + near.len()];
        let parsed = stacker::grow(STACK_SIZE_BYTES, || pg_query::parse(begin, options));
        matches!(parsed, Err(pg_query::Error::Parse(found)) if found == error.message)
    };
    let first = occurrences.partition_point(|at| !fails_the_same(*at));
    match occurrences.get(first) {
        Some(at) => error.at(*at),
        None => error,
    }
}

/// A match inside a longer word is not the word.
fn is_whole_word(text: &[u8], at: usize, length: usize) -> bool {
    let in_word = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || !b.is_ascii())
    };
    let starts_inside = in_word(Some(at)) && in_word(at.checked_sub(1));
    let ends_inside = in_word(Some(at + length - 1)) && in_word(Some(at + length));
    !starts_inside && !ends_inside
}

fn too_complex(what: &str) -> Error {
    Error::new("54001", "stack depth limit exceeded").with_hint(format!("The statement {what}."))
}

/// Refuses text that would make the parser or anything after it recurse too deep.
fn check_limits(text: &str, size_bytes_max: usize) -> Result<()> {
    if text.len() > size_bytes_max {
        return Err(Error::new("54000", "statement is too long").with_details(format!(
            "It has {} bytes; at most {size_bytes_max} are allowed.",
            text.len()
        )));
    }
    if let Some(at) = text.find('\0') {
        return Err(Error::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00").at(at));
    }
    let mut levels = vec![Level::default()];
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        let length = match first {
            b'\'' => quoted(rest, b'\'', false),
            b'"' => quoted(rest, b'"', false),
            b'-' if rest.starts_with(b"--") => {
                rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
            }
            b'/' if rest.starts_with(b"/*") => block_comment(rest),
            b'$' => dollar_quoted(rest),
            b'0'..=b'9' => run_of(rest, |b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_'),
            b if b.is_ascii_alphabetic() || *b == b'_' || !b.is_ascii() => {
                let length =
                    run_of(rest, |b| b.is_ascii_alphanumeric() || b == b'_' || !b.is_ascii());
                let word = &rest[..length];
                if word.eq_ignore_ascii_case(b"e") && rest.get(length) == Some(&b'\'') {
                    length + quoted(&rest[length..], b'\'', true)
                } else {
                    note_word(&mut levels, word);
                    length
                }
            }
            b => {
                note_sign(&mut levels, *b);
                1
            }
        };
        if levels.len() > NESTING_MAX {
            return Err(too_complex(&format!("nests deeper than {NESTING_MAX} levels")));
        }
        if levels.last().is_some_and(|level| level.chain > CHAIN_MAX || level.sets > CHAIN_MAX) {
            return Err(too_complex(&format!("chains more than {CHAIN_MAX} operators")));
        }
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    Ok(())
}

/// What is counted between one pair of parentheses.
#[derive(Default)]
struct Level {
    /// Operators since the last comma, `AND` or `OR`.
    chain: usize,
    /// `UNION`, `JOIN` and the like.
    sets: usize,
    /// Opened by `CASE`.
    case: bool,
}

fn note_word(levels: &mut Vec<Level>, word: &[u8]) {
    let word = word.to_ascii_lowercase();
    let Some(level) = levels.last_mut() else { return };
    match word.as_slice() {
        b"case" => levels.push(Level { case: true, ..Level::default() }),
        b"end" if level.case => {
            levels.pop();
        }
        b"and" | b"or" | b"when" | b"then" => level.chain = 0,
        b"union" | b"intersect" | b"except" | b"join" => level.sets += 1,
        b"not" | b"is" | b"like" | b"ilike" | b"in" | b"between" | b"collate" | b"at" | b"else"
        | b"isnull" | b"notnull" | b"similar" => level.chain += 1,
        _ => {}
    }
}

fn note_sign(levels: &mut Vec<Level>, sign: u8) {
    let outermost = levels.len() == 1;
    let Some(level) = levels.last_mut() else { return };
    match sign {
        b'(' | b'[' => {
            level.chain += 1;
            levels.push(Level::default());
        }
        b')' | b']' => while levels.len() > 1 && levels.pop().is_some_and(|level| level.case) {},
        b',' => level.chain = 0,
        b';' if outermost => *level = Level::default(),
        b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' | b'!' | b'@' | b'#' | b'%'
        | b'^' | b'&' | b'|' | b'?' | b':' | b'.' => level.chain += 1,
        _ => {}
    }
}

fn run_of(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|b| !belongs(*b)).unwrap_or(text.len())
}

pub(crate) fn quoted(text: &[u8], quote: u8, backslash: bool) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        if backslash && *byte == b'\\' {
            at += 2;
        } else if *byte == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    text.len()
}

pub(crate) fn block_comment(text: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < text.len() {
        if text[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    at.min(text.len())
}

/// Length of `$tag$…$tag$`, or of whatever else begins with a dollar sign.
pub(crate) fn dollar_quoted(text: &[u8]) -> usize {
    let tag = 1 + run_of(&text[1..], |b| b.is_ascii_alphanumeric() || b == b'_' || !b.is_ascii());
    if text.get(tag) != Some(&b'$') || text.get(1).is_some_and(u8::is_ascii_digit) {
        return tag;
    }
    let delimiter = &text[..=tag];
    let body = &text[tag + 1..];
    let found = body.windows(delimiter.len()).position(|window| window == delimiter);
    found.map_or(text.len(), |at| tag + 1 + at + delimiter.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> (String, Option<usize>) {
        let error = parse(text).unwrap_err();
        (format!("{error}"), error.position)
    }

    #[test]
    fn statements_keep_their_text_and_place() {
        let script = "select 1;\n-- note\n/* a /* b */ */ select 2 ;";
        let statements = parse(script).unwrap();
        let texts: Vec<_> = statements.iter().map(|s| (s.text.as_str(), s.offset)).collect();
        assert_eq!(texts, [("select 1", 0), ("select 2", 34)]);
    }

    #[test]
    fn a_syntax_error_tells_its_place() {
        assert_eq!(
            fails("select 1; selec 2"),
            ("syntax error at or near \"selec\" (42601)".to_owned(), Some(10))
        );
        assert_eq!(
            fails("select a from from b"),
            ("syntax error at or near \"from\" (42601)".to_owned(), Some(14))
        );
        assert_eq!(fails("select ("), ("syntax error at end of input (42601)".to_owned(), Some(8)));
    }

    #[test]
    fn deep_and_long_expressions_are_refused_and_moderate_ones_are_not() {
        let nested = |n: usize| format!("select {}1{}", "(".repeat(n), ")".repeat(n));
        let chain = |n: usize| format!("select 1{}", " + 1".repeat(n));
        assert!(parse(&nested(150)).is_ok());
        assert!(parse(&chain(300)).is_ok());
        assert!(fails(&nested(5_000)).0.contains("54001"));
        assert!(fails(&chain(100_000)).0.contains("54001"));
        assert!(parse(&format!("select '{}'", "(".repeat(5_000))).is_ok());
        assert!(parse(&format!("select $x${}$x$", "(".repeat(5_000))).is_ok());
    }
}
