//! Functions in SQL and PL/pgSQL.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_catalog::{
    Body, Catalog, Effects, Language, Relation, Routine, SearchPath, Uses, ViewBody, Volatility,
};
use backstay_expr::{FunctionId, RelationId};
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterFunctionStmt, CreateFunctionStmt};

use super::function_parts::{
    Found, Options, find_routine, input_types, read_arguments, read_options, read_returns,
};
use super::names::{located, qualified, strings};
use super::sequence::elements;
use super::{Draft, defaults, depend};
use crate::plpgsql;

/// `CREATE [OR REPLACE] FUNCTION`, `CREATE PROCEDURE`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateFunctionStmt) -> Result<()> {
    let options = read_options(elements(&stmt.options));
    let language = language(&options, stmt.sql_body.is_some())?;
    let parts = strings(&stmt.funcname);
    let (schema, name) = qualified(&parts);
    let schema = draft.creation_schema(schema)?;
    let arguments = read_arguments(draft, stmt)?;
    let returns = read_returns(draft, (stmt, &language), &arguments)?;
    let owner = draft.session.role.clone();
    let mut routine = Routine {
        id: FunctionId(0),
        acl: defaults::privileges_of_new(&draft.catalog, &owner, &schema, 'f'),
        schema,
        name: name.to_owned(),
        procedure: stmt.is_procedure,
        arguments,
        returns,
        language,
        volatility: options.volatility.unwrap_or(Volatility::Volatile),
        strict: options.strict.unwrap_or(false),
        security_definer: options.security_definer.unwrap_or(false),
        settings: options.settings.clone().unwrap_or_default(),
        body: Body::Sql(Vec::new()),
        source: source(&options, stmt)?,
        effects: Effects::default(),
        rows: options.rows,
        owner,
        comment: None,
    };
    let old = same_signature(&draft.catalog, &routine).cloned();
    match &old {
        Some(_) if !stmt.replace => return Err(exists(&routine)),
        Some(old) => {
            check_replaceable(draft, old, &routine)?;
            routine.id = old.id;
            routine.owner.clone_from(&old.owner);
            routine.acl = old.acl.clone();
            routine.comment.clone_from(&old.comment);
        }
        None => routine.id = FunctionId(draft.edit().next_id()),
    }
    bind_new(draft, routine, stmt, old.is_some())
}

/// Binds the body with the function itself in sight, since it may call itself.
fn bind_new(
    draft: &mut Draft<'_>,
    routine: Routine,
    stmt: &CreateFunctionStmt,
    replaced: bool,
) -> Result<()> {
    draft.edit().put_routine(routine.clone());
    let body = stmt.sql_body.as_deref().and_then(|node| node.node.as_ref());
    let mut routine = routine;
    routine.body = match bind_body(&draft.catalog, draft.session, &routine, body) {
        Ok(body) => body,
        Err(error) if draft.session.check_function_bodies => {
            return Err(match body {
                Some(_) => error,
                None => in_body(draft, error, &routine),
            });
        }
        Err(error) => Body::Unbound(error.code.to_string(), error.message),
    };
    routine.effects = effects(&draft.catalog, &routine);
    let (name, effects) = (routine.name.clone(), routine.effects);
    draft.edit().put_routine(routine);
    if replaced {
        spread_effects(draft);
    } else if effects != Effects::default() {
        spread_to_callers(draft, name);
    }
    Ok(())
}

/// A body in PL/pgSQL may have named the function before it was there.
fn spread_to_callers(draft: &mut Draft<'_>, name: String) {
    let mut names = vec![name];
    while let Some(name) = names.pop() {
        let changed: Vec<Routine> = draft
            .catalog
            .routines
            .values()
            .filter(|routine| {
                matches!(&routine.body, Body::PlPgSql(uses) if uses.names.contains(&name))
            })
            .filter_map(|routine| {
                let found = effects(&draft.catalog, routine);
                (found != routine.effects)
                    .then(|| Routine { effects: found, ..(**routine).clone() })
            })
            .collect();
        for routine in changed {
            names.push(routine.name.clone());
            draft.edit().put_routine(routine);
        }
    }
}

