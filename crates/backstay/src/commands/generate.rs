//! `backstay gen types`: the schema as types for the code that calls the API, on standard output.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::commands::pull::elsewhere;
use crate::host::open_beside;
use crate::log::put;
use crate::migrating;
use crate::project::Project;
use crate::serving::runtime;

/// What is written.
#[derive(Subcommand)]
pub(crate) enum What {
    /// Types of tables, views, functions and enums, as `supabase gen types` shapes them.
    Types(Types),
}

/// `backstay gen types [DIR] [--lang LANGUAGE] [--schema NAME]… [--from DATABASE]`.
#[derive(Args)]
pub(crate) struct Types {
    #[command(flatten)]
    folder: crate::Folder,
    /// The language.
    #[arg(long, value_enum, default_value_t = Language::Typescript)]
    lang: Language,
    /// Schemas to write; `api.schemas` if none is named.
    #[arg(long, short, value_delimiter = ',')]
    schema: Vec<String>,
    /// Another database than the project's own: postgres://…, or the file of an SQLite project.
    #[arg(long)]
    from: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Typescript,
    Python,
}

pub(crate) fn run(what: &What) -> miette::Result<ExitCode> {
    let What::Types(types) = what;
    let project = match &types.from {
        None => Project::open(types.folder.path())?,
        Some(from) => elsewhere(types.folder.path(), from)?,
    };
    let named = !types.schema.is_empty();
    let schemas = if named { &types.schema } else { &project.loaded.settings.api.schemas };
    let catalog = if project.has_database() {
        runtime()?.block_on(async {
            let engine = open_beside(&project).await?;
            let catalog = engine.catalog();
            engine.close().await.into_diagnostic()?;
            Ok::<_, miette::Report>(catalog.as_ref().clone())
        })?
    } else {
        migrating::planned_catalog(&project)?
    };
    if let Some(unknown) = schemas.iter().find(|name| named && !catalog.schemas.contains_key(*name))
    {
        return Err(miette!("there is no schema \"{unknown}\""));
    }
    let text = match types.lang {
        Language::Typescript => backstay_client_types::typescript(&catalog, schemas),
        Language::Python => backstay_client_types::python(&catalog, schemas),
    };
    put(&text).into_diagnostic().wrap_err("cannot write the types")?;
    Ok(ExitCode::SUCCESS)
}
