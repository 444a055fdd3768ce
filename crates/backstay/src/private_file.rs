//! Files that only their owner may read, replaced in one step.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use miette::{IntoDiagnostic as _, WrapErr as _};

/// Writes beside and renames, so that a crash leaves the old file or the new one.
///
/// # Errors
/// If the folder cannot be written in.
pub(crate) fn write(file: &Path, text: &str) -> miette::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = file.with_file_name(name);
    let write = || -> std::io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut new = options.open(&beside)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, file)
    };
    write().into_diagnostic().wrap_err_with(|| format!("cannot write {}", file.display()))
}
