//! memcached servers of the test's own.

use super::server::Server;

pub fn memcached() -> Server {
    memcached_with(&[])
}

/// A server with further arguments.
pub fn memcached_with(arguments: &[&str]) -> Server {
    Server::start("memcached", "memcached", |port, _| {
        // It does not run as root. Two threads will do.
        let common = format!("-u nobody -l 127.0.0.1 -p {port} -t 2");
        let common = common.split(' ');
        common
            .chain(arguments.iter().copied())
            .map(str::to_owned)
            .collect()
    })
}
