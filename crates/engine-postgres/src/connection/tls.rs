//! TLS to the database, as libpq's `sslmode` understands it.

use std::sync::Arc;

use backstay_model::{Error, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};

/// What is checked of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Verification {
    /// Nothing (`prefer`, `require`): against listeners only.
    #[default]
    None,
    /// Who signed it (`verify-ca`).
    Chain,
    /// That, and the host's name (`verify-full`).
    Name,
}

/// The client's side of TLS. `roots`: a file of certificates, or the system's where there is none.
pub(super) fn client(verification: Verification, roots: Option<&str>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(format!("TLS cannot be set up: {error}")))?;
    let verifier: Arc<dyn ServerCertVerifier> = match verification {
        Verification::None => Arc::new(Lenient { provider, chain: None }),
        Verification::Chain => {
            let chain = Some(chain_verifier(&provider, roots)?);
            Arc::new(Lenient { provider, chain })
        }
        Verification::Name => chain_verifier(&provider, roots)?,
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn chain_verifier(
    provider: &Arc<CryptoProvider>,
    roots: Option<&str>,
) -> Result<Arc<WebPkiServerVerifier>> {
    let mut store = RootCertStore::empty();
    let source = match roots {
        Some(file) if file != "system" => {
            for certificate in
                CertificateDer::pem_file_iter(file).map_err(|e| unreadable(file, &e))?
            {
                let certificate = certificate.map_err(|error| unreadable(file, &error))?;
                store.add(certificate).map_err(|error| unreadable(file, &error))?;
            }
            file
        }
        _ => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            "the system's store"
        }
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|error| unreadable(source, &error))
}

fn unreadable(source: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::new("08001", format!("no root certificate can be read from {source}: {cause}"))
        .with_hint("Name a file of PEM certificates with sslrootcert in the database URL.")
}

/// Takes any certificate, or any that one of the roots signed, whatever host it names.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: the chain is right.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
