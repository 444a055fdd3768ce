//! Functions by their signature in a text, as `to_regprocedure` and `to_regproc` read it.

use backstay_catalog::{Catalog, SearchPath};
use backstay_model::Type;
use backstay_model::types::display_name;
use backstay_scalar as scalar;
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectWithArgs;

use crate::nodes::{each, qualified, strings};
use crate::parse::parse_one;
use crate::types::resolve_type;

/// The function that a text names, as PostgreSQL prints it: for `f(uuid)` the one with these
/// arguments, for `f` the only one of the name. `None` if there is none, or if the text is no name.
pub fn routine_named(catalog: &Catalog, path: &SearchPath, text: &str) -> Option<String> {
    let object = read(text)?;
    let parts = strings(&object.objname);
    let (schema, name) = qualified(&parts).ok()?;
    let wanted = each(&object.objargs).map(|node| match node {
        NodeEnum::TypeName(name) => resolve_type(catalog, path, name).ok().map(|(ty, _)| ty),
        _ => None,
    });
    let wanted: Vec<Type> = wanted.collect::<Option<_>>()?;
    let unspecified = object.args_unspecified;
    let shown = |schema: &str, name: &str, args: &[Type]| {
        let types: Vec<String> = args.iter().map(|ty| ty.name(catalog)).collect();
        let name = display_name(schema, name);
        if unspecified { name } else { format!("{name}({})", types.join(",")) }
    };
    let own = path.routines(catalog, schema, name).into_iter().map(|routine| {
        (routine.schema.as_str(), routine.inputs().map(|input| input.ty.clone()).collect())
    });
    let built_in = scalar::table().named(name).map(|row| (row.schema, row.args.clone()));
    let built_in = built_in.filter(|(known, _)| schema.is_none_or(|schema| schema == *known));
    let all: Vec<(&str, Vec<Type>)> = own.chain(built_in).collect();
    if unspecified {
        return match all.as_slice() {
            [(schema, args)] => Some(shown(schema, name, args)),
            _ => None,
        };
    }
    let (schema, args) = all.iter().find(|(_, args)| *args == wanted)?;
    Some(shown(schema, name, args))
}

/// The grammar knows signatures where functions are dropped.
fn read(text: &str) -> Option<ObjectWithArgs> {
    let NodeEnum::DropStmt(statement) = parse_one(&format!("DROP FUNCTION {text}")).ok()?.node
    else {
        return None;
    };
    match statement.objects.as_slice() {
        [only] => match only.node.as_ref()? {
            NodeEnum::ObjectWithArgs(object) => Some(object.clone()),
            _ => None,
        },
        _ => None,
    }
}
