//! Finding objects by what people wrote.

use std::sync::Arc;

use crate::{Catalog, Relation, Routine, TypeDefinition};

/// Schemas in the order in which unqualified names are looked for. `pg_catalog` is always first
/// and not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPath(pub Vec<String>);

impl SearchPath {
    /// What migrations run with: `"$user", public, extensions`.
    pub fn of_migrations() -> Self {
        Self(vec!["public".to_owned(), "extensions".to_owned()])
    }

    /// Reads the value of the setting `search_path`.
    pub fn parse(text: &str) -> Self {
        Self(
            text.split(',')
                .map(|part| part.trim().trim_matches(['"', '\'']).to_owned())
                .filter(|part| !part.is_empty() && part != "$user" && part != "pg_catalog")
                .collect(),
        )
    }

    /// Where new objects go.
    pub fn creation_schema(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    /// The relation of this name: in the schema that was written, else along the path.
    pub fn relation<'c>(
        &self,
        catalog: &'c Catalog,
        schema: Option<&str>,
        name: &str,
    ) -> Option<&'c Arc<Relation>> {
        match schema {
            Some(schema) => catalog.relation(schema, name),
            None => self.0.iter().find_map(|schema| catalog.relation(schema, name)),
        }
    }

    /// The user-defined type of this name.
    pub fn type_named<'c>(
        &self,
        catalog: &'c Catalog,
        schema: Option<&str>,
        name: &str,
    ) -> Option<&'c Arc<TypeDefinition>> {
        match schema {
            Some(schema) => catalog.type_named(schema, name),
            None => self.0.iter().find_map(|schema| catalog.type_named(schema, name)),
        }
    }

    /// All functions of this name that the path reaches, nearest schema first.
    pub fn routines<'c>(
        &self,
        catalog: &'c Catalog,
        schema: Option<&str>,
        name: &str,
    ) -> Vec<&'c Arc<Routine>> {
        match schema {
            Some(schema) => catalog.routines_named(schema, name).collect(),
            None => self.0.iter().flat_map(|schema| catalog.routines_named(schema, name)).collect(),
        }
    }
}

/// Among `candidates`, the one PostgreSQL would suggest for a misspelt column (a Levenshtein
/// distance of at most half the length of what was written), if there is one.
pub fn close_name<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (written.chars().count() / 2).max(1);
    candidates
        .map(|candidate| (distance(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit && *distance <= 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(close_name("prise", ["price", "title"].into_iter()), Some("price"));
        assert_eq!(close_name("xyz", ["price", "title"].into_iter()), None);
    }
}
