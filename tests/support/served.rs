//! An app on a real socket, in the test's own process.

use super::server::Directory;
use axum::Router;
use axum::serve::Listener;
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// An app at a port of its own, until this is dropped.
pub struct Served {
    pub port: u16,
    _runtime: Runtime,
}

impl Served {
    pub fn over_http(app: Router) -> Self {
        Self::start(app, |listener| listener)
    }

    /// With a certificate that nobody signed.
    pub fn over_https(app: Router) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(certified()));
        Self::start(app, |listener| Tls { listener, acceptor })
    }

    fn start<L>(app: Router, listen: impl FnOnce(TcpListener) -> L) -> Self
    where
        L: Listener,
        L::Addr: std::fmt::Debug,
    {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = listen(listener);
        runtime.spawn(async { axum::serve(listener, app).await });
        Self {
            port,
            _runtime: runtime,
        }
    }
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Who gives up during the handshake is no visitor.
            if let Ok((stream, address)) = self.listener.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn certified() -> ServerConfig {
    let directory = Directory::new();
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=test -keyout key.pem -out certificate.pem";
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory.path())
        .output();
    match output {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => panic!("openssl: {error}: run tests/run.sh, or apt-get install openssl"),
    }
    let certificate = CertificateDer::from_pem_file(directory.path().join("certificate.pem"));
    let key = PrivateKeyDer::from_pem_file(directory.path().join("key.pem"));
    ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap()], key.unwrap())
        .unwrap()
}
