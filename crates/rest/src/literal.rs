//! Literals of a request. They travel beside its tree, so that requests of one shape have equal
//! trees and a plan that was made for one serves all of them.

use crate::{Action, Condition, Node, Operation, Payload, Request, SelectItem};

/// A literal, or a list of them, as the request wrote it. After [`Request::detach`] only its place
/// among the [`Literals`] is left here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Literal {
    held: Held,
    place: usize,
}

/// What a literal holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Held {
    /// It was detached.
    #[default]
    Nothing,
    Text(String),
    List(Vec<String>),
    Bytes(Vec<u8>),
}

impl Literal {
    pub(crate) fn list(elements: Vec<String>) -> Self {
        Self { held: Held::List(elements), place: 0 }
    }

    pub(crate) fn bytes(bytes: Vec<u8>) -> Self {
        Self { held: Held::Bytes(bytes), place: 0 }
    }

    /// The text, as long as it is here.
    pub(crate) fn as_text(&self) -> &str {
        self.held.as_text()
    }

    /// The bytes, as long as they are here.
    #[cfg(test)]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        if let Held::Bytes(bytes) = &self.held { bytes } else { &[] }
    }

    /// The elements, as long as they are here.
    #[cfg(test)]
    pub(crate) fn as_list(&self) -> &[String] {
        self.held.as_list()
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        Self { held: Held::Text(text), place: 0 }
    }
}

impl Held {
    fn as_text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    fn as_list(&self) -> &[String] {
        if let Self::List(elements) = self { elements } else { &[] }
    }
}

/// What one request says beside its shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Literals {
    held: Vec<Held>,
    /// The rows to write.
    pub payload: Payload,
    /// `Content-Location` of the answer to a read of a relation.
    pub content_location: Option<String>,
}

impl Literals {
    /// The text of a literal.
    pub fn text(&self, literal: &Literal) -> &str {
        self.held.get(literal.place).map_or("", Held::as_text)
    }

    /// The elements of a list.
    pub fn list(&self, literal: &Literal) -> &[String] {
        self.held.get(literal.place).map_or(&[], Held::as_list)
    }

    /// The bytes of a body.
    pub fn bytes(&self, literal: &Literal) -> &[u8] {
        match self.held.get(literal.place) {
            Some(Held::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }
}

impl Request {
    /// Takes the literals out. What stays is the request's shape: equal for all requests that
    /// differ in nothing but values.
    pub fn detach(&mut self) -> Literals {
        let mut literals =
            Literals { content_location: self.content_location.take(), ..Literals::default() };
        match &mut self.action {
            Action::Read(read) => literals.take_node(&mut read.node),
            Action::Insert(insert) => {
                literals.payload = insert.payload.detach_rows();
                literals.take_node(&mut insert.node);
            }
            Action::Update(update) => {
                literals.payload = update.payload.detach_row();
                literals.take_node(&mut update.node);
            }
            Action::Put(put) => {
                literals.payload = put.payload.detach_rows();
                literals.take_node(&mut put.node);
            }
            Action::Delete(delete) => literals.take_node(&mut delete.node),
            Action::Call(call) => {
                for argument in &mut call.arguments {
                    literals.take(argument.value.literal_mut());
                }
                if let Some(body) = &mut call.body {
                    literals.take(&mut body.bytes);
                }
                literals.take_node(&mut call.node);
            }
            Action::Root | Action::Options(_) => {}
        }
        literals
    }
}

impl Literals {
    fn take(&mut self, literal: &mut Literal) {
        literal.place = self.held.len();
        self.held.push(std::mem::take(&mut literal.held));
    }

    fn take_node(&mut self, node: &mut Node) {
        for condition in &mut node.conditions {
            self.take_condition(condition);
        }
        for item in &mut node.select {
            if let SelectItem::Embed(embed) = item {
                self.take_node(&mut embed.node);
            }
        }
    }

    fn take_condition(&mut self, condition: &mut Condition) {
        match condition {
            Condition::Filter(filter) => match &mut filter.operation {
                Operation::Compare { value, .. }
                | Operation::In(value)
                | Operation::IsDistinct(value)
                | Operation::FullText { value, .. } => self.take(value),
                Operation::InNothing | Operation::Is(_) => {}
            },
            Condition::All(terms) | Condition::Any(terms) => {
                for term in terms {
                    self.take_condition(term);
                }
            }
            Condition::Not(inner) => self.take_condition(inner),
            Condition::EmbedIsNull { .. } => {}
        }
    }
}
