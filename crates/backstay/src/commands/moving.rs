//! `backstay move`: a project from one database into another, rows and all.
//!
//! The target gets its schema from the migrations and then every row of the source, table by table
//! in the order of the keys, a batch a transaction: how many rows a table has says where to go on
//! after an interruption. At the end both sides are compared.

use std::process::ExitCode;
use std::sync::Arc;

use backstay_catalog::{Catalog, Relation};
use backstay_engine::{Engine, Start, Transfer};
use backstay_expr::RelationId;
use backstay_migrate::Stage;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{IntoDiagnostic as _, miette};
use sha2::{Digest as _, Sha256};

use crate::host::open_engine;
use crate::log::say;
use crate::migrating::{self, told};
use crate::project::Project;
use crate::serving::runtime;

/// Rows that are read and written at once.
const BATCH: u32 = 1000;

/// What is moved where.
#[derive(clap::Args)]
pub(crate) struct Move {
    /// The database to move into: postgres://… or sqlite:PATH (from the project's folder). It must be empty.
    #[arg(long)]
    to: String,
    #[command(flatten)]
    folder: crate::Folder,
}

pub(crate) fn run(moving: &Move) -> miette::Result<ExitCode> {
    let source = Project::open(moving.folder.path())?;
    let mut target = Project::open(moving.folder.path())?;
    target.loaded.settings.database.url.clone_from(&moving.to);
    let is_file = moving.to.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty());
    if !is_file && !target.loaded.settings.database.is_postgres() {
        return Err(miette!(
            help = "write postgres://user@host/database or sqlite:PATH",
            "`--to` names no database that rows can be moved into"
        ));
    }
    if !source.has_database() {
        return Err(miette!("there is no database yet: {}", source.database().display()));
    }
    target.prepare_state()?;
    runtime()?.block_on(async {
        let from = open_engine(&source, "backstay move").await?;
        let to = open_engine(&target, "backstay move").await?;
        let done = all(&from, &to, &target).await;
        from.close().await.into_diagnostic()?;
        to.close().await.into_diagnostic()?;
        done
    })?;
    say("Everything is there. Set database.url to the new database and start the server.");
    Ok(ExitCode::SUCCESS)
}

async fn all(
    from: &Arc<dyn Engine>,
    to: &Arc<dyn Engine>,
    project: &Project,
) -> miette::Result<()> {
    migrating::require_up_to_date(from, project).await?;
    let (source, target) = (capable(from)?, capable(to)?);
    let stage = Stage::of(&to.catalog());
    match stage {
        None | Some(Stage::Done) if !to.catalog().relations.is_empty() => {
            return Err(miette!(
                help = "name an empty database; nothing was changed in this one",
                "the target is not empty: {}",
                to.name()
            ));
        }
        Some(Stage::Rows) => say("An earlier move is gone on with."),
        None | Some(Stage::Schema | Stage::Done) => {
            migrating::mark(to, Stage::Schema).await?;
            migrating::bring_up_to_date(to, project, false).await?;
            // Rows of migrations are among those to come.
            let made = to.catalog();
            let tables = tables(&made).iter().map(|table| table.id).collect();
            target.clear(tables).await.map_err(told)?;
            migrating::mark(to, Stage::Rows).await?;
        }
    }
    let pairs = pairs(source, (&from.catalog(), &to.catalog())).await?;
    copy(source, target, &pairs).await?;
    let known = to.catalog();
    let mut positions = source.positions().await.map_err(told)?;
    positions.retain(|one| known.sequences.contains_key(&one.name));
    // Before the end, which lets an owner's own row security hold again.
    compare(source, target, &pairs).await?;
    target.finish(positions).await.map_err(told)?;
    migrating::mark(to, Stage::Done).await
}

fn capable(engine: &Arc<dyn Engine>) -> miette::Result<&dyn Transfer> {
    engine.transfer().ok_or_else(|| miette!("rows of {} cannot be moved", engine.name()))
}

/// The tables that hold rows, by name.
fn tables(catalog: &Catalog) -> Vec<&Arc<Relation>> {
    let mut tables: Vec<_> =
        catalog.relations.values().filter(|one| one.view().is_none() && !one.is_hidden()).collect();
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    tables
}

/// A table on both sides.
struct Pair {
    name: String,
    from: RelationId,
    to: RelationId,
    /// The target's numbers of the source's columns.
    columns: Vec<u16>,
    /// Where the target has them among its own.
    places: Vec<usize>,
    rows: u64,
}

