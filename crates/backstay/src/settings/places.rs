//! Where a setting stands. Mistakes that only its meaning shows are told with file and line too.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A settings file as it was read.
#[derive(Debug, Clone)]
struct File {
    name: String,
    text: String,
    /// Its keys are those of `config.toml`.
    supabase: bool,
}

/// The files and variables that settings come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// The one that outranks the others first.
    files: Vec<File>,
    /// Settings that the environment gives, with the variables' names.
    variables: BTreeMap<String, String>,
}

impl Places {
    /// Adds a file that is outranked by those before.
    pub(super) fn add(&mut self, path: &Path, text: &str, supabase: bool) {
        self.files.push(File { name: path.display().to_string(), text: text.to_owned(), supabase });
    }

    /// Notes what the environment sets.
    pub(super) fn set_by(&mut self, variables: BTreeMap<String, String>) {
        self.variables = variables;
    }

    /// The mistake with the place of the setting that it names first.
    pub(crate) fn show(&self, report: Report) -> Report {
        if report.labels().is_some() {
            return report;
        }
        let chain: Vec<String> = report.chain().map(ToString::to_string).collect();
        let message = chain.join(": ");
        let Some(setting) = named(&message) else { return report };
        let help = report.help().map(|help| help.to_string());
        let mut told = MietteDiagnostic::new(message.clone());
        told.help = help;
        if let Some(name) = self.variables.get(setting) {
            told.message = format!("{message} (set by the environment variable {name})");
            return Report::new(told);
        }
        let Some((file, span)) = self.find(setting) else { return report };
        let told = told.with_label(LabeledSpan::at(span, "here"));
        Report::new(told).with_source_code(NamedSource::new(&file.name, file.text.clone()))
    }

    /// Where a setting stands, as `backstay.toml:7`, or which variable gives it.
    pub(crate) fn line(&self, setting: &str) -> Option<String> {
        if let Some(name) = self.variables.get(setting) {
            return Some(name.clone());
        }
        let (file, span) = self.find(setting)?;
        let line = file.text.get(..span.start)?.matches('\n').count() + 1;
        Some(format!("{}:{line}", file.name))
    }

    fn find(&self, setting: &str) -> Option<(&File, Range<usize>)> {
        self.files.iter().find_map(|file| {
            let key = if file.supabase { super::supabase::theirs(setting) } else { setting };
            let table = DeTable::parse(&file.text).ok()?;
            Some((file, span(table.get_ref(), key)?))
        })
    }
}

/// The first setting that a text names: `api.max_rows` between backticks.
fn named(message: &str) -> Option<&str> {
    let quoted = message.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-:\"".contains(c);
        text.contains('.')
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(plain)
    };
    quoted.into_iter().find(is_path)
}

/// Where the setting stands, or the innermost table that would hold it.
fn span(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let mut steps = path.split('.');
    let first = entry(table, steps.next()?)?;
    let mut found = None;
    let mut inner = first.1;
    for step in steps {
        let DeValue::Table(table) = inner.get_ref() else { break };
        let Some((key, value)) = entry(table, step) else { break };
        found = Some(key.span().start..value.span().end.max(key.span().end));
        if matches!(value.get_ref(), DeValue::Table(_)) {
            found = Some(key.span());
        }
        inner = value;
    }
    found
}

type Entry<'t, 'i> = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

fn entry<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<Entry<'t, 'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name)
}

#[cfg(test)]
mod tests {
    use miette::miette;

    use super::*;

    fn places(text: &str) -> Places {
        let mut places = Places::default();
        places.add(Path::new("backstay.toml"), text, false);
        places
    }

    #[test]
    fn a_setting_is_found_by_its_line() {
        let places =
            places("[api]\nmax_rows = 5\n\n[auth.external.\"custom:x\"]\nenabled = true\n");
        let check = |setting: &str, line: Option<&str>| {
            assert_eq!(places.line(setting).as_deref(), line, "{setting}");
        };
        check("api.max_rows", Some("backstay.toml:2"));
        check("auth.external.custom:x.enabled", Some("backstay.toml:5"));
        check("auth.external.custom:x.client_id", Some("backstay.toml:4"));
        check("limits.embeds", None);
    }

    #[test]
    fn a_mistake_is_shown_where_it_stands() {
        let places = places("[api]\nschemas = []\n");
        let shown =
            format!("{:?}", places.show(miette!(help = "mend it", "`api.schemas` is empty")));
        assert!(shown.contains("backstay.toml:2") && shown.contains("mend it"), "{shown}");
        let shown = format!("{:?}", places.show(miette!("`other` is wrong")));
        assert!(!shown.contains("backstay.toml"), "{shown}");
    }
}
