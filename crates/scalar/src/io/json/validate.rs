//! The JSON grammar with PostgreSQL's error details, without recursion.

use backstay_model::{Error, Result};

use super::{NESTING_MAX, too_deep};

/// How closely escapes in strings are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Spelling only, as `json` does.
    Spelling,
    /// They must denote text: no `\u0000`, no lone surrogate, as `jsonb` demands.
    Meaning,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    Scalar,
    End,
}

/// What the grammar allows next.
#[derive(Clone, Copy)]
enum Expect {
    Value,
    ArrayFirst,
    ArrayNext,
    ObjectFirst,
    Label,
    Colon,
    ObjectNext,
    End,
}

pub(super) fn validate(text: &str, escapes: Escapes) -> Result<()> {
    let mut lexer = Lexer { text, start: 0, at: 0, escapes };
    // `true` for an object, `false` for an array.
    let mut stack: Vec<bool> = Vec::new();
    let mut expect = Expect::Value;
    loop {
        let token = lexer.next()?;
        let ends_array = token == Token::ArrayEnd;
        let value_done = match (expect, token) {
            (Expect::End, Token::End) => return Ok(()),
            (Expect::Value | Expect::ArrayFirst, Token::String | Token::Scalar) => true,
            (Expect::Value | Expect::ArrayFirst, Token::ObjectStart | Token::ArrayStart) => {
                if stack.len() >= NESTING_MAX {
                    return Err(too_deep());
                }
                stack.push(token == Token::ObjectStart);
                expect = if token == Token::ObjectStart {
                    Expect::ObjectFirst
                } else {
                    Expect::ArrayFirst
                };
                false
            }
            (Expect::ArrayFirst | Expect::ArrayNext, Token::ArrayEnd)
            | (Expect::ObjectFirst | Expect::ObjectNext, Token::ObjectEnd) => {
                debug_assert_eq!(stack.last(), Some(&!ends_array));
                stack.pop();
                true
            }
            (Expect::ArrayNext, Token::Comma) => {
                expect = Expect::Value;
                false
            }
            (Expect::ObjectNext, Token::Comma) => {
                expect = Expect::Label;
                false
            }
            (Expect::ObjectFirst | Expect::Label, Token::String) => {
                expect = Expect::Colon;
                false
            }
            (Expect::Colon, Token::Colon) => {
                expect = Expect::Value;
                false
            }
            (expect, token) => return Err(lexer.unexpected(expect, token)),
        };
        if value_done {
            expect = match stack.last() {
                None => Expect::End,
                Some(true) => Expect::ObjectNext,
                Some(false) => Expect::ArrayNext,
            };
        }
    }
}

fn syntax_error(detail: impl Into<String>) -> Error {
    Error::new("22P02", "invalid input syntax for type json").with_details(detail)
}

/// `22P05`: text cannot hold the character that the escape denotes.
pub(super) fn nul_escape() -> Error {
    Error::new("22P05", "unsupported Unicode escape sequence")
        .with_details("\\u0000 cannot be converted to text.")
}

