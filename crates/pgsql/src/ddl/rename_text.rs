//! Names inside stored texts, kept in step with renames.
//!
//! The trees refer by number and need nothing; the texts are for people and for binding again. Names
//! inside sub-selects are changed only where they are qualified with the table.

use backstay_catalog::{Index, Relation};
use backstay_model::{Error, Result, quote_identifier};
use pg_query::NodeEnum;
use pg_query::protobuf::{IndexStmt, Node};

use super::text;

/// A column got another name.
pub(super) fn column(relation: &mut Relation, old: &str, new: &str) -> Result<()> {
    let table = relation.name.clone();
    let change = |stored: &str| replace_column(stored, &table, old, new);
    each_text(relation, &change)?;
    let in_node = |node: &Node| -> Result<Node> {
        text::parse_expression(&change(&text::expression(node)?)?)
    };
    for index in relation.indexes.iter_mut().filter(|index| !index.hidden) {
        let mut stmt = definition(index)?;
        for node in &mut stmt.index_params {
            let Some(NodeEnum::IndexElem(element)) = &mut node.node else { continue };
            if element.name == old {
                new.clone_into(&mut element.name);
            }
            if let Some(expr) = &mut element.expr {
                **expr = in_node(expr)?;
            }
        }
        if let Some(filter) = &mut stmt.where_clause {
            **filter = in_node(filter)?;
        }
        index.definition = text::statement(&NodeEnum::IndexStmt(stmt))?;
    }
    Ok(())
}

/// The table got another name.
pub(super) fn table(relation: &mut Relation, old: &str, new: &str) -> Result<()> {
    each_text(relation, &|stored: &str| replace_qualifier(stored, old, new))?;
    for index in relation.indexes.iter_mut().filter(|index| !index.hidden) {
        let mut stmt = definition(index)?;
        if let Some(range) = &mut stmt.relation {
            new.clone_into(&mut range.relname);
        }
        index.definition = text::statement(&NodeEnum::IndexStmt(stmt))?;
    }
    Ok(())
}

/// The index got another name.
pub(super) fn index_name(index: &mut Index, new: &str) -> Result<()> {
    if index.hidden {
        return Ok(());
    }
    let mut stmt = definition(index)?;
    new.clone_into(&mut stmt.idxname);
    index.definition = text::statement(&NodeEnum::IndexStmt(stmt))?;
    Ok(())
}

fn definition(index: &Index) -> Result<Box<IndexStmt>> {
    match text::parse_one(&index.definition)? {
        NodeEnum::IndexStmt(stmt) => Ok(stmt),
        _ => Err(Error::internal("an index's definition is no CREATE INDEX")),
    }
}

fn each_text(relation: &mut Relation, change: &dyn Fn(&str) -> Result<String>) -> Result<()> {
    let checks = relation.checks.iter_mut().map(|check| &mut check.text);
    let generated = relation
        .columns
        .iter_mut()
        .filter_map(|column| column.generated.as_mut())
        .map(|generated| &mut generated.text);
    let policies = relation
        .policies
        .iter_mut()
        .flat_map(|policy| [policy.using_text.as_mut(), policy.check_text.as_mut()])
        .flatten();
    for stored in checks.chain(generated).chain(policies) {
        *stored = change(stored)?;
    }
    Ok(())
}

/// The words and signs of a text, with the depth of sub-selects they stand in.
struct Tokens<'t> {
    words: Vec<(usize, &'t str, usize)>,
}

impl<'t> Tokens<'t> {
    fn of(text: &'t str) -> Result<Self> {
        let scanned = pg_query::scan_tokens(text)
            .map_err(|error| Error::internal(format!("a stored text cannot be read: {error}")))?;
        let spans: Vec<(usize, &str)> = scanned
            .iter()
            .filter_map(|token| {
                let start = usize::try_from(token.start).ok()?;
                let end = usize::try_from(token.end).ok()?;
                Some((start, text.get(start..end)?))
            })
            .collect();
        let mut open: Vec<bool> = Vec::new();
        let mut words = Vec::new();
        for (at, (start, word)) in spans.iter().enumerate() {
            match *word {
                "(" => {
                    let next = spans.get(at + 1).map_or("", |(_, next)| next);
                    let begins = ["select", "with", "values"];
                    open.push(begins.iter().any(|one| next.eq_ignore_ascii_case(one)));
                }
                ")" => {
                    open.pop();
                }
                _ => {}
            }
            let depth = open.iter().filter(|selects| **selects).count();
            words.push((*start, *word, depth));
        }
        Ok(Self { words })
    }

    fn word(&self, at: Option<usize>) -> &'t str {
        at.and_then(|at| self.words.get(at)).map_or("", |(_, word, _)| word)
    }

    fn before(&self, at: usize, distance: usize) -> &'t str {
        self.word(at.checked_sub(distance))
    }
}

fn is_name(word: &str, name: &str) -> bool {
    word == quote_identifier(name) || (word == name && !word.starts_with('"'))
}

/// Replaces the words that `wanted` points out.
fn replace(text: &str, new: &str, wanted: impl Fn(&Tokens<'_>, usize) -> bool) -> Result<String> {
    let tokens = Tokens::of(text)?;
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, (start, word, _)) in tokens.words.iter().enumerate() {
        if wanted(&tokens, at) {
            result.push_str(&text[copied..*start]);
            result.push_str(&quote_identifier(new));
            copied = start + word.len();
        }
    }
    result.push_str(&text[copied..]);
    Ok(result)
}

fn replace_column(text: &str, table: &str, old: &str, new: &str) -> Result<String> {
    replace(text, new, |tokens, at| {
        let (_, word, depth) = tokens.words[at];
        if !is_name(word, old) {
            return false;
        }
        let previous = tokens.before(at, 1);
        if previous == "." {
            return is_name(tokens.before(at, 2), table);
        }
        let next = tokens.word(Some(at + 1));
        depth == 0 && !matches!(next, "." | "(") && previous != "::"
    })
}

fn replace_qualifier(text: &str, old: &str, new: &str) -> Result<String> {
    replace(text, new, |tokens, at| {
        let (_, word, _) = tokens.words[at];
        is_name(word, old) && tokens.word(Some(at + 1)) == "."
    })
}
