//! Types of TypeScript laid out as the formatter that generated files pass through does it: 80
//! characters a line, no semicolons at the ends of lines, names in quotes only where they need them.

/// Characters of a line.
const WIDTH: usize = 80;
/// Characters of a step inwards.
const STEP: usize = 2;

/// A type.
#[derive(Clone)]
pub(crate) enum Ts {
    /// Names, literals.
    Plain(String),
    /// `A | B`.
    Union(Vec<Ts>),
    /// `{ a: A; b: B }`, on one line where it fits.
    Object(Vec<(String, Ts)>),
    /// The same, a line a member always.
    Block(Vec<(String, Ts)>),
    /// `[A, B]`, on one line where it fits.
    Tuple(Vec<Ts>),
    /// `[A, B]`, a line an element always.
    Lines(Vec<Ts>),
    /// A type with something right behind it: `[]`, ` & "…"`.
    Followed(Box<Ts>, String),
}

impl Ts {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    /// An object whose members come in blocks; `[_ in never]: never` if it has none.
    pub(crate) fn block(members: Vec<(String, Ts)>) -> Self {
        if members.is_empty() {
            return Self::Block(vec![("[_ in never]".to_owned(), Self::plain("never"))]);
        }
        Self::Block(members)
    }

    /// The type on one line; `None` where it must have several.
    fn flat(&self) -> Option<String> {
        let all = |parts: &[Ts], between: &str| {
            let parts: Option<Vec<String>> = parts.iter().map(Self::flat).collect();
            parts.map(|parts| parts.join(between))
        };
        match self {
            Self::Plain(text) => Some(text.clone()),
            Self::Union(parts) => all(parts, " | "),
            Self::Tuple(parts) => Some(format!("[{}]", all(parts, ", ")?)),
            Self::Object(members) => {
                let members: Option<Vec<String>> = members
                    .iter()
                    .map(|(name, ty)| Some(format!("{name}: {}", ty.flat()?)))
                    .collect();
                Some(format!("{{ {} }}", members?.join("; ")))
            }
            Self::Followed(ty, behind) => Some(format!("{}{behind}", ty.flat()?)),
            Self::Block(_) | Self::Lines(_) => None,
        }
    }

    /// The type at `indent`, behind `before` characters on its line.
    pub(crate) fn at(&self, indent: usize, before: usize) -> String {
        if let Some(line) = self.flat().filter(|line| before + line.chars().count() <= WIDTH) {
            return line;
        }
        let inner = indent + STEP;
        let line = |text: String| format!("\n{}{text}", " ".repeat(inner));
        let end = format!("\n{}", " ".repeat(indent));
        match self {
            Self::Plain(text) => text.clone(),
            Self::Union(parts) => parts
                .iter()
                .map(|part| line(format!("| {}", part.at(inner + STEP, inner + STEP))))
                .collect(),
            Self::Object(members) | Self::Block(members) => {
                let members: String =
                    members.iter().map(|(name, ty)| line(member(name, ty, inner))).collect();
                format!("{{{members}{end}}}")
            }
            Self::Tuple(parts) | Self::Lines(parts) => {
                let parts: String =
                    parts.iter().map(|part| line(format!("{},", part.at(inner, inner)))).collect();
                format!("[{parts}{end}]")
            }
            Self::Followed(ty, behind) => match &**ty {
                // What stands behind an object stands behind its last brace.
                Self::Object(members) => {
                    format!("{}{behind}", Self::Block(members.clone()).at(indent, before))
                }
                other => format!("{}{behind}", other.at(indent, before)),
            },
        }
    }
}

/// `name: type`; a union over several lines starts on the next one.
fn member(name: &str, ty: &Ts, indent: usize) -> String {
    let text = ty.at(indent, indent + name.chars().count() + STEP);
    let gap = if text.starts_with('\n') { "" } else { " " };
    format!("{name}:{gap}{text}")
}

/// A name as a key of an object.
pub(crate) fn key(name: &str) -> String {
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$');
    if starts && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$') {
        name.to_owned()
    } else {
        literal(name)
    }
}

/// A text as a literal: in single quotes if that saves escapes.
pub(crate) fn literal(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    if text.matches('"').count() <= text.matches('\'').count() {
        return quoted;
    }
    let inside = quoted[1..quoted.len() - 1].replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{inside}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_on_a_line_gets_a_line_for_each_part() {
        let labels = |count: usize| {
            Ts::Union((0..count).map(|n| Ts::plain(literal(&format!("label {n}")))).collect())
        };
        let object = |ty| Ts::Block(vec![("a".to_owned(), ty)]).at(0, 0);
        assert_eq!(object(labels(2)), "{\n  a: \"label 0\" | \"label 1\"\n}");
        let long = object(labels(8));
        assert!(long.starts_with("{\n  a:\n    | \"label 0\"\n    | \"label 1\"\n"), "{long}");
    }

    #[test]
    fn literals_take_the_quotes_that_need_fewer_escapes() {
        assert_eq!(literal("it's"), "\"it's\"");
        assert_eq!(literal("say \"it\""), "'say \"it\"'");
        assert_eq!(key("a_b"), "a_b");
        assert_eq!(key("a b"), "\"a b\"");
        assert_eq!(key(""), "\"\"");
    }
}
