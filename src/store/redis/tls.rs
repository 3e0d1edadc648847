//! Whom to trust, and who the store is.

use super::RedisConfigError;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// With the certificates that the system trusts, where no others are given.
pub(super) fn connector(
    roots: Option<&[u8]>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
) -> Result<TlsConnector, RedisConfigError> {
    use RedisConfigError as Error;
    let mut trusted = RootCertStore::empty();
    match roots {
        Some(pem) => {
            for root in certificates(pem).ok_or(Error::TlsRoots)? {
                trusted.add(root).map_err(|_| Error::TlsRoots)?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            trusted.add_parsable_certificates(found.certs);
        }
    }
    if trusted.is_empty() {
        return Err(Error::TlsRoots);
    }
    // Named here, so that no other crate's choice of provider comes into it.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::TlsRoots)?
        .with_root_certificates(trusted);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = certificates(&chain).ok_or(Error::TlsIdentity)?;
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| Error::TlsIdentity)?;
            config
                .with_client_auth_cert(chain, key)
                .map_err(|_| Error::TlsIdentity)?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// At least one, and all of them readable.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty())
}
