//! `COPY … FROM stdin` with its rows in the script, as dumps have it: an `INSERT` of the same rows.

use std::fmt::Write as _;

use backstay_model::{Error, Result, quote_identifier, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, RangeVar};

use crate::nodes::strings;
use crate::parse::{blank_prefix, block_comment, dollar_quoted, quoted};

/// The rows behind a `COPY … FROM stdin;`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyRows {
    /// The lines, each a row in the text form.
    lines: String,
}

/// The script with the rows blanked out, all places kept, and the rows of each `COPY` in order.
pub(crate) fn take_rows(text: &str) -> (String, Vec<CopyRows>) {
    let mut script = String::with_capacity(text.len());
    let mut taken = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = at + statement_length(&text[at..]);
        script.push_str(&text[at..end]);
        let statement = &text[at + blank_prefix(&text[at..end])..end];
        at = end;
        if reads_stdin(statement) {
            let line_end = text[at..].find('\n').map_or(text.len(), |found| at + found + 1);
            script.push_str(&text[at..line_end]);
            let rows = &text[line_end..line_end + rows_length(&text[line_end..])];
            at = line_end + rows.len();
            script.extend(rows.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            let lines = rows.strip_suffix('\n').unwrap_or(rows);
            let lines = lines.strip_suffix('\r').unwrap_or(lines);
            let lines = lines.strip_suffix("\\.").unwrap_or(lines).to_owned();
            taken.push(CopyRows { lines });
        }
    }
    (script, taken)
}

/// Bytes up to and with the semicolon that ends the first statement.
fn statement_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            b';' => return at + 1,
            b'\'' => {
                let escaped = at > 0 && matches!(bytes[at - 1], b'e' | b'E');
                quoted(rest, b'\'', escaped)
            }
            b'"' => quoted(rest, b'"', false),
            b'-' if rest.starts_with(b"--") => {
                rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
            }
            b'/' if rest.starts_with(b"/*") => block_comment(rest),
            b'$' => dollar_quoted(rest),
            _ => 1,
        };
    }
    text.len()
}

/// Is it `COPY … FROM stdin`?
fn reads_stdin(statement: &str) -> bool {
    let mut words = statement.split_ascii_whitespace().map(|word| word.trim_end_matches(';'));
    if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("copy")) {
        return false;
    }
    let words: Vec<&str> = words.collect();
    words
        .windows(2)
        .any(|two| two[0].eq_ignore_ascii_case("from") && two[1].eq_ignore_ascii_case("stdin"))
}

/// Bytes up to and with the line `\.`.
fn rows_length(text: &str) -> usize {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        length += line.len();
        if line.trim_end_matches(['\n', '\r']) == "\\." {
            break;
        }
    }
    length
}

/// The `INSERT` that stores the rows; `None` if there are none.
///
/// # Errors
/// `0A000` for another form than text; `22P04` for a row with more or fewer values than columns.
pub(crate) fn insert(stmt: &CopyStmt, rows: &CopyRows) -> Result<Option<String>> {
    if !stmt.options.is_empty() || stmt.where_clause.is_some() {
        return Err(Error::unsupported("COPY with options")
            .with_hint("Leave out the options, or use INSERT."));
    }
    let relation =
        stmt.relation.as_ref().ok_or_else(|| Error::unsupported("COPY without a table"))?;
    if rows.lines.is_empty() {
        return Ok(None);
    }
    let columns = strings(&stmt.attlist);
    let mut sql = format!("INSERT INTO {} ", table_name(relation));
    if !columns.is_empty() {
        let names: Vec<String> = columns.iter().map(|name| quote_identifier(name)).collect();
        let _ = write!(sql, "({}) ", names.join(", "));
    }
    // `COPY` stores what it is given in identity columns too.
    sql.push_str("OVERRIDING SYSTEM VALUE VALUES");
    let mut count = None;
    for (number, line) in rows.lines.split_terminator('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let values: Vec<String> = line.split('\t').map(literal).collect();
        let wanted =
            *count.get_or_insert(if columns.is_empty() { values.len() } else { columns.len() });
        if values.len() != wanted {
            let what = if values.len() < wanted {
                "missing data for"
            } else {
                "extra data after last expected"
            };
            return Err(Error::new("22P04", format!("{what} column")).with_details(format!(
                "COPY {}, line {}: \"{line}\"",
                relation.relname,
                number + 1
            )));
        }
        sql.push_str(if number == 0 { "\n(" } else { ",\n(" });
        sql.push_str(&values.join(", "));
        sql.push(')');
    }
    Ok(Some(sql))
}

