//! TLS from files: a certificate chain and its key, replaced while the server runs.
//!
//! Both may lie in one file, and may come later: who connects before that is turned away.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum::http::HeaderValue;
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Where the certificate lies and what is promised to browsers.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// PEM: the server's certificate, then those that lead to a root.
    pub cert: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// For how long browsers shall use nothing but TLS, in seconds; 0 to say nothing.
    pub hsts_seconds: u64,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not there, or is no PEM of its kind.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Readable files that do not go together.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// TLS of a listener. Connections keep the certificate that they began with.
pub struct Tls {
    settings: TlsSettings,
    current: RwLock<Option<TlsAcceptor>>,
    transport_security: Option<HeaderValue>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(settings: TlsSettings) -> Result<Self, TlsError> {
        let current = acceptor(&settings)?;
        Ok(Self::with(settings, Some(current)))
    }

    /// The same where the files may not be there yet: [`Tls::reload`] takes them into use.
    pub fn awaiting(settings: TlsSettings) -> Self {
        let current = acceptor(&settings).ok();
        Self::with(settings, current)
    }

    fn with(settings: TlsSettings, current: Option<TlsAcceptor>) -> Self {
        let transport_security = (settings.hsts_seconds > 0)
            .then(|| HeaderValue::try_from(format!("max-age={}", settings.hsts_seconds)).ok())
            .flatten();
        Self { settings, current: RwLock::new(current), transport_security }
    }

    /// Reads the files again; on an error the certificate in use stays.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let next = acceptor(&self.settings)?;
        *self.current.write() = Some(next);
        Ok(())
    }

    /// When the files were changed last, to notice that they were.
    pub fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.settings.cert, &self.settings.key]
            .map(|file| std::fs::metadata(file).and_then(|data| data.modified()).ok())
    }

    /// Is there a certificate in use?
    pub fn is_ready(&self) -> bool {
        self.current.read().is_some()
    }

    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.current.read().clone()
    }

    /// The value of `Strict-Transport-Security`.
    pub(crate) fn transport_security(&self) -> Option<HeaderValue> {
        self.transport_security.clone()
    }
}

fn acceptor(settings: &TlsSettings) -> Result<TlsAcceptor, TlsError> {
    let chain = CertificateDer::pem_file_iter(&settings.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&settings.cert, &error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable(&settings.cert, "it holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .map_err(|error| unreadable(&settings.key, &error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unreadable(file: &Path, reason: &str) -> TlsError {
    TlsError::Unreadable { file: file.to_owned(), reason: reason.to_owned() }
}
