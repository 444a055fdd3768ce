//! Finding functions, and reading what a definition says.

use std::sync::Arc;

use backstay_catalog::{Argument, ArgumentMode, Language, Returns, Routine, Volatility};
use backstay_model::{Error, Result, Type};
use backstay_scalar as scalar;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CreateFunctionStmt, DefElem, FunctionParameter, FunctionParameterMode, Node, ObjectWithArgs,
    TypeName,
};

use super::names::{located, qualified, string, strings, written};
use super::sequence::truth;
use super::setting::value_text;
use super::{Draft, bind};

/// A function that a statement names.
pub(super) enum Found {
    /// One of the project.
    Routine(Arc<Routine>),
    /// One that is built in.
    BuiltIn,
}

/// The function of this name and these arguments.
pub(super) fn find_routine(draft: &Draft<'_>, object: &ObjectWithArgs) -> Result<Found> {
    let parts = strings(&object.objname);
    let (schema, name) = qualified(&parts);
    let candidates = draft.session.search_path.routines(&draft.catalog, schema, name);
    let full = written(schema, name);
    if object.args_unspecified {
        return match candidates.as_slice() {
            [only] => Ok(Found::Routine(Arc::clone(only))),
            [] if is_built_in(schema, name) => Ok(Found::BuiltIn),
            [] => {
                let message = format!("could not find a function named \"{full}\"");
                Err(Error::new("42883", message))
            }
            _ => Err(Error::new("42725", format!("function name \"{full}\" is not unique"))
                .with_hint("Specify the argument list to select the function unambiguously.")),
        };
    }
    let wanted = argument_types(draft, &object.objargs)?;
    let found = candidates.into_iter().find(|routine| input_types(routine) == wanted);
    match found {
        Some(routine) => Ok(Found::Routine(Arc::clone(routine))),
        None if is_built_in(schema, name) => Ok(Found::BuiltIn),
        None => {
            let types: Vec<String> = wanted.iter().map(|ty| ty.name(&draft.catalog)).collect();
            let message = format!("function {full}({}) does not exist", types.join(", "));
            Err(Error::new("42883", message))
        }
    }
}

fn is_built_in(schema: Option<&str>, name: &str) -> bool {
    scalar::table().named(name).any(|row| schema.is_none_or(|schema| row.schema == schema))
}

fn argument_types(draft: &Draft<'_>, nodes: &[Node]) -> Result<Vec<Type>> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::TypeName(name)) => Some(name),
            _ => None,
        })
        .map(|name| draft.resolve_type(name).map(|(ty, _)| ty))
        .collect()
}

/// The types that tell overloads apart.
pub(super) fn input_types(routine: &Routine) -> Vec<Type> {
    routine.inputs().map(|argument| argument.ty.clone()).collect()
}

/// What the clauses behind the arguments say.
pub(super) struct Options {
    pub(super) language: String,
    pub(super) source: Option<String>,
    pub(super) volatility: Option<Volatility>,
    pub(super) strict: Option<bool>,
    pub(super) security_definer: Option<bool>,
    pub(super) settings: Option<Vec<(String, String)>>,
    pub(super) reset: Vec<String>,
    pub(super) rows: Option<f32>,
    pub(super) location: i32,
}

/// Reads the clauses of `CREATE FUNCTION` and `ALTER FUNCTION`.
pub(super) fn read_options<'n>(elements: impl Iterator<Item = &'n DefElem>) -> Options {
    let mut options = Options {
        language: String::new(),
        source: None,
        volatility: None,
        strict: None,
        security_definer: None,
        settings: None,
        reset: Vec::new(),
        rows: None,
        location: -1,
    };
    for element in elements {
        let node = element.arg.as_deref().and_then(|arg| arg.node.as_ref());
        match element.defname.as_str() {
            "language" => {
                let name = element.arg.as_deref().and_then(string).unwrap_or_default();
                options.language = name.to_lowercase();
                options.location = element.location;
            }
            "as" => {
                if let Some(NodeEnum::List(list)) = node {
                    options.source = strings(&list.items).first().map(|text| (*text).to_owned());
                }
            }
            "volatility" => {
                options.volatility = match element.arg.as_deref().and_then(string) {
                    Some("immutable") => Some(Volatility::Immutable),
                    Some("stable") => Some(Volatility::Stable),
                    _ => Some(Volatility::Volatile),
                };
            }
            "strict" => options.strict = Some(truth(element)),
            "security" => options.security_definer = Some(truth(element)),
            "set" => {
                if let Some(NodeEnum::VariableSetStmt(set)) = node {
                    let value = value_text(&set.args);
                    if set.args.is_empty() {
                        options.reset.push(set.name.clone());
                    } else {
                        let settings = options.settings.get_or_insert_default();
                        settings.push((set.name.clone(), value));
                    }
                }
            }
            "rows" => {
                options.rows = match node {
                    Some(NodeEnum::Integer(number)) => Some(number.ival as f32),
                    Some(NodeEnum::Float(number)) => number.fval.parse().ok(),
                    _ => None,
                };
            }
            _ => {}
        }
    }
    options
}

