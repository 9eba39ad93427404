//! By what a host is known: authorities, a fingerprint, or nothing.
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::config::HostTrust;
use crate::model::Fingerprint;
use crate::system::{self, Trust};

/// Debian's certificate authorities (package ca-certificates).
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Largest file of certificates that is read.
const LIMIT: usize = 4 * 1024 * 1024;

/// The settings of TLS for a host. `cluster_ca` is the authority of a node's cluster, which counts where
/// the host says nothing else and the file is there.
pub(super) fn settings(trust: &HostTrust, cluster_ca: &Path) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        HostTrust::Fingerprint(print) => Arc::new(Pinned {
            print: Some(*print),
            provider: Arc::clone(&provider),
        }),
        HostTrust::Nothing => Arc::new(Pinned {
            print: None,
            provider: Arc::clone(&provider),
        }),
        HostTrust::CaFile(path) => {
            let mut roots = RootCertStore::empty();
            if add(&mut roots, path)? == 0 {
                return Err(format!("{}: there is no certificate in it", path.display()));
            }
            authorities(roots, &provider)?
        }
        HostTrust::System => {
            let mut roots = RootCertStore::empty();
            for path in [Path::new(SYSTEM), cluster_ca] {
                if path.exists() {
                    add(&mut roots, path)?;
                }
            }
            if roots.is_empty() {
                return Err(format!(
                    "no certificate authority is known here: neither {SYSTEM} nor {}; give the host a \
                     `ca-file` or a `fingerprint`",
                    cluster_ca.display()
                ));
            }
            authorities(roots, &provider)?
        }
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Telling(verifier)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<usize, String> {
    let bytes = system::read(path, Trust::Data, LIMIT).map_err(|error| error.to_string())?;
    let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(&bytes)
        .filter_map(Result::ok)
        .collect();
    Ok(roots.add_parsable_certificates(certificates).0)
}

fn authorities(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let built =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    Ok(built.map_err(|error| error.to_string())?)
}

/// The SHA-256 of a certificate.
fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Fingerprint::new(Sha256::digest(certificate.as_ref()).into())
}

/// Takes the one certificate that was pinned, or any; the other side has to have its key.
#[derive(Debug)]
struct Pinned {
    print: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.print {
            Some(print) if print != fingerprint(certificate) => Err(Error::General(
                "it is not the certificate whose fingerprint config.toml has".to_owned(),
            )),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Says which certificate it was that was refused.
#[derive(Debug)]
struct Telling(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for Telling {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .0
            .verify_server_cert(certificate, others, name, ocsp, now);
        verified.map_err(|error| {
            let why = match error {
                Error::General(why) => why,
                error => error.to_string(),
            };
            Error::General(format!(
                "its certificate is refused: {why}. It showed the one with the SHA-256 {}; if that is \
                 what the host itself says (pvenode cert info), put it into config.toml as `fingerprint`",
                fingerprint(certificate).with_colons()
            ))
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
