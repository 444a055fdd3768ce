//! The catalogue as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_expr::{FunctionId, RelationId};
use backstay_model::types::display_name;
use backstay_model::{EnumType, Modifier, Type, TypeId, TypeSource};
use serde::{Deserialize, Serialize};

use crate::{Acl, Firing, MediaAggregate, Privilege, Relation, Routine, TypeDefinition, TypeKind};

/// Everything a database holds but its rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Grows by one with every committed change.
    pub version: u64,
    /// Schemas by name.
    pub schemas: BTreeMap<String, Schema>,
    /// Relations by id.
    pub relations: BTreeMap<RelationId, Arc<Relation>>,
    /// User-defined types by id, row types included.
    pub types: BTreeMap<TypeId, Arc<TypeDefinition>>,
    /// Functions by id.
    pub routines: BTreeMap<FunctionId, Arc<Routine>>,
    /// Sequences by schema and name.
    pub sequences: BTreeMap<(String, String), Sequence>,
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
    /// `ALTER DEFAULT PRIVILEGES`: for objects made by `owner` in `schema` (or any).
    pub default_privileges: Vec<DefaultPrivileges>,
    /// Tables of each publication (`supabase_realtime`).
    pub publications: BTreeMap<String, Vec<RelationId>>,
    /// Publications `FOR ALL TABLES`: new tables join them.
    #[serde(default)]
    pub publications_of_all: Vec<String>,
    /// `ALTER ROLE … SET name = value` and `ALTER DATABASE … SET`: role (empty: all), name, value.
    pub role_settings: Vec<(String, String, String)>,
    /// Extensions that were created, with their schemas.
    pub extensions: BTreeMap<String, String>,
    /// The last id given to a relation, type or function.
    pub last_id: u32,
    /// Aggregates that make media types; read from databases that have aggregates of their own.
    #[serde(skip)]
    pub media_aggregates: Vec<MediaAggregate>,
    /// Relations by schema and name; kept by [`Catalog::put_relation`].
    #[serde(skip)]
    names: BTreeMap<String, BTreeMap<String, RelationId>>,
    /// Functions by schema and name.
    #[serde(skip)]
    routine_names: BTreeMap<String, BTreeMap<String, Vec<FunctionId>>>,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// Owner.
    pub owner: String,
    /// Grants.
    pub acl: Acl,
    /// `COMMENT ON`.
    pub comment: Option<String>,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// The integer type it counts in.
    pub ty: Type,
    /// `START`.
    pub start: i64,
    /// `INCREMENT`.
    pub increment: i64,
    /// `MINVALUE`.
    pub min: i64,
    /// `MAXVALUE`.
    pub max: i64,
    /// `CYCLE`.
    pub cycle: bool,
    /// The column that owns it.
    pub owned_by: Option<(RelationId, u16)>,
    /// Owner.
    pub owner: String,
    /// Grants.
    pub acl: Acl,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Role {
    /// `SUPERUSER`.
    pub superuser: bool,
    /// `BYPASSRLS`.
    pub bypass_row_security: bool,
    /// Roles that this role is a member of, directly.
    pub member_of: Vec<String>,
    /// `NOINHERIT`: it may take those roles, but has not their rights by itself.
    #[serde(default)]
    pub no_inherit: bool,
}

/// Grants that new objects get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultPrivileges {
    /// Objects made by this role.
    pub owner: String,
    /// In this schema; `None` for every schema.
    pub schema: Option<String>,
    /// `r` relations, `S` sequences, `f` functions, `T` types, `n` schemas (`pg_default_acl.defaclobjtype`).
    pub object: char,
    /// Who.
    pub grantee: String,
    /// What.
    pub privileges: Vec<Privilege>,
}

impl Catalog {
    /// The catalogue as a session that replicates (`session_replication_role = replica`) knows it:
    /// no foreign keys, and only the triggers that fire there. For running statements, never for
    /// changing it.
    #[must_use]
    pub fn replicating(&self) -> Self {
        let mut seen = self.clone();
        for relation in seen.relations.values_mut() {
            if relation.foreign_keys.is_empty() && relation.triggers.is_empty() {
                continue;
            }
            let relation = Arc::make_mut(relation);
            relation.foreign_keys.clear();
            relation.triggers.retain(|trigger| trigger.firing.in_replication());
            for trigger in &mut relation.triggers {
                trigger.firing = Firing::Always;
            }
        }
        seen
    }

    /// A number for a new relation, type or function.
    pub fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    /// Fills the name maps after deserialising.
    pub fn index_names(&mut self) {
        self.names.clear();
        self.routine_names.clear();
        for relation in self.relations.values() {
            self.names
                .entry(relation.schema.clone())
                .or_default()
                .insert(relation.name.clone(), relation.id);
        }
        for routine in self.routines.values() {
            self.routine_names
                .entry(routine.schema.clone())
                .or_default()
                .entry(routine.name.clone())
                .or_default()
                .push(routine.id);
        }
    }

    /// Adds or replaces a relation (a rename included).
    pub fn put_relation(&mut self, relation: Relation) {
        self.forget_relation_name(relation.id);
        self.names
            .entry(relation.schema.clone())
            .or_default()
            .insert(relation.name.clone(), relation.id);
        self.relations.insert(relation.id, Arc::new(relation));
    }

    /// Takes a relation out.
    pub fn remove_relation(&mut self, id: RelationId) {
        self.forget_relation_name(id);
        self.relations.remove(&id);
    }

