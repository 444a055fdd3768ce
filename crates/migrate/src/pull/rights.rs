//! Rights as far as they differ from what new objects get, comments, publications.

use std::collections::{BTreeMap, BTreeSet};

use backstay_catalog::{Acl, Catalog, PUBLIC, Privilege, Relation, Routine};
use backstay_model::quote_identifier;

use super::tables::{comment, grantee};
use super::{Printer, name_of, qualified};

/// What each grantee has on an object, or on one of its columns.
type Held = BTreeMap<(String, Option<u16>), BTreeSet<Privilege>>;

impl Printer<'_> {
    pub(super) fn rights(&mut self) {
        for name in self.foreign_roles() {
            self.push(format!("CREATE ROLE {} NOLOGIN", quote_identifier(&name)));
        }
        for (name, schema) in &self.catalog.schemas {
            if self.is_own(name) {
                let known = self.start.schemas.get(name);
                let before = known.map_or_else(Acl::default, |known| known.acl.clone());
                let what = format!("SCHEMA {}", quote_identifier(name));
                self.difference(&what, &before, &schema.acl, None);
            }
        }
        for relation in self.relations(|_| true) {
            let before = self.given_to_new('r', &relation.schema);
            self.difference(&name_of(relation), &before, &relation.acl, Some(relation));
        }
        for ((schema, name), sequence) in &self.catalog.sequences {
            if self.is_own(schema) {
                let what = format!("SEQUENCE {}", qualified(schema, name));
                let before = self.given_to_new('S', schema);
                self.difference(&what, &before, &sequence.acl, None);
            }
        }
        for routine in self.own_routines() {
            let what = format!("FUNCTION {}", self.signature(routine));
            let mut before = self.given_to_new('f', &routine.schema);
            before.grant_by_default(PUBLIC, Privilege::Execute);
            self.difference(&what, &before, &routine.acl, None);
        }
        for (name, relations) in &self.catalog.publications {
            let tables: Vec<String> = relations
                .iter()
                .filter_map(|id| self.catalog.relations.get(id))
                .filter(|relation| self.is_own(&relation.schema))
                .map(|relation| name_of(relation))
                .collect();
            if tables.is_empty() {
                continue;
            }
            let (name, tables) = (quote_identifier(name), tables.join(", "));
            let known = self.start.publications.contains_key(&name);
            let verb = if known { "ALTER" } else { "CREATE" };
            let word = if known { "ADD" } else { "FOR" };
            self.out.push(format!("{verb} PUBLICATION {name} {word} TABLE {tables}"));
        }
    }

    /// Roles that rights and policies name and no database starts with.
    fn foreign_roles(&self) -> BTreeSet<String> {
        let relations = self.relations(|_| true);
        let of_policies = relations.iter().flat_map(|one| &one.policies).flat_map(|one| &one.roles);
        let of_relations = relations.iter().flat_map(|one| &one.acl.0).map(|one| &one.grantee);
        let routines = self.own_routines();
        let of_routines = routines.iter().flat_map(|one| &one.acl.0).map(|one| &one.grantee);
        let all = of_policies.chain(of_relations).chain(of_routines);
        all.filter(|role| {
            role.as_str() != PUBLIC
                && !role.starts_with("pg_")
                && !self.start.roles.contains_key(*role)
        })
        .cloned()
        .collect()
    }

    /// What a new object of the owner's gets in a database of Backstay's.
    fn given_to_new(&self, object: char, schema: &str) -> Acl {
        let mut acl = Acl::default();
        let defaults = self.start.default_privileges.iter();
        for given in defaults.filter(|one| one.object == object && one.owner == "postgres") {
            if given.schema.as_deref().is_none_or(|within| within == schema) {
                for privilege in &given.privileges {
                    acl.grant_by_default(&given.grantee, *privilege);
                }
            }
        }
        acl
    }

    /// What must be revoked and granted. A grant that was said counts although it changes nothing.
    fn difference(&mut self, what: &str, before: &Acl, after: &Acl, relation: Option<&Relation>) {
        let (had, has) = (held(before, |_| true), held(after, |_| true));
        let said = held(after, |by_default| !by_default);
        for (who, privileges) in &had {
            let kept = has.get(who);
            let gone: BTreeSet<Privilege> = privileges
                .iter()
                .copied()
                .filter(|one| kept.is_none_or(|kept| !kept.contains(one)))
                .collect();
            if !gone.is_empty() && who.0 != "postgres" {
                let words = words(&gone, None);
                self.push(format!("REVOKE {words} ON {what} FROM {}", grantee(&who.0)));
            }
        }
        for (who, privileges) in &has {
            let (had, said) = (had.get(who), said.get(who));
            let new: BTreeSet<Privilege> = privileges
                .iter()
                .copied()
                .filter(|one| {
                    had.is_none_or(|had| !had.contains(one))
                        || said.is_some_and(|said| said.contains(one))
                })
                .collect();
            if new.is_empty() {
                continue;
            }
            let column = who.1.and_then(|number| relation?.column_by_number(number));
            let words = words(&new, column.map(|column| column.name.as_str()));
            self.push(format!("GRANT {words} ON {what} TO {}", grantee(&who.0)));
        }
    }

    fn signature(&self, routine: &Routine) -> String {
        let types: Vec<String> = routine.inputs().map(|one| one.ty.name(self.catalog)).collect();
        format!("{}({})", qualified(&routine.schema, &routine.name), types.join(", "))
    }

    pub(super) fn comments(&mut self) {
        for relation in self.relations(|_| true) {
            let name = name_of(relation);
            if let Some(text) = &relation.comment {
                let noun = relation.noun().to_uppercase();
                self.push(comment(&format!("{noun} {name}"), text));
            }
            for column in &relation.columns {
                if let Some(text) = &column.comment {
                    let column = quote_identifier(&column.name);
                    self.push(comment(&format!("COLUMN {name}.{column}"), text));
                }
            }
        }
        for routine in self.own_routines() {
            if let Some(text) = &routine.comment {
                let signature = self.signature(routine);
                self.push(comment(&format!("FUNCTION {signature}"), text));
            }
        }
        let catalog: &Catalog = self.catalog;
        let of_extensions = &self.definitions.of_extensions.types;
        for definition in catalog.types.values() {
            if let Some(text) = &definition.comment
                && self.is_own(&definition.schema)
                && !of_extensions.contains(&definition.id)
            {
                let name = qualified(&definition.schema, &definition.name);
                self.out.push(comment(&format!("TYPE {name}"), text));
            }
        }
        for (name, schema) in &catalog.schemas {
            if let Some(text) = schema.comment.as_ref().filter(|_| self.is_own(name)) {
                self.out.push(comment(&format!("SCHEMA {}", quote_identifier(name)), text));
            }
        }
    }
}

fn held(acl: &Acl, passes: impl Fn(bool) -> bool) -> Held {
    let mut held = Held::new();
    for entry in acl.0.iter().filter(|entry| passes(entry.by_default)) {
        let who = (entry.grantee.clone(), entry.column);
        held.entry(who).or_default().insert(entry.privilege);
    }
    held
}

/// `SELECT (name), INSERT`.
fn words(privileges: &BTreeSet<Privilege>, column: Option<&str>) -> String {
    let words: Vec<String> = privileges
        .iter()
        .map(|privilege| {
            let word = match privilege {
                Privilege::Select => "SELECT",
                Privilege::Insert => "INSERT",
                Privilege::Update => "UPDATE",
                Privilege::Delete => "DELETE",
                Privilege::Truncate => "TRUNCATE",
                Privilege::References => "REFERENCES",
                Privilege::Trigger => "TRIGGER",
                Privilege::Usage => "USAGE",
                Privilege::Execute => "EXECUTE",
                Privilege::Create => "CREATE",
            };
            column.map_or(word.to_owned(), |name| format!("{word} ({})", quote_identifier(name)))
        })
        .collect();
    words.join(", ")
}