/// Is it a `COPY` whose rows stand in the script?
pub(crate) fn has_rows(node: &NodeEnum) -> Option<&CopyStmt> {
    match node {
        NodeEnum::CopyStmt(stmt)
            if stmt.is_from && !stmt.is_program && stmt.filename.is_empty() =>
        {
            Some(stmt)
        }
        _ => None,
    }
}

fn table_name(relation: &RangeVar) -> String {
    let name = quote_identifier(&relation.relname);
    if relation.schemaname.is_empty() {
        name
    } else {
        format!("{}.{name}", quote_identifier(&relation.schemaname))
    }
}

/// A value of the text form as a literal.
fn literal(field: &str) -> String {
    if field == "\\N" {
        return "NULL".to_owned();
    }
    quote_literal(&unescaped(field))
}

/// Resolves the backslashes of the text form.
fn unescaped(field: &str) -> String {
    if !field.contains('\\') {
        return field.to_owned();
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let Some((escaped, tail)) = rest.split_first() else { break };
        let (byte, length) = match escaped {
            b'b' => (8, 1),
            b'f' => (12, 1),
            b'n' => (b'\n', 1),
            b'r' => (b'\r', 1),
            b't' => (b'\t', 1),
            b'v' => (11, 1),
            b'x' => number(tail, 16, 2).map_or((b'x', 1), |(byte, length)| (byte, length + 1)),
            b'0'..=b'7' => number(rest, 8, 3).unwrap_or((*escaped, 1)),
            other => (*other, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The number that at most this many digits write, as a byte, and how many there are.
fn number(text: &[u8], base: u32, digits_max: usize) -> Option<(u8, usize)> {
    let digits = text.iter().take(digits_max).map_while(|byte| char::from(*byte).to_digit(base));
    let digits: Vec<u32> = digits.collect();
    let value = digits.iter().fold(0, |value, digit| value * base + digit);
    (!digits.is_empty()).then_some(((value & 0xff) as u8, digits.len()))
}

#[cfg(test)]
mod tests {
    use crate::parse_migration;

    fn check(script: &str, expected: &[(usize, &str)]) {
        let statements = parse_migration(script).unwrap();
        let found: Vec<_> = statements.iter().map(|one| (one.offset, one.text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn rows_in_the_script_become_an_insert_at_its_place() {
        check(
            "select 1;\nCOPY \"public\".\"t\" (\"id\", \"it's\") FROM stdin;\n1\ta\\tb\\\\n'\n2\t\\N\n\\.\n\nselect 'x';\n",
            &[
                (0, "select 1"),
                (
                    10,
                    "INSERT INTO public.t (id, \"it's\") OVERRIDING SYSTEM VALUE VALUES\n('1', E'a\tb\\\\n'''),\n('2', NULL)",
                ),
                (75, "select 'x'"),
            ],
        );
    }

    #[test]
    fn copies_are_found_among_quotes_and_comments_only_where_they_stand() {
        check(
            "-- copy t from stdin;\nselect 'copy t from stdin;', $$ copy t from stdin; $$;\ncopy t from stdin;\n1;2\n\\.\n/* ; */ copy u from stdin;\n\\.\nselect 3",
            &[
                (22, "select 'copy t from stdin;', $$ copy t from stdin; $$"),
                (77, "INSERT INTO t OVERRIDING SYSTEM VALUE VALUES\n('1;2')"),
                (133, "select 3"),
            ],
        );
    }

    #[test]
    fn a_row_with_too_few_values_is_refused() {
        let error = parse_migration("copy t (a, b) from stdin;\n1\t2\n3\n\\.\n").unwrap_err();
        assert_eq!(error.to_string(), "missing data for column (22P04)");
        assert_eq!(error.position, Some(0));
    }
}