/// Positions inside a body count from the body's start; the place in the script is known where the
/// body stands there as it is.
fn in_body(draft: &Draft<'_>, mut error: Error, routine: &Routine) -> Error {
    let start = draft.raw.and_then(|raw| Some(raw.offset + raw.text.find(&routine.source)?));
    error.position = start.and_then(|start| Some(start + error.position?));
    if error.details.is_none() {
        error = error.with_details(format!("In the body of function {}.", routine.name));
    }
    error
}

fn bind_body(
    catalog: &Catalog,
    session: &super::DdlSession,
    routine: &Routine,
    body: Option<&NodeEnum>,
) -> Result<Body> {
    let own = routine.settings.iter().find(|(name, _)| name == "search_path");
    let path =
        own.map_or_else(|| session.search_path.clone(), |(_, value)| SearchPath::parse(value));
    match &routine.language {
        Language::Other(name) => Err(Error::unsupported(format!("LANGUAGE {name}"))),
        Language::Sql => crate::bind_routine_body(catalog, &path, routine, body).map(Body::Sql),
        Language::PlPgSql => {
            let program = plpgsql::parse_routine(catalog, &path, routine)?;
            plpgsql::check_fragments(&program)?;
            Ok(Body::PlPgSql(plpgsql::uses(&program)))
        }
    }
}

fn source(options: &Options, stmt: &CreateFunctionStmt) -> Result<String> {
    match (&options.source, stmt.sql_body.as_deref()) {
        (Some(source), _) => Ok(source.clone()),
        (None, Some(body)) => standard_source(body),
        (None, None) => Err(Error::new("42P13", "no function body specified")),
    }
}

/// A body in SQL's own form, as the statements that a text body would hold.
fn standard_source(body: &pg_query::Node) -> Result<String> {
    match body.node.as_ref() {
        Some(NodeEnum::List(list)) => {
            let parts: Result<Vec<String>> = list.items.iter().map(standard_source).collect();
            Ok(parts?.join(";\n"))
        }
        Some(NodeEnum::ReturnStmt(returned)) => match returned.returnval.as_deref() {
            Some(value) => Ok(format!("SELECT {}", super::text::expression(value)?)),
            None => Ok(String::new()),
        },
        Some(statement) => super::text::statement(statement),
        None => Ok(String::new()),
    }
}

fn language(options: &Options, standard: bool) -> Result<Language> {
    let error = match options.language.as_str() {
        "sql" => return Ok(Language::Sql),
        "plpgsql" => return Ok(Language::PlPgSql),
        "" if standard => return Ok(Language::Sql),
        "" => Error::new("42P13", "no language specified"),
        "c" | "internal" => Error::unsupported(format!("LANGUAGE {}", options.language)),
        "plv8" | "plpython3u" | "plperl" | "pltcl" => {
            Error::unsupported(format!("LANGUAGE {}", options.language))
                .with_hint("Functions in other languages belong to the project's functions folder.")
        }
        other => Error::new("42704", format!("language \"{other}\" does not exist")),
    };
    Err(located(error, options.location))
}

fn same_signature<'c>(catalog: &'c Catalog, routine: &Routine) -> Option<&'c Arc<Routine>> {
    let types = input_types(routine);
    catalog
        .routines_named(&routine.schema, &routine.name)
        .find(|known| known.id != routine.id && input_types(known) == types)
}

fn exists(routine: &Routine) -> Error {
    let message = format!("function \"{}\" already exists with same argument types", routine.name);
    Error::new("42723", message)
}

/// Another function of this name and these arguments must not exist.
pub(super) fn check_free(draft: &Draft<'_>, routine: &Routine) -> Result<()> {
    match same_signature(&draft.catalog, routine) {
        Some(_) => Err(exists(routine)),
        None => Ok(()),
    }
}

