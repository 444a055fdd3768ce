//! The inbox of `dev`: mails are caught instead of sent.

use std::collections::VecDeque;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::Written;

/// Limit: mails that are kept.
const MAILS_MAX: usize = 200;

/// A mail that was caught.
#[derive(Debug, Clone)]
pub struct CaughtMail {
    /// Its number, counting from one.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text as a page.
    pub html: String,
    /// Its plain text.
    pub text: String,
}

/// Mails that were caught, the newest first.
#[derive(Debug, Default)]
pub struct Inbox {
    mails: Mutex<(u64, VecDeque<CaughtMail>)>,
}

impl Inbox {
    pub(super) fn put(&self, mail: Written) {
        let Written { to, subject, html, text } = mail;
        self.keep(to, subject, html, text);
    }

    /// Catches a text message.
    pub(crate) fn put_sms(&self, phone: &str, text: String) {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        self.keep(phone.to_owned(), "Text message".to_owned(), format!("<p>{escaped}</p>"), text);
    }

    fn keep(&self, to: String, subject: String, html: String, text: String) {
        let mut kept = self.mails.lock();
        kept.0 += 1;
        let caught = CaughtMail { number: kept.0, at: Timestamp::now(), to, subject, html, text };
        kept.1.push_front(caught);
        kept.1.truncate(MAILS_MAX);
    }

    /// All mails, the newest first.
    pub fn all(&self) -> Vec<CaughtMail> {
        self.mails.lock().1.iter().cloned().collect()
    }
}
