//! A Redis Cluster: its masters, and who has which slot.

use super::dial::{Address, Dial, Target};
use super::node::Node;
use super::reply::{Refusal, Reply};
use super::request::Request;
use super::slots::{Range, ranges, slot};
use crate::store::StoreError;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How often a request is sent on before it is given up.
const REDIRECTS: usize = 5;
/// How old the map must be before it is read again.
const MAP_AGE: Duration = Duration::from_millis(200);

pub(super) struct Cluster {
    /// How to connect to a node, but for its address.
    dial: Dial,
    seeds: Vec<Address>,
    map: RwLock<Map>,
    /// One request reads the map, and the others wait or go on without.
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct Reading {
    last: Option<Instant>,
    /// Which node is asked first. Always another, since one that is cut off from the rest tells old news.
    turn: usize,
}

#[derive(Default)]
struct Map {
    nodes: HashMap<Address, Arc<Node>>,
    ranges: Vec<Range>,
}

impl Cluster {
    pub(super) fn new(dial: Dial, seeds: Vec<Address>) -> Self {
        Self {
            dial,
            seeds,
            map: RwLock::default(),
            reading: Mutex::default(),
        }
    }

    /// Sends a request to the node that has its key, and on where that one points to. What has been
    /// pointed elsewhere had no effect.
    pub(super) async fn send(
        self: &Arc<Self>,
        key: &str,
        request: &Request,
    ) -> Result<Reply, StoreError> {
        let slot = slot(key);
        let mut at = self.owner(slot).await.ok_or(StoreError::unavailable())?;
        let mut asking = None;
        for _ in 0..REDIRECTS {
            let node = self.node(&at);
            let reply = node.send(asking.as_ref().unwrap_or(request)).await;
            let reply = match reply {
                Ok(reply) if asking.is_some() => reply.last(),
                Ok(reply) => reply,
                Err(error) => {
                    self.read_soon();
                    return Err(error);
                }
            };
            asking = None;
            match reply.refusal() {
                Some(Refusal::Moved(to)) => {
                    self.read_soon();
                    at = redirected(to, &at).ok_or(StoreError::unavailable())?;
                }
                Some(Refusal::Ask(to)) => {
                    // Two commands at once do not go through a move: see `RedisStore`.
                    let Some(asks) = request.asking() else {
                        return Ok(reply);
                    };
                    at = redirected(to, &at).ok_or(StoreError::unavailable())?;
                    asking = Some(asks);
                }
                Some(Refusal::Unavailable | Refusal::ReadOnly) => {
                    self.read_soon();
                    return Ok(reply);
                }
                _ => return Ok(reply),
            }
        }
        Err(StoreError::unavailable())
    }

    /// The node that has the slot. Waits only for the first map.
    async fn owner(self: &Arc<Self>, slot: u16) -> Option<Address> {
        if let Some(known) = self.known_owner(slot) {
            return known;
        }
        self.read_map().await;
        self.known_owner(slot)?
    }

    /// `None` if nothing is known at all, `Some(None)` if nobody has the slot.
    fn known_owner(self: &Arc<Self>, slot: u16) -> Option<Option<Address>> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        if map.ranges.is_empty() {
            return None;
        }
        let after = map.ranges.partition_point(|range| range.first <= slot);
        let range = after.checked_sub(1).map(|index| &map.ranges[index]);
        let owner = range.filter(|range| slot <= range.last);
        if owner.is_none() {
            self.read_soon();
        }
        Some(owner.map(|range| range.node.clone()))
    }

    fn node(&self, address: &Address) -> Arc<Node> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = map.nodes.get(address) {
            return Arc::clone(node);
        }
        drop(map);
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let node = map.nodes.entry(address.clone()).or_insert_with(|| {
            Arc::new(Node::new(Dial {
                target: Target::Server(address.clone()),
                ..self.dial.clone()
            }))
        });
        Arc::clone(node)
    }

    /// Reads the map in a task of its own.
    fn read_soon(self: &Arc<Self>) {
        let is_due = self.reading.try_lock().is_ok_and(|it| !it.is_young());
        if is_due && let Ok(runtime) = Handle::try_current() {
            let this = Arc::clone(self);
            runtime.spawn(async move { this.read_map().await });
        }
    }

    async fn read_map(&self) {
        let mut reading = self.reading.lock().await;
        if reading.is_young() {
            return;
        }
        let mut addresses: Vec<_> = {
            let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
            map.ranges.iter().map(|range| range.node.clone()).collect()
        };
        let known = addresses.len().max(1);
        addresses.rotate_left(reading.turn % known);
        addresses.extend_from_slice(&self.seeds);
        for address in &addresses {
            let node = self.node(address);
            let question = Request::cluster_slots();
            let answer = timeout(self.dial.connect_timeout, node.send(&question)).await;
            let Ok(Ok(reply)) = answer else { continue };
            let Some(ranges) = ranges(reply, &address.host).filter(|ranges| !ranges.is_empty())
            else {
                continue;
            };
            let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
            map.nodes
                .retain(|address, _| ranges.iter().any(|range| range.node == *address));
            map.ranges = ranges;
            break;
        }
        reading.last = Some(Instant::now());
        reading.turn = reading.turn.wrapping_add(1);
    }
}

impl Reading {
    fn is_young(&self) -> bool {
        self.last.is_some_and(|last| last.elapsed() < MAP_AGE)
    }
}

/// A node that does not know its own name points to a port alone.
fn redirected(to: &str, from: &Address) -> Option<Address> {
    let mut address = Address::parse(to)?;
    if address.host.is_empty() {
        address.host.clone_from(&from.host);
    }
    Some(address)
}