    fn forget_relation_name(&mut self, id: RelationId) {
        if let Some(old) = self.relations.get(&id)
            && let Some(schema) = self.names.get_mut(&old.schema)
        {
            schema.remove(&old.name);
        }
    }

    /// Adds or replaces a function.
    pub fn put_routine(&mut self, routine: Routine) {
        self.forget_routine_name(routine.id);
        self.routine_names
            .entry(routine.schema.clone())
            .or_default()
            .entry(routine.name.clone())
            .or_default()
            .push(routine.id);
        self.routines.insert(routine.id, Arc::new(routine));
    }

    /// Takes a function out.
    pub fn remove_routine(&mut self, id: FunctionId) {
        self.forget_routine_name(id);
        self.routines.remove(&id);
    }

    fn forget_routine_name(&mut self, id: FunctionId) {
        if let Some(old) = self.routines.get(&id)
            && let Some(ids) =
                self.routine_names.get_mut(&old.schema).and_then(|names| names.get_mut(&old.name))
        {
            ids.retain(|known| *known != id);
        }
    }

    /// The relation with this schema and name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        self.relations.get(self.names.get(schema)?.get(name)?)
    }

    /// The relations of a schema in name order.
    pub fn relations_in(&self, schema: &str) -> impl Iterator<Item = &Arc<Relation>> {
        self.names
            .get(schema)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter_map(|id| self.relations.get(id))
    }

    /// The functions with this schema and name.
    pub fn routines_named(&self, schema: &str, name: &str) -> impl Iterator<Item = &Arc<Routine>> {
        self.routine_names
            .get(schema)
            .and_then(|names| names.get(name))
            .into_iter()
            .flatten()
            .filter_map(|id| self.routines.get(id))
    }

    /// The functions of a schema in name order.
    pub fn routines_in(&self, schema: &str) -> impl Iterator<Item = &Arc<Routine>> {
        self.routine_names
            .get(schema)
            .into_iter()
            .flat_map(BTreeMap::values)
            .flatten()
            .filter_map(|id| self.routines.get(id))
    }

    /// The user-defined type with this schema and name.
    pub fn type_named(&self, schema: &str, name: &str) -> Option<&Arc<TypeDefinition>> {
        self.types.values().find(|known| known.schema == schema && known.name == name)
    }

    /// The type that a user-defined type is, as the model says it.
    pub fn type_of(&self, id: TypeId) -> Type {
        match self.types.get(&id).map(|definition| &definition.kind) {
            Some(TypeKind::Enum(_)) => Type::Enum(id),
            Some(TypeKind::Domain(_)) => Type::Domain(id),
            Some(TypeKind::Other { .. }) => Type::Other(id),
            Some(TypeKind::Composite(_) | TypeKind::Row(_)) | None => Type::Composite(id),
        }
    }

    /// The role and every role it is a member of, directly or not; itself first. It may take all of
    /// these.
    pub fn roles_of<'a>(&'a self, role: &'a str) -> Vec<&'a str> {
        self.memberships(role, |_| true)
    }

    /// The role and every role whose rights it has by itself (`pg_has_role(…, 'USAGE')`).
    pub fn inherited_roles_of<'a>(&'a self, role: &'a str) -> Vec<&'a str> {
        self.memberships(role, |role| !role.no_inherit)
    }

    fn memberships<'a>(&'a self, role: &'a str, follow: impl Fn(&Role) -> bool) -> Vec<&'a str> {
        let mut known = vec![role];
        let mut at = 0;
        while at < known.len() {
            if let Some(role) = self.roles.get(known[at]).filter(|role| follow(role)) {
                for parent in &role.member_of {
                    if !known.contains(&parent.as_str()) {
                        known.push(parent);
                    }
                }
            }
            at += 1;
        }
        known
    }

    /// Does row security never bind this role?
    pub fn bypasses_row_security(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|role| role.superuser || role.bypass_row_security)
    }

    /// The foreign keys that refer to a relation, with the relation that holds each.
    pub fn references_to(
        &self,
        target: RelationId,
    ) -> impl Iterator<Item = (&Arc<Relation>, &crate::ForeignKey)> {
        self.relations.values().flat_map(move |relation| {
            relation
                .foreign_keys
                .iter()
                .filter(move |key| key.target == target)
                .map(move |key| (relation, key))
        })
    }
}

impl TypeSource for Catalog {
    fn type_name(&self, id: TypeId) -> String {
        self.types.get(&id).map_or_else(
            || format!("type_{}", id.0),
            |definition| display_name(&definition.schema, &definition.name),
        )
    }

    fn enum_type(&self, id: TypeId) -> Option<&EnumType> {
        match &self.types.get(&id)?.kind {
            TypeKind::Enum(labels) => Some(labels),
            _ => None,
        }
    }

    fn domain_base(&self, id: TypeId) -> Option<(&Type, Option<Modifier>)> {
        match &self.types.get(&id)?.kind {
            TypeKind::Domain(domain) => Some((&domain.base, domain.modifier)),
            _ => None,
        }
    }

    fn fields(&self, id: TypeId) -> Option<Vec<(String, Type, Option<Modifier>)>> {
        match &self.types.get(&id)?.kind {
            TypeKind::Composite(fields) => Some(fields.clone()),
            TypeKind::Row(relation) => Some(
                self.relations
                    .get(relation)?
                    .columns
                    .iter()
                    .map(|column| (column.name.clone(), column.ty.clone(), column.modifier))
                    .collect(),
            ),
            _ => None,
        }
    }
}
