//! Servers that speak TLS, and certificates for them.

use super::memcached::memcached_with;
#[cfg(feature = "redis")]
use super::redis;
use super::server::{Directory, Server, run};

/// Certificates for one test: an authority, and what it signed.
pub struct Certificates(Directory);

impl Certificates {
    pub fn new() -> Self {
        let this = Self(Directory::new());
        let end = &[
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ];
        let (ca, ca_key) = (this.path("ca.crt"), this.path("ca.key"));
        this.make("ca", &["-addext", "keyUsage=critical,keyCertSign"]);
        this.make("other", &["-addext", "keyUsage=critical,keyCertSign"]);
        for name in ["server", "client"] {
            this.make(name, &[&["-CA", &ca, "-CAkey", &ca_key][..], end].concat());
        }
        this
    }

    pub fn path(&self, file: &str) -> String {
        self.0.path().join(file).to_str().unwrap().to_owned()
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap()
    }

    fn make(&self, name: &str, more: &[&str]) {
        let (key, certificate) = (
            self.path(&format!("{name}.key")),
            self.path(&format!("{name}.crt")),
        );
        let subject = format!("/CN={name}");
        let always = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            &key,
            "-out",
            &certificate,
            "-subj",
            &subject,
        ];
        run("openssl", "openssl", &[&always[..], more].concat());
    }

    /// A Redis that speaks TLS, and asks clients for a certificate.
    #[cfg(feature = "redis")]
    pub fn redis(&self) -> Server {
        let (ca, certificate, key) = (
            self.path("ca.crt"),
            self.path("server.crt"),
            self.path("server.key"),
        );
        Server::start("redis-server", redis::PACKAGE, |port, directory| {
            let mut arguments = redis::arguments(0, directory);
            let port = port.to_string();
            let tls = [
                "--tls-port",
                &port,
                "--tls-ca-cert-file",
                &ca,
                "--tls-cert-file",
                &certificate,
                "--tls-key-file",
                &key,
                "--tls-auth-clients",
                "yes",
            ];
            arguments.extend(tls.map(str::to_owned));
            arguments
        })
    }

    /// A memcached of this kind.
    pub fn memcached(&self) -> Server {
        let file = |option: &str, file| format!("{option}={}", self.path(file));
        let options = [
            file("ssl_chain_cert", "server.crt"),
            file("ssl_key", "server.key"),
            file("ssl_ca_cert", "ca.crt"),
            // Nobody without.
            "ssl_verify_mode=2".to_owned(),
        ];
        memcached_with(&["-Z", "-o", &options.join(",")])
    }
}
