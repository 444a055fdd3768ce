//! The file of a backup: a gzipped tar of a manifest, the database and the keys.
//!
//! Invariant: an archive is whole or has another name; what is read from one was written by us, under
//! names that we know.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The form of archives that this program writes and reads.
const FORM: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// The database file of embedded SQLite.
pub(crate) const DATABASE: &str = "data.db";
/// `pg_dump`'s custom format.
pub(crate) const DUMP: &str = "data.dump";
/// The project's keys.
pub(crate) const KEYS: &str = "keys.json";
/// Limit: a manifest's size, in bytes.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    archive: u32,
    /// The database behind it.
    pub(crate) engine: Kind,
    /// The data version of an SQLite file.
    pub(crate) format: Option<i64>,
    /// The version of the program that made it.
    pub(crate) program: String,
    /// When, in RFC 3339.
    pub(crate) made_at: String,
}

/// The database behind a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Manifest {
    /// Of a backup that is made now.
    pub(crate) fn new(engine: Kind, format: Option<i64>) -> Self {
        Self {
            archive: FORM,
            engine,
            format,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

/// Writes an archive of these files, with the names that they have. It is readable by its owner only,
/// for it holds keys.
///
/// # Errors
/// A target that exists; whatever the system refuses.
pub(crate) fn write(target: &Path, manifest: &Manifest, parts: &[&Path]) -> miette::Result<()> {
    let named = || format!("cannot write {}", target.display());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let partial = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        .into_diagnostic()
        .wrap_err_with(named)?;
    fill(partial.as_file(), manifest, parts).into_diagnostic().wrap_err_with(named)?;
    partial.persist_noclobber(target).into_diagnostic().wrap_err_with(named)?;
    folder
        .map_or_else(|| File::open("."), File::open)
        .and_then(|folder| folder.sync_all())
        .into_diagnostic()
        .wrap_err_with(named)
}

fn fill(file: &File, manifest: &Manifest, parts: &[&Path]) -> io::Result<()> {
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    let text = serde_json::to_vec_pretty(manifest)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    tar.append_data(&mut header, MANIFEST, text.as_slice())?;
    for part in parts {
        let Some(name) = part.file_name() else { continue };
        tar.append_file(name, &mut File::open(part)?)?;
    }
    tar.into_inner()?.finish()?.flush()?;
    file.sync_all()
}

/// Unpacks an archive into an empty folder.
///
/// # Errors
/// A file that is no archive, is damaged, or was written by a newer program.
pub(crate) fn unpack(archive: &Path, folder: &Path) -> miette::Result<Manifest> {
    let named = || format!("{} cannot be restored", archive.display());
    let file = File::open(archive).into_diagnostic().wrap_err_with(named)?;
    let mut bytes = GzDecoder::new(file);
    let read = entries(&mut bytes, folder);
    let manifest = read.and_then(|manifest| {
        // The sum at the end tells whether everything came.
        io::copy(&mut bytes, &mut io::sink()).into_diagnostic()?;
        manifest.ok_or_else(|| miette!("it has no {MANIFEST}"))
    });
    let manifest = manifest.wrap_err_with(named)?;
    let part = match manifest.engine {
        Kind::Sqlite => DATABASE,
        Kind::Postgres => DUMP,
    };
    if folder.join(part).is_file() {
        Ok(manifest)
    } else {
        Err(miette!("it has no {part}")).wrap_err_with(named)
    }
}

fn entries(bytes: impl io::Read, folder: &Path) -> miette::Result<Option<Manifest>> {
    let mut manifest = None;
    let mut tar = tar::Archive::new(bytes);
    for entry in tar.entries().into_diagnostic()? {
        let mut entry = entry.into_diagnostic()?;
        let name = entry.path().into_diagnostic()?.to_string_lossy().into_owned();
        if name == MANIFEST {
            let text = io::read_to_string(io::Read::take(&mut entry, MANIFEST_BYTES_MAX))
                .into_diagnostic()?;
            manifest = Some(known(&text)?);
            continue;
        }
        if ![DATABASE, DUMP, KEYS].contains(&name.as_str()) || manifest.is_none() {
            return Err(miette!("it is no backup that Backstay made: it holds `{name}`"));
        }
        let mut file = File::create_new(folder.join(&name)).into_diagnostic()?;
        io::copy(&mut entry, &mut file).and_then(|_| file.sync_all()).into_diagnostic()?;
    }
    Ok(manifest)
}

fn known(text: &str) -> miette::Result<Manifest> {
    #[derive(Deserialize)]
    struct Form {
        archive: u32,
    }
    let damaged = |error: serde_json::Error| miette!("its {MANIFEST} is damaged: {error}");
    let form: Form = serde_json::from_str(text).map_err(damaged)?;
    if form.archive != FORM {
        return Err(miette!(
            help = "restore it with the version of Backstay that made it, or a newer one",
            "it has form {}, this program reads form {FORM}",
            form.archive
        ));
    }
    serde_json::from_str(text).map_err(damaged)
}

/// Puts a file in the place of another, in one step; what was there is kept under the name with
/// `.replaced` behind it.
///
/// # Errors
/// Whatever the system refuses.
pub(crate) fn replace(with: &Path, target: &Path) -> miette::Result<()> {
    let mut kept = target.as_os_str().to_owned();
    kept.push(".replaced");
    let put = || -> io::Result<()> {
        if target.exists() {
            fs::copy(target, &kept)?;
        }
        let mut new = NamedTempFile::new_in(target.parent().unwrap_or(Path::new(".")))?;
        io::copy(&mut File::open(with)?, &mut new)?;
        new.as_file().sync_all()?;
        new.persist(target)?;
        Ok(())
    };
    put().into_diagnostic().wrap_err_with(|| format!("cannot write {}", target.display()))
}
