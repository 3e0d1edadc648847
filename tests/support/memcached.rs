//! memcached servers of the test's own.

use super::server::Server;

/// A server, with further arguments.
pub fn memcached(more: &[&str]) -> Server {
    Server::start("memcached", "memcached", |port, _| {
        let port = port.to_string();
        // It does not run as root. Two threads will do.
        let arguments = ["-u", "nobody", "-t", "2", "-l", "127.0.0.1", "-p", &port];
        let all = arguments.iter().chain(more);
        all.map(|&argument| argument.to_owned()).collect()
    })
}