/// What `OR REPLACE` may not change.
fn check_replaceable(draft: &Draft<'_>, old: &Routine, new: &Routine) -> Result<()> {
    let signature = depend::shown_routine(&draft.catalog, old);
    let hint = format!("Use DROP {} first.", signature.replacen("function", "FUNCTION", 1));
    let fail = |message: String| Err(Error::new("42P13", message).with_hint(hint.clone()));
    if old.procedure != new.procedure {
        let kind = if old.procedure { "procedure" } else { "function" };
        return Err(Error::new("42809", "cannot change routine kind")
            .with_details(format!("\"{}\" is a {kind}.", old.name)));
    }
    if old.returns.ty != new.returns.ty || old.returns.set != new.returns.set {
        return fail("cannot change return type of existing function".to_owned());
    }
    if old.returns.columns != new.returns.columns {
        return Err(Error::new("42P13", "cannot change return type of existing function")
            .with_details("Row type defined by OUT parameters is different.")
            .with_hint(hint));
    }
    for (before, after) in old.inputs().zip(new.inputs()) {
        if let Some(name) = &before.name
            && after.name.as_ref() != Some(name)
        {
            return fail(format!("cannot change name of input parameter \"{name}\""));
        }
        if before.default.is_some() && after.default.is_none() {
            return fail("cannot remove parameter defaults from existing function".to_owned());
        }
    }
    Ok(())
}

/// `ALTER FUNCTION … STABLE, STRICT, SECURITY DEFINER, SET …`.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterFunctionStmt) -> Result<()> {
    let object =
        stmt.func.as_ref().ok_or_else(|| Error::internal("ALTER FUNCTION without a function"))?;
    let Found::Routine(routine) = find_routine(draft, object)? else {
        draft.notice("built-in functions cannot be changed");
        return Ok(());
    };
    let mut changed = (*routine).clone();
    let options = read_options(elements(&stmt.actions));
    changed.volatility = options.volatility.unwrap_or(changed.volatility);
    changed.strict = options.strict.unwrap_or(changed.strict);
    changed.security_definer = options.security_definer.unwrap_or(changed.security_definer);
    changed.rows = options.rows.or(changed.rows);
    let path = |routine: &Routine| {
        routine.settings.iter().find(|(name, _)| name == "search_path").cloned()
    };
    let before = path(&changed);
    changed.settings.retain(|(name, _)| {
        let named = |known: &String| known == name || known.is_empty();
        let set = options.settings.iter().flatten().any(|(known, _)| known == name);
        !set && !options.reset.iter().any(named)
    });
    changed.settings.extend(options.settings.into_iter().flatten());
    if path(&changed) != before {
        changed.body = bind_body(&draft.catalog, draft.session, &changed, None)
            .unwrap_or_else(|error| Body::Unbound(error.code.to_string(), error.message));
    }
    draft.edit().put_routine(changed);
    Ok(())
}

/// What a function may do: what its statements do, and what the functions do that they call.
fn effects(catalog: &Catalog, routine: &Routine) -> Effects {
    let mut found = Effects::default();
    let statements = match &routine.body {
        Body::Sql(statements) => statements,
        Body::PlPgSql(uses) => return effects_of_names(catalog, routine.id, uses),
        Body::Unbound(..) | Body::Native => return found,
    };
    for statement in statements {
        let (references, writes) = depend::of_statement(statement);
        found.writes |= writes;
        add_effects(catalog, routine.id, &references, &mut found, &mut BTreeSet::new());
    }
    found
}

/// What a body may do that is known by its names only: whatever anything of such a name does.
fn effects_of_names(catalog: &Catalog, own: FunctionId, uses: &Uses) -> Effects {
    let mut found = Effects { writes: uses.writes, sets: uses.sets };
    for routine in catalog.routines.values().filter(|routine| routine.id != own) {
        if uses.names.contains(&routine.name) {
            found.writes |= routine.effects.writes;
            found.sets |= routine.effects.sets;
        }
    }
    for relation in catalog.relations.values() {
        if let Some(ViewBody::Bound(query)) = relation.view().map(|view| &view.body)
            && uses.names.contains(&relation.name)
        {
            let references = depend::of_query(query);
            add_effects(catalog, own, &references, &mut found, &mut BTreeSet::new());
        }
    }
    found
}

