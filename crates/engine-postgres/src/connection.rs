//! Where the database is and how a connection to it is made.

mod tls;

use std::future::poll_fn;
use std::time::Duration;

use backstay_model::{Error, Result};
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::failure;

/// How long a connection may take to be made, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a server says beside its answers.
#[derive(Debug)]
pub(crate) enum Heard {
    /// `RAISE NOTICE` and the like, as one line.
    Notice(String),
    /// A `NOTIFY`.
    Notification,
}

/// A database that can be connected to.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    /// The URL says that a pooler stands between.
    pub(crate) pooled: bool,
}

/// What the driver does not read of a URL's options.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    verification: tls::Verification,
    root_certificate: Option<String>,
    pooled: bool,
}

impl Target {
    /// Reads a connection URL.
    ///
    /// # Errors
    /// `08001` for one that cannot be read, or a root certificate that cannot.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (url, own) = split_options(url)?;
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            unreadable(cause.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_application_name().is_none() {
            config.application_name("backstay");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if own.verification != tls::Verification::None {
            config.ssl_mode(SslMode::Require);
        }
        let tls = tls::client(own.verification, own.root_certificate.as_deref())?;
        Ok(Self { config, tls: MakeRustlsConnect::new(tls), pooled: own.pooled })
    }

    /// Makes a connection; it is driven in the background until the client is dropped.
    ///
    /// # Errors
    /// `PGRST000` with the cause in the log; what the server says of the login at start.
    pub(crate) async fn connect(&self) -> Result<Client> {
        let (client, connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(|error| failure::unreachable(&error, &self.place()))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a connection to PostgreSQL ended");
            }
        });
        Ok(client)
    }

    /// Makes a connection and hears what the server says beside its answers.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub(crate) async fn connect_hearing(&self) -> Result<(Client, UnboundedReceiver<Heard>)> {
        let (client, mut connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(|error| failure::unreachable(&error, &self.place()))?;
        let (told, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
                let message = match message {
                    Ok(AsyncMessage::Notice(notice)) => Heard::Notice(notice.to_string()),
                    Ok(AsyncMessage::Notification(_)) => Heard::Notification,
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::warn!(%error, "a connection to PostgreSQL ended");
                        break;
                    }
                };
                if told.send(message).is_err() {
                    // Nobody listens any more; the connection is still to be driven.
                    continue;
                }
            }
        });
        Ok((client, heard))
    }

    /// Asks the server to stop what a connection runs.
    pub(crate) async fn cancel(&self, token: tokio_postgres::CancelToken) {
        if let Err(error) = token.cancel_query(self.tls.clone()).await {
            tracing::warn!(%error, "a statement could not be cancelled");
        }
    }

    /// The role that logs in.
    pub(crate) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// Host, port, database and user, for people; never the password.
    pub(crate) fn place(&self) -> String {
        use tokio_postgres::config::Host;
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let user = self.user();
        let database = self.config.get_dbname().unwrap_or(user);
        format!("database \"{database}\" on {host}:{port} as \"{user}\"")
    }
}

/// Takes the options that are ours out of a URL.
fn split_options(url: &str) -> Result<(String, Own)> {
    let mut own = Own::default();
    let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), own)) };
    let mut kept = Vec::new();
    for option in query.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        match (name, value.as_ref()) {
            ("sslmode", "verify-ca") => own.verification = tls::Verification::Chain,
            ("sslmode", "verify-full") => own.verification = tls::Verification::Name,
            ("sslmode", "allow") => kept.push("sslmode=prefer"),
            ("sslrootcert", file) => own.root_certificate = Some(file.to_owned()),
            ("pgbouncer", value) => own.pooled = value == "true",
            _ => kept.push(option),
        }
    }
    if own.root_certificate.is_some() && kept.contains(&"sslmode=require") {
        // As libpq: a root certificate is there to be checked against.
        own.verification = tls::Verification::Chain;
    }
    let kept =
        if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) };
    Ok((kept, own))
}

fn unreadable(cause: impl std::fmt::Display) -> Error {
    Error::new("08001", format!("the database URL cannot be read: {cause}"))
        .with_hint("Write it as postgres://user:password@host:5432/database; special characters in it as %40 and so on.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_libpq_that_the_driver_does_not_know_are_read() {
        let url = "postgres://a@h/d?sslmode=verify-full&sslrootcert=%2Fca.pem&options=-c%20x%3D1&pgbouncer=true";
        let (rest, own) = split_options(url).expect("read");
        assert_eq!(rest, "postgres://a@h/d?options=-c%20x%3D1");
        assert_eq!(own.verification, tls::Verification::Name);
        assert_eq!(own.root_certificate.as_deref(), Some("/ca.pem"));
        assert!(own.pooled);
    }

    #[test]
    fn the_place_names_no_password() {
        let target =
            Target::parse("postgres://me:secret@db.example/shop?sslmode=disable").expect("read");
        assert_eq!(target.place(), "database \"shop\" on db.example:5432 as \"me\"");
        let target = Target::parse("postgres://me@/shop?host=%2Ftmp%2Fpg&port=5433").expect("read");
        assert_eq!(target.place(), "database \"shop\" on /tmp/pg:5433 as \"me\"");
    }

    #[test]
    fn a_url_that_cannot_be_read_says_how_to_write_it() {
        let error = Target::parse("postgres://h:port/d").err().expect("refused");
        assert_eq!(error.code, "08001");
        assert!(error.hint.is_some());
    }
}
