//! What the command says: plain lines for people, structured logs for machines, errors with their place.

use std::io::{IsTerminal as _, Write as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Prints a line. A closed output is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints a text that a file or another program takes.
///
/// # Errors
/// If it cannot be written in full: half a file looks like a whole one.
pub(crate) fn put(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints an error with its place, cause and remedy.
pub(crate) fn show(report: &miette::Report) {
    let _ = writeln!(std::io::stderr().lock(), "{report:?}");
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// One readable line a request.
    People,
    /// One JSON object a line.
    Machines,
}

/// Starts logging to standard error. `BACKSTAY_LOG` (`debug`, `backstay_http=trace`…) says how much.
///
/// # Errors
/// If that says nothing.
pub(crate) fn start(style: Style) -> miette::Result<()> {
    let wanted = std::env::var("BACKSTAY_LOG").unwrap_or_default();
    let filter = filter(&wanted).ok_or_else(|| {
        miette::miette!(
            help = "write error, warn, info, debug, trace or off, or MODULE=LEVEL, with commas between",
            "the environment variable BACKSTAY_LOG is `{wanted}`"
        )
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match style {
        Style::People => registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false)
                    .compact(),
            )
            .try_init(),
        Style::Machines => {
            registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
        }
    };
    if started.is_err() {
        say("logging was started already");
    }
    backstay_http::watch_panics();
    Ok(())
}

/// What is logged. A word that is no level would be taken for a module, and all else fall silent.
fn filter(wanted: &str) -> Option<EnvFilter> {
    if wanted.trim().is_empty() {
        return Some(EnvFilter::new("info"));
    }
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    let is_level = |word: &str| levels.contains(&word.trim().to_ascii_lowercase().as_str());
    let words = || wanted.split(',').filter(|word| !word.contains(['=', '[']));
    if words().all(is_level) { EnvFilter::try_new(wanted).ok() } else { None }
}

/// Lets a write beyond the file size limit fail instead of ending the process. (A closed pipe does
/// so by itself in Rust programs.)
pub(crate) fn survive_signals() {
    #[cfg(unix)]
    {
        // The handler does nothing; having one is enough for the write to return its error. It
        // lives as long as the process.
        let _ = signal_hook::flag::register(
            signal_hook::consts::SIGXFSZ,
            std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_modules_with_levels_say_how_much_is_logged() {
        for good in ["", "debug", "WARN", "info,backstay_http=trace", "off"] {
            assert!(filter(good).is_some(), "{good}");
        }
        for bad in ["verbose", "info,loud", "backstay_http=loud", "=", "info,,"] {
            assert!(filter(bad).is_none(), "{bad}");
        }
    }
}
