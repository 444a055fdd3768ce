//! What a certificate says of itself: how long it lasts, and which names it is for.

use std::path::Path;
use std::time::SystemTime;

use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate that is kept.
#[derive(Debug)]
pub(super) struct Certificate {
    names: Vec<String>,
    from: SystemTime,
    until: SystemTime,
}

impl Certificate {
    /// The first certificate of a PEM file; `None` if there is none that can be read, so that a new
    /// one is ordered.
    pub(super) fn read(file: &Path) -> Option<Self> {
        Self::parse(&std::fs::read(file).ok()?)
    }

    fn parse(pem: &[u8]) -> Option<Self> {
        // The file begins with the key.
        let text = std::str::from_utf8(pem).ok()?;
        let chain = text.get(text.find("-----BEGIN CERTIFICATE-----")?..)?;
        let chain = x509_cert::Certificate::load_pem_chain(chain.as_bytes()).ok()?;
        let certificate = &chain.first()?.tbs_certificate;
        let (_, alternatives) = certificate.get::<SubjectAltName>().ok()??;
        let names = alternatives.0.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
            _ => None,
        });
        Some(Self {
            names: names.collect(),
            from: certificate.validity.not_before.to_system_time(),
            until: certificate.validity.not_after.to_system_time(),
        })
    }

    /// Is it for all of these names?
    pub(super) fn is_for(&self, domains: &[String]) -> bool {
        domains.iter().all(|domain| self.names.iter().any(|name| name.eq_ignore_ascii_case(domain)))
    }

    /// When a third of its life is left, as authorities advise.
    pub(super) fn renew_at(&self) -> SystemTime {
        let life = self.until.duration_since(self.from).unwrap_or_default();
        self.until - life / 3
    }
}