/// Reads the arguments; defaults are bound and coerced.
pub(super) fn read_arguments(
    draft: &Draft<'_>,
    stmt: &CreateFunctionStmt,
) -> Result<Vec<Argument>> {
    let mut arguments: Vec<Argument> = Vec::new();
    for node in &stmt.parameters {
        let Some(NodeEnum::FunctionParameter(parameter)) = node.node.as_ref() else { continue };
        let argument =
            read_argument(draft, parameter).map_err(|error| located(error, parameter.location))?;
        let is_input = matches!(
            argument.mode,
            ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic
        );
        let had_default = arguments.iter().any(|before| before.default.is_some());
        if is_input && had_default && argument.default.is_none() {
            let message = "input parameters after one with a default value must also have defaults";
            return Err(located(Error::new("42P13", message), parameter.location));
        }
        if let Some(name) = &argument.name
            && arguments.iter().any(|before| {
                before.name.as_ref() == Some(name)
                    && (before.mode == ArgumentMode::Table)
                        == (argument.mode == ArgumentMode::Table)
            })
        {
            let message = format!("parameter name \"{name}\" used more than once");
            return Err(located(Error::new("42P13", message), parameter.location));
        }
        arguments.push(argument);
    }
    Ok(arguments)
}

fn read_argument(draft: &Draft<'_>, parameter: &FunctionParameter) -> Result<Argument> {
    let written =
        parameter.arg_type.as_ref().ok_or_else(|| Error::internal("an argument without a type"))?;
    let (ty, modifier) = draft.resolve_type(written)?;
    let mode = match parameter.mode() {
        FunctionParameterMode::FuncParamOut => ArgumentMode::Out,
        FunctionParameterMode::FuncParamInout => ArgumentMode::InOut,
        FunctionParameterMode::FuncParamVariadic => ArgumentMode::Variadic,
        FunctionParameterMode::FuncParamTable => ArgumentMode::Table,
        _ => ArgumentMode::In,
    };
    if mode == ArgumentMode::Variadic && ty.element().is_none() {
        return Err(Error::new("42P13", "VARIADIC parameter must be an array"));
    }
    if ty.is_polymorphic() {
        return Err(Error::unsupported("a polymorphic argument")
            .with_hint("Write the function once for each type."));
    }
    let mut default_text = None;
    let default = match parameter.defexpr.as_deref() {
        Some(node) => {
            default_text = Some(super::text::expression(node)?);
            if matches!(mode, ArgumentMode::Out | ArgumentMode::Table) {
                let message = "only input parameters can have default values";
                return Err(Error::new("42P13", message));
            }
            Some(bind::default(draft, node, (&parameter.name, &ty, modifier))?)
        }
        None => None,
    };
    let name = (!parameter.name.is_empty()).then(|| parameter.name.clone());
    // Lengths of argument types are forgotten, as PostgreSQL does.
    Ok(Argument { name, mode, ty, modifier: None, default, default_text })
}

/// What the function returns, from its `OUT` arguments and its `RETURNS` clause.
pub(super) fn read_returns(
    draft: &Draft<'_>,
    (stmt, language): (&CreateFunctionStmt, &Language),
    arguments: &[Argument],
) -> Result<Returns> {
    let columns: Vec<(String, Type)> = arguments
        .iter()
        .filter(|argument| {
            matches!(argument.mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table)
        })
        .enumerate()
        .map(|(at, argument)| {
            let name = argument.name.clone().unwrap_or_else(|| format!("column{}", at + 1));
            (name, argument.ty.clone())
        })
        .collect();
    let declared = match &stmt.return_type {
        Some(name) => Some((draft.resolve_type(name)?.0, name.setof, name)),
        None => None,
    };
    let is_table = arguments.iter().any(|argument| argument.mode == ArgumentMode::Table);
    match (columns.as_slice(), declared) {
        ([], None) if stmt.is_procedure => {
            Ok(Returns { ty: Type::Void, set: false, columns: Vec::new() })
        }
        _ if stmt.is_procedure => Err(Error::unsupported("a procedure with results")
            .with_hint("Write a function that returns them.")),
        ([], None) => Err(Error::new("42P13", "function result type must be specified")),
        ([], Some((ty, set, name))) => {
            refuse_result(&ty, name, language)?;
            Ok(Returns { ty, set, columns: Vec::new() })
        }
        (_, declared) => {
            let set = is_table || declared.as_ref().is_some_and(|(_, set, _)| *set);
            let made = match columns.as_slice() {
                [(_, ty)] => ty.clone(),
                _ => Type::Record,
            };
            if let Some((ty, _, _)) = &declared
                && *ty != made
                && !is_table
            {
                let name = made.name(&draft.catalog);
                let message =
                    format!("function result type must be {name} because of OUT parameters");
                return Err(Error::new("42P13", message));
            }
            let ty = if is_table { Type::Record } else { made };
            let columns = if columns.len() == 1 && !is_table { Vec::new() } else { columns };
            Ok(Returns { ty, set, columns })
        }
    }
}

fn refuse_result(ty: &Type, name: &TypeName, language: &Language) -> Result<()> {
    let error = match ty {
        Type::Trigger if *language == Language::Sql => {
            Error::new("42P13", "SQL functions cannot return type trigger")
        }
        ty if ty.is_polymorphic() => Error::unsupported("a polymorphic result")
            .with_hint("Write the function once for each type."),
        _ => return Ok(()),
    };
    Err(located(error, name.location))
}
