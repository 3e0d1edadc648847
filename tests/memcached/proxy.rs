//! A proxy between a store and its server, which does to the answers what networks do.

use crate::support::server::Server;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What happens to the answers of the server. The commands always arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing.
    Clear,
    /// They come late.
    Delayed(Duration),
    /// The next never comes, and the connection ends, in order or with a reset. Then it is clear.
    Cut,
    Reset,
    /// The same, but half of the next comes.
    Truncated,
    /// They come twice.
    Doubled,
    /// The second half of each comes before its first.
    Swapped,
    /// Each comes in the place of the next: the first of all is held back.
    Shifted,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    way: Arc<Mutex<Way>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, connections) = (Arc::new(Mutex::new(Way::Clear)), Arc::default());
        let task = tokio::spawn(accept(
            listener,
            server.port(),
            Arc::clone(&way),
            Arc::clone(&connections),
        ));
        Self {
            port,
            way,
            connections,
            task,
        }
    }

    pub(crate) fn set(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    /// How often somebody has connected so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: u16,
    way: Arc<Mutex<Way>>,
    connections: Arc<AtomicUsize>,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        connections.fetch_add(1, SeqCst);
        // Without a server the client's connection ends.
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
            continue;
        };
        let way = Arc::clone(&way);
        tokio::spawn(async move {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let commands = tokio::spawn(pass(from_client, to_server));
            let (to_client, reset) = answers(from_server, to_client, way).await;
            commands.abort();
            if reset {
                drop(to_client.as_ref().set_zero_linger());
            }
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    drop(tokio::io::copy(&mut from, &mut to).await);
}

/// Returns when the connection is to end, and whether with a reset.
async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Arc<Mutex<Way>>,
) -> (OwnedWriteHalf, bool) {
    let (mut buffer, mut held) = (vec![0; 1 << 20], Vec::new());
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return (to, false);
        };
        let chunk = &buffer[..count];
        let way = {
            let mut way = way.lock().unwrap();
            match *way {
                // What the store asks first shall work.
                _ if is_greeting(chunk) => Way::Clear,
                Way::Cut | Way::Reset | Way::Truncated => std::mem::replace(&mut *way, Way::Clear),
                way => way,
            }
        };
        let (first, second) = chunk.split_at(count / 2);
        let sent = match way {
            Way::Clear => to.write_all(chunk).await,
            Way::Delayed(time) => {
                sleep(time).await;
                to.write_all(chunk).await
            }
            Way::Cut => return (to, false),
            Way::Reset => return (to, true),
            Way::Truncated => {
                drop(to.write_all(first).await);
                return (to, false);
            }
            Way::Doubled => to.write_all(&chunk.repeat(2)).await,
            Way::Swapped => to.write_all(&[second, first].concat()).await,
            Way::Shifted => {
                let earlier = std::mem::replace(&mut held, chunk.to_vec());
                to.write_all(&earlier).await
            }
        };
        if sent.is_err() {
            return (to, false);
        }
    }
}

fn is_greeting(answer: &[u8]) -> bool {
    answer.starts_with(b"STAT ") || answer.ends_with(b" Ocheck\r\n")
}
