//! A project's migrations, in order, applied once and recorded.
//!
//! Owns: [`Migration`] and [`Plan`] (which files are to be applied), [`FileSteps`]
//! (a file as steps for an engine), [`bootstrap`] (the schemas, roles and tables that
//! every project finds), [`check()`] (everything that cannot be done, before anything is done).
//! May depend on: `model`, `expr`, `catalog`, `pgsql`, `plan`, `policy`, `engine`. No I/O: it takes
//! texts and gives steps.
//!
//! Invariants: a file is one transaction; what was applied is recorded in the same transaction, with
//! a checksum, and never applied again.

pub mod bootstrap;

mod check;
mod error;
mod migration;
mod moving;
mod plan;
mod pull;
mod record;
mod reset;
mod script;
mod seed;
mod steps;

pub use check::{Finding, check, outcome, unparsed};
pub use error::{Applied as AppliedBefore, MigrationError, Place};
pub use migration::{Migration, checksum};
pub use moving::{Mark, Stage};
pub use plan::{Plan, State, Status};
pub use pull::pull;
pub use record::{Applied, applied_plan, applied_rows, seeds_plan};
pub use reset::ResetSteps;
pub use script::{Form, Progress, Script, statements};
pub use seed::Seed;
pub use steps::FileSteps;
