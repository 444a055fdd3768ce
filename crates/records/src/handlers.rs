//! Which media types the database makes itself for a request.

use backstay_catalog::Catalog;
use backstay_expr::RelationId;
use backstay_plan::{CallResult, Operation, Plan};
use backstay_rest::{Action, Handler, MadeBy, Request, SelectItem};

/// Those that a request may name, before it is planned.
pub(crate) fn expected(catalog: &Catalog, request: &Request) -> Vec<Handler> {
    match &request.action {
        Action::Call(call) => catalog
            .routines_named(&request.schema, &call.function)
            .filter(|routine| !routine.returns.set)
            .filter_map(|routine| catalog.media_type(&routine.returns.ty))
            .map(|media| Handler { media: media.to_owned(), made_by: MadeBy::Function })
            .collect(),
        Action::Read(read) => {
            let relation = catalog.relation(&request.schema, &read.relation);
            aggregates(catalog, request, relation.map(|relation| relation.id))
        }
        _ => Vec::new(),
    }
}

/// Those that a planned request has.
pub(crate) fn of(catalog: &Catalog, request: &Request, plan: &Plan) -> Vec<Handler> {
    match &*plan.operation {
        Operation::Call(call) => match &call.result {
            CallResult::Scalar(ty) => catalog
                .media_type(ty)
                .map(|media| Handler { media: media.to_owned(), made_by: MadeBy::Function })
                .into_iter()
                .collect(),
            CallResult::Rows { set: true, .. } => aggregates(catalog, request, None),
            CallResult::Rows { .. } | CallResult::Scalars { .. } | CallResult::Void => Vec::new(),
        },
        Operation::Read(_) => expected(catalog, request),
        Operation::Write(_) => Vec::new(),
    }
}

/// Aggregates over the rows of a relation, which take whole rows only, before those over any rows.
fn aggregates(catalog: &Catalog, request: &Request, relation: Option<RelationId>) -> Vec<Handler> {
    let whole = request.node().is_some_and(|node| node.select == [SelectItem::All]);
    let mut known: Vec<_> = catalog.media_aggregates.iter().enumerate().collect();
    known.retain(|(_, one)| match one.relation {
        Some(taken) => whole && relation == Some(taken),
        None => true,
    });
    known.sort_by_key(|(_, one)| one.relation.is_none());
    let named = known.into_iter().filter_map(|(number, one)| {
        let media = catalog.media_type(&one.result)?.to_owned();
        Some(Handler { media, made_by: MadeBy::Aggregate(number) })
    });
    named.collect()
}
