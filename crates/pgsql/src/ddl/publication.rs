//! Publications: which tables tell their changes.

use backstay_catalog::RelationKind;
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterPublicationAction, AlterPublicationStmt, CreatePublicationStmt, Node,
    PublicationObjSpecType,
};

use super::Draft;
use super::names::no_schema;

/// `CREATE PUBLICATION`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreatePublicationStmt) -> Result<()> {
    let name = &stmt.pubname;
    if draft.catalog.publications.contains_key(name) {
        return Err(Error::new("42710", format!("publication \"{name}\" already exists")));
    }
    let tables = if stmt.for_all_tables {
        draft.edit().publications_of_all.push(name.clone());
        let relations = draft.catalog.relations.values();
        relations
            .filter(|relation| relation.kind == RelationKind::Table)
            .map(|relation| relation.id)
            .collect()
    } else {
        objects(draft, &stmt.pubobjects)?.into_iter().map(|(id, _)| id).collect()
    };
    draft.edit().publications.insert(name.clone(), tables);
    Ok(())
}

/// The tables that the objects stand for, with their names.
fn objects(draft: &mut Draft<'_>, nodes: &[Node]) -> Result<Vec<(RelationId, String)>> {
    let mut found = Vec::new();
    for node in nodes {
        let Some(NodeEnum::PublicationObjSpec(object)) = node.node.as_ref() else { continue };
        match (&object.pubtable, object.pubobjtype()) {
            (Some(table), _) => {
                let Some(range) = &table.relation else { continue };
                if table.where_clause.is_some() || !table.columns.is_empty() {
                    draft.notice("filters and column lists of publications are not kept");
                }
                let relation = draft.relation(range)?;
                if relation.kind != RelationKind::Table {
                    let message =
                        format!("cannot add relation \"{}\" to publication", relation.name);
                    return Err(Error::new("22023", message)
                        .with_details("This operation is not supported for views."));
                }
                found.push((relation.id, relation.name.clone()));
            }
            (None, PublicationObjSpecType::PublicationobjTablesInSchema) => {
                if !draft.catalog.schemas.contains_key(&object.name) {
                    return Err(no_schema(&object.name));
                }
                let relations = draft.catalog.relations_in(&object.name);
                found.extend(
                    relations
                        .filter(|relation| relation.kind == RelationKind::Table)
                        .map(|relation| (relation.id, relation.name.clone())),
                );
            }
            _ => return Err(Error::unsupported("this kind of object in a publication")),
        }
    }
    Ok(found)
}

/// `ALTER PUBLICATION … ADD | DROP | SET TABLE`.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterPublicationStmt) -> Result<()> {
    let name = stmt.pubname.as_str();
    let Some(mut tables) = draft.catalog.publications.get(name).cloned() else {
        return Err(Error::new("42704", format!("publication \"{name}\" does not exist")));
    };
    if stmt.pubobjects.is_empty() {
        draft.notice("options of publications are not kept");
        return Ok(());
    }
    if draft.catalog.publications_of_all.iter().any(|known| known == name) {
        let message = format!("publication \"{name}\" is defined as FOR ALL TABLES");
        return Err(Error::new("55000", message).with_details(
            "Tables or schemas cannot be added to or dropped from FOR ALL TABLES publications.",
        ));
    }
    let action = stmt.action();
    if action == AlterPublicationAction::ApSetObjects {
        tables.clear();
    }
    for (id, table) in objects(draft, &stmt.pubobjects)? {
        let position = tables.iter().position(|known| *known == id);
        match (action, position) {
            (AlterPublicationAction::ApDropObjects, Some(position)) => {
                tables.remove(position);
            }
            (AlterPublicationAction::ApDropObjects, None) => {
                let message = format!("relation \"{table}\" is not part of the publication");
                return Err(Error::new("42704", message));
            }
            (AlterPublicationAction::ApAddObjects, Some(_)) => {
                let message =
                    format!("relation \"{table}\" is already member of publication \"{name}\"");
                return Err(Error::new("42710", message));
            }
            (_, Some(_)) => {}
            (_, None) => tables.push(id),
        }
    }
    draft.edit().publications.insert(name.to_owned(), tables);
    Ok(())
}
