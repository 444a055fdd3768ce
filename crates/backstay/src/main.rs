//! The `backstay` command: reads what was typed and hands it to one file per command.
//!
//! Owns: the command line, settings, the project folder, keys, and the wiring of the rooms. The
//! only place that knows which engines there are.

mod acme;
mod archive;
mod commands;
mod host;
mod keyring;
mod log;
mod migrating;
mod pg_tools;
mod private_file;
mod project;
mod serving;
mod settings;
mod signing_in;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The whole back end of a website or app.
#[derive(Parser)]
#[command(name = "backstay", version, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new project that runs.
    New {
        /// Its name, which is also its folder; `.` for this one.
        name: String,
    },
    /// Serve a project while you work on it: applies migrations as you save them, loads the seed.
    Dev(Serving),
    /// Serve a project for real.
    Serve(Serving),
    /// Look at, apply, make or check migrations.
    Migrate {
        #[command(subcommand)]
        action: commands::migrate::Action,
    },
    /// Write the schema of a database that is there as the first migration.
    Pull(commands::pull::Pull),
    /// Write the schema as code: types for clients.
    Gen {
        #[command(subcommand)]
        what: commands::generate::What,
    },
    /// Move a project with all its rows into another database. Stop its server before.
    Move(commands::moving::Move),
    /// Show or rotate keys; make a token to try policies with.
    Keys(commands::keys::Keys),
    /// Make, list, change, delete and import users.
    User(commands::user::User),
    /// Check the project, its settings and its data; or say which row policy lets in or keeps out.
    Doctor(commands::doctor::Doctor),
    /// Write database and keys into one file, beside a running server or without one.
    Backup(commands::backup::Backup),
    /// Put a backup in the place of a project's database and keys.
    Restore(commands::restore::Restore),
}

/// Where a project lies.
#[derive(Args)]
struct Folder {
    /// The project's folder; this one if none is named.
    dir: Option<PathBuf>,
    /// The same, as commands take it that have other words behind them.
    #[arg(long = "dir", value_name = "DIR", conflicts_with = "dir", hide = true)]
    named: Option<PathBuf>,
}

impl Folder {
    fn path(&self) -> &Path {
        self.dir.as_deref().or(self.named.as_deref()).unwrap_or(Path::new("."))
    }
}

/// How a project is served.
#[derive(Args)]
struct Serving {
    #[command(flatten)]
    folder: Folder,
    /// Address to listen on (server.host).
    #[arg(long)]
    host: Option<String>,
    /// Port to listen on (server.port); 0 for any free one.
    #[arg(long)]
    port: Option<u16>,
}

/// Takes memory in pages of the usual size. The allocator asks for huge ones, of 2 MiB, of which an
/// idle server fills a fifth.
fn take_small_pages() {
    #[cfg(target_os = "linux")]
    {
        // Where the system does not know the wish, more memory is taken and nothing else changes.
        let _ = rustix::thread::disable_transparent_huge_pages(true);
    }
}

fn main() -> ExitCode {
    take_small_pages();
    // A closed pipe or a file size limit must be an error of one write, not the end of the process.
    log::survive_signals();
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::New { name } => commands::new::run(&name),
        Command::Dev(serving) => commands::dev::run(&serving),
        Command::Serve(serving) => commands::serve::run(&serving),
        Command::Migrate { action } => commands::migrate::run(&action),
        Command::Pull(pull) => commands::pull::run(&pull),
        Command::Gen { what } => commands::generate::run(&what),
        Command::Move(moving) => commands::moving::run(&moving),
        Command::Keys(keys) => commands::keys::run(&keys),
        Command::User(user) => commands::user::run(&user),
        Command::Doctor(doctor) => commands::doctor::run(&doctor),
        Command::Backup(backup) => commands::backup::run(&backup),
        Command::Restore(restore) => commands::restore::run(&restore),
    };
    match done {
        Ok(code) => code,
        Err(report) => {
            log::show(&report);
            ExitCode::FAILURE
        }
    }
}
