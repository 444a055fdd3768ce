//! Functions.

use backstay_catalog::{
    Argument, ArgumentMode, Body, Catalog, Effects, Language, MediaAggregate, Returns, Routine,
    Volatility,
};
use backstay_expr::{Expr, FunctionId, RelationId};
use backstay_model::Type;
use tokio_postgres::{Error, Row};

use super::Rows;
use super::acl::{self, Object};
use super::types::Types;

/// Puts the functions into the catalogue.
pub(super) fn fill(catalog: &mut Catalog, rows: &Rows, types: &Types) -> Result<(), Error> {
    for row in &rows.routines {
        let routine = routine(catalog, row, types)?;
        catalog.put_routine(routine);
    }
    for row in &rows.aggregates {
        let result = types.get(row.try_get("result")?);
        if catalog.media_type(&result).is_some() {
            catalog.media_aggregates.push(MediaAggregate {
                schema: row.try_get("schema")?,
                name: row.try_get("name")?,
                relation: row.try_get::<_, Option<u32>>("relation")?.map(RelationId),
                result,
            });
        }
    }
    Ok(())
}

fn routine(catalog: &Catalog, row: &Row, types: &Types) -> Result<Routine, Error> {
    let (schema, owner): (String, String) = (row.try_get("schema")?, row.try_get("owner")?);
    let texts: Vec<String> = row.try_get("acl")?;
    let arguments = arguments(row, types)?;
    let volatility = match row.try_get("volatility")? {
        "i" => Volatility::Immutable,
        "s" => Volatility::Stable,
        _ => Volatility::Volatile,
    };
    let settings: Vec<String> = row.try_get("settings")?;
    let set: bool = row.try_get("set")?;
    let rows: f32 = row.try_get("rows")?;
    Ok(Routine {
        id: FunctionId(row.try_get("oid")?),
        name: row.try_get("name")?,
        returns: returns(types.get(row.try_get("result")?), set, &arguments),
        arguments,
        language: match row.try_get("language")? {
            "sql" => Language::Sql,
            "plpgsql" => Language::PlPgSql,
            other => Language::Other(String::from(other)),
        },
        volatility,
        strict: row.try_get("strict")?,
        security_definer: row.try_get("security_definer")?,
        settings: settings
            .iter()
            .filter_map(|setting| setting.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: Body::Native,
        source: String::new(),
        procedure: false,
        effects: Effects { writes: volatility == Volatility::Volatile, sets: true },
        rows: set.then_some(rows),
        acl: acl::list(catalog, Object::Function, &schema, &owner, &texts),
        comment: row.try_get("comment")?,
        schema,
        owner,
    })
}

fn arguments(row: &Row, types: &Types) -> Result<Vec<Argument>, Error> {
    let oids: Vec<u32> = row.try_get("types")?;
    let modes: Option<Vec<&str>> = row.try_get("modes")?;
    let names: Option<Vec<String>> = row.try_get("names")?;
    let defaults: i16 = row.try_get("defaults")?;
    let mut arguments: Vec<Argument> = oids
        .into_iter()
        .enumerate()
        .map(|(at, oid)| Argument {
            name: names
                .as_ref()
                .and_then(|names| names.get(at))
                .filter(|name| !name.is_empty())
                .cloned(),
            mode: modes
                .as_ref()
                .and_then(|modes| modes.get(at))
                .map_or(ArgumentMode::In, |letter| mode(letter)),
            ty: types.get(oid),
            modifier: None,
            default: None,
            default_text: None,
        })
        .collect();
    // The last inputs are those with defaults.
    arguments
        .iter_mut()
        .rev()
        .filter(|argument| !matches!(argument.mode, ArgumentMode::Out | ArgumentMode::Table))
        .take(usize::from(defaults.unsigned_abs()))
        .for_each(|argument| argument.default = Some(Expr::Native { ty: argument.ty.clone() }));
    Ok(arguments)
}

fn mode(letter: &str) -> ArgumentMode {
    match letter {
        "o" => ArgumentMode::Out,
        "b" => ArgumentMode::InOut,
        "v" => ArgumentMode::Variadic,
        "t" => ArgumentMode::Table,
        _ => ArgumentMode::In,
    }
}

/// A record's columns are its results; a table of one column returns that column's type.
fn returns(ty: Type, set: bool, arguments: &[Argument]) -> Returns {
    let is_record = ty == Type::Record;
    let columns = arguments
        .iter()
        .filter(|argument| match argument.mode {
            ArgumentMode::Out | ArgumentMode::InOut => is_record,
            ArgumentMode::Table => true,
            ArgumentMode::In | ArgumentMode::Variadic => false,
        })
        .enumerate()
        .map(|(at, argument)| {
            let name = argument.name.clone().unwrap_or_else(|| format!("column{}", at + 1));
            (name, argument.ty.clone())
        })
        .collect();
    Returns { ty, set, columns }
}
