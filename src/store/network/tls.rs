//! TLS to a server: whom to trust, and who the store is.

use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What a builder was told.
#[derive(Clone, Default)]
pub(in crate::store) struct Tls {
    pub(in crate::store) on: bool,
    roots: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// What cannot be right about it.
pub(in crate::store) enum TlsError {
    /// The certificates to trust cannot be read, or there are none.
    Roots,
    /// The client's certificate or its key cannot be read, or they do not belong together.
    Identity,
}

pub(in crate::store) const ROOTS_TEXT: &str =
    "the certificates to trust cannot be read, or there are none";
pub(in crate::store) const IDENTITY_TEXT: &str =
    "the client's certificate or its key cannot be read, or they do not belong together";

impl Tls {
    /// Trusts these certificates and no others.
    pub(in crate::store) fn trust(&mut self, pem: Vec<u8>) {
        self.on = true;
        self.roots = Some(pem);
    }

    /// Shows this certificate, and proves it with this key.
    pub(in crate::store) fn identify(&mut self, certificates_pem: Vec<u8>, key_pem: Vec<u8>) {
        self.on = true;
        self.identity = Some((certificates_pem, key_pem));
    }

    /// `None` if there is to be no TLS.
    pub(in crate::store) fn connector(self) -> Result<Option<TlsConnector>, TlsError> {
        if !self.on {
            return Ok(None);
        }
        // Named here, so that no other crate's choice of provider comes into it.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsError::Roots)?
            .with_root_certificates(trusted(self.roots.as_deref())?);
        let mut config = match self.identity {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = certificates(&chain).ok_or(TlsError::Identity)?;
                let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::Identity)?;
                config
                    .with_client_auth_cert(chain, key)
                    .map_err(|_| TlsError::Identity)?
            }
        };
        // A memcached that asks for certificates refuses sessions that are resumed, and connections live long.
        config.resumption = Resumption::disabled();
        Ok(Some(TlsConnector::from(Arc::new(config))))
    }
}

/// The certificates that the system trusts, where no others are given.
fn trusted(roots: Option<&[u8]>) -> Result<RootCertStore, TlsError> {
    let mut trusted = RootCertStore::empty();
    match roots {
        Some(pem) => {
            for root in certificates(pem).ok_or(TlsError::Roots)? {
                trusted.add(root).map_err(|_| TlsError::Roots)?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            trusted.add_parsable_certificates(found.certs);
        }
    }
    if trusted.is_empty() {
        return Err(TlsError::Roots);
    }
    Ok(trusted)
}

/// At least one, and all of them readable.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty())
}
