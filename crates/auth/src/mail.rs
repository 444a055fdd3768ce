//! Mails: written from templates and sent by a task of their own, so that neither the time that
//! sending takes nor its failure tells a caller whether an address is known.

mod inbox;
mod letters;
mod outbox;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backstay_records::ServiceTables;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use outbox::Outbox;
use serde::Deserialize;

pub use inbox::{CaughtMail, Inbox};
pub(crate) use letters::{Letter, MailKind, link};
pub use templates::Template;
use templates::Templates;
pub(crate) use templates::rewritten;

use crate::error::{Refusal, Result};
use crate::vault::Vault;

/// Refusals of us and not of the mail: a password that is put right lets it through (RFC 4954).
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];
/// Time that the mail server gets for each.
const SEND_TIME_MAX: Duration = Duration::from_secs(30);

/// Where mails go.
pub enum MailSettings {
    /// To a mail server.
    Smtp(SmtpSettings),
    /// Into an inbox that developers look into.
    Caught(Arc<Inbox>),
    /// Nowhere: the log tells that one was not sent.
    Nowhere,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name.
    pub host: String,
    /// Its port; 465 speaks TLS from the start.
    pub port: u16,
    /// The user's name; empty for none.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The address that mails are from.
    pub admin_email: String,
    /// The name that mails are from.
    pub sender_name: String,
    /// Demand TLS. Without it a connection without TLS is accepted only on this machine.
    pub require_tls: bool,
}

/// Writes and sends mails.
pub struct Mailer {
    templates: Templates,
    transport: Transport,
}

/// Where written mails go.
enum Transport {
    /// To a mail server, as soon as [`Mailer::start`] is called.
    Server(Option<Sender>),
    /// To those who keep and send them.
    Outbox(Outbox),
    Inbox(Arc<Inbox>),
    Nowhere,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// The server has it.
    Done,
    /// It will never be taken.
    Never,
    /// It may be taken another time.
    Later,
}

/// A mail, written.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Written {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) html: String,
    pub(crate) text: String,
}

impl Mailer {
    /// A mailer with the project's templates by kind (`confirmation`, `recovery`…).
    ///
    /// # Errors
    /// A template that cannot be read, an address or mail server that cannot be used.
    pub fn new(
        settings: MailSettings,
        project: String,
        templates: &BTreeMap<String, Template>,
    ) -> std::result::Result<Self, String> {
        let templates = Templates::new(project, templates)?;
        let transport = match settings {
            MailSettings::Nowhere => Transport::Nowhere,
            MailSettings::Caught(inbox) => Transport::Inbox(inbox),
            MailSettings::Smtp(smtp) => Transport::Server(Some(Sender::new(&smtp)?)),
        };
        Ok(Self { templates, transport })
    }

    /// Begins to send; `life` is that of the codes in mails. Must be called within the runtime.
    pub(crate) fn start(&mut self, kept: (ServiceTables, Vault), life: Duration) {
        if let Transport::Server(sender) = &mut self.transport
            && let Some(sender) = sender.take()
        {
            self.transport = Transport::Outbox(Outbox::start(kept, sender, life));
        }
    }

    /// Waits until every mail is kept where the end of the process does not lose it.
    pub(crate) async fn flush(&self) {
        if let Transport::Outbox(outbox) = &self.transport {
            outbox.flush().await;
        }
    }

    /// Writes the letter and puts it into the queue.
    ///
    /// # Errors
    /// 500 where the project's template fails.
    pub(crate) fn send(&self, letter: &Letter) -> Result<()> {
        let written = self.templates.write(letter).map_err(Refusal::internal)?;
        let kind = letter.kind.name();
        match &self.transport {
            Transport::Inbox(inbox) => inbox.put(written),
            Transport::Nowhere => tracing::warn!(kind, "a mail was not sent: set auth.email.smtp"),
            Transport::Outbox(outbox) if outbox.put(written) => {}
            Transport::Outbox(_) | Transport::Server(_) => {
                tracing::error!(kind, "a mail was dropped: the queue is full");
            }
        }
        Ok(())
    }
}

/// Sends to a mail server.
struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Sender {
    fn new(smtp: &SmtpSettings) -> std::result::Result<Self, String> {
        type Smtp = AsyncSmtpTransport<Tokio1Executor>;
        let host = smtp.host.as_str();
        let local = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let unusable = |error: lettre::transport::smtp::Error| format!("{host}: {error}");
        let mut builder = if smtp.port == 465 {
            Smtp::relay(host).map_err(unusable)?
        } else if smtp.require_tls || !local {
            Smtp::starttls_relay(host).map_err(unusable)?
        } else {
            Smtp::builder_dangerous(host)
        };
        builder = builder.port(smtp.port).timeout(Some(SEND_TIME_MAX));
        if !smtp.user.is_empty() {
            builder =
                builder.credentials(Credentials::new(smtp.user.clone(), smtp.password.clone()));
        }
        let address = smtp
            .admin_email
            .parse()
            .map_err(|error| format!("`{}` is no address: {error}", smtp.admin_email))?;
        let name = (!smtp.sender_name.is_empty()).then(|| smtp.sender_name.clone());
        Ok(Self { transport: builder.build(), from: Mailbox::new(name, address) })
    }

    async fn send(&self, mail: &Written) -> Sent {
        let message = match self.message(mail) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "a mail could not be written");
                return Sent::Never;
            }
        };
        match self.transport.send(message).await {
            Ok(_) => Sent::Done,
            // The server's words may hold the address; the kind of failure is enough.
            Err(error) => {
                let (permanent, status) = (error.is_permanent(), error.status());
                tracing::error!(permanent, ?status, "the mail server refused a mail");
                let about_us = status.is_some_and(|code| ABOUT_US.contains(&u16::from(code)));
                if permanent && !about_us { Sent::Never } else { Sent::Later }
            }
        }
    }

    fn message(&self, mail: &Written) -> std::result::Result<Message, String> {
        let to = mail.to.parse().map_err(|error| format!("an address: {error}"))?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.clone())
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| error.to_string())
    }
}
