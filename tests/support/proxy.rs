//! A proxy between a store and its server that does to the bytes what bad networks do.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What happens to the bytes. The answers to what a memcached store asks first come through whole:
/// without them it would have nothing to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Answers come later.
    Delay(Duration),
    /// Nothing goes through any more, either way.
    Stall,
    /// The connection is cut when something is sent, and the server never sees it.
    CutRequest,
    /// The server gets it, and the connection is cut before its answer.
    CutAnswer,
    /// The same, after the first half of the answer.
    Truncate,
    /// The same, with a reset instead of an end.
    Reset,
    /// Each piece of an answer comes twice.
    Duplicate,
    /// Of two pieces of answers, the later comes first.
    Swap,
    /// The second half of each piece comes before its first.
    SwapHalves,
    /// Each piece comes in the place of the next: the first of all is held back.
    Shift,
    /// Answers are replaced by these bytes.
    Garbage(&'static [u8]),
}

/// A proxy in the test's runtime. It ends with that.
#[derive(Clone)]
pub struct Proxy {
    port: u16,
    current: Arc<Mutex<Current>>,
    connections: Arc<AtomicUsize>,
}

struct Current {
    trouble: Trouble,
    /// It is over when it has happened.
    once: bool,
}

impl Proxy {
    /// A proxy before the server at this port.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            current: Arc::new(Mutex::new(Current {
                trouble: Trouble::None,
                once: false,
            })),
            connections: Arc::default(),
        };
        let this = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                this.connections.fetch_add(1, SeqCst);
                // Without a server the client's connection ends.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await {
                    this.join(client, server);
                }
            }
        });
        proxy
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// This happens from now on, on all connections.
    pub fn set(&self, trouble: Trouble) {
        let once = false;
        *self.current.lock().unwrap() = Current { trouble, once };
    }

    /// This happens to the next bytes that it can happen to, and to no more.
    pub fn once(&self, trouble: Trouble) {
        let once = true;
        *self.current.lock().unwrap() = Current { trouble, once };
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    fn join(&self, client: TcpStream, server: TcpStream) {
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (this, that) = (self.clone(), self.clone());
        tokio::spawn(async move {
            // When one direction ends, both do.
            tokio::select! {
                () = this.requests(from_client, to_server) => {}
                () = that.answers(from_server, to_client) => {}
            }
        });
    }

    /// What happens now to a request, or else to an answer.
    fn happens(&self, to_request: bool) -> Trouble {
        let mut current = self.current.lock().unwrap();
        let trouble = current.trouble;
        if to_request != (trouble == Trouble::CutRequest) {
            return Trouble::None;
        }
        if current.once {
            current.trouble = Trouble::None;
        }
        trouble
    }

    /// Waits until bytes may go through.
    async fn pass(&self) {
        while self.current.lock().unwrap().trouble == Trouble::Stall {
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            self.pass().await;
            if self.happens(true) == Trouble::CutRequest
                || to.write_all(&buffer[..count]).await.is_err()
            {
                return;
            }
        }
    }

    async fn answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        let mut held = Vec::new();
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            self.pass().await;
            let answer = &buffer[..count];
            let (first, second) = answer.split_at(count / 2);
            let trouble = match is_greeting(answer) {
                true => Trouble::None,
                false => self.happens(false),
            };
            let sent = match trouble {
                Trouble::None | Trouble::Stall | Trouble::CutRequest => to.write_all(answer).await,
                Trouble::Delay(time) => {
                    sleep(time).await;
                    to.write_all(answer).await
                }
                Trouble::CutAnswer => return,
                Trouble::Truncate => {
                    let _ = to.write_all(first).await;
                    return;
                }
                Trouble::Reset => {
                    to.as_ref().set_zero_linger().unwrap();
                    return;
                }
                Trouble::Duplicate => to.write_all(&answer.repeat(2)).await,
                Trouble::Swap if held.is_empty() => {
                    held.extend_from_slice(answer);
                    Ok(())
                }
                Trouble::Swap => {
                    let swapped = [answer, &std::mem::take(&mut held)].concat();
                    to.write_all(&swapped).await
                }
                Trouble::SwapHalves => to.write_all(&[second, first].concat()).await,
                Trouble::Shift => {
                    let earlier = std::mem::replace(&mut held, answer.to_vec());
                    to.write_all(&earlier).await
                }
                Trouble::Garbage(bytes) => to.write_all(bytes).await,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

/// What memcached answers to `stats settings` and to the no-op after it.
fn is_greeting(answer: &[u8]) -> bool {
    answer.starts_with(b"STAT ") || answer.ends_with(b" Ocheck\r\n")
}