fn add_effects(
    catalog: &Catalog,
    own: FunctionId,
    references: &depend::References,
    found: &mut Effects,
    views: &mut BTreeSet<RelationId>,
) {
    for symbol in &references.symbols {
        let name = symbol.split('(').next().unwrap_or(symbol);
        let name = name.rsplit('.').next().unwrap_or(name);
        found.writes |= matches!(name, "nextval" | "setval");
        found.sets |= name == "set_config";
    }
    for callee in references.routines.iter().filter(|callee| **callee != own) {
        if let Some(routine) = catalog.routines.get(callee) {
            found.writes |= routine.effects.writes;
            found.sets |= routine.effects.sets;
        }
    }
    for id in &references.relations {
        let view = catalog.relations.get(id).and_then(|relation| relation.view());
        if let Some(ViewBody::Bound(query)) = view.map(|view| &view.body)
            && views.insert(*id)
        {
            add_effects(catalog, own, &depend::of_query(query), found, views);
        }
    }
}

/// Another body may do more: tells everybody who calls it, until nothing changes.
fn spread_effects(draft: &mut Draft<'_>) {
    loop {
        let changed: Vec<Routine> = draft
            .catalog
            .routines
            .values()
            .filter_map(|routine| {
                let found = effects(&draft.catalog, routine);
                (found != routine.effects)
                    .then(|| Routine { effects: found, ..(**routine).clone() })
            })
            .collect();
        if changed.is_empty() {
            return;
        }
        for routine in changed {
            draft.edit().put_routine(routine);
        }
    }
}

/// The shape that bodies depend on.
fn shape(relation: &Relation) -> impl PartialEq + '_ {
    let columns: Vec<_> =
        relation.columns.iter().map(|column| (&column.name, &column.ty, column.number)).collect();
    (&relation.schema, &relation.name, columns)
}

/// Binds the bodies again whose relations have changed, as PostgreSQL does at every call.
pub(super) fn rebind(draft: &mut Draft<'_>, before: &Catalog) {
    let after = &draft.catalog;
    let changed: BTreeSet<RelationId> = before
        .relations
        .iter()
        .filter(|(id, old)| match after.relations.get(id) {
            Some(new) => !Arc::ptr_eq(old, new) && shape(old) != shape(new),
            None => true,
        })
        .map(|(id, _)| *id)
        .collect();
    let gone: BTreeSet<FunctionId> =
        before.routines.keys().filter(|id| !after.routines.contains_key(id)).copied().collect();
    let grown = after.relations.len() > before.relations.len()
        || after.routines.len() > before.routines.len()
        || after.types.len() > before.types.len();
    if changed.is_empty() && gone.is_empty() && !grown {
        return;
    }
    let stale: Vec<Arc<Routine>> = after
        .routines
        .values()
        .filter(|routine| match &routine.body {
            Body::Unbound(..) => grown || !changed.is_empty(),
            Body::Native | Body::PlPgSql(_) => false,
            Body::Sql(_) if changed.is_empty() && gone.is_empty() => false,
            Body::Sql(statements) => statements.iter().any(|statement| {
                let (references, _) = depend::of_statement(statement);
                !references.relations.is_disjoint(&changed)
                    || !references.routines.is_disjoint(&gone)
            }),
        })
        .cloned()
        .collect();
    for routine in stale {
        let mut fresh = (*routine).clone();
        fresh.body = bind_body(&draft.catalog, draft.session, &fresh, None)
            .unwrap_or_else(|error| Body::Unbound(error.code.to_string(), error.message));
        if fresh.body != routine.body {
            fresh.effects = effects(&draft.catalog, &fresh);
            draft.edit().put_routine(fresh);
        }
    }
}
