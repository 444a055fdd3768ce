//! What a caller may do with a relation or function at all: for descriptions of the API.
//!
//! Nothing here lets anybody in; every request is authorized on its own.

use backstay_catalog::{Catalog, PolicyCommand, Privilege, Relation, Routine, ViewBody};

use crate::Caller;
use crate::rights::Rights;
use crate::rows::has_permissive;
use crate::views;
use crate::writes::has_instead_of;

/// How many views over each other are looked through.
const VIEWS: usize = 32;

/// The attribute numbers that a caller may read or write, and whether rows may be deleted.
///
/// Row policies count as far as they are plain: a table with row security and no permissive policy
/// for a command takes no such writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Columns that may be read.
    pub select: Vec<u16>,
    /// Columns that may be given on insert.
    pub insert: Vec<u16>,
    /// Columns that may be updated.
    pub update: Vec<u16>,
    /// Rows may be deleted.
    pub delete: bool,
}

impl Permissions {
    /// May the caller do anything at all with the relation?
    pub fn any(&self) -> bool {
        self.delete
            || [&self.select, &self.insert, &self.update].iter().any(|columns| !columns.is_empty())
    }

    /// May the caller know of this column?
    pub fn knows(&self, column: u16) -> bool {
        [&self.select, &self.insert, &self.update].iter().any(|columns| columns.contains(&column))
    }
}

/// What the caller may do with the relation.
pub fn permissions(catalog: &Catalog, caller: &Caller, relation: &Relation) -> Permissions {
    let rights = Rights::of(catalog, caller);
    if rights.use_schema(catalog, &relation.schema).is_err() {
        return Permissions::default();
    }
    with(catalog, &rights, relation, VIEWS)
}

/// May the caller call the function by its name?
pub fn executable(catalog: &Catalog, caller: &Caller, routine: &Routine) -> bool {
    let rights = Rights::of(catalog, caller);
    rights.use_schema(catalog, &routine.schema).is_ok() && rights.execute(routine, true).is_ok()
}

fn with(catalog: &Catalog, rights: &Rights<'_>, relation: &Relation, depth: usize) -> Permissions {
    if rights.open(relation).is_err() {
        return Permissions::default();
    }
    let granted = |privilege| -> Vec<u16> {
        let numbers = relation.columns.iter().map(|column| column.number);
        numbers.filter(|number| rights.has_column(relation, privilege, *number)).collect()
    };
    let mut found = Permissions {
        select: granted(Privilege::Select),
        insert: granted(Privilege::Insert),
        update: granted(Privilege::Update),
        delete: rights.may_delete(relation),
    };
    if let Some(view) = relation.view() {
        match &view.body {
            ViewBody::Bound(_) => through_view(catalog, rights, relation, &mut found, depth),
            ViewBody::Native(native) => {
                found.insert.retain(|column| native.insertable.contains(column));
                found.update.retain(|column| native.updatable.contains(column));
                found.delete &= native.deletable;
            }
        }
    } else if rights.bound_by(catalog, relation) {
        let ruled = |command| has_permissive(relation, command, rights.roles());
        if !ruled(PolicyCommand::Insert) {
            found.insert.clear();
        }
        if !ruled(PolicyCommand::Update) {
            found.update.clear();
        }
        found.delete &= ruled(PolicyCommand::Delete);
    }
    found
}

/// Narrows the writes to what the relation under a view takes.
fn through_view(
    catalog: &Catalog,
    rights: &Rights<'_>,
    relation: &Relation,
    found: &mut Permissions,
    depth: usize,
) {
    let under = |command| {
        let depth = depth.checked_sub(1)?;
        let view = relation.view()?;
        let simple = views::simple(relation, view, command).ok()?;
        let base = catalog.relations.get(&simple.base)?;
        let inside = if view.security_invoker {
            rights.clone()
        } else {
            rights.of_owner(catalog, &relation.owner)
        };
        Some((simple, with(catalog, &inside, base, depth)))
    };
    let writable = |columns: &mut Vec<u16>, command| match under(command) {
        _ if has_instead_of(relation, command) => {}
        Some((simple, base)) => columns.retain(|column| {
            simple.written(relation, *column, command).is_ok_and(|number| {
                let taken =
                    if command == PolicyCommand::Insert { &base.insert } else { &base.update };
                taken.contains(&number)
            })
        }),
        None => columns.clear(),
    };
    writable(&mut found.insert, PolicyCommand::Insert);
    writable(&mut found.update, PolicyCommand::Update);
    found.delete &= has_instead_of(relation, PolicyCommand::Delete)
        || under(PolicyCommand::Delete).is_some_and(|(_, base)| base.delete);
}
