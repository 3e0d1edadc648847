//! Where the sessions are, and what goes wrong there.

use crate::app::app;
use crate::client::Journal;
use crate::shaky::Shaky;
use crate::support::dice::Dice;
use crate::support::memcached::memcached;
use crate::support::proxy::{Proxy, Trouble};
use crate::support::redis::{cli, cluster, redis};
use crate::support::server::Server;
use axum::Router;
use sessile::store::{MemcachedStore, RedisStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Short, so that not too much of a run is spent on waiting.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);

/// A store of some kind, and two instances of an app that each have a connection of their own to it.
pub(crate) struct Place {
    pub(crate) apps: [Router; 2],
    servers: Vec<Server>,
    /// One for each instance.
    proxies: Vec<Proxy>,
    memory: Option<Arc<Shaky>>,
    is_redis: bool,
}

impl Place {
    pub(crate) fn memory(memory: Arc<Shaky>) -> Self {
        Self {
            apps: [(); 2].map(|()| app(Arc::clone(&memory))),
            servers: Vec::new(),
            proxies: Vec::new(),
            memory: Some(memory),
            is_redis: false,
        }
    }

    pub(crate) async fn redis() -> Self {
        Self::behind_proxies(redis(&[]), true, |address| {
            let builder = RedisStore::builder().server(address);
            app(builder.answer_timeout(ANSWER_TIMEOUT).build().unwrap())
        })
        .await
    }

    pub(crate) async fn memcached() -> Self {
        Self::behind_proxies(memcached(), false, |address| {
            let builder = MemcachedStore::builder().server(address);
            app(builder.answer_timeout(ANSWER_TIMEOUT).build().unwrap())
        })
        .await
    }

    pub(crate) fn cluster() -> Self {
        let nodes = cluster();
        let address = |node: &Server| format!("127.0.0.1:{}", node.port());
        let apps = [(); 2].map(|()| {
            let builder = RedisStore::builder().cluster(nodes.iter().map(address));
            app(builder.answer_timeout(ANSWER_TIMEOUT).build().unwrap())
        });
        Self {
            apps,
            servers: nodes,
            proxies: Vec::new(),
            memory: None,
            is_redis: true,
        }
    }

    async fn behind_proxies(
        server: Server,
        is_redis: bool,
        app: impl Fn(String) -> Router,
    ) -> Self {
        let proxies = [
            Proxy::before(server.port()).await,
            Proxy::before(server.port()).await,
        ];
        Self {
            apps: proxies
                .each_ref()
                .map(|proxy| app(format!("127.0.0.1:{}", proxy.port()))),
            servers: vec![server],
            proxies: proxies.into(),
            memory: None,
            is_redis,
        }
    }

    /// One thing that goes wrong, and is well again in the end.
    pub(crate) async fn trouble(&mut self, dice: &mut Dice, journal: &Journal) {
        match dice.below(100) {
            0..65 => self.network(dice).await,
            65..80 => self.stop(dice).await,
            80..88 if self.is_redis => {
                for server in &self.servers {
                    cli(server.port(), &["script", "flush"]);
                }
            }
            88.. => self.lose_memory(dice, journal).await,
            _ => {}
        }
    }

    async fn network(&self, dice: &mut Dice) {
        if self.proxies.is_empty() {
            return;
        }
        let proxy = &self.proxies[usize::from(dice.percent(50))];
        let (delay, lasts) = (dice.micros(40_000), dice.micros(60_000));
        let cut = match dice.below(6) {
            0 => Trouble::CutRequest,
            1..3 => Trouble::CutAnswer,
            3 => Trouble::Truncate,
            _ => Trouble::Reset,
        };
        match dice.below(10) {
            0 => proxy.set(Trouble::Delay(delay)),
            1 => proxy.set(Trouble::Stall),
            _ => {
                // Meanwhile more is under way that a cut leaves in doubt.
                proxy.set(Trouble::Delay(Duration::from_millis(30)));
                sleep(Duration::from_millis(20)).await;
                proxy.once(cut);
            }
        }
        sleep(lasts).await;
        proxy.set(Trouble::None);
    }

    async fn stop(&self, dice: &mut Dice) {
        if self.servers.is_empty() {
            return;
        }
        let server = &self.servers[usize::try_from(dice.below(self.servers.len() as u64)).unwrap()];
        server.pause();
        sleep(dice.micros(400_000)).await;
        server.resume();
    }

    async fn lose_memory(&mut self, dice: &mut Dice, journal: &Journal) {
        let begin = journal.now();
        match (&mut self.servers[..], &self.memory) {
            ([server], _) => {
                server.kill();
                sleep(dice.micros(100_000)).await;
                server.restart();
            }
            (_, Some(memory)) => memory.forget(),
            // A cluster would need more time to be well again.
            _ => return,
        }
        journal.loss(begin);
    }

    /// From now on nothing goes wrong.
    pub(crate) fn calm(&self) {
        if let Some(memory) = &self.memory {
            memory.calm();
        }
    }
}
