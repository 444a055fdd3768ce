//! Prints requests in one line, so that tests read as text in, text out.

use crate::{
    Call, Column, Condition, Embed, Field, Filter, Join, Node, Operation, OrderTarget, OrderTerm,
    PathKey, Request, SelectItem, Settings, parse,
};

/// Settings with two schemas and no row cap, so that limits show only where they were said.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new(vec!["public".to_owned(), "shop".to_owned()]);
    settings.max_rows = None;
    settings.aggregates = true;
    settings
}

/// Reads a call without body.
pub(crate) fn read(method: &str, url: &str) -> backstay_model::Result<Request> {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    parse(&mut Call { method, path, query, headers: &[], body: b"".into() }, &settings())
}

/// The root node of a `GET`, or `code: message` of its error.
pub(crate) fn tree(url: &str) -> String {
    match read("GET", url) {
        Ok(request) => match (&request.deferred.embed_path, request.node()) {
            (Some(error), _) => format!("{}: {}", error.code, error.message),
            (None, Some(node)) => show_node(node),
            (None, None) => String::new(),
        },
        Err(error) => format!("{}: {}", error.code, error.message),
    }
}

pub(crate) fn show_node(node: &Node) -> String {
    let items: Vec<String> = node.select.iter().map(show_item).collect();
    let mut text = items.join(", ");
    if !node.conditions.is_empty() {
        let conditions: Vec<String> = node.conditions.iter().map(show_condition).collect();
        text.push_str(&format!(" where {}", conditions.join(" & ")));
    }
    if !node.order.is_empty() {
        let terms: Vec<String> = node.order.iter().map(show_term).collect();
        text.push_str(&format!(" order {}", terms.join(", ")));
    }
    if let Some(limit) = node.limit {
        text.push_str(&format!(" limit {limit}"));
    }
    if node.offset != 0 {
        text.push_str(&format!(" offset {}", node.offset));
    }
    text
}

fn show_item(item: &SelectItem) -> String {
    match item {
        SelectItem::All => "*".to_owned(),
        SelectItem::Column(column) => show_column(column),
        SelectItem::Count(count) => format!("{}=rows{}", count.key(), show_cast(&count.cast)),
        SelectItem::Embed(embed) => show_embed(embed),
    }
}

fn show_column(column: &Column) -> String {
    let mut text =
        format!("{}={}{}", column.key(), show_field(&column.field), show_cast(&column.cast));
    if let Some(aggregate) = &column.aggregate {
        text = format!("{text}.{}{}", aggregate.function.name(), show_cast(&aggregate.cast));
    }
    text
}

fn show_cast(cast: &Option<String>) -> String {
    cast.as_ref().map(|cast| format!("::{cast}")).unwrap_or_default()
}

fn show_embed(embed: &Embed) -> String {
    let spread = if embed.spread { "..." } else { "" };
    let hint = embed.hint.as_ref().map(|hint| format!("!{hint}")).unwrap_or_default();
    let join = if embed.join == Join::Inner { "!inner" } else { "" };
    let alias = embed.alias.as_ref().map(|alias| format!("{alias}:")).unwrap_or_default();
    format!("{spread}{alias}{}{hint}{join}({})", embed.target, show_node(&embed.node))
}

pub(crate) fn show_field(field: &Field) -> String {
    let mut text = format!("<{}>", field.name);
    for step in &field.path {
        text.push_str(if step.as_text { "->>" } else { "->" });
        match &step.key {
            PathKey::Index(index) => text.push_str(&index.to_string()),
            PathKey::Key(key) => text.push_str(&format!("<{key}>")),
        }
    }
    text
}

pub(crate) fn show_condition(condition: &Condition) -> String {
    let list = |inner: &[Condition], between: &str| {
        let inner: Vec<String> = inner.iter().map(show_condition).collect();
        format!("({})", inner.join(between))
    };
    match condition {
        Condition::Filter(filter) => show_filter(filter),
        Condition::All(inner) => list(inner, " and "),
        Condition::Any(inner) => list(inner, " or "),
        Condition::Not(inner) => format!("not {}", show_condition(inner)),
        Condition::EmbedIsNull { embed, negated } => {
            format!("embed {embed} is {}null", if *negated { "not " } else { "" })
        }
    }
}

pub(crate) fn show_filter(filter: &Filter) -> String {
    let test = match &filter.operation {
        Operation::Compare { operator, quantifier, value } => {
            let value = value.as_text();
            let quantifier = quantifier.map(|q| format!(" {q:?}")).unwrap_or_default();
            format!("{}{quantifier} [{value}]", operator.sql())
        }
        Operation::In(values) => format!("in {:?}", values.as_list()),
        Operation::InNothing => "in []".to_owned(),
        Operation::Is(value) => format!("is {value:?}"),
        Operation::IsDistinct(value) => format!("is distinct from [{}]", value.as_text()),
        Operation::FullText { kind, config, value } => {
            format!("@@ {}({config:?}) [{}]", kind.function(), value.as_text())
        }
    };
    let not = if filter.negated { "not " } else { "" };
    format!("{not}{} {test}", show_field(&filter.field))
}

fn show_term(term: &OrderTerm) -> String {
    let target = match &term.target {
        OrderTarget::Field(field) => show_field(field),
        OrderTarget::Related { embed, field } => format!("embed {embed} {}", show_field(field)),
    };
    let direction = if term.descending { " desc" } else { "" };
    let nulls = term.nulls.map(|nulls| format!(" nulls {nulls:?}")).unwrap_or_default();
    format!("{target}{direction}{nulls}")
}
