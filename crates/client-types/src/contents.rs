//! The part of a catalogue that types are made of, in the order in which they are written.

use std::collections::BTreeMap;

use backstay_catalog::{
    Argument, ArgumentMode, Catalog, Column, Identity, Relation, Routine, TypeKind,
};
use backstay_model::{Modifier, Type, TypeId, TypeSource as _};
use backstay_plan::shown_columns;
use backstay_policy::{Caller, Permissions, permissions};

/// An attribute of a composite type.
type Attribute = (String, Type, Option<Modifier>);

/// One schema.
pub(crate) struct SchemaContents<'c> {
    pub(crate) name: &'c str,
    pub(crate) tables: Vec<Rows<'c>>,
    pub(crate) views: Vec<Rows<'c>>,
    /// Overloads by name.
    pub(crate) functions: BTreeMap<&'c str, Vec<&'c Routine>>,
    /// Labels by name.
    pub(crate) enums: BTreeMap<&'c str, Vec<&'c str>>,
    /// Attributes by name.
    pub(crate) composites: BTreeMap<&'c str, &'c [Attribute]>,
}

/// A table or view.
pub(crate) struct Rows<'c> {
    pub(crate) relation: &'c Relation,
    /// In name order.
    pub(crate) fields: Vec<Field<'c>>,
    /// Functions of one row that read like a column: name and type.
    pub(crate) computed: Vec<(&'c str, &'c Type)>,
    /// Takes new rows.
    pub(crate) insertable: bool,
    /// Takes changes.
    pub(crate) updatable: bool,
    pub(crate) references: Vec<Reference<'c>>,
}

/// A column.
pub(crate) struct Field<'c> {
    pub(crate) name: &'c str,
    pub(crate) ty: &'c Type,
    pub(crate) nullable: bool,
    pub(crate) insert: Presence,
    pub(crate) update: Presence,
}

/// Whether a write gives a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Never,
    Optional,
    Required,
}

/// A foreign key, seen from the relation that holds it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference<'c> {
    pub(crate) constraint: &'c str,
    pub(crate) target: &'c str,
    pub(crate) columns: Vec<&'c str>,
    pub(crate) target_columns: Vec<&'c str>,
    pub(crate) one_to_one: bool,
}

impl<'c> SchemaContents<'c> {
    /// What the schema holds; `None` if there is no such schema.
    pub(crate) fn of(catalog: &'c Catalog, name: &str) -> Option<Self> {
        let (name, _) = catalog.schemas.get_key_value(name)?;
        let mut functions: BTreeMap<&str, Vec<&Routine>> = BTreeMap::new();
        for routine in catalog.routines_in(name).filter(|routine| is_callable(routine)) {
            functions.entry(&routine.name).or_default().push(routine);
        }
        for overloads in functions.values_mut() {
            overloads.sort_by_cached_key(|routine| signature(catalog, routine));
        }
        let (mut enums, mut composites) = (BTreeMap::new(), BTreeMap::new());
        for ty in catalog.types.values().filter(|ty| ty.schema == *name) {
            match &ty.kind {
                TypeKind::Enum(known) => {
                    let labels = known.labels.iter().map(|(label, _)| label.as_str()).collect();
                    enums.insert(ty.name.as_str(), labels);
                }
                TypeKind::Composite(fields) => {
                    composites.insert(ty.name.as_str(), fields.as_slice());
                }
                TypeKind::Domain(_) | TypeKind::Row(_) | TypeKind::Other { .. } => {}
            }
        }
        let (views, tables) = catalog
            .relations_in(name)
            .map(|relation| Rows::of(catalog, relation))
            .partition(|rows| rows.relation.view().is_some());
        Some(Self { name, tables, views, functions, enums, composites })
    }
}

impl<'c> Rows<'c> {
    pub(crate) fn of(catalog: &'c Catalog, relation: &'c Relation) -> Self {
        let may = permissions(catalog, &Caller::system("types"), relation);
        let is_view = relation.view().is_some();
        let mut fields: Vec<Field<'c>> = relation
            .columns
            .iter()
            .map(|column| if is_view { shown(column, &may) } else { stored(column) })
            .collect();
        fields.sort_by_key(|field| field.name);
        let mut references = references(catalog, relation);
        references.sort();
        Self {
            relation,
            fields,
            computed: computed(catalog, relation),
            insertable: !is_view || !may.insert.is_empty(),
            updatable: !is_view || !may.update.is_empty(),
            references,
        }
    }
}

