//! Real memcached servers, and stores on them.

pub(crate) use crate::support::memcached::{memcached, memcached_with};
use crate::support::server::Server;
use sessile::store::MemcachedStore;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

pub(crate) fn address(server: &Server) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// A store with a connection of its own on these servers.
pub(crate) fn store<'a>(servers: impl IntoIterator<Item = &'a Server>) -> Arc<MemcachedStore> {
    let builder = MemcachedStore::builder().key_prefix("test:");
    let builder = servers
        .into_iter()
        .fold(builder, |builder, server| builder.server(address(server)));
    Arc::new(builder.build().unwrap())
}

/// A store on the server at this port.
pub(crate) fn store_at(port: u16) -> Arc<MemcachedStore> {
    Arc::new(MemcachedStore::new(format!("127.0.0.1:{port}")).unwrap())
}

/// What the server answers to this.
pub(crate) fn tell(server: &Server, command: &str) -> String {
    let mut stream = TcpStream::connect(address(server)).unwrap();
    stream.write_all(command.as_bytes()).unwrap();
    let mut answer = [0; 1000];
    let count = stream.read(&mut answer).unwrap();
    String::from_utf8(answer[..count].to_vec()).unwrap()
}