/// The tables of both sides; one of the source without rows need not be in the target.
async fn pairs(
    source: &dyn Transfer,
    (from, to): (&Catalog, &Catalog),
) -> miette::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for table in tables(from) {
        let rows = source.count(table.id).await.map_err(told)?;
        let name = format!("{}.{}", table.schema, table.name);
        let missing = |what: &str| {
            miette!(
                help = "write a migration that makes it",
                "the project's migrations do not make {what}, which holds rows"
            )
        };
        let Some(other) = to.relation(&table.schema, &table.name) else {
            if rows == 0 {
                continue;
            }
            return Err(missing(&format!("the table {name}")));
        };
        let mut pair = Pair {
            name,
            from: table.id,
            to: other.id,
            columns: Vec::new(),
            places: Vec::new(),
            rows,
        };
        for column in &table.columns {
            let number = other.column(&column.name).map(|column| column.number);
            let place = number.and_then(|number| Some((number, other.position(number)?)));
            let (number, place) = place
                .ok_or_else(|| missing(&format!("the column {}.{}", pair.name, column.name)))?;
            pair.columns.push(number);
            pair.places.push(place);
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

async fn copy(source: &dyn Transfer, target: &dyn Transfer, pairs: &[Pair]) -> miette::Result<()> {
    let bar = bar("copied", pairs)?;
    for pair in pairs {
        bar.set_message(pair.name.clone());
        let done = target.count(pair.to).await.map_err(told)?;
        bar.inc(done);
        let mut at = Start::Skipping(done);
        loop {
            let page = source.export(pair.from, at, BATCH).await.map_err(told)?;
            let rows = page.rows.len() as u64;
            if rows > 0 {
                let columns = pair.columns.clone();
                target.import(pair.to, columns, page.rows).await.map_err(told)?;
                bar.inc(rows);
            }
            if rows < u64::from(BATCH) {
                break;
            }
            at = Start::After(page.last);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

async fn compare(
    source: &dyn Transfer,
    target: &dyn Transfer,
    pairs: &[Pair],
) -> miette::Result<()> {
    let bar = bar("compared", pairs)?;
    for pair in pairs {
        bar.set_message(pair.name.clone());
        let own: Vec<usize> = (0..pair.columns.len()).collect();
        let before = sum(source, pair.from, &own).await?;
        let after = sum(target, pair.to, &pair.places).await?;
        if before != after {
            return Err(miette!(
                help = "was something written meanwhile? Empty the target and move again, with the server stopped",
                "{} differs: {before} there, {after} here",
                pair.name
            ));
        }
        bar.inc(pair.rows);
        bar.suspend(|| say(&format!("  {}: {after}", pair.name)));
    }
    bar.finish_and_clear();
    Ok(())
}

/// Rows and a checksum that does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    checksum: u128,
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows, checksum {:032x}", self.rows, self.checksum)
    }
}

/// Adds up the rows of a table; `places` says which cells make a row, in order.
async fn sum(side: &dyn Transfer, table: RelationId, places: &[usize]) -> miette::Result<Sum> {
    let mut sum = Sum::default();
    let mut at = Start::Skipping(0);
    loop {
        let page = side.export(table, at, BATCH).await.map_err(told)?;
        for cells in &page.rows {
            let cells = places.iter().map(|place| cells.get(*place).and_then(Option::as_deref));
            sum.checksum = sum.checksum.wrapping_add(digest(cells));
        }
        sum.rows += page.rows.len() as u64;
        if page.rows.len() < BATCH as usize {
            return Ok(sum);
        }
        at = Start::After(page.last);
    }
}

/// Half of the SHA-256 of a row; lengths keep its cells apart.
fn digest<'c>(cells: impl Iterator<Item = Option<&'c str>>) -> u128 {
    let mut hash = Sha256::new();
    for cell in cells {
        match cell {
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text.as_bytes());
            }
        }
    }
    let hash = hash.finalize();
    hash.iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

fn bar(verb: &str, pairs: &[Pair]) -> miette::Result<ProgressBar> {
    let template = format!("{{bar:30}} {{pos}} of {{len}} rows {verb}, {{eta}} left: {{msg}}");
    let style = ProgressStyle::with_template(&template).into_diagnostic()?;
    let bar = ProgressBar::new(pairs.iter().map(|pair| pair.rows).sum());
    bar.set_style(style);
    Ok(bar)
}