fn stored(column: &Column) -> Field<'_> {
    let given = if column.identity == Some(Identity::Always) {
        Presence::Never
    } else if !column.not_null
        || column.identity.is_some()
        || column.default.is_some()
        || column.default_text.is_some()
        || column.generated.is_some()
    {
        Presence::Optional
    } else {
        Presence::Required
    };
    let changed = if given == Presence::Never { Presence::Never } else { Presence::Optional };
    Field {
        name: &column.name,
        ty: &column.ty,
        nullable: !column.not_null,
        insert: given,
        update: changed,
    }
}

/// A column of a view: PostgreSQL never says that it is not null.
fn shown<'c>(column: &'c Column, may: &Permissions) -> Field<'c> {
    let presence = |columns: &[u16]| {
        if columns.contains(&column.number) { Presence::Optional } else { Presence::Never }
    };
    Field {
        name: &column.name,
        ty: &column.ty,
        nullable: true,
        insert: presence(&may.insert),
        update: presence(&may.update),
    }
}

/// The foreign keys to relations of the same schema; a view that shows the key of the table referred
/// to is referred to as well.
fn references<'c>(catalog: &'c Catalog, relation: &'c Relation) -> Vec<Reference<'c>> {
    let mut found = Vec::new();
    for key in backstay_plan::references(catalog, relation) {
        let Some(table) = catalog.relations.get(&key.target) else { continue };
        if table.schema != relation.schema {
            continue;
        }
        for target in catalog.relations_in(&relation.schema) {
            let Some(columns) = shown_columns(catalog, target, table.id, &key.target_columns)
            else {
                continue;
            };
            found.push(Reference {
                constraint: key.constraint,
                target: &target.name,
                columns: relation.column_names(&key.columns),
                target_columns: target.column_names(&columns),
                one_to_one: key.one_to_one,
            });
        }
    }
    found
}

fn computed<'c>(catalog: &'c Catalog, relation: &Relation) -> Vec<(&'c str, &'c Type)> {
    catalog
        .routines_in(&relation.schema)
        .filter(|routine| is_computed_field(catalog, routine))
        .filter(|routine| row_argument(routine) == Some(relation.row_type))
        .map(|routine| (routine.name.as_str(), &routine.returns.ty))
        .collect()
}

/// A function of one unnamed row that gives one plain value reads like a column of its relation.
pub(crate) fn is_computed_field(catalog: &Catalog, routine: &Routine) -> bool {
    let unnamed = routine.inputs().all(|input| input.name.is_none());
    let row = row_argument(routine).and_then(|id| catalog.types.get(&id));
    unnamed
        && row.is_some_and(|ty| matches!(ty.kind, TypeKind::Row(_)))
        && !routine.returns.set
        && !matches!(routine.returns.ty, Type::Composite(_) | Type::Record)
}

/// The type of the only argument, if it is a row.
pub(crate) fn row_argument(routine: &Routine) -> Option<TypeId> {
    match only_input(routine)?.ty {
        Type::Composite(id) => Some(id),
        _ => None,
    }
}

fn only_input(routine: &Routine) -> Option<&Argument> {
    let mut inputs = routine.inputs();
    inputs.next().filter(|_| inputs.next().is_none())
}

/// Is there a way to call it, or to read it like a column?
fn is_callable(routine: &Routine) -> bool {
    let named = |input: &Argument| input.name.is_some();
    let takes_body = only_input(routine).is_some_and(|input| {
        matches!(
            input.ty,
            Type::Json | Type::Jsonb | Type::Text | Type::Bytea | Type::Xml | Type::Composite(_)
        )
    });
    routine.returns.ty != Type::Trigger && (routine.inputs().all(named) || takes_body)
}

/// The arguments as a text, to tell overloads apart.
fn signature(catalog: &Catalog, routine: &Routine) -> String {
    let inputs = routine.inputs().map(|input| {
        format!("{} {}", input.name.as_deref().unwrap_or_default(), input.ty.name(catalog))
    });
    inputs.collect::<Vec<_>>().join(", ")
}

/// The columns of `RETURNS TABLE`, in name order.
pub(crate) fn table_columns(routine: &Routine) -> Option<Vec<&Argument>> {
    let columns = routine.arguments.iter().filter(|one| one.mode == ArgumentMode::Table);
    let mut columns: Vec<&Argument> = columns.collect();
    columns.sort_by_key(|column| column.name.as_deref());
    (!columns.is_empty()).then_some(columns)
}

/// A type under its domains.
pub(crate) fn under_domains<'c>(catalog: &'c Catalog, ty: &'c Type) -> &'c Type {
    let mut ty = ty;
    while let Type::Domain(id) = ty {
        let Some((base, _)) = catalog.domain_base(*id) else { break };
        ty = base;
    }
    ty
}
