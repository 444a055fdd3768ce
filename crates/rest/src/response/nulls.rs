//! Removes members that are null from JSON objects, as `json_strip_nulls` does.

/// An array or object that is being copied.
struct Frame {
    object: bool,
    /// Has an element or member been written?
    filled: bool,
}

/// Copies valid JSON without the null members of its objects, at any depth; null elements of arrays
/// stay. Blanks between tokens go.
pub(super) fn strip(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut open: Vec<Frame> = Vec::new();
    let mut at = 0;
    // The last token written was a key.
    let mut after_key = false;
    while let Some(&byte) = json.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' => {
                at += 1;
                continue;
            }
            b'}' | b']' => {
                open.pop();
                out.push(byte);
                at += 1;
                continue;
            }
            _ => {}
        }
        let is_key = !after_key && open.last().is_some_and(|frame| frame.object);
        let end = token_end(json, at);
        if is_key && let Some(after) = null_value(json, end) {
            at = after;
            continue;
        }
        if !after_key && let Some(frame) = open.last_mut() {
            if frame.filled {
                out.push(b',');
            }
            frame.filled = true;
        }
        out.extend_from_slice(json.get(at..end).unwrap_or_default());
        after_key = is_key;
        if is_key {
            out.push(b':');
        }
        if matches!(byte, b'{' | b'[') {
            open.push(Frame { object: byte == b'{', filled: false });
        }
        at = end;
    }
    out
}

/// Where the token that begins at `start` ends.
fn token_end(json: &[u8], start: usize) -> usize {
    match json.get(start) {
        Some(b'{' | b'[') => start + 1,
        Some(b'"') => {
            let mut at = start + 1;
            while let Some(byte) = json.get(at) {
                match byte {
                    b'\\' => at += 2,
                    b'"' => return at + 1,
                    _ => at += 1,
                }
            }
            json.len()
        }
        _ => {
            let rest = json.get(start..).unwrap_or_default();
            let length = rest
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
                .unwrap_or(rest.len());
            start + length.max(1)
        }
    }
}

/// If the value after a key is null: where it ends.
fn null_value(json: &[u8], after_key: usize) -> Option<usize> {
    let rest = json.get(after_key..)?;
    let skipped = rest.iter().position(|b| !matches!(b, b':' | b' ' | b'\n' | b'\r' | b'\t'))?;
    rest.get(skipped..)?.starts_with(b"null").then_some(after_key + skipped + 4)
}

#[cfg(test)]
mod tests {
    use super::strip;

    fn check(json: &str, expected: &str) {
        assert_eq!(String::from_utf8(strip(json.as_bytes())).unwrap(), expected, "{json}");
    }

    #[test]
    fn null_members_go_and_null_elements_stay() {
        check(
            r#"[{"id":1, "a":null,"b":[null,1,{"c":null}],"d":{"e":null,"f":2}},
 {"id":null}]"#,
            r#"[{"id":1,"b":[null,1,{}],"d":{"f":2}},{}]"#,
        );
    }

    #[test]
    fn texts_and_numbers_are_left_alone() {
        check(
            r#"[{"null":"null","x,\"}":"a\\","n":1.50,"t":true},{"z":null}]"#,
            r#"[{"null":"null","x,\"}":"a\\","n":1.50,"t":true},{}]"#,
        );
        check("null", "null");
        check("[]", "[]");
        check("", "");
    }
}
