//! Which servers there are, and what they are told.

use std::fmt;
use std::time::Duration;
use tokio_rustls::TlsConnector;

const DEFAULT_PORT: u16 = 11211;

/// A server, and how to deal with it.
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) credentials: Option<Credentials>,
    pub(super) tls: Option<TlsConnector>,
    /// How long it may take to connect.
    pub(super) connect_timeout: Duration,
    /// How long a server may leave all that it was asked unanswered.
    pub(super) answer_timeout: Duration,
}

/// Host and port, as one text that names the server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    name: String,
    pub(super) port: u16,
}

impl Address {
    /// Reads `host`, `host:port`, or an IPv6 address in brackets with or without a port.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end_of_host = match text.strip_prefix('[') {
            Some(rest) => rest.find(']')? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, port) = text.split_at(end_of_host);
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|&port| port != 0)?
            }
            None if port.is_empty() => DEFAULT_PORT,
            _ => return None,
        };
        let address = Self {
            name: format!("{}:{port}", host.to_ascii_lowercase()),
            port,
        };
        let valid = match address.bracketed() {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_host(address.host()),
        };
        valid.then_some(address)
    }

    /// What decides which keys the server keeps.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        match self.bracketed() {
            Some(inner) => inner,
            None => self
                .name
                .split_once(':')
                .map_or(&self.name, |parts| parts.0),
        }
    }

    fn bracketed(&self) -> Option<&str> {
        let (inner, _) = self.name.strip_prefix('[')?.split_once(']')?;
        Some(inner)
    }
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !text.is_empty() && text.bytes().all(allowed)
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A user and a password. They are never printed.
#[derive(Clone)]
pub(super) struct Credentials(String);

impl Credentials {
    /// `None` if they cannot be in a file of memcached's `-Y`, or break its protocol.
    pub(super) fn new(user: &str, password: &str) -> Option<Self> {
        let is_word =
            |text: &str| !text.is_empty() && !text.contains(|c: char| c == ' ' || c.is_control());
        let valid = is_word(user) && is_word(password) && !user.contains(':');
        valid.then(|| Self(format!("{user} {password}")))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{Address, Credentials};

    #[test]
    fn addresses_have_a_host_and_perhaps_a_port() {
        for (text, host, port) in [
            ("localhost", "localhost", 11211),
            ("Cache-1.example.COM:11212", "cache-1.example.com", 11212),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[::1]", "::1", 11211),
            ("[2001:DB8::1]:65535", "2001:db8::1", 65535),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.host(), address.port), (host, port));
        }
        assert_eq!(Address::parse("A").unwrap().name(), "a:11211");
    }

    #[test]
    fn other_texts_are_no_addresses() {
        for text in [
            "",
            ":",
            ":1",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:1:2",
            "::1",
            "[::1",
            "[a]",
            "[]",
            "[::1]1",
            "a b",
            "user:password@host",
            "memcached://a",
            "a/b",
            "a,b",
            "a\r\n",
            "ä",
        ] {
            assert!(Address::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn credentials_are_what_memcached_can_be_told() {
        assert_eq!(Credentials::new("u", "p:w").unwrap().text(), "u p:w");
        for (user, password) in [
            ("", "p"),
            ("u", ""),
            ("a b", "p"),
            ("a:b", "p"),
            ("u", "p w"),
            ("u", "a\r\nb"),
        ] {
            assert!(Credentials::new(user, password).is_none());
        }
    }
}
