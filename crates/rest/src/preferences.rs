//! The `Prefer` header.

/// What was preferred; `None` where nothing (valid) was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    /// `return=…`.
    pub returning: Option<Return>,
    /// `resolution=…`.
    pub resolution: Option<Resolution>,
    /// `missing=…`.
    pub missing: Option<Missing>,
    /// `count=…`.
    pub count: Option<Count>,
    /// `tx=…`.
    pub transaction: Option<Transaction>,
    /// `handling=strict` (true) or `handling=lenient` (false).
    pub strict: Option<bool>,
    /// `timezone=…`, unchecked.
    pub timezone: Option<String>,
    /// `max-affected=…`; without effect unless strict.
    pub max_affected: Option<u64>,
    /// Tokens that mean nothing, in order: an error if strict.
    pub unknown: Vec<String>,
}

/// What the answer to a write holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Return {
    /// The rows.
    Representation,
    /// Nothing.
    Minimal,
    /// The row's place.
    HeadersOnly,
}

/// What an insert does with rows that exist already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// Update them in the supplied columns.
    MergeDuplicates,
    /// Leave them.
    IgnoreDuplicates,
}

/// What a key that is absent from a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The column's default.
    Default,
    /// Null.
    Null,
}

/// How rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One by one.
    Exact,
    /// As the planner guesses.
    Planned,
    /// Exactly while few, else guessed.
    Estimated,
}

/// How the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// As usual.
    Commit,
    /// Undone.
    Rollback,
}

impl Preferences {
    /// Reads the values of all `Prefer` headers. Of each kind the first valid token counts.
    pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        let tokens = values.flat_map(|value| value.split(',')).map(str::trim);
        for token in tokens.filter(|token| !token.is_empty()) {
            if !found.take(token) {
                found.unknown.push(token.to_owned());
            }
        }
        found
    }

    /// Are unknown tokens an error, and `max-affected` in force?
    pub fn is_strict(&self) -> bool {
        self.strict == Some(true)
    }

    /// Takes a token; `false` if it means nothing.
    fn take(&mut self, token: &str) -> bool {
        match token {
            "return=representation" => first(&mut self.returning, Return::Representation),
            "return=minimal" => first(&mut self.returning, Return::Minimal),
            "return=headers-only" => first(&mut self.returning, Return::HeadersOnly),
            "resolution=merge-duplicates" => {
                first(&mut self.resolution, Resolution::MergeDuplicates);
            }
            "resolution=ignore-duplicates" => {
                first(&mut self.resolution, Resolution::IgnoreDuplicates);
            }
            "missing=default" => first(&mut self.missing, Missing::Default),
            "missing=null" => first(&mut self.missing, Missing::Null),
            "count=exact" => first(&mut self.count, Count::Exact),
            "count=planned" => first(&mut self.count, Count::Planned),
            "count=estimated" => first(&mut self.count, Count::Estimated),
            "tx=commit" => first(&mut self.transaction, Transaction::Commit),
            "tx=rollback" => first(&mut self.transaction, Transaction::Rollback),
            "handling=strict" => first(&mut self.strict, true),
            "handling=lenient" => first(&mut self.strict, false),
            _ => return self.take_with_value(token),
        }
        true
    }

    fn take_with_value(&mut self, token: &str) -> bool {
        match token.split_once('=') {
            Some(("timezone", zone)) if !zone.is_empty() => {
                first(&mut self.timezone, zone.to_owned());
                true
            }
            Some(("max-affected", number)) => match number.parse() {
                Ok(number) => {
                    first(&mut self.max_affected, number);
                    true
                }
                Err(_) => false,
            },
            _ => false,
        }
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

impl Return {
    /// The token.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Representation => "return=representation",
            Self::Minimal => "return=minimal",
            Self::HeadersOnly => "return=headers-only",
        }
    }
}

impl Resolution {
    /// The token.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::MergeDuplicates => "resolution=merge-duplicates",
            Self::IgnoreDuplicates => "resolution=ignore-duplicates",
        }
    }
}

impl Missing {
    /// The token.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Default => "missing=default",
            Self::Null => "missing=null",
        }
    }
}

impl Count {
    /// The token.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Exact => "count=exact",
            Self::Planned => "count=planned",
            Self::Estimated => "count=estimated",
        }
    }
}

impl Transaction {
    /// The token.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Commit => "tx=commit",
            Self::Rollback => "tx=rollback",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_valid_token_of_a_kind_counts() {
        let values = ["return=nothing,  return=minimal , count=exact", "return=representation"];
        let preferences = Preferences::parse(values.into_iter());
        assert_eq!(preferences.returning, Some(Return::Minimal));
        assert_eq!(preferences.count, Some(Count::Exact));
        assert_eq!(preferences.unknown, ["return=nothing"]);
    }

    #[test]
    fn unknown_tokens_are_kept_in_order() {
        let text =
            "handling=strict, foo, count=none, max-affected=x, max-affected=5, Return=minimal";
        let preferences = Preferences::parse([text].into_iter());
        assert!(preferences.is_strict());
        assert_eq!(preferences.max_affected, Some(5));
        assert_eq!(preferences.unknown, ["foo", "count=none", "max-affected=x", "Return=minimal"]);
    }
}
