//! PostgreSQL's own programs, which know best how its databases are dumped and restored.

use std::path::Path;
use std::process::Command;

use miette::{IntoDiagnostic as _, WrapErr as _, miette};

/// What libpq does not know of our URLs' options.
const OUR_OPTIONS: &[&str] = &["pgbouncer"];

/// Writes the whole database into a file of `pg_dump`'s custom format, as of one moment.
///
/// # Errors
/// No program, one that is older than the server, what the server refuses.
pub(crate) fn dump(url: &str, target: &Path) -> miette::Result<()> {
    let mut command = tool("pg_dump", url);
    command.arg("--format=custom").arg("--file").arg(target);
    run(command).map(|_| ())
}

/// How a dump is restored.
pub(crate) struct Restoring {
    /// Drop first what it makes.
    pub(crate) clean: bool,
    /// The login is a superuser.
    pub(crate) superuser: bool,
}

/// What only a superuser may make: entries of a dump's list begin so. Default privileges are those of
/// the role that the database was dumped from.
const OF_SUPERUSERS: &[&str] = &["EVENT TRIGGER ", "DEFAULT ACL ", "COMMENT - EXTENSION "];

/// Restores a dump in one transaction: all of it or nothing. Answers what was left out, because the
/// login may not make it.
///
/// # Errors
/// As [`dump`].
pub(crate) fn restore(url: &str, dump: &Path, how: &Restoring) -> miette::Result<Vec<String>> {
    let mut command = tool("pg_restore", url);
    command.args(["--single-transaction", "--exit-on-error", "--no-owner"]);
    if how.clean {
        command.args(["--clean", "--if-exists"]);
    }
    let mut left_out = Vec::new();
    if !how.superuser {
        let mut list = Command::new("pg_restore");
        list.arg("--list").arg(dump);
        let entries = run(list)?;
        let (gone, kept): (Vec<&str>, Vec<&str>) = entries.lines().partition(|entry| {
            let what = entry.splitn(4, ' ').nth(3).unwrap_or_default();
            OF_SUPERUSERS.iter().any(|kind| what.starts_with(kind))
        });
        left_out.extend(gone.into_iter().map(str::to_owned));
        let file = dump.with_extension("list");
        std::fs::write(&file, kept.join("\n"))
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write {}", file.display()))?;
        command.arg("--use-list").arg(file);
    }
    command.arg(dump);
    run(command)?;
    Ok(left_out)
}

fn tool(program: &str, url: &str) -> Command {
    let (url, password) = for_libpq(url);
    let mut command = Command::new(program);
    command.arg("--no-password").arg(format!("--dbname={url}"));
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

/// Runs it; answers what it printed.
fn run(mut command: Command) -> miette::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| {
        miette!(
            help = "install PostgreSQL's client programs, as new as the server (postgresql-client)",
            "cannot run {program}: {error}"
        )
    })?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    Err(miette!("{}", String::from_utf8_lossy(&done.stderr).trim()))
}

/// The URL without the password, which every user of the machine could read in the list of
/// processes, and without options of ours; and the password.
fn for_libpq(url: &str) -> (String, Option<String>) {
    let (base, options) = url.split_once('?').unwrap_or((url, ""));
    let options: Vec<&str> = options
        .split('&')
        .filter(|option| !option.is_empty())
        .filter(|option| !OUR_OPTIONS.contains(&option.split('=').next().unwrap_or_default()))
        .collect();
    let (scheme, rest) = base.split_once("://").unwrap_or(("postgres", base));
    let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    let at = if user.is_empty() { "" } else { "@" };
    let mark = if options.is_empty() { "" } else { "?" };
    let plain = format!("{scheme}://{user}{at}{place}{mark}{}", options.join("&"));
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into();
    (plain, password.map(decode))
}

#[cfg(test)]
mod tests {
    use super::for_libpq;

    #[test]
    fn the_password_and_our_options_leave_the_url() {
        let check = |url: &str, plain: &str, password: Option<&str>| {
            assert_eq!(for_libpq(url), (plain.to_owned(), password.map(str::to_owned)));
        };
        check(
            "postgres://me:p%40ss@db:5432/x?sslmode=require&pgbouncer=true",
            "postgres://me@db:5432/x?sslmode=require",
            Some("p@ss"),
        );
        check("postgresql://db/x", "postgresql://db/x", None);
        check("postgres://me@%2Ftmp%2Fs/x?pgbouncer=true", "postgres://me@%2Ftmp%2Fs/x", None);
    }
}