struct Lexer<'a> {
    text: &'a str,
    /// Where the current token starts.
    start: usize,
    at: usize,
    escapes: Escapes,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn token_text(&self) -> &str {
        self.text.get(self.start..self.at).unwrap_or_default()
    }

    fn invalid_token(&self) -> Error {
        syntax_error(format!("Token \"{}\" is invalid.", self.token_text()))
    }

    fn unexpected(&self, expect: Expect, token: Token) -> Error {
        if token == Token::End {
            return syntax_error("The input string ended unexpectedly.");
        }
        let wanted = match expect {
            Expect::Value | Expect::ArrayFirst => "JSON value",
            Expect::ArrayNext => "\",\" or \"]\"",
            Expect::ObjectFirst => "string or \"}\"",
            Expect::Label => "string",
            Expect::Colon => "\":\"",
            Expect::ObjectNext => "\",\" or \"}\"",
            Expect::End => "end of input",
        };
        syntax_error(format!("Expected {wanted}, but found \"{}\".", self.token_text()))
    }

    fn next(&mut self) -> Result<Token> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.start = self.at;
        let Some(byte) = self.peek() else { return Ok(Token::End) };
        self.at += 1;
        match byte {
            b'{' => Ok(Token::ObjectStart),
            b'}' => Ok(Token::ObjectEnd),
            b'[' => Ok(Token::ArrayStart),
            b']' => Ok(Token::ArrayEnd),
            b',' => Ok(Token::Comma),
            b':' => Ok(Token::Colon),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(byte),
            _ => self.word(byte),
        }
    }

    fn skip_word(&mut self) -> bool {
        let before = self.at;
        while matches!(self.peek(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80..)) {
            self.at += 1;
        }
        self.at > before
    }

    fn word(&mut self, first: u8) -> Result<Token> {
        if first.is_ascii_alphabetic() || first == b'_' || first >= 0x80 {
            self.skip_word();
        }
        match self.token_text() {
            "true" | "false" | "null" => Ok(Token::Scalar),
            _ => Err(self.invalid_token()),
        }
    }

    fn digits(&mut self) -> bool {
        let before = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > before
    }

    fn number(&mut self, first: u8) -> Result<Token> {
        let mut good = true;
        let lead = if first == b'-' { self.peek() } else { Some(first) };
        if first == b'-' && matches!(lead, Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match lead {
            Some(b'0') => {}
            Some(b'1'..=b'9') => {
                self.digits();
            }
            _ => good = false,
        }
        if good && self.peek() == Some(b'.') {
            self.at += 1;
            good = self.digits();
        }
        if good && matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            good = self.digits();
        }
        if self.skip_word() || !good { Err(self.invalid_token()) } else { Ok(Token::Scalar) }
    }

    fn string(&mut self) -> Result<Token> {
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let plain = rest.iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\'));
            let Some(plain) = plain else {
                self.at = self.text.len();
                return Err(self.invalid_token());
            };
            self.at += plain + 1;
            match rest[plain] {
                b'"' => return Ok(Token::String),
                b'\\' => self.escape()?,
                control => {
                    let detail = format!("Character with value 0x{control:02x} must be escaped.");
                    return Err(syntax_error(detail));
                }
            }
        }
    }

    /// Behind a backslash.
    fn escape(&mut self) -> Result<()> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.chars().next() {
            None => Err(self.invalid_token()),
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                self.at += 1;
                Ok(())
            }
            Some('u') => {
                self.at += 1;
                self.unicode_escape()
            }
            Some(other) => Err(syntax_error(format!("Escape sequence \"\\{other}\" is invalid."))),
        }
    }

    /// Behind `\u`.
    fn unicode_escape(&mut self) -> Result<()> {
        let unit = self.hex()?;
        if self.escapes == Escapes::Spelling {
            return Ok(());
        }
        match unit {
            0 => Err(nul_escape()),
            0xD800..=0xDBFF => {
                let low = "Unicode low surrogate must follow a high surrogate.";
                let follows = self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u");
                if !follows {
                    return Err(syntax_error(low));
                }
                self.at += 2;
                match self.hex()? {
                    0xDC00..=0xDFFF => Ok(()),
                    0xD800..=0xDBFF => Err(syntax_error(
                        "Unicode high surrogate must not follow a high surrogate.",
                    )),
                    _ => Err(syntax_error(low)),
                }
            }
            0xDC00..=0xDFFF => {
                Err(syntax_error("Unicode low surrogate must follow a high surrogate."))
            }
            _ => Ok(()),
        }
    }

    fn hex(&mut self) -> Result<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let unit = (digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit))
            .then(|| std::str::from_utf8(digits).ok())
            .flatten()
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| syntax_error("\"\\u\" must be followed by four hexadecimal digits."))?;
        self.at += 4;
        Ok(unit)
    }
}
